//! Which containers the server has been told of, and what to tell it next. Knows no engine and no kernel:
//! what they say comes in as calls, what the server must hear comes out as events.
//!
//! Reports of the kernel and of the engine come late and in any order, and the same container may run again
//! meanwhile. What decides is always whether the first process of the run that is known still lives.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use lazaret_format::v1::EventKind;

use super::process::ProcessId;
use super::running::{Known, Running};
use crate::start::withheld::Withheld;

/// How long the end of a container waits for its exit code, which the engine tells a moment later.
pub const EXIT_CODE_WAIT: Duration = Duration::from_millis(500);

/// One sweep of so many is over all containers.
const SWEEP_ALL: u32 = 30;

#[derive(Debug)]
pub struct Inventory {
    running: Running,
    /// Ended, but the exit code is still missing.
    ending: HashMap<String, Instant>,
    /// Admitted, and not yet shown by the kernel, which tells the end of what it showed.
    unshown: HashSet<String>,
    sweeps: u32,
    changed: bool,
    alive: fn(ProcessId) -> bool,
}

/// A container that the kernel shows, as far as it can be described.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub id: String,
    pub pid: u32,
    /// Start of that process; `None`: it is gone already.
    pub pid_started: Option<u64>,
    pub command: String,
    /// RFC 3339.
    pub started: String,
    /// What the engine's files say of it; `None`: it is no container of the engine.
    pub engine: Option<EngineSays>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineSays {
    pub name: String,
    pub image_name: String,
    pub image_config: Option<String>,
}

impl Inventory {
    pub fn new(running: Running) -> Self {
        let unshown = running.iter().map(|(id, _)| id.clone()).collect();
        Self { running, ending: HashMap::new(), unshown, sweeps: 0, changed: true, alive: ProcessId::alive }
    }

    pub const fn running(&self) -> &Running {
        &self.running
    }

    /// Whether the file must be written again; answers once.
    pub const fn take_changed(&mut self) -> bool {
        std::mem::replace(&mut self.changed, false)
    }

    /// The start hook admits a container. The caller tells the server, in one group with the decision.
    /// Answers with the end of an earlier run of the same container that nobody has told yet.
    pub fn admitted(&mut self, id: &str, known: Known) -> Option<EventKind> {
        let before = self.end(id, None);
        self.running.insert(id.to_owned(), known);
        self.unshown.insert(id.to_owned());
        self.changed = true;
        before
    }

    /// The admitted container will not start after all: the answer could not be put on record.
    pub fn withdraw(&mut self, id: &str) {
        self.unshown.remove(id);
        self.changed |= self.running.remove(id).is_some();
    }

    /// The kernel shows a container.
    pub fn seen(&mut self, sighting: Sighting) -> Vec<EventKind> {
        let Sighting { id, pid, pid_started, command, started, engine } = sighting;
        self.unshown.remove(&id);
        if self.running.get(&id).is_some_and(|known| known.pid == pid || (self.alive)(known.process())) {
            return Vec::new();
        }
        let mut events = Vec::new();
        // The same container runs anew without having been admitted: its earlier run must have ended.
        events.extend(self.end(&id, None));
        let EngineSays { name, image_name, image_config } = engine.unwrap_or_default();
        let pid_started = pid_started.unwrap_or(0);
        let known = Known {
            name,
            image_name,
            image_config,
            decision: None,
            command,
            pid,
            pid_started,
            started,
            domain: None,
            withheld: Withheld::default(),
        };
        events.push(self.tell(id, known));
        events
    }

    /// The kernel says that a container's last process is gone.
    pub fn gone(&mut self, id: &str, now: Instant) {
        if self.running.get(id).is_some_and(|known| !(self.alive)(known.process())) {
            self.ending.entry(id.to_owned()).or_insert(now + EXIT_CODE_WAIT);
        }
    }

    /// The engine says that a container ended.
    pub fn died(&mut self, id: &str, exit_code: Option<i32>) -> Option<EventKind> {
        let known = self.running.get(id)?;
        if (self.alive)(known.process()) { None } else { self.end(id, exit_code) }
    }

    /// The engine says that a container, running or not, has another name now.
    pub fn renamed(&mut self, id: &str, name: &str) -> EventKind {
        self.changed |= self.running.rename(id, name);
        EventKind::ContainerRenamed { container: id.to_owned(), name: name.to_owned() }
    }

    /// The engine says what a container is called: it may have been renamed while nobody listened.
    pub fn called(&mut self, id: &str, name: &str) -> Option<EventKind> {
        let is_another = self.running.get(id).is_some_and(|known| known.name != name);
        is_another.then(|| self.renamed(id, name))
    }

    /// Ends whose exit code did not come in time, for the caller to look for it elsewhere.
    pub fn overdue(&mut self, now: Instant) -> Vec<String> {
        self.ending.iter().filter(|(_, due)| **due <= now).map(|(id, _)| id.clone()).collect()
    }

    /// Ends a run, if one is known.
    pub fn end(&mut self, id: &str, exit_code: Option<i32>) -> Option<EventKind> {
        self.ending.remove(id);
        self.unshown.remove(id);
        self.running.remove(id)?;
        self.changed = true;
        Some(EventKind::ContainerEnded { container: id.to_owned(), exit_code })
    }

    /// Looks after the first processes of admitted containers: a start may fail after it was admitted, before
    /// the kernel shows anything. (The others are known from the kernel alone, and their first process is
    /// not always the last.) Those that the kernel did show are looked at seldom, in case its word was lost.
    pub fn sweep(&mut self, now: Instant) {
        self.sweeps = self.sweeps.wrapping_add(1);
        let all = self.sweeps.is_multiple_of(SWEEP_ALL);
        for (id, known) in self.running.iter() {
            if known.decision.is_some()
                && (all || self.unshown.contains(id))
                && !(self.alive)(known.process())
            {
                self.ending.entry(id.clone()).or_insert(now + EXIT_CODE_WAIT);
            }
        }
    }

    fn tell(&mut self, id: String, known: Known) -> EventKind {
        let event = started_event(&id, &known);
        self.running.insert(id, known);
        self.changed = true;
        event
    }

    /// Everything that runs, told anew: a server that hears of a fresh agent takes all its containers for ended.
    pub fn tell_all(&self) -> Vec<EventKind> {
        self.running.iter().map(|(id, known)| started_event(id, known)).collect()
    }

    /// Containers that ended while no agent ran.
    pub fn ended_meanwhile(&self) -> Vec<String> {
        let dead = self.running.iter().filter(|(_, known)| !(self.alive)(known.process()));
        dead.map(|(id, _)| id.clone()).collect()
    }
}

pub fn started_event(id: &str, known: &Known) -> EventKind {
    EventKind::ContainerStarted {
        container: id.to_owned(),
        name: known.name.clone(),
        image_name: known.image_name.clone(),
        image_config: known.image_config.clone(),
        decision: known.decision.clone(),
        command: known.command.clone(),
        pid: known.pid,
        started: known.started.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In these tests even PIDs live and odd ones are dead.
    fn inventory() -> (Inventory, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let (running, _) = Running::load(&directory.path().join("running.json"), "b").unwrap();
        (Inventory { alive: |process| process.pid.is_multiple_of(2), ..Inventory::new(running) }, directory)
    }

    fn known(pid: u32) -> Known {
        Known {
            name: "shop".to_owned(),
            image_name: "r/shop".to_owned(),
            image_config: None,
            decision: Some("h-1".to_owned()),
            command: "nginx".to_owned(),
            pid,
            pid_started: 1,
            started: "2026-11-22T00:00:00Z".to_owned(),
            domain: None,
            withheld: Withheld::default(),
        }
    }

    fn sighting(pid: u32) -> Sighting {
        Sighting {
            id: "id".to_owned(),
            pid,
            pid_started: None,
            command: "sh".to_owned(),
            started: "2026-11-22T00:00:00Z".to_owned(),
            engine: None,
        }
    }

    fn ended(exit_code: Option<i32>) -> EventKind {
        EventKind::ContainerEnded { container: "id".to_owned(), exit_code }
    }

    fn is_unmanaged_start(event: &EventKind) -> bool {
        matches!(event, EventKind::ContainerStarted { decision: None, .. })
    }

    #[test]
    fn an_admitted_container_is_told_once_and_ends_with_its_exit_code() {
        let (mut inventory, _kept) = inventory();
        let now = Instant::now();
        assert_eq!(inventory.admitted("id", known(2)), None);
        assert!(inventory.seen(sighting(2)).is_empty() && inventory.seen(sighting(4)).is_empty());
        inventory.gone("id", now);
        assert!(
            inventory.overdue(now + EXIT_CODE_WAIT).is_empty(),
            "its process lives: the report is of an earlier run"
        );
        assert_eq!(inventory.died("id", Some(1)), None, "and so is the engine's");

        inventory.admitted("id", known(3));
        assert!(inventory.seen(sighting(3)).is_empty(), "seen late, when its process was gone already");
        inventory.gone("id", now);
        assert_eq!(inventory.died("id", Some(7)), Some(ended(Some(7))));
        assert_eq!(inventory.died("id", Some(7)), None);
        inventory.gone("id", now);
        assert!(inventory.overdue(now + EXIT_CODE_WAIT).is_empty());
    }

    #[test]
    fn an_end_without_exit_code_is_told_in_time() {
        let (mut inventory, _kept) = inventory();
        let now = Instant::now();
        inventory.admitted("id", known(3));
        inventory.gone("id", now);
        assert!(inventory.overdue(now).is_empty());
        assert_eq!(inventory.overdue(now + EXIT_CODE_WAIT), ["id"]);
        assert_eq!(inventory.end("id", None), Some(ended(None)));
        assert!(inventory.overdue(now + EXIT_CODE_WAIT).is_empty());
    }

    #[test]
    fn a_start_that_failed_after_its_admission_ends() {
        let (mut inventory, _kept) = inventory();
        let now = Instant::now();
        inventory.admitted("id", known(3));
        inventory.sweep(now);
        assert_eq!(inventory.overdue(now + EXIT_CODE_WAIT), ["id"]);
        inventory.withdraw("id");
        assert_eq!(inventory.end("id", None), None);
    }

    #[test]
    fn the_end_of_what_the_kernel_showed_is_found_even_if_its_word_was_lost() {
        let (mut inventory, _kept) = inventory();
        let now = Instant::now();
        inventory.admitted("id", known(3));
        inventory.unshown.clear();
        for _ in 1..SWEEP_ALL {
            inventory.sweep(now);
            assert!(inventory.ending.is_empty());
        }
        inventory.sweep(now);
        assert_eq!(inventory.overdue(now + EXIT_CODE_WAIT), ["id"]);
    }

    #[test]
    fn what_was_not_admitted_is_unmanaged() {
        let (mut inventory, _kept) = inventory();
        let events = inventory.seen(sighting(2));
        assert!(events.len() == 1 && is_unmanaged_start(&events[0]), "{events:?}");
        assert!(inventory.seen(sighting(2)).is_empty());
        inventory.sweep(Instant::now());
        inventory.gone("id", Instant::now());
        assert!(inventory.ending.is_empty());
    }

    #[test]
    fn a_run_behind_the_back_of_an_admitted_one_is_told_apart() {
        let (mut inventory, _kept) = inventory();
        inventory.admitted("id", known(3));
        let events = inventory.seen(sighting(4));
        assert_eq!(events[0], ended(None));
        assert!(is_unmanaged_start(&events[1]), "{events:?}");
        assert_eq!(inventory.admitted("id", known(6)), Some(ended(None)));
    }

    #[test]
    fn what_happened_while_no_agent_ran_is_found() {
        let (mut inventory, _kept) = inventory();
        inventory.tell("dead".to_owned(), known(3));
        inventory.tell("alive".to_owned(), known(2));
        assert_eq!(inventory.ended_meanwhile(), ["dead"]);
        assert_eq!(inventory.tell_all().len(), 2);
        assert!(inventory.called("alive", "new").is_some() && inventory.called("alive", "new").is_none());
        assert!(inventory.called("unknown", "new").is_none());
        assert!(inventory.take_changed() && !inventory.take_changed());
    }
}
