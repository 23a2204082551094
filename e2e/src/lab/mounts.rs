use std::fs;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, umount2};

#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) point: PathBuf,
    /// `overlay`, `cgroup2`, …
    pub(crate) kind: String,
}

pub(crate) fn all() -> Vec<Mount> {
    parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
}

/// Detaches every mount at and below `folder`, the newest first.
pub(crate) fn detach_below(folder: &Path) {
    for mount in all().iter().rev().filter(|mount| mount.point.starts_with(folder)) {
        let _ = umount2(&mount.point, MntFlags::MNT_DETACH);
    }
}

/// proc(5): fields are separated by spaces, the fifth is the mount point (octal escapes), after ` - ` comes the type.
fn parse(text: &str) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for line in text.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let (Some(point), Some(kind)) = (left.split(' ').nth(4), right.split(' ').next()) else { continue };
        let point =
            point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
        mounts.push(Mount { point: PathBuf::from(point), kind: kind.to_owned() });
    }
    mounts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_mountinfo() {
        let text =
            "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\nnonsense\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 1);
        assert_eq!((mounts[0].point.to_str(), mounts[0].kind.as_str()), (Some("/mnt 2"), "ext3"));
    }
}
