//! `make bench-scanners`: what listing the packages of real images takes, ours and others' in turns.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lazaret_e2e::peers::images::{self, RECIPES, Recipe, SMALL};
use lazaret_e2e::peers::{Block, FORMS, Tools, bare, contest, floor, measure};
use lazaret_e2e::{Result, fail};
use serde_json::{Value, json};

const USAGE: &str =
    "usage: bench-scanners [--format table|json] [--turns NUMBER] [--form FORM]... [--quick | IMAGE...]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match &arguments[..] {
        // This program measures by running itself.
        [word, program, rest @ ..] if word == measure::WORD => {
            measure::measured(program, rest).map(|cost| println!("{cost}"))
        }
        [word, layers @ ..] if word == bare::WORD => {
            let layers: Vec<_> = layers.iter().map(PathBuf::from).collect();
            bare::count(&layers).map(|packages| println!("{packages}"))
        }
        [word, archive] if word == floor::WORD => floor::decompress(Path::new(archive)).map(drop),
        _ => match Wanted::parse(&arguments) {
            Some(wanted) => run(&wanted),
            None => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench-scanners: {failure}");
            ExitCode::FAILURE
        }
    }
}

struct Wanted {
    json: bool,
    turns: usize,
    forms: Vec<&'static str>,
    images: Vec<&'static Recipe>,
}

impl Wanted {
    fn parse(arguments: &[String]) -> Option<Self> {
        let mut wanted = Self { json: false, turns: 3, forms: Vec::new(), images: Vec::new() };
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match argument {
                "--format" => wanted.json = matches!(arguments.next()?, "json"),
                "--turns" => wanted.turns = arguments.next()?.parse().ok()?,
                "--form" => {
                    let form = arguments.next()?;
                    wanted.forms.push(FORMS.into_iter().find(|known| *known == form)?);
                }
                // One image that is made in a minute or two.
                "--quick" => wanted.images.push(&SMALL),
                name => wanted.images.push(RECIPES.iter().find(|recipe| recipe.name == name)?),
            }
        }
        if wanted.images.is_empty() {
            wanted.images = RECIPES.iter().collect();
        }
        if wanted.forms.is_empty() {
            wanted.forms = FORMS.to_vec();
        }
        Some(wanted)
    }
}

fn run(wanted: &Wanted) -> Result<()> {
    let tools = Tools::installed()?;
    let mut blocks: Vec<Block> = Vec::new();
    for recipe in &wanted.images {
        let made = images::make(recipe)?;
        contest(recipe, &made, &tools, &wanted.forms, wanted.turns, &mut |block| {
            if !wanted.json {
                print!("{}", block.text());
            }
            blocks.push(block);
        })?;
    }
    if blocks.is_empty() {
        fail!("there is nothing to measure");
    }
    if wanted.json {
        let blocks: Vec<Value> = blocks.iter().map(Block::json).collect();
        println!("{:#}", json!({ "images": blocks }));
    } else {
        println!(
            "\nMedians of {} measurements taken in turns, without network; `ours/…` is Lazaret's share of theirs.",
            wanted.turns.max(1)
        );
    }
    Ok(())
}
