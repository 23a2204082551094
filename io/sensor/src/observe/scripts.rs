//! Where a script comes from. The kernel knows only its interpreter by the time it tells of the start.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lazaret_model::FileOrigin;

use super::resolved::Resolved;

/// By the file system of the process's root directory, where an overlay says what is its own layer. `None`: the process
/// is gone, the file is, or the root is no overlay.
pub(super) fn origin(pid: u32, path: &str) -> Option<FileOrigin> {
    let found = Resolved::of(pid, path)?;
    let (of_file, of_root) = (mount(found.file.as_raw_fd())?, mount(found.root.as_raw_fd())?);
    if of_file != of_root {
        return Some(FileOrigin::Mounted);
    }
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).ok()?;
    let upper = upper(&mounts, of_root)?;
    let inside = found.inside()?;
    // A path of the host, in which no link of the container can lead astray but in its last component's parents.
    let is_own = fs::symlink_metadata(upper.join(inside))
        .is_ok_and(|data| data.mode() & libc::S_IFMT == libc::S_IFREG);
    Some(if is_own { FileOrigin::Upper } else { FileOrigin::Image })
}

/// The number of the mount that a descriptor is on.
fn mount(fd: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok())
}

/// The own layer of an overlay mount, from the text of `/proc/PID/mountinfo`.
fn upper(mounts: &str, number: u64) -> Option<PathBuf> {
    let line =
        mounts.lines().find(|line| line.split(' ').next().and_then(|id| id.parse().ok()) == Some(number))?;
    let (_, system) = line.split_once(" - ")?;
    let options = system.strip_prefix("overlay ")?.split(' ').nth(1)?;
    let upper = options.split(',').find_map(|option| option.strip_prefix("upperdir="))?;
    Some(Path::new(upper).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_layer_of_an_overlay_is_found() {
        let mounts = "21 1 0:20 / / rw - ext4 /dev/vda rw\n\
                      812 700 0:99 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/l/a:/l/b,upperdir=/u/diff,workdir=/w\n";
        assert_eq!(upper(mounts, 812), Some(PathBuf::from("/u/diff")));
        assert_eq!(upper(mounts, 21), None);
        assert_eq!(upper(mounts, 5), None);
    }
}
