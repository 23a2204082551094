//! Capabilities and the engine's protections.

use lazaret_model::RunConfiguration;

use super::{Undecided, shorten, wrong};
use crate::docker::defaults;
use crate::docker::fields::{one_or_more, texts};
use crate::docker::json::Value;

pub(super) fn added_capabilities(
    value: &Value<'_>,
    path: &str,
    run: &mut RunConfiguration,
) -> Result<(), Undecided> {
    for name in one_or_more(value, path)? {
        let name = defaults::capability(name);
        if !defaults::CAPABILITIES.contains(&name.as_str()) {
            run.added_capabilities.push(name);
        }
    }
    Ok(())
}

pub(super) fn options(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    for option in texts(value, path)? {
        // Both separators are taken, the first `=` before any `:`.
        let (name, value) = match option.split_once('=').or_else(|| option.split_once(':')) {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        match (name, value) {
            ("no-new-privileges", None | Some("true")) => {}
            ("seccomp", Some("builtin")) => {}
            ("apparmor", Some("docker-default")) => {}
            ("seccomp", Some("unconfined")) => run.weakened.push(defaults::NO_SECCOMP.to_owned()),
            ("seccomp", Some(_)) => run.weakened.push(defaults::OWN_SECCOMP.to_owned()),
            ("apparmor", Some(profile)) => run.weakened.push(defaults::apparmor(profile)),
            ("label", Some(label)) => run.weakened.push(format!("security label {label}")),
            ("disable", None) => run.weakened.push("security label disable".to_owned()),
            ("writable-cgroups", Some("false")) => {}
            ("writable-cgroups", Some(_)) => run.weakened.push(defaults::WRITABLE_CGROUPS.to_owned()),
            ("no-new-privileges" | "systempaths" | "credentialspec", Some(_)) => {
                run.weakened.push(format!("security option {}", shorten(option)));
            }
            _ => return Err(wrong(path, format!("has the unknown option `{}`", shorten(option)))),
        }
    }
    Ok(())
}

pub(super) fn masked_paths(
    value: &Value<'_>,
    path: &str,
    run: &mut RunConfiguration,
) -> Result<(), Undecided> {
    paths(value, path, defaults::MASKED_PATHS, defaults::UNMASKED, run)
}

pub(super) fn readonly_paths(
    value: &Value<'_>,
    path: &str,
    run: &mut RunConfiguration,
) -> Result<(), Undecided> {
    paths(value, path, defaults::READONLY_PATHS, defaults::WRITABLE, run)
}

/// `null` leaves the engine's list in force; any list takes its place, the empty one too.
fn paths(
    value: &Value<'_>,
    path: &str,
    needed: &[&str],
    fact: &str,
    run: &mut RunConfiguration,
) -> Result<(), Undecided> {
    if *value == Value::Null {
        return Ok(());
    }
    let given = texts(value, path)?;
    if !needed.iter().all(|needed| given.contains(needed)) {
        run.weakened.push(fact.to_owned());
    }
    Ok(())
}
