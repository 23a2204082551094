//! The control group of a container's first process, before anything runs in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The group's id in the unified hierarchy: the inode of its directory. A process that is in no group of its
/// container's name has none: whatever were done to its group would be done to others.
pub(super) fn of(pid: u32, container: &str) -> Result<u64, String> {
    let path = format!("/proc/{pid}/cgroup");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let group = unified(&text).filter(|group| is_of(group, container));
    let group = group.ok_or_else(|| {
        format!("process {pid} is in no control group of its own in the unified hierarchy (cgroup v2)")
    })?;
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(|error| error.to_string())?;
    let hierarchy = hierarchy(&mounts).ok_or("the unified hierarchy (cgroup v2) is not mounted")?;
    let directory = hierarchy.join(group.trim_start_matches('/'));
    let metadata = fs::metadata(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    Ok(metadata.ino())
}

/// The path in the unified hierarchy, of the text of `/proc/PID/cgroup`.
fn unified(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

fn is_of(group: &str, container: &str) -> bool {
    !container.is_empty() && group.split('/').any(|component| component.contains(container))
}

/// Where it is mounted (proc_pid_mounts(5): fields are separated by blanks, of which names have none).
fn hierarchy(mounts: &str) -> Option<PathBuf> {
    let mut lines = mounts.lines().map(|line| line.split(' '));
    lines.find_map(|mut fields| {
        let (_, place, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| Path::new(place).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_group_of_the_containers_own_counts() {
        let id = "ab".repeat(32);
        let text = format!("4:memory:/docker/{id}\n0::/docker/{id}\n");
        assert_eq!(unified(&text), Some(format!("/docker/{id}").as_str()));
        assert!(is_of(&format!("/system.slice/docker-{id}.scope"), &id));
        for foreign in ["/", "", "/user.slice", "/docker/other"] {
            assert!(!is_of(foreign, &id), "{foreign}");
        }
        assert!(!is_of("/anything", ""));
        assert!(of(std::process::id(), &id).unwrap_err().contains("no control group of its own"));
    }

    #[test]
    fn the_unified_hierarchy_is_found_beside_old_ones() {
        let mounts =
            "cgroup /sys/fs/cgroup/memory cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(hierarchy(mounts), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(hierarchy("proc /proc proc rw 0 0\n"), None);
    }
}
