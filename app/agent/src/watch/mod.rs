//! What runs on this host: the kernel says what starts and ends, the engine adds names and exit codes, the start
//! hook says what was admitted. Whatever nobody admitted is told as unmanaged, however it was started.

pub mod process;
pub mod running;
pub mod inventory;
mod flood;
mod names;
mod neighbour;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lazaret_engine::docker::{EngineEvent, EventKind as EngineEventKind, StoreReader};
use lazaret_format::v1::EventKind;
use lazaret_profile::check::Category;
use lazaret_sensor::{ContainerSeen, DenyReason, ExecutableSet, ExecutionDenied, Sensor, SensorEvent};
use tokio::sync::mpsc;

use crate::admissions::AdmissionStore;
use crate::behaviour::keeper::Keeper;
use crate::clock;
use crate::spool::{Importance, Spool};
use flood::Flood;
use inventory::{EngineSays, Inventory, Sighting};
use names::FromEngine;
use process::{ProcessId, boot_id};
use running::Earlier;

const TICK: Duration = Duration::from_millis(100);
const SWEEP: Duration = Duration::from_secs(1);
/// The runtime's own process waits in a container's namespaces until the container may start.
const RUNTIME_INIT: &str = "runc init";
const RUNTIME_PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub struct Watch {
    pub inventory: Arc<Mutex<Inventory>>,
    pub admissions: Arc<AdmissionStore>,
    pub engine_socket: PathBuf,
    pub engine_files: StoreReader,
    pub sensor: Arc<Sensor>,
    pub keeper: Arc<Keeper>,
    pub spool: Spool,
}

/// What only the running watch needs.
#[derive(Default)]
struct Memory {
    flood: Flood,
    /// Sightings of a runtime's process, to be looked at again.
    later: Vec<(ContainerSeen, Instant)>,
}

impl Watch {
    /// Tells what changed while no agent ran and what runs now, and guards again what was guarded.
    pub async fn catch_up(&self, earlier: Earlier, enforcement: String) {
        let mut events = Vec::new();
        if let Some(why) = earlier.unreadable {
            let what = format!(
                "the list of running containers was damaged ({why}): containers admitted before are told as unmanaged"
            );
            tracing::error!("{what}");
            events.push(EventKind::Gap { what, count: 1 });
        }
        events.extend(
            earlier
                .ended
                .into_iter()
                .map(|container| EventKind::ContainerEnded { container, exit_code: None }),
        );
        let dead = self.inventory().ended_meanwhile();
        for id in dead {
            let exit_code = names::exit_code(&self.engine_socket, &id).await;
            events.extend(self.inventory().end(&id, exit_code));
        }
        events.push(EventKind::AgentStarted { version: env!("CARGO_PKG_VERSION").to_owned(), enforcement });
        events.extend(self.inventory().tell_all());
        self.tell(events).await;
        self.guard_again().await;
        self.save();
    }

    /// Runs for ever.
    pub async fn run(self, mut kernel: mpsc::Receiver<SensorEvent>) {
        let (sender, mut engine) = mpsc::channel(1024);
        tokio::spawn(names::listen(self.engine_socket.clone(), sender));
        let mut memory = Memory::default();
        let mut ticks = tokio::time::interval(TICK);
        let mut swept = Instant::now();
        loop {
            tokio::select! {
                Some(event) = kernel.recv() => self.heard_kernel(event, &mut memory).await,
                Some(message) = engine.recv() => self.heard_engine(message).await,
                _ = ticks.tick() => {
                    let now = Instant::now();
                    if now.duration_since(swept) >= SWEEP {
                        self.inventory().sweep(now);
                        swept = now;
                    }
                    self.look_again(&mut memory, now).await;
                    self.end_overdue(now).await;
                    let told = memory.flood.close_window(now).into_iter();
                    self.tell(told.map(|(what, count)| EventKind::Gap { what, count }).collect()).await;
                }
            }
            self.save();
        }
    }

    async fn heard_kernel(&self, event: SensorEvent, memory: &mut Memory) {
        match event {
            SensorEvent::ContainerSeen(seen) if is_runtime(&seen) && !self.is_known(&seen.key) => {
                memory.later.push((seen, Instant::now() + RUNTIME_PATIENCE));
            }
            SensorEvent::ContainerSeen(seen) => self.seen(&seen, None).await,
            SensorEvent::ContainerGone(gone) => {
                memory.later.retain(|(seen, _)| seen.key != gone.key);
                self.sensor.release(&gone.key, gone.init_pid);
                self.inventory().gone(&gone.key, Instant::now());
            }
            SensorEvent::ExecutionDenied(denied) => {
                let container = denied.container.clone().unwrap_or_default();
                if memory.flood.admits(&container, &denied.path, Instant::now()) {
                    let event = self.denied(denied);
                    self.tell(vec![event]).await;
                }
            }
            SensorEvent::Gap(gap) => {
                self.tell(vec![EventKind::Gap { what: gap.what.to_owned(), count: gap.count }]).await
            }
        }
    }

    async fn seen(&self, seen: &ContainerSeen, command: Option<String>) {
        let engine = self.engine_files.container(&seen.key).ok().map(|record| EngineSays {
            name: record.name,
            image_name: record.image_name,
            image_config: Some(record.image_config.to_string()),
        });
        let started = jiff::Timestamp::try_from(seen.started).map_or_else(|_| clock::now(), clock::rfc3339);
        let sighting = Sighting {
            id: seen.key.clone(),
            pid: seen.init_pid,
            pid_started: ProcessId::of(seen.init_pid).map(|process| process.started),
            command: command.unwrap_or_else(|| seen.command.clone()),
            started,
            engine: engine
                .or_else(|| neighbour::of(seen.init_pid, &seen.key))
                .or_else(|| Some(EngineSays { name: name_of_group(seen), ..EngineSays::default() })),
        };
        let events = self.inventory().seen(sighting);
        self.tell(events).await;
    }

    /// A runtime's process that became something else, or stays too long to be one.
    async fn look_again(&self, memory: &mut Memory, now: Instant) {
        let mut waiting = Vec::new();
        for (seen, until) in std::mem::take(&mut memory.later) {
            let command = names::command(seen.init_pid);
            if self.is_known(&seen.key) || command.is_none() {
                continue;
            }
            if now < until && command.as_deref().is_some_and(|command| command.starts_with(RUNTIME_INIT)) {
                waiting.push((seen, until));
            } else {
                self.seen(&seen, command).await;
            }
        }
        memory.later = waiting;
    }

    async fn heard_engine(&self, message: FromEngine) {
        let events = match message {
            FromEngine::Event(EngineEvent { container, name, kind, .. }) => match kind {
                EngineEventKind::Die { exit_code } => self.inventory().died(&container, exit_code),
                EngineEventKind::Rename => Some(self.inventory().renamed(&container, &name)),
                EngineEventKind::Start | EngineEventKind::Destroy => None,
            }
            .into_iter()
            .collect(),
            // Names may have changed while nobody listened.
            FromEngine::Listed(containers) => {
                let mut inventory = self.inventory();
                containers
                    .iter()
                    .filter_map(|container| inventory.called(&container.id, &container.name))
                    .collect()
            }
        };
        self.tell(events).await;
    }

    async fn end_overdue(&self, now: Instant) {
        let overdue = self.inventory().overdue(now);
        for id in overdue {
            let exit_code = names::exit_code(&self.engine_socket, &id).await;
            let ended = {
                let mut inventory = self.inventory();
                let pid = inventory.running().get(&id).map(|known| known.pid);
                pid.inspect(|pid| self.sensor.release(&id, *pid)).and_then(|_| inventory.end(&id, exit_code))
            };
            self.tell(ended.into_iter().collect()).await;
        }
    }

    /// The marks of an earlier life ended with it.
    async fn guard_again(&self) {
        let mut gaps = Vec::new();
        let mut again = 0;
        {
            let inventory = self.inventory();
            for (id, known) in inventory.running().iter().filter(|(_, known)| known.decision.is_some()) {
                let list = self.programs(known.image_config.as_deref());
                let record = self.engine_files.container(id).map_err(|error| error.to_string());
                let guarded = match (list, record) {
                    (Some(list), Ok(record)) => {
                        let guard = self.keeper.guard(id, (known.pid, Path::new("/")), &record, &list);
                        guard.map_err(|error| error.to_string())
                    }
                    (None, _) => Err("its image's list of executables is not known any more".to_owned()),
                    (_, Err(why)) => Err(why),
                };
                again += 1;
                if let Err(why) = guarded {
                    gaps.push(EventKind::Gap {
                        what: format!("container {} runs unguarded: {why}", known.name),
                        count: 1,
                    });
                }
            }
        }
        if again > 0 {
            gaps.push(EventKind::Gap {
                what: "containers whose executions nobody decided on while no agent ran".to_owned(),
                count: again,
            });
        }
        self.tell(gaps).await;
    }

    fn denied(&self, denied: ExecutionDenied) -> EventKind {
        // A file of a guarded file system, but the process is of no guarded container.
        let container = denied.container.unwrap_or_else(|| "unknown".to_owned());
        let image_config =
            self.inventory().running().get(&container).and_then(|known| known.image_config.clone());
        let programs = self.programs(image_config.as_deref());
        let category = match programs.and_then(|programs| programs.has_place(&denied.path)) {
            _ if denied.reason == DenyReason::NotInProfile => Category::UnexpectedProcess,
            Some(true) => Category::ModifiedBinary,
            _ if denied.is_nameless => Category::Fileless,
            _ if denied.is_script => Category::Script,
            _ => Category::NewBinary,
        };
        EventKind::ExecutionDenied {
            container,
            image_config,
            category: category.name().to_owned(),
            path: denied.path,
            sha256: denied.sha256.map(|digest| digest.hex()).unwrap_or_default(),
            pid: denied.pid,
            by: denied.by,
            rung: denied.rung.to_owned(),
            reason: denied.reason.to_string(),
        }
    }

    /// What an admitted image may execute.
    fn programs(&self, image_config: Option<&str>) -> Option<Arc<ExecutableSet>> {
        let config = image_config?.parse().ok()?;
        self.admissions.current().by_config(&config).iter().find_map(|admitted| admitted.executables.clone())
    }

    async fn tell(&self, events: Vec<EventKind>) {
        if events.is_empty() {
            return;
        }
        if let Err(error) = self.spool.append(events, Importance::Event).await {
            tracing::error!(%error, "events are lost");
        }
    }

    /// After the events are on disk: what a killed agent told twice does no harm, what it never told would.
    fn save(&self) {
        let mut inventory = self.inventory();
        if inventory.take_changed()
            && let Err(failure) = inventory.running().save(&boot_id())
        {
            tracing::error!("{failure}");
        }
    }

    fn is_known(&self, id: &str) -> bool {
        self.inventory().running().get(id).is_some()
    }

    fn inventory(&self) -> MutexGuard<'_, Inventory> {
        self.inventory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_runtime(seen: &ContainerSeen) -> bool {
    seen.found_running && seen.command.starts_with(RUNTIME_INIT)
}

/// Runtimes name the control group after the container: `/default/web`. Of an id the head is enough.
fn name_of_group(seen: &ContainerSeen) -> String {
    if let Some(id) = &seen.container_id {
        return id.chars().take(12).collect();
    }
    let last = seen.cgroup_path.as_deref().and_then(|path| path.rsplit('/').next());
    last.filter(|name| !name.ends_with(".scope") && !name.ends_with(".slice") && !name.ends_with(".service"))
        .unwrap_or_default()
        .to_owned()
}
