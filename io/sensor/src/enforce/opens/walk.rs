//! Finds the secrets of a container on a file system of its own, by one walk through it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

use super::places::SecretPlaces;

/// A start waits for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Each keeps an inode of the kernel, about a kilobyte.
const MOST_FOUND: usize = 16_384;

/// What is to be marked.
#[derive(Debug)]
pub(super) enum Secret {
    File(OwnedFd),
    /// All that is or comes to be directly in it is secret.
    Directory(OwnedFd),
}

/// Why not all was looked at, in words for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    Late,
    Many,
    Unreadable,
}

impl Unfinished {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Late => "its files were too many to look at in two seconds",
            Self::Many => "it has more than 16,384 secrets",
            Self::Unreadable => "some of its directories cannot be read",
        }
    }
}

/// Gives each secret to `found`, directories before what is in them. `root` is a directory of the container, `name` what
/// the container calls it. Never leaves the mount, and follows no link: what a running container makes of its tree
/// meanwhile leads nowhere else.
pub(super) fn walk<E>(
    root: &File,
    name: &Path,
    places: &SecretPlaces,
    mut found: impl FnMut(Secret) -> Result<(), E>,
) -> Result<Option<Unfinished>, E> {
    let until = Instant::now() + PATIENCE;
    let mut count = 0;
    let mut unfinished = None;
    let mut waiting = vec![PathBuf::new()];
    while let Some(inner) = waiting.pop() {
        if Instant::now() > until {
            return Ok(Some(Unfinished::Late));
        }
        if count >= MOST_FOUND {
            return Ok(Some(Unfinished::Many));
        }
        let directory = match open(root, &inner, OFlag::O_RDONLY | OFlag::O_DIRECTORY) {
            Ok(directory) => directory,
            Err(problem) if is_elsewhere(&problem) => continue,
            Err(_) => {
                unfinished = Some(Unfinished::Unreadable);
                continue;
            }
        };
        let listed = std::fs::read_dir(format!("/proc/self/fd/{}", directory.as_raw_fd()));
        let path = name.join(&inner);
        let is_secret = places.is_secret_directory(path.as_os_str().as_bytes());
        if is_secret {
            count += 1;
            found(Secret::Directory(directory))?;
        }
        let Ok(entries) = listed else {
            unfinished = Some(Unfinished::Unreadable);
            continue;
        };
        for entry in entries {
            let (entry, kind) = match entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))) {
                Ok(entry) => entry,
                Err(_) => {
                    unfinished = Some(Unfinished::Unreadable);
                    break;
                }
            };
            if kind.is_dir() {
                waiting.push(inner.join(entry));
            } else if !kind.is_symlink() && (is_secret || is_secret_in(&path, &entry, places)) {
                count += 1;
                match open(root, &inner.join(entry), OFlag::O_PATH | OFlag::O_NOFOLLOW) {
                    Ok(file) => found(Secret::File(file))?,
                    Err(problem) if is_elsewhere(&problem) => {}
                    Err(_) => unfinished = Some(Unfinished::Unreadable),
                }
            }
        }
    }
    Ok(unfinished)
}

fn is_secret_in(directory: &Path, name: &OsStr, places: &SecretPlaces) -> bool {
    places.is_secret(directory.join(name).as_os_str().as_bytes())
}

fn open(root: &File, inner: &Path, flags: OFlag) -> io::Result<OwnedFd> {
    let resolve =
        ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV;
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
    let inner = if inner.as_os_str().is_empty() { Path::new(".") } else { inner };
    Ok(openat2(root, inner, how)?)
}

/// It is gone, another mount lies on it, or a link has taken its place.
fn is_elsewhere(problem: &io::Error) -> bool {
    matches!(problem.raw_os_error(), Some(libc::ENOENT | libc::EXDEV | libc::ELOOP | libc::ENOTDIR))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::held::SecretPlace;

    #[test]
    fn all_secrets_are_found_and_no_link_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        for folder in ["run/secrets/deep", "root/.ssh", "usr/lib", "other/.ssh"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for file in
            ["run/secrets/a", "run/secrets/deep/b", "root/.ssh/key", "usr/lib/id_rsa", "usr/lib/x", "other/x"]
        {
            fs::write(at(file), "").unwrap();
        }
        symlink("/etc", at("run/secrets/link")).unwrap();
        symlink("/etc", at("root/.ssh/etc")).unwrap();
        symlink("/etc/passwd", at("usr/id_rsa")).unwrap();
        let places: SecretPlaces = [
            SecretPlace::Whole("/run/secrets/"),
            SecretPlace::Anywhere("/.ssh/"),
            SecretPlace::Anywhere("/id_rsa"),
        ]
        .into_iter()
        .collect();
        let root = File::open(directory.path()).unwrap();
        let mut found = Vec::new();
        let unfinished = walk(&root, Path::new("/"), &places, |secret| {
            let (kind, fd) = match &secret {
                Secret::File(fd) => ("file", fd),
                Secret::Directory(fd) => ("directory", fd),
            };
            let link = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap();
            found.push(format!("{kind} {}", link.strip_prefix(directory.path()).unwrap().display()));
            Ok::<(), Infallible>(())
        });
        found.sort();
        let expected = [
            "directory other/.ssh",
            "directory root/.ssh",
            "directory run/secrets",
            "directory run/secrets/deep",
            "file root/.ssh/key",
            "file run/secrets/a",
            "file run/secrets/deep/b",
            "file usr/lib/id_rsa",
        ];
        assert_eq!((found, unfinished), (expected.map(str::to_owned).to_vec(), Ok(None)));
    }
}
