//! `cargo xtask tidy` holds the sources against the rules of the house; `cargo xtask test` runs every test
//! of the workspace and adds the results up, `cargo xtask kernels` runs those that need another kernel.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool for developers")]

mod cargo;
mod house;
mod kernels;
mod test_run;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy | kernels | test [ARGUMENTS OF cargo test…]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = root();
    let outcome = match arguments.first().map(String::as_str) {
        Some("tidy") if arguments.len() == 1 => tidy::run(&root),
        Some("kernels") if arguments.len() == 1 => kernels::run(&root),
        Some("test") => test_run::run(&root, &arguments[1..]),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::from(2)
        }
    }
}

/// The root of the repository: the folder above this package.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
