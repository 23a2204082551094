//! The crate from outside: databases written and read, damaged ones, findings, other people's data.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read corpora and ask the machine's own tools"
)]

mod archives;
mod corpora;
mod corpus;
mod damage;
mod database;
mod documents;
mod findings;
mod publishers;
mod recordings;
mod releases;
mod samples;
mod scores;
mod feeds;
mod languages;
mod trivy;
mod trivy_rows;
#[path = "../../../catalog/tests/it/memory.rs"]
#[expect(dead_code, reason = "it is shared with the tests of the catalogers, who need more of it")]
mod memory;

/// Says a figure past the capture of the test harness, so that it is seen.
fn report(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}
