//! The thread that writes the spool: everything that waits is written at once, with one `fdatasync`.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::group::Group;
use super::log::Log;
use super::{SpoolError, locked};

/// Groups written together: bounds the time that the last of them waits.
const BATCH_GROUPS: usize = 256;
/// Events that wait in memory; more are dropped and counted.
const WAITING_EVENTS: usize = 10_000;
/// How old acknowledgement and losses in `meta.json` may be.
const META_AGE: Duration = Duration::from_secs(1);

type Reply = oneshot::Sender<Result<u64, SpoolError>>;

pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// Decisions have their own queue, so that a flood of events does not make them wait.
#[derive(Default)]
struct Waiting {
    decisions: VecDeque<(Group, Reply)>,
    events: VecDeque<Group>,
    dropped: u64,
    closed: bool,
}

impl Writer {
    /// The lock is held as long as the thread may write.
    pub(super) fn start(log: Arc<Mutex<Log>>, lock: File) -> (Self, watch::Receiver<u64>) {
        let queue = Arc::new(Queue::default());
        let (sender, receiver) = watch::channel(locked(&log).last());
        let thread = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                run(&queue, &log, &sender);
                drop(lock);
            }
        });
        (Self { queue, thread: Mutex::new(Some(thread)) }, receiver)
    }

    pub(super) async fn append(&self, group: Group) -> Result<u64, SpoolError> {
        let (reply, answer) = oneshot::channel();
        {
            let mut waiting = self.queue.lock();
            if waiting.closed {
                return Err(SpoolError::Stopped);
            }
            waiting.decisions.push_back((group, reply));
        }
        self.queue.changed.notify_one();
        answer.await.unwrap_or(Err(SpoolError::Stopped))
    }

    pub(super) fn note(&self, group: Group) {
        let mut waiting = self.queue.lock();
        if waiting.closed || waiting.events.len() >= WAITING_EVENTS {
            waiting.dropped += group.events();
        } else {
            waiting.events.push_back(group);
        }
        drop(waiting);
        self.queue.changed.notify_one();
    }

    pub(super) fn close(&self) {
        self.queue.lock().closed = true;
        self.queue.changed.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the spool's writer had panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work; `None` when closed and empty. After `META_AGE` without work the answer is empty.
    fn take(&self) -> Option<(Vec<Group>, Vec<Option<Reply>>, u64)> {
        let mut waiting = self.lock();
        if waiting.decisions.is_empty() && waiting.events.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.changed.wait_timeout(waiting, META_AGE).unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut groups = Vec::new();
        let mut replies = Vec::new();
        while groups.len() < BATCH_GROUPS
            && let Some((group, reply)) = waiting.decisions.pop_front()
        {
            groups.push(group);
            replies.push(Some(reply));
        }
        while groups.len() < BATCH_GROUPS
            && let Some(group) = waiting.events.pop_front()
        {
            groups.push(group);
            replies.push(None);
        }
        Some((groups, replies, std::mem::take(&mut waiting.dropped)))
    }
}

fn run(queue: &Queue, log: &Mutex<Log>, last: &watch::Sender<u64>) {
    let mut saved = Instant::now();
    while let Some((groups, replies, dropped)) = queue.take() {
        let mut log = locked(log);
        log.add_lost(dropped);
        let events: Vec<u64> = groups.iter().map(Group::events).collect();
        let results = if groups.is_empty() { Vec::new() } else { log.append(groups) };
        for ((result, reply), events) in results.into_iter().zip(replies).zip(events) {
            if result.is_err() {
                log.add_lost(events);
            }
            if let Some(reply) = reply {
                // Who asked may have given up waiting; the record stays.
                let _ = reply.send(result);
            }
        }
        if saved.elapsed() >= META_AGE {
            log.save_meta();
            saved = Instant::now();
        }
        let newest = log.last();
        drop(log);
        last.send_if_modified(|known| std::mem::replace(known, newest) != newest);
    }
    locked(log).save_meta();
}
