//! What one walk may still cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lazaret_model::Limits;

/// A bound of [`Limits`] that was reached, as a lower-case fragment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Exceeded(String);

impl Exceeded {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn io(self) -> std::io::Error {
        std::io::Error::other(self)
    }
}

/// The point in time after which reading stops.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) fn check(self) -> Result<(), Exceeded> {
        match self.0 {
            Some(end) if Instant::now() >= end => Err(Exceeded::new("reading took longer than is allowed")),
            _ => Ok(()),
        }
    }
}

/// Names are kept for the whole walk. Real trees have about 70 bytes of them for each entry.
fn names(limits: &Limits) -> u64 {
    limits.kept_bytes.saturating_mul(4)
}

/// Threads that read parts of one tree have a clone each; all draw on the same means.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    pub(crate) limits: Limits,
    pub(crate) deadline: Deadline,
    left: Arc<Left>,
}

#[derive(Debug)]
struct Left {
    entries: AtomicU64,
    names: AtomicU64,
    kept: AtomicU64,
}

/// Takes from what is left, if there is enough.
fn take(left: &AtomicU64, amount: u64) -> Option<u64> {
    let subtract = |left: u64| left.checked_sub(amount);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract).ok()
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            deadline: Deadline(Instant::now().checked_add(limits.time)),
            left: Arc::new(Left {
                entries: AtomicU64::new(limits.entries),
                names: AtomicU64::new(names(limits)),
                kept: AtomicU64::new(limits.kept_bytes),
            }),
        }
    }

    /// Means of their own for contents, until the same point in time.
    pub(crate) fn apart(&self, kept_bytes: u64) -> Self {
        let limits = Limits { kept_bytes, ..self.limits.clone() };
        Self { deadline: self.deadline, ..Self::new(&limits) }
    }

    /// Accounts for one more entry whose names (and maps of holes) take this many bytes.
    pub(crate) fn take_entry(&mut self, name_bytes: usize) -> Result<(), Exceeded> {
        let left = take(&self.left.entries, 1)
            .ok_or_else(|| Exceeded::new(format!("more than {} entries", self.limits.entries)))?;
        if left.is_multiple_of(1024) {
            self.deadline.check()?;
        }
        self.take_names(name_bytes)
    }

    pub(crate) fn take_names(&mut self, bytes: usize) -> Result<(), Exceeded> {
        take(&self.left.names, bytes as u64)
            .map(drop)
            .ok_or_else(|| Exceeded::new(format!("more than {} bytes of names", names(&self.limits))))
    }

    /// Whether a file of this size may be read into memory.
    pub(crate) fn check_file(&self, size: u64) -> Result<(), Exceeded> {
        let most = self.limits.file_bytes;
        if size <= most {
            return Ok(());
        }
        Err(Exceeded::new(format!("it has {size} bytes, more than the {most} that are read of one file")))
    }

    /// Accounts for content that stays in memory.
    pub(crate) fn keep(&mut self, bytes: u64) -> Result<(), Exceeded> {
        take(&self.left.kept, bytes).map(drop).ok_or_else(|| {
            Exceeded::new(format!("more than {} bytes of wanted files at once", self.limits.kept_bytes))
        })
    }

    pub(crate) fn release(&mut self, bytes: u64) {
        let most = self.limits.kept_bytes;
        let give = |left: u64| Some(left.saturating_add(bytes).min(most));
        // Always some.
        let _ = self.left.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, give);
    }
}
