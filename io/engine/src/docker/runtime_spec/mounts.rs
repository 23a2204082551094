//! `mounts`: what the engine always mounts, volumes, and everything else.

use lazaret_model::{HostNamespace, Mount, MountKind, RunConfiguration};

use super::{Layout, Section, is_below};
use crate::docker::defaults;
use crate::docker::fields::{WrongSetting, list, text, texts};

/// File systems of the kernel at the place where every container has them.
const SYSTEM: &[(&str, &[&str])] = &[
    ("/proc", &["proc"]),
    ("/dev", &["tmpfs"]),
    ("/dev/pts", &["devpts"]),
    ("/dev/mqueue", &["mqueue"]),
    ("/dev/shm", &["tmpfs"]),
    ("/sys", &["sysfs"]),
    ("/sys/fs/cgroup", &["cgroup", "cgroup2"]),
];

/// Where `--init` comes from.
const INIT: (&str, &[&str]) = (
    "/sbin/docker-init",
    &[
        "/usr/bin/docker-init",
        "/usr/local/bin/docker-init",
        "/usr/sbin/docker-init",
        "/usr/libexec/docker/docker-init",
        "/usr/local/libexec/docker/docker-init",
        "/usr/bin/tini",
        "/usr/bin/tini-static",
    ],
);

pub(super) fn read(
    spec: &Section<'_>,
    layout: &Layout<'_>,
    run: &mut RunConfiguration,
) -> Result<(), WrongSetting> {
    for item in list(spec.get("mounts"), "mounts")? {
        let item = Section::of(item, "mounts")?;
        let entry = Entry {
            kind: text(item.get("type"), "mounts.type")?,
            source: text(item.get("source"), "mounts.source")?,
            target: text(item.get("destination"), "mounts.destination")?,
            options: texts(item.get("options"), "mounts.options")?,
        };
        entry.read(layout, run);
        item.unknown(&["destination", "type", "source", "options"], run);
    }
    Ok(())
}

struct Entry<'v> {
    kind: &'v str,
    source: &'v str,
    target: &'v str,
    options: Vec<&'v str>,
}

impl Entry<'_> {
    fn has(&self, option: &str) -> bool {
        self.options.contains(&option)
    }

    fn read(&self, layout: &Layout<'_>, run: &mut RunConfiguration) {
        if let Some(mode) = self.options.iter().find(|option| matches!(**option, "shared" | "rshared")) {
            run.weakened.push(defaults::propagation(mode, self.target));
        }
        if self.kind == "bind" || self.has("bind") || self.has("rbind") {
            self.bind(layout, run);
        } else if SYSTEM.iter().any(|(target, kinds)| *target == self.target && kinds.contains(&self.kind)) {
            if !self.has("ro") {
                match self.kind {
                    "sysfs" => run.weakened.push(defaults::WRITABLE_SYS.to_owned()),
                    "cgroup" | "cgroup2" => run.weakened.push(defaults::WRITABLE_CGROUPS.to_owned()),
                    _ => {}
                }
            }
        } else if self.kind == "tmpfs" {
            for (option, forbids) in [("exec", "noexec"), ("suid", "nosuid"), ("dev", "nodev")] {
                // The last of the two counts, and neither means yes.
                let last = self.options.iter().rfind(|given| **given == option || **given == forbids);
                if last.is_none_or(|last| *last == option) {
                    run.weakened.push(defaults::tmpfs_with(option, self.target));
                }
            }
            self.note(MountKind::Tmpfs, "", run);
        } else {
            run.escapes.push(format!("mount of type {} from {}", self.kind, self.source));
        }
    }

    fn bind(&self, layout: &Layout<'_>, run: &mut RunConfiguration) {
        if self.is_own_file(layout, run) || self.is_init() {
            return;
        }
        // The memory that goes with the host's or another container's IPC namespace, which is told by itself.
        let joins_host = run.host_namespaces.contains(&HostNamespace::Ipc) && self.source == "/dev/shm";
        let joins_other = run.escapes.iter().any(|escape| escape.starts_with("ipc namespace "))
            && container_file(self.source, layout).is_some_and(|(_, file)| file == "mounts/shm");
        if self.target == "/dev/shm" && (joins_host || joins_other) {
            return;
        }
        match self.volume(layout) {
            Some(name) => self.note(MountKind::Volume, name, run),
            None => self.note(MountKind::Bind, self.source, run),
        }
    }

    fn note(&self, kind: MountKind, source: &str, run: &mut RunConfiguration) {
        let (source, target) = (source.to_owned(), self.target.to_owned());
        run.mounts.push(Mount { kind, source, target, read_only: self.has("ro") });
    }

    /// Files that the engine keeps for this container, each at its place.
    fn is_own_file(&self, layout: &Layout<'_>, run: &RunConfiguration) -> bool {
        let Some((container, file)) = container_file(self.source, layout) else { return false };
        let is_at_place = match file {
            "resolv.conf" | "hostname" | "hosts" => self.target == format!("/etc/{file}"),
            "mounts/shm" => self.target == "/dev/shm",
            "mounts/secrets" => self.target == "/run/secrets",
            _ => false,
        };
        // Who shares another's network shares its names too.
        let shares_names =
            !file.contains('/') && run.escapes.iter().any(|escape| escape.starts_with("network namespace "));
        is_at_place && (container == layout.container || shares_names)
    }

    fn is_init(&self) -> bool {
        self.target == INIT.0 && INIT.1.contains(&self.source) && self.has("ro")
    }

    /// The name of a volume of the engine: `<data-root>/volumes/<name>/_data` or below.
    fn volume(&self, layout: &Layout<'_>) -> Option<&str> {
        let folder = format!("{}/volumes", layout.data_root);
        if !is_below(self.source, &folder) {
            return None;
        }
        let (name, rest) = self.source.get(folder.len() + 1..)?.split_once('/')?;
        (!name.is_empty() && (rest == "_data" || rest.starts_with("_data/"))).then_some(name)
    }
}

/// Container and file of `<data-root>/containers/<id>/<file>`.
fn container_file<'s>(source: &'s str, layout: &Layout<'_>) -> Option<(&'s str, &'s str)> {
    let folder = format!("{}/containers", layout.data_root);
    if !is_below(source, &folder) {
        return None;
    }
    let (container, file) = source.get(folder.len() + 1..)?.split_once('/')?;
    let is_id = container.len() == 64 && container.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some((container, file))
}
