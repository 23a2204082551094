//! `POST /containers/create`.

use lazaret_model::{Mount, MountKind, RunConfiguration};

use super::endpoints::Call;
use super::{CreateContainer, Request, Undecided, host_config, networking, wrong};
use crate::docker::fields::{Fields, map, text};
use crate::docker::json::Value;

const READ: &[&str] = &["Image", "User", "Volumes", "HostConfig", "NetworkingConfig"];

/// They concern what happens inside the container alone.
const HARMLESS: &[&str] = &[
    "ArgsEscaped",
    "AttachStderr",
    "AttachStdin",
    "AttachStdout",
    "Cmd",
    "Domainname",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "Hostname",
    "Labels",
    "MacAddress",
    "NetworkDisabled",
    "OnBuild",
    "OpenStdin",
    "Shell",
    "StdinOnce",
    "StopSignal",
    "StopTimeout",
    "Tty",
    "WorkingDir",
];

pub(super) fn decode(call: &Call<'_>) -> Result<Request, Undecided> {
    let mut run = RunConfiguration::default();
    let name = call.query.get("name").trim_start_matches('/');
    run.name = (!name.is_empty()).then(|| name.to_owned());
    let config = fields(&call.body)?;
    run.user = text(config.get("User"), "User")?.to_owned();
    for (target, value) in map(config.get("Volumes"), "Volumes")? {
        if !matches!(value, Value::Map(entries) if entries.is_empty()) && *value != Value::Null {
            return Err(wrong("Volumes", "should be an object of empty objects"));
        }
        run.mounts.push(Mount {
            kind: MountKind::Volume,
            source: String::new(),
            target: target.to_string(),
            read_only: false,
        });
    }
    host_config::read(config.get("HostConfig"), &mut run)?;
    networking::read(config.get("NetworkingConfig"), "NetworkingConfig", &mut run)?;
    let image = text(config.get("Image"), "Image")?.to_owned();
    if image.is_empty() {
        return Err(wrong("Image", "is missing"));
    }
    Ok(Request::CreateContainer(Box::new(CreateContainer { image, run })))
}

/// Engines before 23 also take the keys of `HostConfig` from the top, where nobody looks for them. Clients that
/// write them there write `null`.
fn fields<'v>(body: &'v Value<'v>) -> Result<Fields<'v>, Undecided> {
    if !matches!(body, Value::Map(_)) {
        return Err(wrong("(body)", format!("should be an object and is {}", body.kind())));
    }
    let is_null = |key: &str| {
        map(body, "").is_ok_and(|entries| entries.iter().any(|(k, v)| k == key && *v == Value::Null))
    };
    let known = READ.iter().chain(HARMLESS).copied().chain(host_config::settings());
    let is_known = |key: &str| {
        READ.contains(&key) || HARMLESS.contains(&key) || (host_config::is_setting(key) && is_null(key))
    };
    Ok(Fields::of(body, "", is_known, known)?)
}
