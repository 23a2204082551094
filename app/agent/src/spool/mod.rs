//! The spool: what happened on this host, kept on disk until the server has it.
//!
//! `append` answers when the record survives `kill -9` and a power cut; whoever waits for the permission to
//! start a container waits for that. Records are numbered 1, 2, 3 … and deleted once the server has
//! acknowledged them. The directory holds segments (`<first number>.seg`), `meta.json` and `lock`:
//!
//! * a torn tail (the agent or the machine died while writing) is cut off: nobody was told of it;
//! * a damaged record is skipped, counted as lost and reported;
//! * a full spool or disk fails decisions, so the wish is refused, and drops and counts other events.

mod group;
mod record;
mod segment;
mod meta;
mod recovery;
mod log;
mod reader;
mod writer;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lazaret_format::v1::{AgentEvent, EventKind};
use tokio::sync::watch;

pub use group::Importance;

use crate::clock;
use crate::failure::Failure;
use crate::files;
use group::Group;
use log::Log;
use reader::{Cursor, View};
use writer::Writer;

/// Why something could not be put on record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    #[error("the spool is full ({mebibytes} MiB are waiting for the server)")]
    Full { mebibytes: u64 },
    #[error("the spool cannot be written: {0}")]
    Disk(String),
    #[error("the event is too large for a record")]
    TooLong,
    #[error("the agent is stopping")]
    Stopped,
}

/// Handle to the one spool of the agent; clones share it.
#[derive(Clone)]
pub struct Spool {
    log: Arc<Mutex<Log>>,
    writer: Arc<Writer>,
    last: watch::Receiver<u64>,
    identity: String,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Spool {
    /// Opens the spool in `directory`, or creates it with the identity `fresh`. What was found damaged is
    /// reported as a gap.
    pub fn open(directory: &Path, limit: u64, fresh: [u8; 16]) -> Result<Self, Failure> {
        files::create_private_directory(directory)?;
        let lock = lock(directory)?;
        let (log, damage) =
            Log::open(directory, limit, fresh).map_err(|source| Failure::write(directory, source))?;
        let identity = meta::name(log.identity());
        let log = Arc::new(Mutex::new(log));
        let (writer, last) = Writer::start(Arc::clone(&log), lock);
        let spool = Self { log, writer: Arc::new(writer), last, identity };
        for what in damage {
            tracing::error!("{what}");
            spool.note(EventKind::Gap { what, count: 1 });
        }
        Ok(spool)
    }

    /// 32 hexadecimal digits that name this spool.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Keeps events together or not at all; answers with the first one's number once they are on disk. What is
    /// not a decision and could not be kept is counted as lost.
    pub async fn append(&self, events: Vec<EventKind>, importance: Importance) -> Result<u64, SpoolError> {
        let at = clock::now();
        let records = events.into_iter().map(|event| builder(at.clone(), event)).collect();
        self.writer.append(Group { records, importance }).await
    }

    /// Keeps an event that nobody waits for. If that fails, it is counted as lost.
    pub fn note(&self, event: EventKind) {
        let record = builder(clock::now(), event);
        self.writer.note(Group { records: vec![record], importance: Importance::Event });
    }

    /// Events for the server: those after the ones handed out before.
    pub fn outbox(&self) -> Outbox {
        let acked = locked(&self.log).acked();
        Outbox { spool: self.clone(), cursor: Cursor::at(acked), acked, last: self.last.clone() }
    }

    /// Writes what is waiting and stops. Later appends fail.
    pub fn close(&self) {
        self.writer.close();
    }

    pub fn lost(&self) -> u64 {
        locked(&self.log).lost()
    }
}

/// The sending end of the spool.
#[derive(Debug)]
pub struct Outbox {
    spool: Spool,
    cursor: Cursor,
    acked: u64,
    last: watch::Receiver<u64>,
}

/// Events to send, and the losses so far.
#[derive(Debug, Default)]
pub struct Letter {
    pub events: Vec<AgentEvent>,
    pub lost: u64,
}

impl Outbox {
    /// Waits until there is an event that was not handed out.
    pub async fn wait(&mut self) {
        let behind = self.cursor.after();
        // Fails only when the writer is gone; then nothing more will come.
        if self.last.wait_for(|last| *last > behind).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The next events, at most `count` and about `bytes` of them.
    pub fn read(&mut self, count: usize, bytes: usize) -> Letter {
        let view = {
            let log = locked(&self.spool.log);
            View {
                identity: *log.identity(),
                segments: log.segments(),
                last: log.last(),
                counted: log.counted(),
            }
        };
        let batch = self.cursor.read(&view, count, bytes);
        let mut unreadable = batch.unreadable;
        let mut events = Vec::with_capacity(batch.records.len());
        for (seq, payload) in batch.records {
            match serde_json::from_slice::<AgentEvent>(&payload) {
                Ok(event) => events.push(event),
                Err(error) => {
                    tracing::error!(seq, %error, "an event in the spool is not readable by this version of the agent");
                    unreadable += 1;
                }
            }
        }
        let mut log = locked(&self.spool.log);
        log.add_lost(unreadable);
        Letter { events, lost: log.lost() }
    }

    /// The server has everything up to `through`.
    pub fn ack(&mut self, through: u64) {
        let mut log = locked(&self.spool.log);
        log.ack(through);
        self.acked = log.acked();
    }

    /// Goes back to the first event that the server has not acknowledged.
    pub fn rewind(&mut self) {
        self.cursor = Cursor::at(self.acked);
    }

    /// Gives up an event that the server will never take.
    pub fn give_up(&mut self, seq: u64) {
        let mut log = locked(&self.spool.log);
        log.add_lost(1);
        log.ack(seq);
        self.acked = log.acked();
    }

    pub const fn spool(&self) -> &Spool {
        &self.spool
    }
}

fn builder(at: String, what: EventKind) -> group::Builder {
    Box::new(move |seq| {
        let event = AgentEvent { seq, at, what };
        // Plain strings and numbers under string keys: there is nothing that JSON could refuse.
        serde_json::to_vec(&event).unwrap_or_default()
    })
}

/// A panic while the log was locked leaves at worst a record that nobody was told of; going on is right.
fn locked(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the last agent may take to go.
const DYING: Duration = Duration::from_secs(3);

/// One agent for one state directory: two would give the same number to different events.
pub(crate) fn lock(directory: &Path) -> Result<File, Failure> {
    let path = directory.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|source| Failure::write(&path, source))?;
    // A killed agent goes only when the kernel has taken its programs down, which takes a moment.
    let begun = Instant::now();
    let mut locked = file.try_lock();
    while matches!(locked, Err(TryLockError::WouldBlock)) && begun.elapsed() < DYING {
        std::thread::sleep(Duration::from_millis(50));
        locked = file.try_lock();
    }
    match locked {
        Ok(()) => {
            let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
            written.map_err(|source| Failure::write(&path, source))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = (&file).take(16).read_to_string(&mut pid);
            Err(Failure::Local(format!(
                "another lazaret-agent (process {}) already uses the spool {}; stop it first, or give this \
                 one another `state` directory",
                pid.trim(),
                directory.display()
            )))
        }
        Err(TryLockError::Error(source)) => Err(Failure::write(&path, source)),
    }
}
