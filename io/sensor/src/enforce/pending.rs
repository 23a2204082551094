use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::fanotify::{Fanotify, FanotifyEvent, FanotifyResponse, MaskFlags, Response};
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::starts::Starts;
use crate::sys;

/// A process that stands still in `execve` or `open` until it gets its answer.
///
/// It gets exactly one, whatever happens to the thread that works on it: dropped unanswered, it is refused.
#[derive(Debug)]
pub(crate) struct Pending {
    starts: Arc<Starts>,
    group: Arc<Fanotify>,
    event: FanotifyEvent,
    pub(crate) deadline: Instant,
    leased: AtomicBool,
    answered: AtomicBool,
    /// On the boot clock; set only if it was allowed.
    allowed_at: OnceLock<u64>,
}

impl Pending {
    pub(crate) fn new(
        starts: Arc<Starts>,
        group: Arc<Fanotify>,
        event: FanotifyEvent,
        time: Duration,
    ) -> Self {
        let deadline = Instant::now() + time;
        let [leased, answered] = [false, false].map(AtomicBool::new);
        Self { starts, group, event, deadline, leased, answered, allowed_at: OnceLock::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.event.pid().unsigned_abs()
    }

    /// Whether the file is opened for anything; otherwise for execution.
    pub(crate) fn is_opening(&self) -> bool {
        self.event.mask().contains(MaskFlags::FAN_OPEN_PERM)
    }

    /// The file that it opens. Reading it raises no event.
    pub(crate) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.event.fd()
    }

    /// Keeps others from writing into the file until this is dropped.
    pub(crate) fn lease(&self) -> io::Result<()> {
        if self.leased.load(Ordering::Acquire) {
            return Ok(());
        }
        sys::read_lease(self.file().ok_or(io::ErrorKind::InvalidInput)?)?;
        self.leased.store(true, Ordering::Release);
        self.starts.hold();
        Ok(())
    }

    /// A second descriptor of the same open file, read from its start.
    pub(crate) fn open(&self) -> io::Result<File> {
        let fd = self.file().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(File::from(fd.try_clone_to_owned()?))
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.answered.load(Ordering::Acquire)
    }

    /// Whether the file still has to be kept as it is, because it was allowed and the program may not have begun.
    pub(crate) fn is_held(&self, now: u64) -> bool {
        let Some(since) = self.allowed_at.get().filter(|_| self.leased.load(Ordering::Acquire)) else {
            return false;
        };
        let gone = || kill(Pid::from_raw(self.event.pid()), None) == Err(Errno::ESRCH);
        !self.starts.is_over(self.pid(), *since, now) && !gone()
    }

    /// Lets the process go on, or fail with EPERM. False if it had its answer already.
    pub(crate) fn answer(&self, allow: bool) -> bool {
        if self.answered.swap(true, Ordering::AcqRel) {
            return false;
        }
        if allow {
            // Before the answer: the program may have started before this thread goes on.
            let _ = self.allowed_at.set(sys::boot_clock());
        }
        if let Some(fd) = self.event.fd() {
            let response = if allow { Response::FAN_ALLOW } else { Response::FAN_DENY };
            // This fails only if the process was killed while it waited: nobody is left to be told.
            let _ = self.group.write_response(FanotifyResponse::new(fd.as_fd(), response));
        }
        true
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.answer(false);
        if let Some(fd) = self.event.fd().filter(|_| self.leased.load(Ordering::Acquire)) {
            sys::release_lease(fd);
            self.starts.let_go();
        }
    }
}
