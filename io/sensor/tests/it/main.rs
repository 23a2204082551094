//! The sensor on the running kernel: real mounts, real namespaces, real executions.
//!
//! Needs root and a C compiler; prints a loud `SKIPPED:` line where something is missing.
#![expect(clippy::print_stderr, reason = "tests say what they skip and what they measure")]

mod abandoned;
mod accounts;
mod attempts;
mod cell;
mod chosen;
mod confined;
mod containers;
mod domain;
mod enforcement;
mod interrupted;
mod jail;
mod lasting;
mod observed;
mod races;
mod runtimes;
mod secrets;
mod shell;
mod starts;
mod support;
mod withstand;
