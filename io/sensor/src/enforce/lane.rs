//! One fanotify group with its threads.
//!
//! The reader takes events, answers those that need no reading, and is the watchdog of the rest: it never
//! reads a file, so nothing can hold it up. Workers read files. If all are busy more are started, up to a
//! bound; no container may occupy more than a few of them.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::fanotify::{EventFFlags, Fanotify, FanotifyEvent, InitFlags, MarkFlags, MaskFlags};
use tokio::sync::mpsc;

use super::decision::{self, Cache, Glance, Registered, Ruling};
use super::guarded::Guarded;
use super::lineage::Lineages;
use super::opens::{self, Keeping, Kept, Opening, Refusals};
use super::pending::Pending;
use super::starts::Starts;
use crate::event::{DenyReason, SensorEvent};
use crate::sys;

const WORKERS: usize = 8;
const WORKERS_OF_ONE_CONTAINER: usize = 2;
/// More wait in the kernel, without a descriptor of ours.
const PENDING: usize = 512;
/// How long a writer that is about to close the file is waited for.
const WRITER_PATIENCE: Duration = Duration::from_secs(1);
/// Files held for processes that were allowed to execute them, but have not begun.
const HELD: usize = 256;
const STACK: usize = 256 << 10;

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) registered: Registered,
    pub(crate) keeping: Keeping,
    pub(crate) lineages: Lineages,
    pub(crate) cache: Cache,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) events: mpsc::Sender<SensorEvent>,
    /// Refusals that could not be told because the receiver is behind.
    pub(crate) untold: Arc<AtomicU64>,
    pub(crate) starts: Arc<Starts>,
    /// How long a process may be kept waiting.
    pub(crate) deadline: Duration,
}

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) group: Arc<Fanotify>,
    stop: Arc<EventFd>,
    work: Arc<Work>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Work {
    common: Arc<Common>,
    queue: Mutex<Queue>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<(Arc<Pending>, Matter)>,
    workers: usize,
    idle: usize,
    stopped: bool,
}

/// What is decided by reading a file.
#[derive(Debug)]
enum Matter {
    /// Whether it is executed.
    Execution(Arc<Guarded>),
    /// Whether it opens a secret.
    Opening(Arc<Kept>),
}

impl Matter {
    /// Files of the container that are being read now.
    fn reading(&self) -> &AtomicUsize {
        match self {
            Self::Execution(guarded) => &guarded.reading,
            Self::Opening(kept) => &kept.reading,
        }
    }
}

impl Lane {
    pub(crate) fn start(name: &str, common: Arc<Common>) -> io::Result<Self> {
        let group = Arc::new(Fanotify::init(
            InitFlags::FAN_CLASS_CONTENT
                | InitFlags::FAN_UNLIMITED_QUEUE
                | InitFlags::FAN_UNLIMITED_MARKS
                | InitFlags::FAN_CLOEXEC
                | InitFlags::FAN_NONBLOCK,
            // Without waiting: a named pipe among secrets, or a lease on a file, must not hold up the reader.
            EventFFlags::O_RDONLY
                | EventFFlags::O_CLOEXEC
                | EventFFlags::O_LARGEFILE
                | EventFFlags::O_NONBLOCK,
        )?);
        let stop = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let work = Arc::new(Work { common, queue: Mutex::default(), ready: Condvar::new() });
        let reader = Reader {
            group: group.clone(),
            stop: stop.clone(),
            work: work.clone(),
            pending: Vec::new(),
            being_written: Vec::new(),
            held: VecDeque::new(),
        };
        let reader = thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(|| reader.run())?;
        Ok(Self { group, stop, work, reader: Some(reader) })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let _ = self.stop.write(1);
        self.work.lock().stopped = true;
        self.work.ready.notify_all();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

struct Reader {
    group: Arc<Fanotify>,
    stop: Arc<EventFd>,
    work: Arc<Work>,
    pending: Vec<Arc<Pending>>,
    /// Those of them whose file somebody writes to, and until when that is borne.
    being_written: Vec<(Arc<Pending>, Arc<Guarded>, Instant)>,
    /// Allowed. The kernel itself forbids writing to a file that is executed, but only some time after our
    /// answer; until then the lease does.
    held: VecDeque<Arc<Pending>>,
}

impl Reader {
    fn run(mut self) {
        loop {
            let room = self.pending.len() < PENDING;
            let wanted = if room { PollFlags::POLLIN } else { PollFlags::empty() };
            let mut fds =
                [PollFd::new(self.stop.as_fd(), PollFlags::POLLIN), PollFd::new(self.group.as_fd(), wanted)];
            let idle = self.pending.is_empty() && self.held.is_empty();
            let timeout = if idle { PollTimeout::NONE } else { PollTimeout::from(10u8) };
            let ready = match poll(&mut fds, timeout) {
                Ok(_) => fds.map(|fd| fd.any().unwrap_or(false)),
                Err(_) => [false, false],
            };
            if ready[0] {
                return self.finish();
            }
            if ready[1] && room {
                self.take();
            }
            self.sweep();
        }
    }

    /// Refuses what has waited too long, and lets go of files whose execution has begun.
    fn sweep(&mut self) {
        let now = Instant::now();
        for pending in &self.pending {
            if !pending.is_answered() && now >= pending.deadline {
                self.work.give_up(pending);
            }
        }
        for (pending, guarded, until) in mem::take(&mut self.being_written) {
            match pending.lease() {
                Err(problem) if decision::is_being_written(&problem) && now < until => {
                    self.being_written.push((pending, guarded, until));
                }
                Err(problem) if decision::is_being_written(&problem) => {
                    let ruling = Ruling::deny(DenyReason::OpenForWriting);
                    self.work.settle(&pending, Some(&guarded), ruling);
                }
                _ => self.work.enqueue(pending, Matter::Execution(guarded)),
            }
        }
        self.held.extend(self.pending.extract_if(.., |pending| pending.is_answered()));
        let now = sys::boot_clock();
        self.held.retain(|held| held.is_held(now));
        let excess = self.held.len().saturating_sub(HELD);
        self.held.drain(..excess);
    }

    /// Leaves no process waiting. A worker that hangs in a read keeps the group open, and with it the marks.
    fn finish(&mut self) {
        for kind in [MarkFlags::FAN_MARK_INODE, MarkFlags::FAN_MARK_MOUNT, MarkFlags::FAN_MARK_FILESYSTEM] {
            let flags = MarkFlags::FAN_MARK_FLUSH | kind;
            // Cannot fail for a group of ours; if it does, the end of this process still removes the marks.
            let _ = self.group.mark(flags, MaskFlags::empty(), AT_FDCWD, None::<&Path>);
        }
        while let Ok(events) = self.group.read_events() {
            let wait: Vec<_> =
                events.into_iter().filter(is_question).map(|event| self.pending(event)).collect();
            self.pending.extend(wait);
        }
        for pending in &self.pending {
            pending.answer(false);
        }
    }

    fn pending(&self, event: FanotifyEvent) -> Arc<Pending> {
        let common = &self.work.common;
        Arc::new(Pending::new(common.starts.clone(), self.group.clone(), event, common.deadline))
    }

    fn take(&mut self) {
        let events = match self.group.read_events() {
            Ok(events) => events,
            Err(Errno::EAGAIN | Errno::EINTR) => return,
            // Too many open files, or the file vanished: the kernel has refused that one execution itself.
            Err(_) => return thread::sleep(Duration::from_millis(1)),
        };
        for event in events.into_iter().filter(is_question) {
            let pending = self.pending(event);
            self.pending.push(pending.clone());
            if panic::catch_unwind(AssertUnwindSafe(|| self.glance(&pending))).is_err() {
                pending.answer(false);
            }
        }
    }

    fn glance(&mut self, pending: &Arc<Pending>) {
        if pending.is_opening() {
            match opens::glance(pending, &self.work.common.keeping) {
                Opening::Allow => drop(pending.answer(true)),
                Opening::Refuse => drop(pending.answer(false)),
                Opening::RefuseTo(kept) => self.work.refuse(pending, &kept),
                Opening::Unread(kept) => self.work.enqueue(pending.clone(), Matter::Opening(kept)),
            }
            return;
        }
        let common = &self.work.common;
        match decision::glance(pending, &common.registered, &common.cache, &common.lineages) {
            Glance::Ruled(guarded, ruling) => self.work.settle(pending, guarded.as_deref(), ruling),
            Glance::Unread(guarded) => {
                self.work.enqueue(pending.clone(), Matter::Execution(guarded));
            }
            Glance::BeingWritten(guarded) => {
                self.being_written.push((pending.clone(), guarded, Instant::now() + WRITER_PATIENCE));
            }
        }
    }
}

fn is_question(event: &FanotifyEvent) -> bool {
    let asks = MaskFlags::FAN_OPEN_EXEC_PERM | MaskFlags::FAN_OPEN_PERM;
    event.check_version() && event.fd().is_some() && event.mask().intersects(asks)
}

impl Work {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers, then tells.
    fn settle(&self, pending: &Pending, guarded: Option<&Guarded>, ruling: Ruling) {
        let Ruling::Deny { reason, content } = ruling else {
            pending.answer(true);
            return;
        };
        let told = decision::describe(pending, guarded, reason, content);
        // The receiver must never hold up a decision: what it cannot take is counted.
        if pending.answer(false) && self.common.events.try_send(SensorEvent::ExecutionDenied(told)).is_err() {
            self.common.untold.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Describes, answers, then tells.
    fn refuse(&self, pending: &Pending, kept: &Kept) {
        let told = opens::describe(pending, kept);
        if pending.answer(false) {
            self.common.refusals.put(told);
        }
    }

    /// Nobody has decided in time.
    fn give_up(&self, pending: &Pending) {
        if !pending.is_opening() {
            self.settle(pending, None, Ruling::deny(DenyReason::TooSlow));
        } else if pending.answer(false) {
            self.common.refusals.miss();
        }
    }

    fn enqueue(self: &Arc<Self>, pending: Arc<Pending>, matter: Matter) {
        let mut queue = self.lock();
        queue.jobs.push_back((pending, matter));
        if queue.jobs.len() > queue.idle && queue.workers < WORKERS {
            let work = self.clone();
            let name = "lazaret-hash".to_owned();
            let spawned = thread::Builder::new().name(name).stack_size(STACK).spawn(move || work.run());
            // Without a new thread the others come by; without any, the deadline does.
            queue.workers += usize::from(spawned.is_ok());
        }
        drop(queue);
        self.ready.notify_one();
    }

    fn run(&self) {
        while let Some((pending, matter)) = self.next() {
            if panic::catch_unwind(AssertUnwindSafe(|| self.examine(&pending, &matter))).is_err() {
                pending.answer(false);
            }
            // A job that was left because its container had enough readers is taken by this very thread next.
            matter.reading().fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn examine(&self, pending: &Pending, matter: &Matter) {
        match matter {
            Matter::Execution(guarded) => {
                let Common { cache, lineages, .. } = &*self.common;
                let examine = AssertUnwindSafe(|| decision::examine(pending, guarded, cache, lineages));
                let ruling = panic::catch_unwind(examine).unwrap_or(Ruling::deny(DenyReason::Internal));
                self.settle(pending, Some(guarded), ruling);
            }
            Matter::Opening(kept) => match opens::examine(pending, kept, &self.common.cache) {
                true => drop(pending.answer(true)),
                false => self.refuse(pending, kept),
            },
        }
    }

    fn next(&self) -> Option<(Arc<Pending>, Matter)> {
        let mut queue = self.lock();
        loop {
            if queue.stopped {
                return None;
            }
            let free = |(_, matter): &(Arc<Pending>, Matter)| {
                matter.reading().load(Ordering::Relaxed) < WORKERS_OF_ONE_CONTAINER
            };
            if let Some(job) = queue.jobs.iter().position(free).and_then(|at| queue.jobs.remove(at)) {
                job.1.reading().fetch_add(1, Ordering::Relaxed);
                return Some(job);
            }
            queue.idle += 1;
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Whoever still waits is refused by `Pending` itself.
        mem::take(&mut self.lock().jobs);
    }
}
