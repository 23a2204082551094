//! What is done about a deviation beside telling it, and what cannot be done here.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lazaret_format::v1::EventKind;
use lazaret_model::EngineAction;
use lazaret_profile::Action;
use lazaret_profile::Mode;
use lazaret_profile::check::Deviation;
use lazaret_sensor::{Observation, Outcome};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::group;
use super::keeper::Keeper;
use crate::authz::intents::Intents;
use crate::break_glass::BreakGlass;
use crate::engine_http;
use crate::spool::Spool;

const PAUSE_PATIENCE: Duration = Duration::from_secs(10);

/// The hands of the agent.
#[derive(Debug, Clone)]
pub struct Answers {
    pub keeper: Arc<Keeper>,
    pub engine_socket: PathBuf,
    pub intents: Arc<Intents>,
    pub spool: Spool,
    /// By whose leave somebody comes in.
    pub glass: Arc<BreakGlass>,
}

/// What was already done to a container: once is enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    paused: bool,
    quarantined: bool,
}

impl Answers {
    /// Does what the profile orders for a dimension that blocks, as far as it can be done here; answers with a
    /// sentence about it for the event, empty where there is nothing to add.
    pub fn answer(&self, deviation: &Deviation, observation: &Observation, done: &mut Done) -> String {
        if deviation.mode != Mode::Block || observation.outcome.is_prevented() {
            return String::new();
        }
        let has_failed = matches!(observation.outcome, Outcome::Failed(_));
        match deviation.action {
            Action::Alert => String::new(),
            Action::Deny if has_failed => String::new(),
            Action::Deny if observation.outcome == Outcome::Killed => String::new(),
            Action::Deny => "nothing on this host could refuse it: it is only told".to_owned(),
            Action::Kill => match observation.outcome {
                Outcome::Killed => String::new(),
                _ => end_process(observation),
            },
            Action::Pause if done.paused => "the container was paused before".to_owned(),
            Action::Pause => {
                done.paused = true;
                self.pause(observation.container.clone())
            }
            Action::Quarantine if done.quarantined => "the container was quarantined before".to_owned(),
            Action::Quarantine => {
                match self.keeper.quarantine(&observation.container, observation.cgroup_id) {
                    Ok(()) => {
                        done.quarantined = true;
                        "the container reaches nobody any more; connections that were open stay so".to_owned()
                    }
                    Err(why) => format!("the container could not be quarantined: {why}"),
                }
            }
            Action::Replace => "agents replace containers on the order of the server only".to_owned(),
        }
    }

    /// The engine pauses it, so that the engine can unpause it. That takes its time; a failure is told by itself.
    fn pause(&self, container: String) -> String {
        if container.starts_with("ns:") {
            return "the container belongs to no engine that could pause it".to_owned();
        }
        let Self { engine_socket, intents, spool, .. } = self.clone();
        tokio::spawn(async move {
            intents.announce(EngineAction::Pause, &container, None);
            let uri = format!("/containers/{container}/pause");
            let why = match engine_http::send(&engine_socket, "POST", &uri, PAUSE_PATIENCE).await {
                Ok(answer) if answer.status.contains(" 204 ") => return,
                Ok(answer) => answer.complaint().unwrap_or(answer.status),
                Err(error) => error.to_string(),
            };
            let what = format!("container {container} could not be paused: {why}");
            tracing::error!("{what}");
            spool.note(EventKind::Gap { what, count: 1 });
        });
        "the engine was asked to pause the container".to_owned()
    }
}

/// Ends the process afterwards. What it did is done: this is never called prevented.
fn end_process(observation: &Observation) -> String {
    let pid = observation.behaviour.actor.pid;
    // The number may have been given to another process meanwhile: never to one outside the container's group.
    if group::of(pid, &observation.container).is_err() {
        return "its process had ended before it could be killed".to_owned();
    }
    match i32::try_from(pid).map(|pid| kill(Pid::from_raw(pid), Signal::SIGKILL)) {
        Ok(Ok(())) => "its process was killed afterwards".to_owned(),
        Ok(Err(errno)) => format!("its process could not be killed: {}", errno.desc()),
        Err(_) => "its process has no number".to_owned(),
    }
}
