//! Tests of the agent's parts through real sockets, real files and real processes.

mod world;
mod break_glass;
mod gate;
mod start;
mod behaviour;
mod plugin_server;
mod spool;

/// Tests that cannot run here say so where everybody sees it.
pub(crate) fn skipped(what: &str) {
    say(&format!("SKIPPED: {what}"));
}

pub(crate) fn say(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{what}");
}
