//! Devices in the container, and devices that its cgroup lets it reach.

use lazaret_model::RunConfiguration;

use super::{Layout, Section};
use crate::docker::defaults;
use crate::docker::fields::{WrongSetting, flag, integer, list, text};
use crate::docker::json::Value;

/// `null`, `zero`, `full`, `random`, `urandom`, `tty`, `console`, `ptmx`: every container has them.
const USUAL: &[(i64, i64)] = &[(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)];
/// Pseudo terminals.
const TERMINALS: i64 = 136;

pub(super) fn read(
    linux: &Section<'_>,
    layout: &Layout<'_>,
    run: &mut RunConfiguration,
) -> Result<(), WrongSetting> {
    let mut named = Vec::new();
    for item in list(linux.get("devices"), "linux.devices")? {
        let item = Section::of(item, "linux.devices")?;
        let kind = text(item.get("type"), "linux.devices.type")?;
        let major = integer(item.get("major"), "linux.devices.major")?;
        let minor = integer(item.get("minor"), "linux.devices.minor")?;
        named.push((kind, major, minor));
        let is_harmless = kind == "p" || (matches!(kind, "c" | "u") && USUAL.contains(&(major, minor)));
        if !is_harmless {
            run.devices.push(name(layout, kind, major, minor));
        }
        item.unknown(&["type", "path", "major", "minor", "fileMode", "uid", "gid"], run);
    }
    let resources = linux.section("resources")?;
    for item in list(resources.get("devices"), "linux.resources.devices")? {
        rule(&Section::of(item, "linux.resources.devices")?, &named, run)?;
    }
    let memory = resources.section("memory")?;
    if flag(memory.get("disableOOMKiller"), "linux.resources.memory.disableOOMKiller")? {
        run.weakened.push(defaults::NO_OOM_KILL.to_owned());
    }
    let known = ["devices", "memory", "cpu", "pids", "blockIO", "hugepageLimits", "network", "unified"];
    resources.unknown(&known, run);
    Ok(())
}

/// By its path on the host: the container may see it under any name.
fn name(layout: &Layout<'_>, kind: &str, major: i64, minor: i64) -> String {
    let path = || {
        let kind = if kind == "b" { 'b' } else { 'c' };
        (layout.device)(kind, u32::try_from(major).ok()?, u32::try_from(minor).ok()?)
    };
    path().unwrap_or_else(|| format!("{kind} {major}:{minor}"))
}

fn rule(
    rule: &Section<'_>,
    named: &[(&str, i64, i64)],
    run: &mut RunConfiguration,
) -> Result<(), WrongSetting> {
    let path = "linux.resources.devices";
    if !flag(rule.get("allow"), path)? {
        return Ok(());
    }
    let kind = match text(rule.get("type"), path)? {
        "" => "a",
        kind => kind,
    };
    let access = text(rule.get("access"), path)?;
    // Absent or negative numbers stand for all.
    let number = |key: &str| match rule.get(key) {
        Value::Null => Ok(None),
        value => integer(value, path).map(|number| Some(number).filter(|number| *number >= 0)),
    };
    match (kind, number("major")?, number("minor")?) {
        // Making a node is no access to what it stands for.
        _ if access == "m" => {}
        ("c", Some(major), Some(minor)) if USUAL.contains(&(major, minor)) => {}
        ("c", Some(TERMINALS), _) => {}
        (kind, Some(major), Some(minor)) if named.contains(&(kind, major, minor)) => {}
        (kind, major, minor) => {
            if kind == "a" || (major.is_none() && minor.is_none()) {
                // Every device: that is what privileged means.
                run.privileged = true;
            }
            let star =
                |number: Option<i64>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
            run.devices.push(defaults::device_rule(&format!(
                "{kind} {}:{} {access}",
                star(major),
                star(minor)
            )));
        }
    }
    Ok(())
}
