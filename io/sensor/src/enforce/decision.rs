//! Whether one file may be executed in one container.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use lazaret_model::Digest;
use sha2::{Digest as _, Sha256};

use super::cache::{DigestCache, Key};
use super::guarded::{Guarded, Registry};
use super::head::Next;
use super::lineage::Lineages;
use super::pending::Pending;
use crate::event::{DenyReason, ExecutionDenied};
use crate::process;
use crate::sys::{self, FileState};

/// Files stamp their changes with a clock that stands still for up to a tick (10 ms at most): a file changed
/// twice within one looks unchanged. The digest of a file is kept only when its last change is older.
const SETTLED: Duration = Duration::from_millis(100);
const CHUNK: usize = 256 << 10;

pub(crate) type Registered = RwLock<Registry>;
pub(crate) type Cache = Mutex<DigestCache>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    Allow,
    Deny { reason: DenyReason, content: Option<Content> },
}

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) digest: Digest,
    /// It names its interpreter.
    pub(crate) is_script: bool,
    /// What the kernel opens after it.
    pub(crate) next: Next,
}

impl Ruling {
    pub(crate) fn deny(reason: DenyReason) -> Self {
        Self::Deny { reason, content: None }
    }
}

/// What can be said about a pending execution without reading the file.
#[derive(Debug)]
pub(crate) enum Glance {
    Ruled(Option<Arc<Guarded>>, Ruling),
    Unread(Arc<Guarded>),
    /// Somebody has the file open for writing. The kernel itself refuses to execute such a file (ETXTBSY), but it
    /// looks only after our answer: the writer could be gone by then, and its last write unread.
    BeingWritten(Arc<Guarded>),
}

/// Decides from what is known already. Never blocks.
pub(crate) fn glance(
    pending: &Pending,
    registered: &Registered,
    cache: &Cache,
    lineages: &Lineages,
) -> Glance {
    let Some(fd) = pending.file() else { return Glance::Ruled(None, Ruling::deny(DenyReason::Internal)) };
    // The lease comes first: from here on nobody can write into the file. A file system may have no leases: then
    // a change is noticed while the file is read, but not right after the answer.
    let lease = pending.lease();
    let (state, mount) = match sys::file_state(fd) {
        Ok(state) => state,
        Err(problem) => return Glance::Ruled(None, Ruling::deny(unreadable(&problem))),
    };
    let found = registered.read().unwrap_or_else(PoisonError::into_inner).find(mount, pending.pid());
    let Some(guarded) = found else { return Glance::Ruled(None, Ruling::deny(DenyReason::UnknownContainer)) };
    if lease.is_err_and(|problem| is_being_written(&problem)) {
        return Glance::BeingWritten(guarded);
    }
    if !settled(&state) {
        return Glance::Unread(guarded);
    }
    let key = Key { guard: guarded.number, file: state };
    let known = cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key);
    match known {
        Some(content) => {
            let ruling = rule(pending, &guarded, content, lineages);
            Glance::Ruled(Some(guarded), ruling)
        }
        None => Glance::Unread(guarded),
    }
}

/// Reads the file and decides. Gives up at the deadline, or when somebody else has answered.
pub(crate) fn examine(pending: &Pending, guarded: &Guarded, cache: &Cache, lineages: &Lineages) -> Ruling {
    let content = pending
        .open()
        .map_err(|problem| unreadable(&problem))
        .and_then(|file| digest_of(file, guarded.number, pending, cache));
    match content {
        Ok(content) => rule(pending, guarded, content, lineages),
        Err(reason) => Ruling::deny(reason),
    }
}

/// Reads a file from its start for a process that waits. `number` is the one of the guard that asks.
pub(crate) fn digest_of(
    file: File,
    number: u64,
    pending: &Pending,
    cache: &Cache,
) -> Result<Content, DenyReason> {
    let state = || sys::file_state(&file).map(|(state, _)| state).map_err(|problem| unreadable(&problem));
    let before = state()?;
    // Taken before the reading starts: a change during it must not count as settled at its end.
    let settled = settled(&before);
    let key = Key { guard: number, file: before };
    let known = || cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key);
    if let Some(content) = settled.then(known).flatten() {
        return Ok(content);
    }
    let content = read(&file, pending)?;
    if state()? != before {
        return Err(DenyReason::Changed);
    }
    if settled {
        cache.lock().unwrap_or_else(PoisonError::into_inner).insert(key, content.clone());
    }
    Ok(content)
}

fn rule(pending: &Pending, guarded: &Guarded, content: Content, lineages: &Lineages) -> Ruling {
    // From the container's root, and not from one that the process made its own: there it could be called anything.
    let place = || pending.file().map(|fd| link(fd).to_string_lossy().into_owned()).unwrap_or_default();
    if !guarded.allowed.allows(&content.digest, place) {
        return Ruling::Deny { reason: DenyReason::NotInImage, content: Some(content) };
    }
    let is_expected = lineages.of(&guarded.container).is_none_or(|lineage| {
        let file = pending.file().and_then(|fd| Some((link(fd), sys::file_state(fd).ok()?.0)));
        file.is_some_and(|(path, state)| lineage.allows(pending.pid(), &path, &state, &content))
    });
    match is_expected {
        true => Ruling::Allow,
        false => Ruling::Deny { reason: DenyReason::NotInProfile, content: Some(content) },
    }
}

fn read(mut file: &File, pending: &Pending) -> Result<Content, DenyReason> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut head = None;
    loop {
        if pending.is_answered() || Instant::now() >= pending.deadline {
            return Err(DenyReason::TooSlow);
        }
        match file.read(&mut chunk) {
            Ok(0) => {
                let digest = Digest::from_bytes(hasher.finalize().into());
                let (is_script, next) = head.unwrap_or((false, Next::Unknown));
                return Ok(Content { digest, is_script, next });
            }
            Ok(count) => {
                head.get_or_insert_with(|| (chunk[..count].starts_with(b"#!"), Next::of(&chunk[..count])));
                hasher.update(&chunk[..count]);
            }
            Err(problem) if problem.kind() == std::io::ErrorKind::Interrupted => {}
            Err(problem) => return Err(unreadable(&problem)),
        }
    }
}

/// Whether that is why a lease was refused.
pub(crate) fn is_being_written(refused: &std::io::Error) -> bool {
    refused.raw_os_error() == Some(libc::EAGAIN)
}

fn settled(state: &FileState) -> bool {
    let (seconds, nanoseconds) = state.changed;
    let changed = Duration::new(u64::try_from(seconds).unwrap_or(u64::MAX), nanoseconds);
    Duration::from_nanos(sys::file_clock()).checked_sub(changed).is_some_and(|age| age > SETTLED)
}

fn unreadable(problem: &std::io::Error) -> DenyReason {
    DenyReason::Unreadable(problem.raw_os_error().unwrap_or(libc::EIO))
}

/// What to tell of a refusal. To be asked before the answer: afterwards the process may be gone.
pub(crate) fn describe(
    pending: &Pending,
    guarded: Option<&Guarded>,
    reason: DenyReason,
    content: Option<Content>,
) -> ExecutionDenied {
    ExecutionDenied {
        container: guarded.map(|guarded| guarded.container.clone()),
        path: pending.file().map(|fd| path(fd, pending.pid())).unwrap_or_default(),
        sha256: content.as_ref().map(|content| content.digest),
        is_script: content.is_some_and(|content| content.is_script),
        is_nameless: pending.file().is_some_and(|fd| sys::is_nameless(fd).unwrap_or_default()),
        pid: pending.pid(),
        by: process::comm(pending.pid()).unwrap_or_default(),
        rung: "fanotify",
        reason,
        at: SystemTime::now(),
    }
}

/// The path as the process sees it. A container's own root is the root of its mount namespace; a process that
/// changed its root without one sees less.
fn path(fd: BorrowedFd<'_>, pid: u32) -> String {
    let path = link(fd);
    let root = std::fs::read_link(format!("/proc/{pid}/root")).unwrap_or_default();
    match path.strip_prefix(&root) {
        Ok(inside) if root.as_os_str().len() > 1 => format!("/{}", inside.to_string_lossy()),
        _ => path.to_string_lossy().into_owned(),
    }
}

/// From the root of the mount namespace that the file was opened in.
fn link(fd: BorrowedFd<'_>) -> PathBuf {
    std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_settled_some_time_after_its_last_change() {
        let now = sys::file_clock();
        let changed_at = |nanoseconds: u64| {
            let seconds = i64::try_from(nanoseconds / 1_000_000_000).unwrap();
            let part = u32::try_from(nanoseconds % 1_000_000_000).unwrap();
            FileState { device: (0, 1), inode: 1, size: 1, changed: (seconds, part), modified: (0, 0) }
        };
        assert!(settled(&changed_at(now - 1_000_000_000)));
        assert!(!settled(&changed_at(now)));
        assert!(!settled(&changed_at(now + 1_000_000_000)), "a clock that was set back settles nothing");
        let before_1970 = FileState { changed: (-1, 0), ..changed_at(now) };
        assert!(!settled(&before_1970));
    }
}
