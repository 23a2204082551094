//! What a volume of the `local` driver really is: its options can mount anything, so a volume may be a path or
//! a disk of the host under another name.

use lazaret_model::{Mount, MountKind, RunConfiguration};

/// Options that bound or describe a tmpfs and mount nothing else.
pub(super) const TMPFS_OPTIONS: &[&str] = &[
    "",
    "size",
    "mode",
    "uid",
    "gid",
    "nr_inodes",
    "nr_blocks",
    "mpol",
    "ro",
    "rw",
    "noexec",
    "nosuid",
    "nodev",
    "noatime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "nodiratime",
    "diratime",
    "atime",
    "sync",
    "async",
    "dirsync",
    "mand",
    "nomand",
    "defaults",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A folder of the engine's own.
    Own,
    /// A path of the host.
    Bind(String),
    Tmpfs,
    /// Anything else, in plain words.
    Foreign(String),
}

impl Content {
    /// `driver` and `options` as given when the volume is made.
    pub(super) fn of(driver: &str, options: &[(&str, &str)]) -> Self {
        if !matches!(driver, "" | "local") {
            return Self::Foreign(format!("volume driver {driver}"));
        }
        let get = |name: &str| options.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
        if let Some((name, _)) =
            options.iter().find(|(key, _)| !matches!(*key, "type" | "o" | "device" | "size"))
        {
            return Self::Foreign(format!("volume option {name}"));
        }
        Self::mounted(get("type"), get("o"), get("device"))
    }

    /// What mount(2) would make of these.
    pub(super) fn mounted(kind: &str, options: &str, device: &str) -> Self {
        if kind.is_empty() && options.is_empty() && device.is_empty() {
            return Self::Own;
        }
        // With MS_BIND the kernel looks at neither type nor other options.
        let is_bind = options.split(',').map(str::trim).any(|option| matches!(option, "bind" | "rbind"));
        if is_bind || matches!(kind, "bind" | "rbind") {
            return Self::Bind(device.to_owned());
        }
        let names = options.split(',').map(|option| option.split_once('=').map_or(option, |(name, _)| name));
        if kind == "tmpfs" && names.clone().all(|name| TMPFS_OPTIONS.contains(&name)) {
            return Self::Tmpfs;
        }
        Self::Foreign(format!("volume of type {kind} from {device}"))
    }

    /// Notes what a container that uses the volume gets.
    pub(super) fn add_to(self, run: &mut RunConfiguration, name: &str, target: &str, read_only: bool) {
        let (kind, source) = match self {
            Self::Own => (MountKind::Volume, name.to_owned()),
            Self::Bind(device) => (MountKind::Bind, device),
            Self::Tmpfs => (MountKind::Tmpfs, String::new()),
            Self::Foreign(what) => {
                run.escapes.push(what);
                (MountKind::Volume, name.to_owned())
            }
        };
        run.mounts.push(Mount { kind, source, target: target.to_owned(), read_only });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_behind_a_volume() {
        let own = |options: &[(&str, &str)]| Content::of("local", options);
        assert_eq!(Content::of("", &[]), Content::Own);
        assert_eq!(own(&[("size", "1G")]), Content::Own);
        let bind = Content::Bind("/".to_owned());
        for (kind, o) in [
            ("none", "bind"),
            ("none", "rbind"),
            ("", "ro,bind"),
            ("ext4", "bind"),
            ("tmpfs", " bind"),
            ("bind", ""),
            ("nfs", "x,rbind,y"),
        ] {
            assert_eq!(own(&[("type", kind), ("o", o), ("device", "/")]), bind, "{kind} {o}");
        }
        assert_eq!(
            own(&[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=100m,uid=1000")]),
            Content::Tmpfs
        );
        for options in [
            [("type", "ext4"), ("o", ""), ("device", "/dev/vda1")],
            [("type", "overlay"), ("o", "lowerdir=/etc"), ("device", "overlay")],
            [("type", "nfs"), ("o", "addr=10.0.0.1"), ("device", ":/x")],
            [("type", "tmpfs"), ("o", "remount"), ("device", "x")],
            [("type", "tmpfs"), ("o", "exec"), ("device", "tmpfs")],
        ] {
            assert!(matches!(own(&options), Content::Foreign(_)), "{options:?}");
        }
        assert_eq!(Content::of("netshare", &[]), Content::Foreign("volume driver netshare".to_owned()));
        assert_eq!(own(&[("mountpoint", "/")]), Content::Foreign("volume option mountpoint".to_owned()));
    }
}
