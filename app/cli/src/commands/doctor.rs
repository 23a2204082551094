//! The checks themselves belong to the agent, which knows what it needs: this only finds it.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::args::DoctorArgs;
use crate::failure::{Code, Failure, Outcome};
use crate::settings::Settings;

const AGENT: &str = "lazaret-agent";

/// Becomes `lazaret-agent doctor`; comes back only if that is not to be had.
pub(crate) fn run(settings: &Settings, args: &DoctorArgs) -> Outcome {
    let mut command = Command::new(beside().unwrap_or_else(|| PathBuf::from(AGENT)));
    command.arg("doctor");
    if let Some(config) = &args.config {
        command.arg("--config").arg(config);
    }
    command.args(["--format", if settings.json() { "json" } else { "table" }]);
    let error = command.exec();
    let failure =
        Failure::new(Code::Local, format!("cannot run {}: {error}", command.get_program().display()));
    Err(failure.hint(format!("install {AGENT} beside lazaret, or into a folder of PATH")))
}

/// What was installed together belongs together.
fn beside() -> Option<PathBuf> {
    let agent = std::env::current_exe().ok()?.parent()?.join(AGENT);
    agent.is_file().then_some(agent)
}
