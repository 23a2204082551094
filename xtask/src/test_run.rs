//! Runs every test of the workspace, adds the results up, and says loudly what was skipped.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// What stands before a name in a list of failed tests.
const NAME: &str = "    ";
/// A test that cannot run here prints a line with this word and what it misses.
const SKIPPED: &str = "SKIPPED:";
/// Set by `.ci/run`: then a skip for want of root, BPF or Docker fails the run on a machine that has root.
const NO_SKIPS: &str = "LAZARET_NO_SKIPS";
/// Corpora are not part of the repository: a skip that names the variable that leads to them is no failure.
const CORPORA: &str = "LAZARET_CORPORA";

/// `Ok(true)` when everything passed. The last line printed is `N passed, N failed`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let everything = ["--workspace".to_owned()];
    let mut child = Command::new(program)
        .args(["test", "--release", "--locked", "--no-fail-fast"])
        .args(if arguments.is_empty() { &everything } else { arguments })
        .args(["--", "--show-output"])
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let output = child.stdout.take().ok_or("the output of cargo is closed")?;

    let mut summary = Summary::default();
    let mut screen = std::io::stdout();
    let left_behind = each_line(output, &mut child, |line| {
        if summary.take(line) {
            // A closed terminal must not end the tests half way.
            let _ = writeln!(screen, "{line}").and_then(|()| screen.flush());
        }
    })?;
    if left_behind {
        println!("a test left a process behind that still has its output");
        summary.failed += 1;
    }
    let status = child.wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;

    let strict = std::env::var_os(NO_SKIPS).is_some_and(|value| value != "0") && is_root();
    for line in &summary.skipped {
        println!("{line}");
    }
    let inexcusable = summary.inexcusable();
    if strict && !inexcusable.is_empty() {
        println!("this machine has root, so nothing may be skipped: {} tests were", inexcusable.len());
        summary.failed += inexcusable.len() as u64;
    }
    if !status.success() && summary.failed == 0 {
        println!("cargo test ended with {status}: something did not compile, or a test program died");
        summary.failed += 1;
    }
    for line in &summary.failures {
        println!("failed: {line}");
    }
    println!("{} passed, {} failed", summary.passed, summary.failed);
    Ok(status.success() && summary.failed == 0)
}

/// Gives each line of what cargo says; tells whether its output is open still when it has ended.
fn each_line(
    output: impl Read + Send + 'static,
    cargo: &mut Child,
    mut take: impl FnMut(&str),
) -> Result<bool, String> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || BufReader::new(output).split(b'\n').try_for_each(|line| sender.send(line)));
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(Ok(line)) => take(&String::from_utf8_lossy(&line)),
            Ok(Err(error)) => return Err(format!("cannot read the output of cargo: {error}")),
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
            Err(RecvTimeoutError::Timeout) => {
                let ended = cargo.try_wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;
                if ended.is_some() {
                    return Ok(true);
                }
            }
        }
    }
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

#[derive(Debug, Default)]
struct Summary {
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
    /// Names of failed tests, with the reason where the runner gives it in one line.
    failures: Vec<String>,
    /// Inside the list of what failed.
    failing: bool,
    /// Inside the list of what passing tests printed.
    quiet: bool,
}

impl Summary {
    /// Takes one line of output in; says whether it is worth showing.
    fn take(&mut self, line: &str) -> bool {
        let skip = line.contains(SKIPPED);
        if skip {
            self.skipped.push(line.trim().to_owned());
        }
        match line {
            "successes:" => self.quiet = true,
            // The standard runner has two such lists: first what failed tests printed, then their names.
            "failures:" => (self.quiet, self.failing) = (false, true),
            _ if line.starts_with("test result:") => {
                (self.quiet, self.failing) = (false, false);
                self.passed += count(line, "passed");
                self.failed += count(line, "failed");
            }
            _ if self.failing && line.starts_with(NAME) => self.failures.push(line.trim().to_owned()),
            _ => {}
        }
        skip || !self.quiet
    }

    fn inexcusable(&self) -> Vec<&String> {
        self.skipped.iter().filter(|line| !line.contains(CORPORA)).collect()
    }
}

/// The number before `word` in `test result: ok. 3 passed; 0 failed; …`.
fn count(line: &str, word: &str) -> u64 {
    let parts = line.split(['.', ';']).map(str::trim);
    parts.filter_map(|part| part.strip_suffix(word)?.trim().parse::<u64>().ok()).next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_and_hides_what_passing_tests_say() {
        let log = "running 2 tests\n\
                   test a ... ok\n\
                   test b ... FAILED\n\
                   \n\
                   successes:\n\
                   \n\
                   ---- a stdout ----\n\
                   chatter\n\
                   SKIPPED: a needs root\n\
                   SKIPPED: c needs the corpora: set LAZARET_CORPORA\n\
                   \n\
                   failures:\n\
                   \n\
                   ---- b stdout ----\n\
                   it broke\n\
                   \n\
                   failures:\n\
                   \x20   b\n\
                   \n\
                   test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                   test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 3.10s";
        let mut summary = Summary::default();
        let shown: Vec<&str> = log.lines().filter(|line| summary.take(line)).collect();
        assert_eq!((summary.passed, summary.failed), (13, 1));
        assert!(shown.contains(&"it broke") && !shown.contains(&"chatter"));
        assert!(shown.contains(&"SKIPPED: a needs root"));
        assert_eq!(summary.failures, ["b"]);
        assert_eq!(summary.skipped.len(), 2);
        assert_eq!(summary.inexcusable(), ["SKIPPED: a needs root"]);
    }

    #[test]
    fn what_a_test_leaves_behind_holds_up_nothing() {
        let said = |script: &str| {
            let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
            let output = shell.stdout.take().unwrap();
            let mut lines = Vec::new();
            let left_behind = each_line(output, &mut shell, |line| lines.push(line.to_owned())).unwrap();
            (lines.join(" "), left_behind)
        };
        assert_eq!(said("echo one; sleep 3; echo two"), ("one two".to_owned(), false));
        assert_eq!(said("echo one; sleep 20 & echo two"), ("one two".to_owned(), true));
    }
}
