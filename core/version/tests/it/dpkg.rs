//! Differential test against the dpkg of this machine.

use std::cmp::Ordering;
use std::process::{Command, Stdio};

use lazaret_version::deb;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

const PAIRS: usize = 600;

#[test]
fn order_agrees_with_dpkg() {
    let version = Command::new("dpkg").arg("--version").stdout(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        super::skipped(format_args!("no dpkg on this machine to compare with"));
        return;
    }
    let mut runner = TestRunner::deterministic();
    let strategy = (super::laws::version(), super::laws::version());
    let mut compared = 0;
    while compared < PAIRS {
        let (a, b) = strategy.new_tree(&mut runner).expect("the strategy makes values").current();
        if deb::Version::parse(&a).is_err() || deb::Version::parse(&b).is_err() {
            continue;
        }
        assert_eq!(deb::compare(&a, &b), dpkg(&a, &b), "{a} {b}");
        compared += 1;
    }
}

fn dpkg(a: &str, b: &str) -> Ordering {
    let holds = |op: &str| {
        let status =
            Command::new("dpkg").args(["--compare-versions", a, op, b]).stderr(Stdio::null()).status();
        match status.expect("dpkg starts").code() {
            Some(0) => true,
            Some(1) => false,
            code => panic!("dpkg does not compare {a} {op} {b}: {code:?}"),
        }
    };
    if holds("lt") {
        Ordering::Less
    } else if holds("gt") {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}
