//! Log-ins that the policy refuses and a break-glass allows.
//!
//! Engines know containers by names, beginnings of ids and, where a prepared command is started, by the command alone.
//! The engine itself says which container is meant: it holds nothing while it waits for this answer. What it does not
//! say, nobody is let in by.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lazaret_engine::docker::Client;
use lazaret_engine::docker::request::{LogIn, LogInStep};
use lazaret_model::Reason;

use super::gate::shorten;
use crate::break_glass::{BreakGlass, Grant};

/// Within the time that a decision may take.
const PATIENCE: Duration = Duration::from_millis(700);

/// Where it is known what is open.
#[derive(Debug, Clone)]
pub struct Door {
    pub glass: Arc<BreakGlass>,
    pub engine_socket: PathBuf,
}

/// Why nobody is let in although something is open on this host.
struct Shut {
    message: String,
    remedy: &'static str,
}

impl Door {
    /// The break-glass by which this log-in is allowed, with the container's id. `Err`: none, with a further reason
    /// where there is one.
    pub async fn opens(&self, wish: &LogIn) -> Result<(Arc<Grant>, String), Option<Reason>> {
        if !self.glass.is_any_open() {
            return Err(None);
        }
        let found = tokio::time::timeout(PATIENCE, self.container(wish)).await;
        let container = found
            .unwrap_or_else(|_| {
                Err(unknown("the engine did not say in time which container is meant".to_owned()))
            })
            .map_err(|shut| Some(reason(shut)))?;
        match self.glass.permits(&container) {
            Some(grant) => Ok((grant, container)),
            None => Err(None),
        }
    }

    async fn container(&self, wish: &LogIn) -> Result<String, Shut> {
        let subject = &wish.operation.subject;
        let engine =
            Client::connect(&self.engine_socket).await.map_err(|error| unknown(error.to_string()))?;
        let (container, privileged) = match wish.step {
            LogInStep::Start => engine.prepared(subject).await,
            LogInStep::Prepare { privileged } => {
                engine.inspect(subject).await.map(|container| (container.id, privileged))
            }
            LogInStep::Attach => engine.inspect(subject).await.map(|container| (container.id, false)),
        }
        .map_err(|error| unknown(error.to_string()))?;
        if privileged {
            return Err(Shut {
                message: "no break-glass gives privileges that the container does not have".to_owned(),
                remedy: "leave --privileged out",
            });
        }
        Ok(container)
    }
}

fn unknown(why: String) -> Shut {
    Shut {
        message: format!("it cannot be told which container is meant: {}", shorten(&why)),
        remedy: "try again",
    }
}

fn reason(shut: Shut) -> Reason {
    Reason { rule: "break-glass".to_owned(), message: shut.message, remedy: shut.remedy.to_owned() }
}
