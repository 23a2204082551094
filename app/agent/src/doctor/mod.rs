//! `lazaret-agent doctor`: tries everything that the agent needs, and says what to do about what is missing.

mod dimensions;
mod engine_setup;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use lazaret_engine::docker::Client;
use serde::Serialize;

use crate::admissions::AdmissionStore;
use crate::authz::gate::has_image_store;
use crate::cli::Format;
use crate::config::Config;
use crate::failure::Failure;
use crate::server::{CallError, Server};
use crate::{enroll, files};

/// Decisions and promotions carry times of several machines.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do; empty when all is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Check {
    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into(), remedy: String::new() }
    }

    fn bad(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, ok: false, detail: detail.into(), remedy: remedy.into() }
    }
}

/// Tries everything; whether all is well is in the answers.
pub fn run(config: &Config) -> BoxFuture<'_, Vec<Check>> {
    // Compiled here: see `run::run`.
    Box::pin(try_everything(config))
}

async fn try_everything(config: &Config) -> Vec<Check> {
    let mut checks = vec![root(), state(&config.state), trusted_keys(config)];
    checks.extend(kernel().await);
    checks.extend(server(config).await);
    checks.push(engine(&config.engine.socket).await);
    checks.push(match has_image_store(&config.engine.data_root) {
        Ok(()) => Check::good("image store", config.engine.data_root.display().to_string()),
        Err(why) => {
            Check::bad("image store", why, "let `engine.data-root` be the engine's data root (docker info)")
        }
    });
    checks.extend(engine_setup::checks(config));
    checks.push(agent(config).await);
    checks
}

fn root() -> Check {
    match nix::unistd::geteuid() {
        user if user.is_root() => Check::good("user", "root"),
        user => Check::bad("user", format!("user {user}"), "run the agent (and this command) as root"),
    }
}

fn state(path: &Path) -> Check {
    let probe = path.join(".doctor");
    let tried = files::create_private_directory(path).and_then(|()| files::replace(&probe, b"x"));
    let _ = std::fs::remove_file(&probe);
    match tried {
        Ok(()) => Check::good("state directory", path.display().to_string()),
        Err(failure) => Check::bad(
            "state directory",
            failure.to_string(),
            "free space, or let `state` be another directory",
        ),
    }
}

fn trusted_keys(config: &Config) -> Check {
    match AdmissionStore::open(&config.admissions_file(), &config.trusted_keys) {
        Ok((store, _)) => {
            let current = store.current();
            Check::good(
                "admissions",
                format!(
                    "revision {}, {} images, {} trusted keys",
                    current.revision,
                    current.images(),
                    config.trusted_keys.len()
                ),
            )
        }
        Err(failure) => Check::bad(
            "admissions",
            failure.to_string(),
            "put it right in the configuration's `trusted-keys`",
        ),
    }
}

async fn kernel() -> Vec<Check> {
    let probed = tokio::task::spawn_blocking(lazaret_sensor::probe).await.unwrap_or_default();
    let dimensions = dimensions::checks(&probed);
    let check = |mechanism: lazaret_sensor::Mechanism| match mechanism.result {
        Ok(observed) => Check::good(mechanism.name, observed),
        // Few kernels take it; what is left is in the lines of the dimensions.
        Err(why) if matches!(mechanism.name, "bpf-lsm" | "landlock" | "seccomp") => {
            Check::good(mechanism.name, format!("not here ({why}): the agent cannot {}", mechanism.purpose))
        }
        Err(why) => {
            Check::bad(mechanism.name, why, format!("without it the agent cannot {}", mechanism.purpose))
        }
    };
    probed.into_iter().map(check).chain(dimensions).collect()
}

async fn server(config: &Config) -> Vec<Check> {
    let key = match enroll::read_key(config) {
        Ok(key) => key,
        Err(failure) => return vec![Check::bad("enrolment", failure.to_string(), "enrol this host")],
    };
    let server = match Server::new(&config.server, &key) {
        Ok(server) => server,
        Err(failure) => return vec![Check::bad("server", failure.to_string(), "")],
    };
    let clock = match server.clock_difference().await {
        Ok(difference) if difference > CLOCK_TOLERANCE => Check::bad(
            "clock",
            format!("{} s apart from the server's", difference.as_secs()),
            "synchronise both clocks (NTP): promotions and exceptions end by them",
        ),
        Ok(difference) => Check::good("clock", format!("{} s apart from the server's", difference.as_secs())),
        Err(error) => Check::bad("clock", error.to_string(), "see below"),
    };
    let reached = match tokio::time::timeout(PATIENCE, server.admissions(0, 0)).await {
        Ok(Ok(snapshot)) => {
            Check::good("server", format!("{} is at revision {}", config.server, snapshot.revision))
        }
        Ok(Err(error @ CallError::Unauthorized { .. })) => {
            Check::bad("server", error.to_string(), "enrol this host again")
        }
        Ok(Err(error)) => Check::bad(
            "server",
            error.to_string(),
            "start the server, or correct `server` in the configuration",
        ),
        Err(_) => Check::bad(
            "server",
            format!("{} does not answer in time", config.server),
            "look at the server's load",
        ),
    };
    vec![clock, reached]
}

async fn engine(socket: &Path) -> Check {
    let ask = async { Client::connect(socket).await?.ping().await };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(())) => Check::good("engine", socket.display().to_string()),
        Ok(Err(error)) => {
            Check::bad("engine", error.to_string(), "start the engine, or correct `engine.socket`")
        }
        // It asks the plugin about each request, and waits long for one that is not there.
        Err(_) => Check::bad(
            "engine",
            format!("no answer on {}", socket.display()),
            "start the agent: the engine waits for its plugin",
        ),
    }
}

async fn agent(config: &Config) -> Check {
    for path in [config.plugin_socket(), config.agent_socket()] {
        if let Err(error) = tokio::net::UnixStream::connect(&path).await {
            return Check::bad(
                "agent",
                format!("nobody answers on {}: {error}", path.display()),
                "start it: lazaret-agent run",
            );
        }
    }
    Check::good("agent", "answers the engine and the start hook")
}

/// The answers for people or programs.
pub fn render(checks: &[Check], format: Format) -> Result<String, Failure> {
    if format == Format::Json {
        let text =
            serde_json::to_string_pretty(checks).map_err(|error| Failure::Internal(error.to_string()))?;
        return Ok(format!("{text}\n"));
    }
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let mark = if check.ok { "ok  " } else { "FAIL" };
        let _ = writeln!(text, "{mark}  {:width$}  {}", check.name, check.detail);
        if !check.remedy.is_empty() {
            let _ = writeln!(text, "      {:width$}  -> {}", "", check.remedy);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_for_both() {
        let checks = [Check::good("user", "root"), Check::bad("engine", "no answer", "start it")];
        let table = render(&checks, Format::Table).unwrap();
        assert_eq!(table, "ok    user    root\nFAIL  engine  no answer\n              -> start it\n");
        let json: serde_json::Value = serde_json::from_str(&render(&checks, Format::Json).unwrap()).unwrap();
        assert_eq!(json[1]["remedy"], "start it");
        assert_eq!(json[0].get("remedy"), None);
    }
}
