//! The one way to change something. Requests hand in work; one task does it, many pieces of work to a
//! transaction, so that the flush to disk is shared. An answer leaves when its transaction is on the disk,
//! entries of the audit log and a signed checkpoint over them included.

mod change;
mod ledger;
mod task;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

pub(crate) use change::Change;
pub(crate) use ledger::Ledger;
use task::{Job, Task};

use crate::http::{Answer, ApiError};
use crate::memory::Memory;
use lazaret_store::Writer;

/// Requests that wait for their turn; further ones wait before they get in line.
const QUEUE: usize = 1024;

/// Where requests hand in their work.
#[derive(Debug, Clone)]
pub(crate) struct Commits {
    messages: mpsc::Sender<Message>,
}

#[derive(Debug)]
enum Message {
    Job(Box<dyn Job>),
    End,
}

impl Commits {
    pub(crate) fn start(
        writer: Writer,
        ledger: Ledger,
        memory: Arc<Memory>,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (messages, receiver) = mpsc::channel(QUEUE);
        let task = tokio::spawn(Task { writer, ledger, memory }.run(receiver));
        (Self { messages }, task)
    }

    /// Does `work` in the next transaction. An `Ok` of it is answered when it is durable; an `Err` takes
    /// back what it changed, and nothing else of the transaction.
    pub(crate) async fn run<T, F>(&self, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: for<'a, 'w> FnOnce(&'a mut Change<'w>) -> BoxFuture<'a, Answer<T>> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job = task::Work { work: Some(work), result: None, sender };
        let ending = || ApiError::unavailable("the server is ending: try again when it is back");
        self.messages.send(Message::Job(Box::new(job))).await.map_err(|_| ending())?;
        receiver.await.map_err(|_| ending())?
    }

    /// Work handed in before is done, nothing after.
    pub(crate) async fn end(&self) {
        let _ = self.messages.send(Message::End).await;
    }
}
