//! Documents in a directory and those below it, in the order of their names.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc;
use sha2::{Digest as _, Sha256};

use super::pass::Pass;
use super::{broken, file_digest, file_error, in_file};
use crate::budget::{Budget, Exceeded};
use crate::error::SourceError;

/// Directories within directories end somewhere.
const DEEPEST: usize = 64;

pub(super) fn documents(root: &Path, pass: &mut Pass<'_>) -> Result<ControlFlow<()>, SourceError> {
    for path in files(root, &mut pass.budget)? {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        let file = open(&path).map_err(|source| file_error(&path, source))?;
        if in_file(&name, file, pass).map_err(|error| broken(&path, error))?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

pub(super) fn digest(root: &Path, budget: &mut Budget) -> Result<[u8; 32], SourceError> {
    let mut hash = Sha256::new();
    for path in files(root, budget)? {
        let name = path.strip_prefix(root).unwrap_or(&path).as_os_str().as_bytes();
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update(file_digest(open(&path), budget).map_err(|source| file_error(&path, source))?);
    }
    Ok(hash.finalize().into())
}

/// A link that took the place of a file since it was listed is not followed.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// All regular files below, by name, without what is hidden.
fn files(root: &Path, budget: &mut Budget) -> Result<Vec<PathBuf>, SourceError> {
    let mut files = Vec::new();
    let mut directories = vec![(root.to_owned(), 0)];
    while let Some((directory, depth)) = directories.pop() {
        let fail = |source| file_error(&directory, source);
        for entry in std::fs::read_dir(&directory).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name();
            budget.take_entry(name.len()).map_err(|exceeded| broken(root, exceeded.io()))?;
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            let kind = entry.file_type().map_err(fail)?;
            if kind.is_dir() && depth < DEEPEST {
                directories.push((entry.path(), depth + 1));
            } else if kind.is_dir() {
                let why = format!("directories are nested more than {DEEPEST} deep");
                return Err(broken(root, Exceeded::new(why).io()));
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}
