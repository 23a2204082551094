//! Differential tests against the npm and the Python of this machine, as far as it has them.

use std::io::Write;
use std::process::{Command, Stdio};

use lazaret_version::range::{Language, Range};
use lazaret_version::{Scheme, check, compare};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const QUESTIONS: usize = 4000;

/// node-semver is a part of npm. Answers a line with the order of two versions and whether a range, without
/// and with prereleases, holds the first.
const NODE: &str = "
const root = require('child_process').execSync('readlink -f \"$(command -v npm)\" || true').toString().trim();
const places = [require('path').join(root, '../../node_modules/semver'), '/usr/share/nodejs/semver', 'semver'];
const semver = places.map(place => { try { return require(place) } catch { return null } }).find(found => found);
if (!semver) process.exit(3);
const holds = (range, version, includePrerelease) => {
    try { return new semver.Range(range, { includePrerelease }).test(version) } catch { return 'error' }
};
for (const line of require('fs').readFileSync(0, 'utf8').trimEnd().split('\\n')) {
    const [a, b, range] = line.split('\\t');
    console.log([semver.compare(a, b), holds(range, a, false), holds(range, a, true)].join(' '));
}";

/// `packaging`, or the copy that pip brings along.
const PYTHON: &str = "
import sys
try:
    from packaging.version import Version
except ImportError:
    try:
        from pip._vendor.packaging.version import Version
    except ImportError:
        sys.exit(3)
def read(text):
    try:
        return Version(text)
    except ValueError:
        return None
for line in sys.stdin:
    a, b = (read(text) for text in line.rstrip('\\n').split('\\t'))
    order = 'none' if a is None or b is None else (a > b) - (a < b)
    print(order, str(a is not None).lower())
";

#[test]
fn npm_agrees_with_node_semver() {
    let number = "(0|1|2|10)";
    let version =
        format!("{number}\\.{number}\\.{number}(-(0|1|10|a|rc|x-y|B)(\\.(0|2|10|a)){{0,2}})?(\\+b)?");
    let partial = format!("(\\*|{number}(\\.(x|{number}(\\.{number}(-(0|rc\\.1|a))?)?))?)");
    let comparator = format!("(|=|<|<=|>|>=|~|~>|\\^|> ){partial}");
    let range = format!("({comparator}( {comparator})?|{partial} - {partial})( \\|\\| {comparator})?");
    let questions = sample((regex(&version), regex(&version), regex(&range)));
    let lines = questions.iter().map(|(a, b, range)| format!("{a}\t{b}\t{range}\n")).collect::<String>();
    let Some(answers) = ask("node", &["-e", NODE], &lines) else { return };
    for ((a, b, range), answer) in questions.iter().zip(answers.lines()) {
        let order = compare(Scheme::Npm, a, b) as i8;
        let holds = |language| match Range::parse_as(language, Scheme::Npm, range) {
            Ok(range) => range.contains(a).to_string(),
            Err(_) => "error".to_owned(),
        };
        let ours = format!("{order} {} {}", holds(Language::Npm), holds(Language::NpmWithPrereleases));
        assert_eq!(ours, answer, "{a} and {b}, {range}");
    }
    assert_eq!(answers.lines().count(), QUESTIONS);
}

#[test]
fn python_agrees_with_packaging() {
    let version = "(1!|0!|v)?(0|1|01)(\\.(0|1|10)){0,2}\
                   ([-._]?(a|b|rc|c|alpha|preview|RC)[-._]?[0-2]?)?\
                   ([-._]?(post|rev|r)[-.]?[0-2]?|-1)?([-._]?dev[-.]?[0-2]?)?(\\+(a|1|a\\.1|1\\.A|2-b))?[.]{0,1}";
    let questions = sample((regex(version), regex(version)));
    let lines = questions.iter().map(|(a, b)| format!("{a}\t{b}\n")).collect::<String>();
    let Some(answers) = ask("python3", &["-c", PYTHON], &lines) else { return };
    for ((a, b), answer) in questions.iter().zip(answers.lines()) {
        let valid = check(Scheme::Pep440, a).is_ok();
        let order = if valid && check(Scheme::Pep440, b).is_ok() {
            (compare(Scheme::Pep440, a, b) as i8).to_string()
        } else {
            "none".to_owned()
        };
        assert_eq!(format!("{order} {valid}"), answer, "{a} and {b}");
    }
    assert_eq!(answers.lines().count(), QUESTIONS);
}

fn regex(pattern: &str) -> impl Strategy<Value = String> + use<> {
    prop::string::string_regex(pattern).expect("the pattern is one of proptest")
}

fn sample<S: Strategy>(strategy: S) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..QUESTIONS)
        .map(|_| strategy.new_tree(&mut runner).expect("the strategy makes values").current())
        .collect()
}

/// What a program answers to lines on its input; none, and a word about it, if the machine has not got it.
fn ask(program: &str, arguments: &[&str], lines: &str) -> Option<String> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        super::skipped(format_args!("no {program} on this machine to compare with"));
        return None;
    };
    let mut input = child.stdin.take().expect("the input is a pipe");
    let output = std::thread::scope(|scope| {
        // A program without the library ends before it has read everything.
        scope.spawn(move || input.write_all(lines.as_bytes()).ok());
        child.wait_with_output().expect("the program ends")
    });
    match output.status.code() {
        Some(0) => Some(String::from_utf8(output.stdout).expect("the answers are text")),
        Some(3) => {
            super::skipped(format_args!("the {program} of this machine lacks the library to compare with"));
            None
        }
        code => panic!("{program} failed: {code:?}"),
    }
}
