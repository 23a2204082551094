//! A directory of this machine as a tree: sources, or the root file system of a host.
//!
//! Nothing is followed out of it: every entry is opened relative to the directory that lists it, and
//! never through a link. Mounted file systems are not entered.

mod listing;
mod contents;

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_model::{Entry, EntryKind, Limits, Problem, Tree, Visitor};

use crate::budget::Budget;
use crate::error::SourceError;
use crate::problems::{Problems, lossy};
use contents::Batch;
use listing::{Found, Item, Kind, Listed};

/// What a directory is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Directory,
    /// `/`: what the kernel shows in `proc`, `sys` and `dev` is no part of it.
    RootFileSystem,
}

/// Kernel interfaces of a root file system, which some mount nowhere.
const KERNELS: [&[u8]; 3] = [b"proc", b"sys", b"dev"];
/// Deeper directories are not entered: each on the way is kept open.
const DEEPEST: usize = 200;

pub(crate) struct DirectoryTree {
    root: Arc<OwnedFd>,
    device: u64,
    scope: Scope,
    limits: Limits,
}

/// A directory that is being walked.
struct Level {
    directory: Arc<OwnedFd>,
    path: Vec<u8>,
    items: std::vec::IntoIter<Item>,
}

impl DirectoryTree {
    pub(crate) fn open(path: &Path, scope: Scope, limits: &Limits) -> Result<Self, SourceError> {
        let fail = |source: io::Error| SourceError::File { path: PathBuf::from(path), source };
        let root = File::open(path).map_err(fail)?;
        let metadata = root.metadata().map_err(fail)?;
        if !metadata.is_dir() {
            return Err(fail(io::Error::from(io::ErrorKind::NotADirectory)));
        }
        let device = std::os::unix::fs::MetadataExt::dev(&metadata);
        Ok(Self { root: Arc::new(root.into()), device, scope, limits: limits.clone() })
    }

    /// Lists a directory, or says why not.
    fn level(
        &self,
        directory: OwnedFd,
        path: Vec<u8>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Level {
        let subject = || if path.is_empty() { "the root directory".to_owned() } else { lossy(&path) };
        let (items, result) = listing::list(&directory, budget);
        if let Err(error) = result {
            problems.io(subject(), &error);
        }
        Level { directory: Arc::new(directory), path, items: items.into_iter() }
    }

    /// Opens a directory for listing, unless there is a reason not to.
    fn enter(
        &self,
        above: &Level,
        name: &[u8],
        path: Vec<u8>,
        depth: usize,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Option<Level> {
        if self.scope == Scope::RootFileSystem && KERNELS.contains(&path.as_slice()) {
            return None;
        }
        if depth >= DEEPEST {
            problems.limit(lossy(&path), crate::budget::Exceeded::new("directories are nested too deeply"));
            return None;
        }
        match listing::open_directory(&above.directory, name, self.device) {
            Ok(Found::Directory(directory)) => Some(self.level(directory, path, budget, problems)),
            Ok(Found::Nothing | Found::KernelFiles) => None,
            Ok(Found::OtherFileSystem) => {
                problems.unsupported(lossy(&path), "another file system is mounted here and was not entered");
                None
            }
            Err(error) => {
                problems.io(lossy(&path), &error);
                None
            }
        }
    }
}

impl Tree for DirectoryTree {
    fn walk(&mut self, visitor: &mut dyn Visitor) -> Vec<Problem> {
        let mut budget = Budget::new(&self.limits);
        let mut problems = Problems::default();
        let mut batch = Batch::default();
        let mut levels = Vec::new();
        match self.root.try_clone() {
            Ok(root) => levels.push(self.level(root, Vec::new(), &mut budget, &mut problems)),
            Err(error) => problems.io("the root directory", &error),
        }
        while let Some(level) = levels.last_mut() {
            let Some(item) = level.items.next() else {
                levels.pop();
                continue;
            };
            let name = item.name();
            let mut path = Vec::with_capacity(level.path.len() + 1 + name.len());
            if !level.path.is_empty() {
                path.extend_from_slice(&level.path);
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let Item::Entry { listed, .. } = &item else {
                let depth = levels.len();
                if let Some(above) = levels.last()
                    && let Some(level) =
                        self.enter(above, item.name(), path, depth, &mut budget, &mut problems)
                {
                    levels.push(level);
                }
                continue;
            };
            if path.len() > self.limits.path_bytes {
                let exceeded = format!("its path is longer than {} bytes", self.limits.path_bytes);
                problems.limit(lossy(&path), crate::budget::Exceeded::new(exceeded));
                continue;
            }
            if let Err(exceeded) = budget.take_entry(0) {
                problems.limit(lossy(&path), exceeded);
                break;
            }
            batch.add(&level.directory, path, name, listed, visitor, &mut problems);
            if batch.is_full() {
                batch.give(visitor, &mut budget, &mut problems);
            }
        }
        batch.give(visitor, &mut budget, &mut problems);
        problems.into_list()
    }
}

fn entry<'a>(path: &'a [u8], listed: &Listed, target: &'a [u8]) -> Entry<'a> {
    let kind = match listed.kind {
        Kind::File => EntryKind::File,
        Kind::Directory => EntryKind::Directory,
        Kind::Symlink => EntryKind::Symlink { target },
        Kind::Special => EntryKind::Special,
    };
    let size = if listed.kind == Kind::File { listed.size } else { 0 };
    Entry { path, kind, mode: listed.mode, uid: listed.uid, gid: listed.gid, size, layer: 0 }
}

#[cfg(test)]
mod tests;
