//! Namespaces shared with the host or with another container.

use lazaret_model::{HostNamespace, RunConfiguration};

use super::{Undecided, shorten, wrong};
use crate::docker::fields::text;
use crate::docker::json::Value;

/// What a mode says: one of the harmless words, `host`, or `container:NAME`.
fn read(
    value: &Value<'_>,
    path: &str,
    run: &mut RunConfiguration,
    namespace: HostNamespace,
    is_harmless: impl Fn(&str) -> bool,
) -> Result<(), Undecided> {
    let mode = text(value, path)?;
    match mode.split_once(':') {
        Some(("container", other)) => {
            run.escapes.push(format!("{} namespace of container {other}", namespace.name()))
        }
        None if mode == "host" => run.host_namespaces.push(namespace),
        None if is_harmless(mode) => {}
        _ => return Err(wrong(path, format!("has the unknown mode `{}`", shorten(mode)))),
    }
    Ok(())
}

pub(super) fn pid(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    read(value, path, run, HostNamespace::Pid, |mode| matches!(mode, "" | "private"))
}

pub(super) fn ipc(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    // Who shares its own gives nothing of the host away; who joins it says `container:`.
    read(value, path, run, HostNamespace::Ipc, |mode| matches!(mode, "" | "private" | "none" | "shareable"))
}

pub(super) fn uts(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    read(value, path, run, HostNamespace::Uts, |mode| matches!(mode, "" | "private"))
}

pub(super) fn user(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    read(value, path, run, HostNamespace::User, |mode| matches!(mode, "" | "private"))
}

pub(super) fn cgroup(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    read(value, path, run, HostNamespace::Cgroup, |mode| matches!(mode, "" | "private"))
}

pub(super) fn network(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    // Any other word is the name of a network.
    read(value, path, run, HostNamespace::Network, is_network)
}

pub(super) fn is_network(name: &str) -> bool {
    // Engines compare `host` exactly; a network of a name like it would only deceive people.
    !name.eq_ignore_ascii_case("host")
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}
