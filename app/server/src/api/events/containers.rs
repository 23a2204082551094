use std::collections::{BTreeMap, BTreeSet};

use lazaret_fleet::{Index, Start};
use lazaret_format::v1::EventKind;
use lazaret_model::{ContainerKey, Digest};
use lazaret_store::{ContainerRow, EndedRun};

use super::check::Event;
use crate::auth::AgentCaller;
use crate::clock;
use crate::commit::Change;
use crate::http::Answer;

/// Seconds by which two reports of one start may differ: an agent that starts anew may learn it from
/// another source.
const SAME_START: f64 = 2.0;

/// What stored events do to the fleet in memory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Started { key: ContainerKey, name: String, image_config: Option<Digest>, started: String },
    Renamed { key: ContainerKey, name: String },
    Ended { key: ContainerKey },
}

impl Effect {
    pub(super) fn apply(effects: Vec<Self>, index: &mut Index) {
        for effect in effects {
            match effect {
                Self::Started { key, name, image_config, started } => {
                    index.container_started(&Start {
                        key: &key,
                        name: &name,
                        image_config,
                        started: &started,
                    });
                }
                Self::Renamed { key, name } => index.container_renamed(&key, &name),
                Self::Ended { key } => {
                    index.container_ended(&key);
                }
            }
        }
    }
}

/// Brings the containers of a host to the state after the events: reads those that are named, follows the
/// events in memory, and writes what changed.
pub(super) async fn follow(
    change: &mut Change<'_>,
    agent: &AgentCaller,
    events: &[Event],
) -> Answer<Vec<Effect>> {
    let named: BTreeSet<&str> =
        events.iter().filter(|event| moves(&event.event.what)).filter_map(Event::container).collect();
    let mut restarts = events.iter().filter_map(|event| match &event.event.what {
        EventKind::AgentStarted { version, .. } => Some(version),
        _ => None,
    });
    let version = restarts.next_back();
    if named.is_empty() && version.is_none() {
        return Ok(Vec::new());
    }
    let mut host = Host {
        agent,
        rows: BTreeMap::new(),
        changed: BTreeSet::new(),
        runs: Vec::new(),
        effects: Vec::new(),
    };
    let named: Vec<&str> = named.into_iter().collect();
    host.know(change.view().containers_with_ids(agent.id, &named).await?);
    if let Some(version) = version {
        change.write.set_agent_version(agent.id, version).await?;
        host.know(change.view().running_on(agent.id).await?);
    }
    for event in events {
        host.follow(event);
    }
    let rows: Vec<&ContainerRow> = host.changed.iter().filter_map(|id| host.rows.get(id)).collect();
    change.write.put_containers(agent.id, &rows).await?;
    for run in &host.runs {
        change.write.add_run(agent.id, run).await?;
    }
    Ok(host.effects)
}

fn moves(what: &EventKind) -> bool {
    matches!(
        what,
        EventKind::ContainerStarted { .. }
            | EventKind::ContainerRenamed { .. }
            | EventKind::ContainerEnded { .. }
    )
}

/// Containers of a host while events are followed.
struct Host<'a> {
    agent: &'a AgentCaller,
    rows: BTreeMap<String, ContainerRow>,
    changed: BTreeSet<String>,
    runs: Vec<EndedRun>,
    effects: Vec<Effect>,
}

impl Host<'_> {
    fn know(&mut self, rows: Vec<ContainerRow>) {
        self.rows.extend(rows.into_iter().map(|row| (row.container.clone(), row)));
    }

    fn key(&self, id: &str) -> ContainerKey {
        ContainerKey { host: self.agent.host.clone(), id: id.to_owned() }
    }

    fn follow(&mut self, event: &Event) {
        let at = &event.event.at;
        match &event.event.what {
            EventKind::AgentStarted { .. } => {
                // What still runs follows as started; for what ended unseen nobody knows a better time.
                let running = self.rows.values().filter(|row| row.running).map(|row| row.container.clone());
                for id in running.collect::<Vec<_>>() {
                    self.ended(&id, at, None, true);
                }
            }
            EventKind::ContainerStarted { .. } => self.started(event),
            EventKind::ContainerRenamed { container, name } => {
                if let Some(row) = self.rows.get_mut(container) {
                    row.name.clone_from(name);
                    self.changed.insert(container.clone());
                    self.effects.push(Effect::Renamed { key: self.key(container), name: name.clone() });
                }
            }
            EventKind::ContainerEnded { container, exit_code } => {
                self.ended(container, at, *exit_code, false)
            }
            EventKind::Decided { .. }
            | EventKind::ExecutionDenied { .. }
            | EventKind::Deviation(_)
            | EventKind::BreakGlass(_)
            | EventKind::SessionCommand(_)
            | EventKind::SessionEnded(_)
            | EventKind::Gap { .. } => {}
        }
    }

    fn ended(&mut self, id: &str, at: &str, exit_code: Option<i32>, presumed: bool) {
        if let Some(row) = self.rows.get_mut(id) {
            (row.running, row.presumed) = (false, presumed);
            (row.ended, row.exit_code) = (Some(at.to_owned()), exit_code);
            self.changed.insert(id.to_owned());
            self.effects.push(Effect::Ended { key: self.key(id) });
        }
    }

    /// A run that is known goes on, with the decision that let it in even if the agent has forgotten it;
    /// any other goes to the history.
    fn started(&mut self, event: &Event) {
        let EventKind::ContainerStarted {
            container, name, image_name, decision, command, pid, started, ..
        } = &event.event.what
        else {
            return;
        };
        let mut new = ContainerRow {
            agent: self.agent.id,
            host: self.agent.host.clone(),
            container: container.clone(),
            name: name.clone(),
            image_name: image_name.clone(),
            image_config: event.image_config,
            decision: decision.clone(),
            command: command.clone(),
            pid: *pid,
            running: true,
            started: started.clone(),
            ended: None,
            exit_code: None,
            presumed: false,
        };
        if let Some(known) = self.rows.remove(container) {
            if is_same_run(&known, &new) {
                new.decision = new.decision.or(known.decision);
                new.started = known.started;
            } else {
                self.runs.push(EndedRun {
                    container: known.container,
                    image_config: known.image_config,
                    decision: known.decision,
                    started: known.started,
                    ended: known.ended,
                    exit_code: known.exit_code,
                });
            }
        }
        self.effects.push(Effect::Started {
            key: self.key(container),
            name: new.name.clone(),
            image_config: new.image_config,
            started: new.started.clone(),
        });
        self.changed.insert(container.clone());
        self.rows.insert(container.clone(), new);
    }
}

fn is_same_run(known: &ContainerRow, new: &ContainerRow) -> bool {
    if !known.running && !known.presumed {
        return false;
    }
    // Numbers of namespaces are given again; an engine's ids are not.
    let same_image = known.image_config == new.image_config;
    let apart = clock::seconds_between(&known.started, &new.started);
    same_image && apart.is_some_and(|seconds| seconds.abs() <= SAME_START)
}
