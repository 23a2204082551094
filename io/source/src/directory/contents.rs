//! Entries on their way to the visitor: their contents are read for many at once, on all processors.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use lazaret_model::{Content, Extracted, Visitor, Want, Wanted};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, fstat};

use super::entry;
use super::listing::{Kind, Listed};
use crate::budget::{Budget, Deadline};
use crate::layer::{Extent, Window};
use crate::problems::{Problems, SourceFailed, lossy};
use crate::tree::{BUFFER, Reduced, read_bytes, reduce};

/// Entries that are given at once, and directories that are open for them.
const MOST_ENTRIES: usize = 4096;
const MOST_DIRECTORIES: usize = 128;
/// Fewer contents are not worth a thread.
const JOBS_PER_THREAD: usize = 16;

#[derive(Default)]
pub(super) struct Batch {
    pending: Vec<Pending>,
    directories: Vec<Arc<OwnedFd>>,
}

struct Pending {
    path: Vec<u8>,
    /// Where in the path the name begins.
    name: usize,
    listed: Listed,
    target: Vec<u8>,
    want: Want,
    /// The number of its directory.
    directory: usize,
}

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= MOST_ENTRIES || self.directories.len() >= MOST_DIRECTORIES
    }

    pub(super) fn add(
        &mut self,
        directory: &Arc<OwnedFd>,
        path: Vec<u8>,
        name: &[u8],
        listed: &Listed,
        visitor: &dyn Visitor,
        problems: &mut Problems,
    ) {
        let mut target = Vec::new();
        if listed.kind == Kind::Symlink {
            match readlinkat(&**directory, name) {
                Ok(read) => target = read.into_vec(),
                Err(Errno::ENOENT | Errno::EINVAL) => return,
                Err(error) => problems.io(lossy(&path), &error.into()),
            }
        }
        let want = match listed.kind {
            Kind::File => visitor.want(&entry(&path, listed, &[])),
            _ => Want::NOTHING,
        };
        if self.directories.last().is_none_or(|last| !Arc::ptr_eq(last, directory)) {
            self.directories.push(Arc::clone(directory));
        }
        let (name, directory) = (path.len() - name.len(), self.directories.len() - 1);
        self.pending.push(Pending { path, name, listed: *listed, target, want, directory });
    }

    /// Gives all entries to the visitor, in the order in which they were added.
    pub(super) fn give(&mut self, visitor: &mut dyn Visitor, budget: &mut Budget, problems: &mut Problems) {
        let reduced = self.reduce(visitor, budget);
        for (pending, reduced) in self.pending.iter().zip(reduced) {
            let entry = entry(&pending.path, &pending.listed, &pending.target);
            let mut content = Content::default();
            let mut said = false;
            let mut told = |error: &io::Error| {
                if !std::mem::replace(&mut said, true) {
                    problems.io(lossy(&pending.path), error);
                }
            };
            match reduced.digest {
                Some(Ok(digest)) => content.digest = Some(digest),
                Some(Err(error)) => told(&error),
                None => {}
            }
            let mut kept = Vec::new();
            let mut extracted = Extracted::default();
            if pending.want.content == Wanted::Bytes {
                match self.window(pending).and_then(|window| read_bytes(Extent::whole(&window), budget)) {
                    Ok(bytes) => {
                        kept = bytes;
                        content.bytes = Some(&kept);
                    }
                    Err(error) => told(&error),
                }
            }
            match reduced.extracted {
                Some(Ok(made)) => {
                    extracted = made;
                    content.bytes = Some(&extracted.bytes);
                }
                Some(Err(error)) => told(&error),
                None => {}
            }
            visitor.visit(&entry, content);
            budget.release(kept.len() as u64 + extracted.bytes.len() as u64);
            for problem in extracted.problems {
                problems.push(problem);
            }
        }
        self.pending.clear();
        self.directories.clear();
    }

    /// Digests and extracts, for each entry.
    fn reduce(&self, visitor: &dyn Visitor, budget: &mut Budget) -> Vec<Reduced> {
        let jobs: Vec<usize> = (0..)
            .zip(&self.pending)
            .filter(|(_, pending)| pending.want.digest || pending.want.content == Wanted::Extract)
            .map(|(number, _)| number)
            .collect();
        let deadline = budget.deadline;
        let mut all = Vec::new();
        all.resize_with(self.pending.len(), Reduced::default);
        let next = AtomicUsize::new(0);
        let done = Mutex::new((&mut all, &mut *budget));
        let work = || {
            let mut buffer = vec![0; BUFFER];
            while let Some(&number) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut reduced = self.reduce_one(&self.pending[number], visitor, &mut buffer, deadline);
                if let Ok(mut done) = done.lock() {
                    let (all, budget) = &mut *done;
                    if let Some(Ok(extracted)) = &reduced.extracted
                        && let Err(exceeded) = budget.keep(extracted.bytes.len() as u64)
                    {
                        reduced.extracted = Some(Err(exceeded.io()));
                    }
                    all[number] = reduced;
                }
            }
        };
        let threads =
            thread::available_parallelism().map_or(1, usize::from).min(jobs.len() / JOBS_PER_THREAD);
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        all
    }

    fn reduce_one(
        &self,
        pending: &Pending,
        visitor: &dyn Visitor,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> Reduced {
        let Want { digest, content } = pending.want;
        let entry = entry(&pending.path, &pending.listed, &pending.target);
        match self.window(pending) {
            Ok(window) => {
                let extract = content == Wanted::Extract;
                reduce(Extent::whole(&window), &entry, digest, extract, visitor, buffer, deadline)
            }
            Err(error) if digest => Reduced { digest: Some(Err(error)), extracted: None },
            Err(error) => Reduced { digest: None, extracted: Some(Err(error)) },
        }
    }

    /// Opens a file, if it is still the one that was listed.
    fn window(&self, pending: &Pending) -> io::Result<Window> {
        let flags = OFlag::O_RDONLY
            | OFlag::O_NOFOLLOW
            | OFlag::O_CLOEXEC
            // Should it have become a pipe or a terminal.
            | OFlag::O_NONBLOCK
            | OFlag::O_NOCTTY;
        let directory = &*self.directories[pending.directory];
        let file = File::from(openat(directory, &pending.path[pending.name..], flags, Mode::empty())?);
        let now = Listed::from(&fstat(&file)?);
        if !now.is_same_file(&pending.listed) {
            return Err(SourceFailed::io("it was replaced while it was read"));
        }
        Ok(Window::new(Arc::new(file), now.size))
    }
}
