//! `Binds`, `Mounts`, `Tmpfs`: paths of the host, volumes, and what hides behind a volume.

use lazaret_model::{Mount, MountKind, RunConfiguration};

use super::{Undecided, shorten, wrong};
use crate::docker::fields::{Fields, flag, is_nothing, join, list, text, text_map, texts};
use crate::docker::json::Value;
use crate::docker::{defaults, volume};

/// `source:target[:options]`, or a target alone for a volume without a name.
pub(super) fn binds(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    for bind in texts(value, path)? {
        let parts: Vec<&str> = bind.split(':').collect();
        let (source, target, options) = match parts.as_slice() {
            [target] => ("", *target, ""),
            [source, target] => (*source, *target, ""),
            [source, target, options] => (*source, *target, *options),
            _ => return Err(wrong(path, format!("has an unclear bind `{}`", shorten(bind)))),
        };
        if !target.starts_with('/') || (parts.len() > 1 && source.is_empty()) {
            return Err(wrong(path, format!("has an unclear bind `{}`", shorten(bind))));
        }
        let mut read_only = false;
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option {
                "ro" => read_only = true,
                "rw" | "z" | "Z" | "nocopy" | "consistent" | "cached" | "delegated" | "default" => {}
                other => propagation(other, target, path, run)?,
            }
        }
        add(run, source, target, read_only);
    }
    Ok(())
}

/// As the engine tells them apart: what begins with a slash is a path.
fn add(run: &mut RunConfiguration, source: &str, target: &str, read_only: bool) {
    let kind = if source.starts_with('/') { MountKind::Bind } else { MountKind::Volume };
    run.mounts.push(Mount { kind, source: source.to_owned(), target: target.to_owned(), read_only });
}

/// Shared mounts let a container with the right to mount do so on the host.
fn propagation(mode: &str, target: &str, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    match mode {
        "" | "private" | "rprivate" | "slave" | "rslave" => Ok(()),
        "shared" | "rshared" => {
            run.weakened.push(defaults::propagation(mode, target));
            Ok(())
        }
        _ => Err(wrong(path, format!("has the unknown option `{}`", shorten(mode)))),
    }
}

const MOUNT: &[&str] = &[
    "Type",
    "Source",
    "Target",
    "ReadOnly",
    "BindOptions",
    "VolumeOptions",
    "TmpfsOptions",
    "ImageOptions",
    "ClusterOptions",
];

pub(super) fn mounts(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    for item in list(value, path)? {
        let fields = Fields::known(item, path, MOUNT, &["Consistency"])?;
        let word = |key: &str| text(fields.get(key), &join(path, key));
        let (source, target) = (word("Source")?, word("Target")?);
        let read_only = flag(fields.get("ReadOnly"), &join(path, "ReadOnly"))?;
        let options = |key: &'static str| (fields.get(key), join(path, key));
        match word("Type")? {
            "bind" => {
                let (options, path) = options("BindOptions");
                bind_options(options, &path, target, run)?;
                if !source.starts_with('/') {
                    return Err(wrong(&path, "binds a path that is not absolute"));
                }
                add(run, source, target, read_only);
            }
            // Without a type, engines take a mount for a volume or refuse it.
            "volume" => {
                let (options, path) = options("VolumeOptions");
                if source.starts_with('/') {
                    return Err(wrong(&path, "names a volume by a path"));
                }
                volume_options(options, &path, source, target, read_only, run)?;
            }
            "tmpfs" => {
                let (options, path) = options("TmpfsOptions");
                tmpfs_options(options, &path, target, run)?;
            }
            "image" => run.escapes.push(format!("files of image {source}")),
            "cluster" => run.escapes.push(format!("cluster volume {source}")),
            other => {
                return Err(wrong(path, format!("has a mount of the unknown type `{}`", shorten(other))));
            }
        }
    }
    Ok(())
}

fn bind_options(
    value: &Value<'_>,
    path: &str,
    target: &str,
    run: &mut RunConfiguration,
) -> Result<(), Undecided> {
    // Weaker ways of being read-only below the top concern what was mounted there, and so the path allowed.
    let harmless = ["NonRecursive", "CreateMountpoint", "ReadOnlyNonRecursive", "ReadOnlyForceRecursive"];
    let fields = Fields::known(value, path, &["Propagation"], &harmless)?;
    propagation(text(fields.get("Propagation"), path)?, target, path, run)
}

fn volume_options(
    value: &Value<'_>,
    path: &str,
    name: &str,
    target: &str,
    read_only: bool,
    run: &mut RunConfiguration,
) -> Result<(), Undecided> {
    let fields = Fields::known(value, path, &["DriverConfig"], &["NoCopy", "Labels", "Subpath"])?;
    let driver = Fields::known(fields.get("DriverConfig"), path, &["Name", "Options"], &[])?;
    let options = text_map(driver.get("Options"), path)?;
    let content = volume::Content::of(text(driver.get("Name"), path)?, &options);
    content.add_to(run, name, target, read_only);
    Ok(())
}

fn tmpfs_options(
    value: &Value<'_>,
    path: &str,
    target: &str,
    run: &mut RunConfiguration,
) -> Result<(), Undecided> {
    let fields = Fields::known(value, path, &["Options"], &["SizeBytes", "Mode"])?;
    let mut words = Vec::new();
    for option in list(fields.get("Options"), path)? {
        words.push(texts(option, path)?.join("="));
    }
    add_tmpfs(words.iter().map(String::as_str), path, target, run)
}

pub(super) fn tmpfs(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    for (target, options) in text_map(value, path)? {
        add_tmpfs(options.split(','), path, target, run)?;
    }
    Ok(())
}

fn add_tmpfs<'o>(
    options: impl Iterator<Item = &'o str>,
    path: &str,
    target: &str,
    run: &mut RunConfiguration,
) -> Result<(), Undecided> {
    for option in options {
        let name = option.split_once('=').map_or(option, |(name, _)| name);
        match name {
            // What is written there could be executed, unseen by those who watch the image's own files.
            "exec" | "suid" | "dev" => run.weakened.push(defaults::tmpfs_with(name, target)),
            _ if volume::TMPFS_OPTIONS.contains(&name) => {}
            _ => propagation(name, target, path, run)?,
        }
    }
    run.mounts.push(Mount {
        kind: MountKind::Tmpfs,
        source: String::new(),
        target: target.to_owned(),
        read_only: false,
    });
    Ok(())
}

/// Who makes the volumes of `Binds`.
pub(super) fn driver(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    if !is_nothing(value) {
        let name = text(value, path)?;
        if let volume::Content::Foreign(what) = volume::Content::of(name, &[]) {
            run.escapes.push(what);
        }
    }
    Ok(())
}
