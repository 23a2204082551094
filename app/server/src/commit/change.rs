use std::fmt;

use lazaret_store::{View, Write};
use serde::Serialize;

use super::ledger::{Draft, DraftMark, Ledger};
use crate::clock;
use crate::http::{Answer, ApiError};
use crate::memory::Memory;

/// What is done to the memory once the transaction is durable.
pub(super) type After = Box<dyn FnOnce(&Memory) + Send>;

/// A transaction under way: what a piece of work may do.
pub(crate) struct Change<'w> {
    pub(crate) write: Write<'w>,
    now: String,
    draft: Draft,
    after: Vec<After>,
    /// Position of the newest event, once somebody asked.
    position: Option<u64>,
}

impl fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change").field("draft", &self.draft).finish_non_exhaustive()
    }
}

/// Where a piece of work began.
pub(super) struct Mark {
    draft: DraftMark,
    after: usize,
    position: Option<u64>,
}

impl<'w> Change<'w> {
    pub(super) fn new(write: Write<'w>, draft: Draft) -> Self {
        Self { write, now: clock::now(), draft, after: Vec::new(), position: None }
    }

    pub(crate) fn view(&mut self) -> View<'_> {
        self.write.view()
    }

    /// The time of the transaction.
    pub(crate) fn now(&self) -> &str {
        &self.now
    }

    /// Appends an entry to the audit log and answers its index. Refuses while the log is closed: what must
    /// leave a trace does not happen without one.
    pub(crate) fn record(&mut self, kind: &str, data: impl Serialize) -> Answer<u64> {
        match &self.draft.closed {
            Some(why) => Err(ApiError::unavailable(format!(
                "the audit log is closed, and this needs an entry in it: {why}; restore the server's state from a backup"
            ))),
            None => self.draft.append(&self.now, kind, data),
        }
    }

    /// The same for what has happened already and must be kept in any case: `None` while the log is closed.
    pub(crate) fn record_if_open(&mut self, kind: &str, data: impl Serialize) -> Answer<Option<u64>> {
        if self.draft.closed.is_some() { Ok(None) } else { self.record(kind, data).map(Some) }
    }

    /// The first of `count` positions for new events.
    pub(crate) async fn take_positions(&mut self, count: usize) -> Answer<u64> {
        let newest = match self.position {
            Some(newest) => newest,
            None => self.view().last_position().await?,
        };
        self.position = Some(newest + count as u64);
        Ok(newest + 1)
    }

    /// Does something to the memory once everything is durable, in the order of the transactions.
    pub(crate) fn after(&mut self, effect: impl FnOnce(&Memory) + Send + 'static) {
        self.after.push(Box::new(effect));
    }

    pub(super) async fn mark(&mut self) -> Answer<Mark> {
        self.write.mark().await?;
        Ok(Mark { draft: self.draft.mark(), after: self.after.len(), position: self.position })
    }

    pub(super) async fn keep(&mut self) -> Answer<()> {
        Ok(self.write.keep().await?)
    }

    pub(super) async fn undo(&mut self, mark: Mark) -> Answer<()> {
        self.draft.undo(mark.draft);
        self.after.truncate(mark.after);
        self.position = mark.position;
        Ok(self.write.undo().await?)
    }

    /// Signs a checkpoint over what was appended and makes everything durable.
    pub(super) async fn commit(mut self, ledger: &Ledger) -> Answer<(Draft, Vec<After>)> {
        if !self.draft.leaves.is_empty()
            && let Some(checkpoint) = ledger.sign(&self.draft)
        {
            self.write.add_audit_leaves(&self.draft.leaves).await?;
            self.write.add_checkpoint(self.draft.size(), &checkpoint).await?;
        }
        self.write.commit().await?;
        Ok((self.draft, self.after))
    }
}
