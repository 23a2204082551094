//! As much of the standard test runner as these tests need: names, filters, and the summary in its words, so that what
//! reads one reads the other.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use lazaret_e2e::story::seconds;
use lazaret_e2e::{Failure, Result, privileges};

use crate::world::World;

pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&mut World) -> Result<()>,
}

pub(crate) fn main(tests: &[Test]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let exact = arguments.iter().any(|argument| argument == "--exact");
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |test: &&Test| {
        filters.is_empty()
            || filters
                .iter()
                .any(|filter| if exact { test.name == *filter } else { test.name.contains(filter.as_str()) })
    };
    if arguments.iter().any(|argument| argument == "--list") {
        tests.iter().for_each(|test| say(&format!("{}: test", test.name)));
        return ExitCode::SUCCESS;
    }

    let chosen: Vec<&Test> = tests.iter().filter(wanted).collect();
    let begun = Instant::now();
    say(&format!("\nrunning {} tests", chosen.len()));
    let (mut passed, mut ignored, mut failures) = (0, 0, Vec::new());
    let mut world = World::default();
    for test in &chosen {
        if let Err(missing) = privileges() {
            say(&format!("SKIPPED: {}: {missing}", test.name));
            ignored += 1;
            continue;
        }
        let started = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| (test.run)(&mut world)))
            .unwrap_or_else(|panic| Err(words(&*panic)))
        {
            Ok(()) => {
                say(&format!("test {} ... ok ({})", test.name, seconds(started.elapsed())));
                passed += 1;
            }
            Err(failure) => {
                say(&format!("test {} ... FAILED ({})", test.name, seconds(started.elapsed())));
                // The reason last, and again at the end of everything: logs are often kept only in part.
                say(&format!("---- {}\n{}{failure}\n----", test.name, world.last_words()));
                failures.push(format!("    {}: {failure}", test.name));
                // What it left behind must not decide the next one.
                world.clear();
            }
        }
    }
    world.clear();

    if !failures.is_empty() {
        say(&format!("\nfailures:\n{}", failures.join("\n")));
    }
    let result = if failures.is_empty() { "ok" } else { "FAILED" };
    say(&format!(
        "\ntest result: {result}. {passed} passed; {} failed; {ignored} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        failures.len(),
        tests.len() - chosen.len(),
        begun.elapsed().as_secs_f64()
    ));
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn words(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    Failure::new(format!("panicked: {}", text.unwrap_or_default()))
}

pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
