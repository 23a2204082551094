//! Files by the names that a process has for them.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use lazaret_model::path_text;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

/// What a path leads to from the root directory of a process.
pub(super) struct Resolved {
    pub(super) file: OwnedFd,
    pub(super) root: fs::File,
}

impl Resolved {
    /// `None`: the process is gone, or the file is.
    pub(super) fn of(pid: u32, path: &str) -> Option<Self> {
        let root = fs::File::open(format!("/proc/{pid}/root")).ok()?;
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let file = openat2(&root, path, how).ok()?;
        Some(Self { file, root })
    }

    /// Below the root directory, without links.
    pub(super) fn inside(&self) -> Option<PathBuf> {
        let name = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).ok();
        let (file, root) = (name(self.file.as_raw_fd())?, name(self.root.as_raw_fd())?);
        file.strip_prefix(&root).map(PathBuf::from).ok()
    }
}

/// Where the links in a path lead, as one of these processes sees it: the first that still runs. It may have changed
/// since it was used.
pub fn resolved(pids: &[u32], path: &str) -> Option<String> {
    let found = pids.iter().find_map(|pid| Resolved::of(*pid, path))?;
    let inside = found.inside()?;
    Some(format!("/{}", path_text(inside.as_os_str().as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_by_whoever_still_runs() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
        fs::write(at("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        // No process has the first number.
        let pids = [u32::MAX >> 1, std::process::id()];
        assert_eq!(resolved(&pids, &at("link")), Some(at("file")));
        assert_eq!(resolved(&pids[..1], &at("link")), None);
        assert_eq!(resolved(&pids, &at("none")), None);
    }
}
