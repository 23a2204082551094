//! Takes what the sensor tells, and does with it what is to be done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use lazaret_format::v1::EventKind;
use lazaret_model::{Fact, Session};
use lazaret_profile::check::Scans;
use lazaret_profile::learn::Replica;
use lazaret_sensor::{Account, Observation, Outcome, ProcessEnded, ResourceMeter, Sighting};
use tokio::sync::{mpsc, watch};

use super::answer::Answers;
use super::flood::Flood;
use super::holding::Holding;
use super::in_use::InUse;
use super::keeper::Keeper;
use super::kin::Kin;
use super::lesson::learn;
use super::script;
use super::sessions::Recorder;
use super::shelf::Shelf;
use super::telling::{self, Context};
use super::upload::Letter;
use super::verdict::{self, Verdict, seconds};
use super::watched::{Failed, Known, Watched, circumstances};
use crate::spool::Spool;
use crate::watch::inventory::Inventory;

/// Sightings that are dealt with before others have their turn.
const BATCH: usize = 256;
const TICK: Duration = Duration::from_secs(1);
/// How often what was learned is written down: what a killed agent had learned since is lost, and said to be.
const SAVE: Duration = Duration::from_secs(5);
/// How often it is looked at what containers use, which reads files of each of their threads; of more of them seldomer.
const MEASURE: Duration = Duration::from_secs(5);
const MEASURED: usize = 100;
/// Containers that are told apart.
pub(super) const MOST_WATCHED: usize = 4096;
/// Seconds after which a container that is not running any more is forgotten, if its end was not told.
const STALE: i64 = 60;

#[derive(Debug)]
pub struct Observer {
    pub keeper: Arc<Keeper>,
    pub inventory: Arc<Mutex<Inventory>>,
    pub answers: Answers,
    pub spool: Spool,
    pub shelf: Shelf,
    /// The last agent had written down all that it had learned.
    pub complete: bool,
    pub in_use: InUse,
    /// The kernel went on taking notes while no agent ran.
    pub lasting: bool,
    /// Hears of what is on disk anew.
    pub saved: mpsc::UnboundedSender<Letter>,
    /// Tells what runs in sessions of a break-glass.
    recorder: Recorder,
    pub(super) state: State,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) containers: HashMap<String, Watched>,
    kin: Kin,
    flood: Flood,
    /// Facts that were not learned, because a text in them was too long to be kept.
    pub(super) incomplete: u64,
    /// Facts of containers beyond [`MOST_WATCHED`].
    pub(super) unplaced: u64,
    revision: u64,
}

impl Observer {
    pub fn new(
        keeper: Arc<Keeper>,
        inventory: Arc<Mutex<Inventory>>,
        answers: Answers,
        spool: Spool,
        (shelf, complete): (Shelf, bool),
        (in_use, lasting): (InUse, bool),
        saved: mpsc::UnboundedSender<Letter>,
    ) -> Self {
        let recorder = Recorder::new(Arc::clone(&answers.glass));
        let state = State { revision: keeper.expectations.revision(), ..State::default() };
        Self { keeper, inventory, answers, spool, shelf, complete, in_use, lasting, saved, recorder, state }
    }

    /// Runs until `stop`, then writes down what was learned.
    pub async fn run(mut self, mut sightings: mpsc::Receiver<Sighting>, mut stop: watch::Receiver<bool>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut ticks = tokio::time::interval(TICK);
        let mut saved = Instant::now();
        let mut measured = Instant::now();
        loop {
            tokio::select! {
                count = sightings.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        break;
                    }
                    batch.drain(..).for_each(|sighting| self.heard(sighting));
                }
                _ = ticks.tick() => {
                    let now = Instant::now();
                    self.tick(now);
                    if self.state.containers.len() <= MEASURED {
                        let containers = self.state.containers.values_mut();
                        tokio::task::block_in_place(|| containers.for_each(Watched::glance));
                    }
                    if now.duration_since(measured) >= self.measure_after() {
                        measured = now;
                        tokio::task::block_in_place(|| self.measure());
                    }
                    if now.duration_since(saved) >= SAVE {
                        saved = now;
                        tokio::task::block_in_place(|| self.save());
                        tokio::task::block_in_place(lazaret_sensor::trim_heap);
                    }
                }
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        self.end();
    }

    fn end(mut self) {
        for event in self.state.flood.close() {
            self.spool.note(event);
        }
        self.tell_counts();
        for image in self.in_use.save() {
            let _ = self.saved.send(Letter::Used(image));
        }
        for title in self.shelf.close() {
            let _ = self.saved.send(Letter::Learned(title));
        }
    }

    pub fn heard(&mut self, sighting: Sighting) {
        match sighting {
            Sighting::Behaviour(observation) => self.behaved(&observation),
            Sighting::Ended(ended) => self.ended(&ended),
            Sighting::Missing(gap) => self.missing(&gap),
            Sighting::Account(account) => self.closed(&account),
        }
    }

    fn behaved(&mut self, observation: &Observation) {
        if !matches!(observation.outcome, Outcome::Failed(_)) {
            return self.done(observation, false);
        }
        // What a container is held to since its start is known of those that are watched.
        self.watch(&observation.container, seconds(observation.at));
        let watched = self.state.containers.get(&observation.container);
        match watched.and_then(|watched| watched.judge(observation)) {
            Some(Failed::Act(judged)) => self.done(&judged, false),
            Some(Failed::Attempt(judged)) => self.done(&judged, true),
            None if watched.is_none() && !matches!(observation.behaviour.fact, Fact::File(_)) => {
                self.done(observation, false);
            }
            None => {}
        }
    }

    /// `in_vain`: it failed, and only fixed rules say something about that.
    fn done(&mut self, observation: &Observation, in_vain: bool) {
        let at = seconds(observation.at);
        let container = observation.container.as_str();
        let behaviour = &observation.behaviour;
        let actor = &behaviour.actor;
        let mut entered = false;
        if let Fact::Exec(execution) = &behaviour.fact {
            entered = execution.entered;
            self.state.kin.started(
                actor.pid,
                observation.parent,
                &execution.executable,
                &execution.arguments,
                entered,
            );
        }
        if entered && self.state.containers.get(container).is_some_and(|watched| !watched.is_managed()) {
            // Something was heard of it before it was admitted. What the kernel holds it to stays.
            self.overlook(container);
        }
        self.watch(container, at);
        if entered && actor.session == Session::Main {
            self.begins(container);
        }
        let State { containers, kin, flood, incomplete, unplaced, .. } = &mut self.state;
        let Some(watched) = containers.get_mut(container) else {
            *unplaced += 1;
            return;
        };
        let placed = watched.place(observation);
        if let Some(image) = watched.image() {
            self.in_use.observe(image, watched.replica, observation, placed.started);
        }
        let admitted = watched.known.as_mut().filter(|known| known.managed);
        let expectation = admitted.as_ref().map(|known| Arc::clone(&known.expectation));
        let circumstances = circumstances(placed.circumstances);
        let mut verdict = match in_vain {
            true => Verdict::of_attempt(behaviour, expectation.as_deref(), circumstances),
            false => Verdict::of(observation, expectation.as_deref(), circumstances),
        };
        for deviation in &mut verdict.deviations {
            script::recognize(deviation, behaviour, || kin.arguments(actor.pid, &actor.executable));
        }
        if let Some(known) = admitted {
            let scan = known.scans.look(behaviour, &verdict.deviations, at);
            verdict.deviations.extend(scan);
        }
        watched.tainted |= !verdict.broken.is_empty();
        if observation.incomplete || observation.outside_root {
            let is_learned_from = watched.known.as_ref().is_some_and(|known| known.learning);
            *incomplete += u64::from(observation.incomplete && is_learned_from);
        } else {
            learn(&mut self.shelf, watched, observation, placed, &verdict);
        }
        let image_config = || watched.known.as_ref().map(|known| known.record.image_config.to_string());
        let grant = self.recorder.grant(observation, placed.circumstances.1);
        if let Some(grant) = &grant
            && let Some(command) = self.recorder.command(grant, observation, image_config())
        {
            self.spool.note(command);
        }
        let login = verdict::is_strange_login(observation, placed.circumstances.1, expectation.as_deref())
            && watched.is_first_visit(behaviour);
        if verdict.is_clean() && !login {
            return;
        }
        let arguments = match &behaviour.fact {
            Fact::Exec(execution) => {
                execution.arguments.iter().take(16).map(|word| word.chars().take(256).collect()).collect()
            }
            _ => kin.arguments(actor.pid, &actor.executable),
        };
        let context = Context {
            image_config: watched.known.as_ref().map(|known| known.record.image_config.to_string()),
            grant,
            arguments,
            ancestors: kin.line(observation.parent, entered),
        };
        let now = Instant::now();
        let mut tell = |event| {
            if let Some(event) = flood.admit(event, now) {
                self.spool.note(EventKind::Deviation(event));
            }
        };
        for deviation in &verdict.deviations {
            let mut event = telling::of_profile(deviation, observation, &context);
            // Who was let in on purpose is no intruder.
            if !context.lets_in(deviation.category) {
                event.answer = self.answers.answer(deviation, observation, &mut watched.done);
            }
            tell(event);
        }
        for rule in &verdict.broken {
            tell(telling::of_rule(rule, observation, &context));
        }
        if login {
            tell(telling::of_login(observation, &context));
        }
    }

    fn measure_after(&self) -> Duration {
        MEASURE
            .saturating_mul(u32::try_from(self.state.containers.len() / MEASURED).unwrap_or(u32::MAX).max(1))
    }

    /// Holds what containers use against what they used before.
    fn measure(&mut self) {
        let containers = self.state.containers.iter_mut();
        let used: Vec<_> = containers.filter_map(|(container, watched)| watched.usage(container)).collect();
        used.iter().for_each(|observation| self.behaved(observation));
    }

    /// Begins to watch a container, if that was not done before.
    pub(super) fn watch(&mut self, container: &str, at: i64) {
        if self.state.containers.contains_key(container) || self.state.containers.len() >= MOST_WATCHED {
            return;
        }
        let record = self.keeper.expectations.engine_files().container(container).ok();
        let known = record.map(|record| {
            let expectation = self.keeper.expectation(&record);
            let admitted = {
                let inventory = self.inventory.lock().unwrap_or_else(PoisonError::into_inner);
                inventory
                    .running()
                    .get(container)
                    .filter(|known| known.decision.is_some())
                    .map(|known| (known.pid, (known.domain.clone(), known.withheld.clone())))
            };
            let managed = admitted.is_some();
            let (pid, begun) = admitted.unzip();
            let (begun, withheld) = begun.unwrap_or_default();
            let domain = Holding::of(begun.as_deref(), self.keeper.domain(&record));
            let mut meter = pid.and_then(|pid| self.keeper.meter(pid));
            // What it used before that is not known.
            let _ = meter.as_mut().and_then(ResourceMeter::read);
            let subject = &expectation.profile.subject;
            if managed {
                self.in_use.enter(subject.image);
            }
            let learning = managed && self.shelf.enter(subject);
            let replica = Replica::of(container);
            let learned = if learning { self.shelf.learned(subject) } else { None };
            let counted = learned.map(|learned| learned.counted(replica)).unwrap_or_default();
            let scans = Scans::default();
            Known { record, expectation, managed, learning, counted, meter, scans, domain, withheld }
        });
        self.state.containers.insert(container.to_owned(), Watched::new(container, known, at));
    }

    fn ended(&mut self, ended: &ProcessEnded) {
        self.state.kin.ended(ended.pid);
        if let Some(event) = self.recorder.ended(ended) {
            self.spool.note(event);
        }
        let Some(watched) = self.state.containers.get_mut(&ended.container) else { return };
        if watched.ended(ended)
            && let Some(known) = watched.known.as_mut().filter(|known| known.learning)
            && let Some(learned) = self.shelf.learned(&known.expectation.profile.subject)
        {
            known.counted.stops = known.counted.stops.saturating_add(1);
            learned.stopped(watched.replica, seconds(ended.at), known.counted.stops);
        }
    }

    fn closed(&mut self, account: &Account) {
        let Some(container) = &account.container else { return };
        if self.state.containers.get(container).is_some_and(|watched| watched.is_group(account.cgroup_id)) {
            self.keeper.release_run(container, account.cgroup_id);
            self.overlook(container);
        }
    }

    fn forget(&mut self, container: &str) {
        self.keeper.release(container);
        self.overlook(container);
    }

    fn overlook(&mut self, container: &str) {
        let Some(watched) = self.state.containers.remove(container) else { return };
        if let Some(image) = watched.image() {
            self.in_use.leave(image);
        }
        if let Some(known) = watched.known.filter(|known| known.learning) {
            self.shelf.leave(&known.expectation.profile.subject);
        }
    }

    fn tick(&mut self, now: Instant) {
        for event in self.state.flood.close_window(now) {
            self.spool.note(event);
        }
        self.tell_counts();
        for event in self.recorder.end_overdue(|session| self.keeper.session(session)) {
            self.spool.note(event);
        }
        for what in self.shelf.take_complaints().into_iter().chain(self.in_use.take_complaints()) {
            self.gap(what, 1);
        }
        if self.keeper.expectations.revision() != self.state.revision {
            self.state.revision = self.keeper.expectations.revision();
            self.expect_anew();
        }
        let at = seconds(SystemTime::now());
        let stale: Vec<String> = {
            let inventory = self.inventory.lock().unwrap_or_else(PoisonError::into_inner);
            let is_stale = |(container, watched): &(&String, &Watched)| {
                at.saturating_sub(watched.heard) > STALE && inventory.running().get(container).is_none()
            };
            self.state.containers.iter().filter(is_stale).map(|(container, _)| container.clone()).collect()
        };
        stale.iter().for_each(|container| self.forget(container));
    }

    fn save(&mut self) {
        let at = seconds(SystemTime::now());
        for watched in self.state.containers.values() {
            if let Some(image) = watched.image() {
                self.in_use.watched(image, watched.replica, at);
            }
        }
        for image in self.in_use.save() {
            let _ = self.saved.send(Letter::Used(image));
        }
        for title in self.shelf.save() {
            let _ = self.saved.send(Letter::Learned(title));
        }
    }
}
