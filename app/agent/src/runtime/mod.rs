//! `lazaret-agent runtime`: the OCI runtime that the engine calls. It adds the start hook to a container's
//! configuration and then becomes the real runtime, with the same arguments. Where the agent wants a container held to
//! the files of its profile from its first instruction on, it is told to begin with a program of ours; where system calls
//! are to be withheld from it, they are taken out of its filter.
//!
//! It runs for every start, stop and kill on the host, so it does no more than that: no threads, no
//! network, one file written.

mod arguments;
mod bundle;
pub(crate) mod seccomp;

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lazaret_sensor::StartFiles;

use crate::failure::Failure;
use crate::start::protocol::{Begin, Prepare, Prepared};
use crate::{clock, hook};
use arguments::{Call, Invocation};

/// The first one that a runtime passes on to a container.
const FIRST_DESCRIPTOR: i32 = 3;

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
        Ok(arguments) => {
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

/// What the real runtime is to be called with.
fn prepare(wrapper: &Wrapper, arguments: &[OsString]) -> Result<Vec<OsString>, String> {
    let Invocation { call } = arguments::parse(arguments)?;
    match call {
        Call::Start { bundle, id, behind, passes } => {
            let Prepared { begin, withheld } = ask(&wrapper.socket, &bundle, id);
            let called = begin.is_some().then(|| StartFiles::called(FIRST_DESCRIPTOR));
            let hook = (wrapper.executable.as_path(), wrapper.socket.as_path());
            bundle::change(&bundle, hook, called.as_deref(), &withheld).map_err(|error| {
                format!(
                    "cannot add the start hook to {}: {error}; the container is not started",
                    bundle.display()
                )
            })?;
            let mut arguments = arguments.to_vec();
            if let Some(begin) = begin {
                if passes {
                    return Err("the container is to be held to the files of its profile, and the engine passes descriptors \
                                of its own to it (--preserve-fds), which has no room for that"
                        .to_owned());
                }
                pass_on(&begin).map_err(|why| {
                    format!(
                        "the container cannot be held to the files of its profile: {why}; it is not started"
                    )
                })?;
                arguments.insert(behind, format!("--preserve-fds={}", StartFiles::DESCRIPTORS).into());
            }
            Ok(arguments)
        }
        Call::Restore => {
            Err("restoring a checkpoint would start a container that was not admitted; start it \
                              from its image"
                .to_owned())
        }
        Call::Other => Ok(arguments.to_vec()),
    }
}

/// How the agent wants it to begin. Without an answer that is as it is, and it is the hook that decides: an agent that
/// wants it held refuses what does not begin so.
fn ask(socket: &Path, bundle: &Path, id: String) -> Prepared {
    // The agent is not where this process is.
    let bundle = std::path::absolute(bundle).ok().and_then(|path| Some(path.to_str()?.to_owned()));
    let answer = bundle.and_then(|bundle| hook::ask_agent(socket, &Prepare { prepare: id, bundle }).ok());
    answer.unwrap_or_default()
}

fn pass_on(begin: &Begin) -> Result<(), String> {
    let rules = BASE64.decode(&begin.rules).map_err(|error| error.to_string())?;
    let files = StartFiles::open(Path::new(&begin.program), &rules).map_err(|error| error.to_string())?;
    files.hand_over(FIRST_DESCRIPTOR).map_err(|error| error.to_string())
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
