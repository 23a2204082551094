use std::path::{Path, PathBuf};

use super::images::{Made, Recipe};
use super::listing;
use super::measure::{self, Cost};
use super::table::{Block, Line};
use super::tools::Tools;
use crate::{Context as _, Result, program};

/// The forms in which an image is measured: `docker save`'s archive, and OCI archives by the compression of layers.
pub const FORMS: [&str; 3] = [PLAIN, "oci-gzip", "oci-zstd"];
const PLAIN: &str = "docker-archive";

/// Our and others' command lines for one file.
struct Contestant {
    who: String,
    program: String,
    arguments: Vec<String>,
    /// Where the list of packages goes.
    out: Option<PathBuf>,
}

/// Measures all scanners on an image in these forms, in turns, and gives each form's figures as soon as they are there.
pub fn contest(
    recipe: &Recipe,
    made: &Made,
    tools: &Tools,
    forms: &[&str],
    turns: usize,
    done: &mut dyn FnMut(Block),
) -> Result<()> {
    for (form, file) in FORMS.into_iter().zip([&made.saved, &made.gzip, &made.zstd]) {
        if !forms.contains(&form) || form != PLAIN && !recipe.compressed {
            continue;
        }
        done(block(recipe, made, tools, turns, form, file)?);
    }
    Ok(())
}

fn block(
    recipe: &Recipe,
    made: &Made,
    tools: &Tools,
    turns: usize,
    form: &str,
    file: &Path,
) -> Result<Block> {
    let contestants = contestants(made, tools, form, file)?;
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); contestants.len()];
    // The first turn fills caches. Then what else the machine does falls on all alike.
    for turn in 0..=turns {
        for (contestant, costs) in contestants.iter().zip(&mut costs) {
            let arguments: Vec<&str> = contestant.arguments.iter().map(String::as_str).collect();
            let cost = measure::run(&contestant.program, &arguments)?;
            if turn > 0 || turns == 0 {
                costs.push(cost);
            }
        }
    }
    let size = std::fs::metadata(file).map_or(0, |metadata| metadata.len() / 1_000_000);
    let line = |(contestant, costs): (&Contestant, &Vec<Cost>)| -> Result<Line> {
        let packages = contestant.out.as_deref().map(listing::read).transpose()?;
        Ok(Line {
            who: contestant.who.clone(),
            cost: measure::median(costs),
            packages: packages.map(|packages| packages.len()),
        })
    };
    let lines = contestants.iter().zip(&costs).map(line).collect::<Result<_>>()?;
    Ok(Block { title: format!("{} ({}), {form}, {size} MB", recipe.name, recipe.what), lines })
}

fn contestants(made: &Made, tools: &Tools, form: &str, file: &Path) -> Result<Vec<Contestant>> {
    let folder = file.parent().unwrap_or(file);
    let file = text(file);
    let out = |name: &str| folder.join(format!("{name}.json"));
    let (ours, trivys, syfts) = (out("lazaret"), out("trivy"), out("syft"));
    let scheme = if form == PLAIN { "docker-archive" } else { "oci-archive" };
    let target = format!("archive:{file}");
    let again = out("lazaret-again");
    let mut all = vec![
        Contestant {
            who: "Lazaret".to_owned(),
            program: text(&program("lazaret")?),
            arguments: words(["--quiet", "sbom", &target, "--no-cache", "--out", &text(&ours)]),
            out: Some(ours),
        },
        Contestant {
            who: "Lazaret, image known".to_owned(),
            program: text(&program("lazaret")?),
            arguments: words([
                "--quiet",
                "sbom",
                &target,
                "--cache-dir",
                &text(&folder.join("cache")),
                "--out",
                &text(&again),
            ]),
            out: Some(again),
        },
        Contestant {
            who: format!("Trivy {}", tools.trivy_version),
            program: text(&tools.trivy),
            arguments: trivy(tools, &input_of_trivy(made, form, &file)?, &trivys),
            out: Some(trivys),
        },
        Contestant {
            who: format!("Syft {}", tools.syft_version),
            program: text(&tools.syft),
            arguments: words([
                "scan",
                &format!("{scheme}:{file}"),
                "--quiet",
                "-o",
                &format!("syft-json={}", text(&syfts)),
            ]),
            out: Some(syfts),
        },
    ];
    let own = std::env::current_exe().context(|| "cannot find this program's own file".to_owned())?;
    let floor = |who: &str, program: String, arguments: Vec<String>| Contestant {
        who: who.to_owned(),
        program,
        arguments,
        out: None,
    };
    let layers: Vec<String> = made.layers.iter().map(|layer| text(layer)).collect();
    match form {
        PLAIN => {
            let script = "for layer; do tar tf $layer; done";
            let list = [words(["-c", script, "sh"]), layers.clone()].concat();
            all.push(floor("tar tf of its layers", "sh".to_owned(), list));
            all.push(floor("a bare reader", text(&own), [words([super::bare::WORD]), layers].concat()));
        }
        _ => {
            let alone = [words([super::floor::WORD]), vec![file]].concat();
            all.push(floor("decompression alone", text(&own), alone));
        }
    }
    Ok(all)
}

/// As a user without network calls them: no databases, nothing but packages.
pub(super) fn trivy(tools: &Tools, input: &str, out: &Path) -> Vec<String> {
    let (cache, out) = (text(&tools.cache), text(out));
    words([
        "image",
        "--input",
        input,
        "--format",
        "cyclonedx",
        "--output",
        &out,
        "--cache-dir",
        &cache,
        "--cache-backend",
        "memory",
        "--offline-scan",
        "--skip-db-update",
        "--skip-java-db-update",
        "--skip-version-check",
        "--quiet",
    ])
}

/// Trivy reads OCI images as folders only.
fn input_of_trivy(made: &Made, form: &str, file: &str) -> Result<String> {
    if form == PLAIN {
        return Ok(file.to_owned());
    }
    let folder = Path::new(file).with_extension("layout");
    if !folder.exists() {
        let unfinished = made.saved.with_extension("unpacking");
        std::fs::create_dir_all(&unfinished).context(|| format!("cannot create {}", unfinished.display()))?;
        crate::Run::new("tar").args(["--extract", "--file", file, "--directory", &text(&unfinished)]).ok()?;
        std::fs::rename(&unfinished, &folder).context(|| format!("cannot create {}", folder.display()))?;
    }
    Ok(text(&folder))
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
