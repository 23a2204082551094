//! `lazaret-agent runtime`: the OCI runtime that the engine calls. It adds the start hook to a container's
//! configuration and then becomes the real runtime, with the same arguments.
//!
//! It runs for every start, stop and kill on the host, so it does no more than that: no threads, no
//! network, one file written.

mod arguments;
mod bundle;

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::failure::Failure;
use arguments::{Call, Invocation};

/// Options of the wrapper itself; everything else belongs to the real runtime.
#[derive(Debug, Clone)]
pub struct Wrapper {
    /// The socket that the start hook shall ask.
    pub socket: PathBuf,
    /// The real runtime: a path, or a name to find in `PATH`.
    pub runtime: PathBuf,
    /// The executable that the hook calls: this one.
    pub executable: PathBuf,
}

/// Prepares the call and becomes the real runtime; comes back only if that failed.
pub fn run(wrapper: &Wrapper, arguments: &[OsString]) -> Failure {
    let failure = match prepare(wrapper, arguments) {
        Ok(()) => {
            let error = std::process::Command::new(&wrapper.runtime).args(arguments).exec();
            Failure::Local(format!(
                "lazaret: cannot execute the container runtime {}: {error}; install runc or name it with --runtime",
                wrapper.runtime.display()
            ))
        }
        Err(why) => Failure::Refused(format!("lazaret: {why}")),
    };
    // The engine shows its user the last error in this file, and nothing of what is printed.
    if let Some(log) = arguments::log_file(arguments) {
        let _ = log_error(&log, &failure.to_string());
    }
    failure
}

fn prepare(wrapper: &Wrapper, arguments: &[OsString]) -> Result<(), String> {
    let Invocation { call } = arguments::parse(arguments)?;
    match call {
        Call::Start { bundle } => {
            bundle::add_hook(&bundle, &wrapper.executable, &wrapper.socket).map_err(|error| {
                format!(
                    "cannot add the start hook to {}: {error}; the container is not started",
                    bundle.display()
                )
            })
        }
        Call::Restore => {
            Err("restoring a checkpoint would start a container that was not admitted; start it \
                              from its image"
                .to_owned())
        }
        Call::Other => Ok(()),
    }
}

fn log_error(log: &Log, message: &str) -> std::io::Result<()> {
    let time = clock::now();
    let line = if log.json {
        serde_json::json!({"level": "error", "msg": message, "time": time}).to_string()
    } else {
        format!("time={time:?} level=error msg={message:?}")
    };
    let mut file = OpenOptions::new().append(true).create(true).open(&log.path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Where the real runtime would write its errors, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Log {
    path: PathBuf,
    json: bool,
}

/// The bytes of a path, for JSON: the OCI configuration knows only text.
fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| {
        format!("the path {} is not UTF-8", String::from_utf8_lossy(path.as_os_str().as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reaches_the_engine_through_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log.json");
        let wrapper = Wrapper {
            socket: "/s".into(),
            runtime: "/nonexistent/runc".into(),
            executable: "/bin/lazaret-agent".into(),
        };
        let arguments: Vec<OsString> =
            ["--log", log.to_str().unwrap(), "--log-format", "json", "restore", "abc"]
                .map(OsString::from)
                .to_vec();
        assert_eq!(run(&wrapper, &arguments).exit_code(), 1);
        let arguments: Vec<OsString> = ["--log", log.to_str().unwrap(), "--log-format=json", "state", "abc"]
            .map(OsString::from)
            .to_vec();
        assert_eq!(run(&wrapper, &arguments).exit_code(), 7);
        let written = std::fs::read_to_string(&log).unwrap();
        let lines: Vec<serde_json::Value> =
            written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["level"], "error");
        assert!(lines[0]["msg"].as_str().unwrap().contains("checkpoint"));
        assert!(lines[1]["msg"].as_str().unwrap().contains("/nonexistent/runc"));
    }
}
