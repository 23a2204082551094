use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lazaret_store::Writer;
use tokio::sync::{mpsc, oneshot};

use super::Message;
use super::change::{After, Change};
use super::ledger::{Draft, Ledger};
use crate::http::{Answer, ApiError};
use crate::memory::Memory;

/// Pieces of work in one transaction.
const GROUP: usize = 128;

/// A piece of work whose kind of answer is forgotten.
pub(super) trait Job: Send + fmt::Debug {
    /// Does it; tells whether its changes shall stay.
    fn run<'a>(&'a mut self, change: &'a mut Change<'_>) -> BoxFuture<'a, bool>;

    /// Answers: with the `failure` of the whole transaction, or with what came of the work.
    fn finish(self: Box<Self>, failure: Option<ApiError>);
}

pub(super) struct Work<F, T> {
    pub(super) work: Option<F>,
    pub(super) result: Option<Answer<T>>,
    pub(super) sender: oneshot::Sender<Answer<T>>,
}

impl<F, T> fmt::Debug for Work<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

impl<F, T> Job for Work<F, T>
where
    T: Send + 'static,
    F: for<'a, 'w> FnOnce(&'a mut Change<'w>) -> BoxFuture<'a, Answer<T>> + Send + 'static,
{
    fn run<'a>(&'a mut self, change: &'a mut Change<'_>) -> BoxFuture<'a, bool> {
        let work = self.work.take();
        Box::pin(async move {
            let Some(work) = work else { return false };
            let result = work(change).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn finish(self: Box<Self>, failure: Option<ApiError>) {
        let answer = match (self.result, failure) {
            (Some(Err(own)), _) => Err(own),
            (_, Some(failure)) => Err(failure),
            (Some(Ok(answer)), None) => Ok(answer),
            (None, None) => Err(ApiError::internal("a piece of work was not done")),
        };
        // Whoever asked may have gone away; what was done stays done.
        let _ = self.sender.send(answer);
    }
}

/// The task that owns the writing connection.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) writer: Writer,
    pub(super) ledger: Ledger,
    pub(super) memory: Arc<Memory>,
}

impl Task {
    pub(super) async fn run(mut self, mut receiver: mpsc::Receiver<Message>) {
        let mut messages = Vec::with_capacity(GROUP);
        let mut ending = false;
        while !ending && receiver.recv_many(&mut messages, GROUP).await > 0 {
            let mut jobs = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Job(job) if !ending => jobs.push(job),
                    Message::Job(_) => {}
                    Message::End => ending = true,
                }
            }
            if !jobs.is_empty() {
                self.commit(jobs).await;
            }
        }
        if let Err(error) = self.writer.close().await {
            tracing::warn!("failed to close the database in good order, which loses nothing: {error}");
        }
    }

    async fn commit(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let failure = match self.transaction(&mut jobs).await {
            Ok((draft, after)) => {
                self.ledger.advance(draft);
                for effect in after {
                    effect(&self.memory);
                }
                None
            }
            Err(error) => Some(error),
        };
        for job in jobs {
            job.finish(failure.clone());
        }
    }

    async fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Answer<(Draft, Vec<After>)> {
        let mut change = Change::new(self.writer.begin().await?, self.ledger.draft());
        for job in jobs {
            let mark = change.mark().await?;
            let done = AssertUnwindSafe(job.run(&mut change)).catch_unwind().await;
            match done {
                Ok(true) => change.keep().await?,
                Ok(false) => change.undo(mark).await?,
                Err(_) => return Err(ApiError::internal("a piece of work panicked")),
            }
        }
        change.commit(&self.ledger).await
    }
}
