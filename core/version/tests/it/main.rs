//! The orders and ranges against other people's tables, the tools of this machine and the laws of an order.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read corpora and ask the machine's own tools"
)]

mod corpus;
mod dpkg;
mod exceptions;
mod laws;
mod peers;

use std::fmt;
use std::io::Write;

/// Says so past the capture of the test harness: a skipped test must be seen.
fn skipped(why: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
