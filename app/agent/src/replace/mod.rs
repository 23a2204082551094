//! Replacements: an image that turned bad gives way to a good one, without anybody noticing but the log.
//!
//! The server says what is wanted; the agent does it, step by step, and reports each step. What it means to do
//! is in its journal before it is done, so a killed agent goes on where it stood, or puts everything back.

pub mod advance;
pub mod hands;
pub mod journal;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use lazaret_engine::docker::EngineError;
use lazaret_format::v1::{ReplacementBody, ReplacementProgress};

use crate::clock;
use crate::failure::Failure;
use crate::server::{BackOff, CallError, POLL_SECONDS, Server};
use advance::{Hands, LABEL_NAME, LABEL_REPLACES, advance, successor};
use journal::{Journal, Old, Phase, Shelf};

/// How often a step that the engine refuses is tried again, when going back is not possible any more.
const TRIES: u32 = 8;

/// Works on whatever the server asks for. Runs for ever.
pub async fn run<H: Hands + 'static>(server: Server, hands: Arc<H>, shelf: Shelf) -> Result<(), Failure> {
    let worker = Arc::new(Worker { server, hands, shelf, active: Mutex::new(HashSet::new()) });
    for journal in worker.shelf.load()? {
        Arc::clone(&worker).begin(journal);
    }
    let mut back_off = BackOff::default();
    loop {
        match worker.server.actions(POLL_SECONDS).await {
            Ok(actions) => {
                back_off.reset();
                worker.take_on(actions.replacements).await;
                // A server that does not wait must not be asked without a pause.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(error) => {
                tracing::debug!(%error, "cannot ask for replacements");
                back_off.wait().await;
            }
        }
    }
}

struct Worker<H> {
    server: Server,
    hands: Arc<H>,
    shelf: Shelf,
    active: Mutex<HashSet<String>>,
}

impl<H: Hands + 'static> Worker<H> {
    async fn take_on(self: &Arc<Self>, wanted: Vec<ReplacementBody>) {
        let known = match self.shelf.load() {
            Ok(known) => known,
            Err(failure) => {
                tracing::error!("{failure}");
                return;
            }
        };
        for journal in &known {
            // The server has seen the end of it and asks no more.
            if journal.is_settled() && wanted.iter().all(|body| body.id != journal.id) {
                let _ = self.shelf.remove(&journal.id);
            }
        }
        for body in wanted {
            if self.is_active(&body.id) {
                continue;
            }
            let journal = match known.iter().find(|journal| journal.id == body.id) {
                // Settled here, but the server still asks: it did not keep the last report.
                Some(journal) => Journal { reported: 0, ..journal.clone() },
                None if body.state == "planned" => Journal::new(&body),
                None => match recover(&*self.hands, &body).await {
                    Ok(journal) => journal,
                    Err(error) => {
                        tracing::warn!(replacement = body.id, %error, "cannot find out how far a replacement is");
                        continue;
                    }
                },
            };
            Arc::clone(self).begin(journal);
        }
    }

    fn begin(self: Arc<Self>, mut journal: Journal) {
        if !self.lock().insert(journal.id.clone()) {
            return;
        }
        tokio::spawn(async move {
            if let Err(failure) = self.work(&mut journal).await {
                tracing::error!(
                    replacement = journal.id,
                    "{failure}; it goes on when the agent is started again"
                );
            }
            self.lock().remove(&journal.id);
        });
    }

    async fn work(&self, journal: &mut Journal) -> Result<(), Failure> {
        self.shelf.save(journal)?;
        let mut back_off = BackOff::default();
        let mut tries = 0;
        while !journal.phase.is_final() {
            let before = journal.phase;
            match advance(&*self.hands, journal).await {
                Ok(()) => back_off.reset(),
                Err(error) => {
                    tracing::warn!(replacement = journal.id, %error, "a step of a replacement failed");
                    tries = if matches!(error, EngineError::Unreachable { .. }) { tries } else { tries + 1 };
                    if tries > TRIES {
                        stuck(journal, &error);
                    } else {
                        back_off.wait().await;
                    }
                }
            }
            if journal.phase != before {
                tries = 0;
            }
            self.shelf.save(journal)?;
            let _ = self.report(journal).await;
        }
        let mut back_off = BackOff::default();
        while let Err(error) = self.report(journal).await {
            tracing::debug!(replacement = journal.id, %error, "cannot report the end of a replacement");
            back_off.wait().await;
        }
        Ok(())
    }

    /// Sends the steps that the server has not got.
    async fn report(&self, journal: &mut Journal) -> Result<(), CallError> {
        while let Some(step) = journal.steps.get(journal.reported) {
            let progress = ReplacementProgress {
                state: step.state.clone(),
                index: u32::try_from(journal.first_index + journal.reported).unwrap_or(u32::MAX),
                at: step.at.clone(),
                text: step.text.clone(),
                successor: journal.successor.clone(),
            };
            match self.server.report_replacement(&journal.id, &progress).await {
                Ok(()) => {}
                Err(CallError::Refused { message, .. }) => {
                    tracing::warn!(replacement = journal.id, "the server does not take a step: {message}");
                }
                Err(error) => return Err(error),
            }
            journal.reported += 1;
            if let Err(failure) = self.shelf.save(journal) {
                tracing::error!("{failure}");
            }
        }
        Ok(())
    }

    fn is_active(&self, id: &str) -> bool {
        self.lock().contains(id)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stuck(journal: &mut Journal, error: &EngineError) {
    let name = journal.old.as_ref().map_or(journal.container.clone(), |old| old.name.clone());
    let trouble = journal
        .trouble
        .as_ref()
        .map(|trouble| format!(" (it was rolled back because {trouble})"))
        .unwrap_or_default();
    journal.enter(
        Phase::Failed,
        format!("stuck{trouble}: {error}; look at `docker ps -a` for {name} and its successor, and put right what is left"),
    );
}

/// The server says that a replacement is on its way, but there is no journal: the state directory is another
/// one. What the engine shows decides: if the old container still has its networks, it stays.
async fn recover(hands: &impl Hands, body: &ReplacementBody) -> Result<Journal, EngineError> {
    let mut journal = Journal { first_index: body.steps.len(), ..Journal::new(body) };
    let Some(found) = successor(hands, &body.id).await? else {
        journal.enter(
            Phase::Failed,
            "the agent's notes were lost before a new container was made; ask for it again",
        );
        return Ok(journal);
    };
    journal.successor = Some(found.id.clone());
    journal.waiting_since = Some(clock::now());
    let old = match found.labels.get(LABEL_REPLACES) {
        Some(old) => hands.inspect(old).await.map(Some),
        None => Ok(None),
    };
    let name = found.labels.get(LABEL_NAME).cloned();
    match old {
        // A successor that does not run, because its port was still taken, serves nobody: the old one must.
        Ok(Some(old)) if old.running || !found.running => {
            let trouble = "the agent's notes were lost".to_owned();
            journal.old = Some(Old {
                id: old.id,
                name: name.unwrap_or(old.name),
                networks: Vec::new(),
                ports: old.published,
            });
            journal.enter(Phase::RollingBack, format!("rolling back: {trouble}"));
            journal.trouble = Some(trouble);
        }
        Ok(Some(old)) => {
            journal.old = Some(Old {
                id: old.id,
                name: name.unwrap_or(old.name),
                networks: Vec::new(),
                ports: Vec::new(),
            });
            journal.enter(
                Phase::Retiring,
                "the agent's notes were lost; the new container already serves alone",
            );
        }
        Ok(None) | Err(EngineError::NotFound { .. }) => {
            journal.enter(
                Phase::Done,
                "the agent's notes were lost; the new container serves and the old one is gone",
            );
        }
        Err(error) => return Err(error),
    }
    Ok(journal)
}
