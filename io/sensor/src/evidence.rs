//! From records to sightings: whose act it was, what it was, and whether all acts came here.

use std::collections::HashMap;
use std::sync::PoisonError;

use tokio::sync::mpsc::{self, error::TrySendError};
use tracing::warn;

use crate::domain::is_starter;
use crate::groups::Groups;
use crate::ledger::{self, Entry, Ledger, Missing, RINGS, Ring, Tally};
use crate::observation::{Account, EvidenceGap, Observation, ProcessEnded, Sighting};
use crate::observe::{Observer, low32, wall_clock};
use crate::record::{Kind, Record};
use crate::tracer::{Tracer, hierarchy};
use crate::tracker::Tracker;

/// Sightings that always find room beside facts, which can wait in the kernel.
const RESERVE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Evidence {
    sightings: Option<mpsc::Sender<Sighting>>,
    groups: Groups,
    observer: Observer,
    ledger: Ledger,
    /// Containers of control groups, as they were last called.
    keys: HashMap<u64, String>,
    /// Sightings by control group that found no room on the last step.
    undelivered: HashMap<u64, u64>,
}

/// Kinds of losses since the last check, over all control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Losses {
    pub(crate) full: u64,
    pub(crate) astray: u64,
    pub(crate) orphaned: u64,
}

impl Evidence {
    pub(crate) fn new(tracer: Option<&Tracer>, sightings: Option<mpsc::Sender<Sighting>>) -> Self {
        let mut ledger = Ledger::default();
        if let Some(tracer) = tracer.filter(|tracer| tracer.lasting) {
            let books: HashMap<u64, Entry> = tracer.books.iter().flatten().collect();
            let tallies = tracer.tallies.lock().unwrap_or_else(PoisonError::into_inner);
            for group in tallies.keys().flatten() {
                ledger.take_over(group, books.get(&group).copied().unwrap_or_default());
            }
        }
        let groups = match &sightings {
            Some(_) => hierarchy().map(|root| Groups::find(&root)).unwrap_or_default(),
            None => Groups::default(),
        };
        Self {
            sightings,
            groups,
            observer: Observer::default(),
            ledger,
            keys: HashMap::new(),
            undelivered: HashMap::new(),
        }
    }

    pub(crate) fn receive(&mut self, record: &Record, ring: Ring, tracker: &Tracker) {
        self.ledger.receive(record, ring);
        match record.kind {
            Kind::CgroupGone => {
                self.groups.forget(record.cgroup);
                self.ledger.close(record.cgroup);
            }
            // Without a reader nobody asks for it.
            _ if self.sightings.is_none() => {}
            // The way to a container's program is nothing that the container does.
            _ if is_starter(record) => {}
            Kind::CgroupMade => self.groups.made(record.cgroup, &record.texts[0]),
            Kind::Exit => {
                let container = self.key(record, tracker);
                self.observer.ended(record.pid);
                let (cgroup_id, at) = (record.cgroup, wall_clock(record.at));
                let status = low32(record.values[0]);
                let ended = ProcessEnded { container, cgroup_id, at, pid: record.pid, status };
                self.tell(record.cgroup, Sighting::Ended(ended));
            }
            _ => {
                let container = self.key(record, tracker);
                for observation in self.observer.observe(&container, record) {
                    self.tell(record.cgroup, Sighting::Behaviour(Box::new(observation)));
                }
            }
        }
    }

    /// What was refused in user space.
    pub(crate) fn refused(&mut self, refusal: Observation) {
        self.tell(refusal.cgroup_id, Sighting::Behaviour(Box::new(refusal)));
    }

    /// How many facts there is room for: the rest waits in the kernel for the reader of sightings.
    pub(crate) fn room(&self) -> usize {
        let room = |sightings: &mpsc::Sender<Sighting>| {
            sightings.capacity().saturating_sub(RESERVE.min(sightings.max_capacity() / 2))
        };
        self.sightings.as_ref().map_or(usize::MAX, room)
    }

    /// Compares the kernel's books, read before the rings were emptied, with what came, and puts those away whose
    /// groups are gone.
    pub(crate) fn check(
        &mut self,
        tracer: &mut Tracer,
        tallies: &[(u64, Tally)],
        emptied: [bool; RINGS],
    ) -> Losses {
        let mut losses = Losses::default();
        for (group, tally) in tallies {
            let missing = self.ledger.compare(*group, tally, emptied);
            losses.full += missing.full();
            losses.astray += missing.astray();
            losses.orphaned += missing.orphaned();
            let undelivered = self.undelivered.remove(group).unwrap_or(0);
            if !missing.is_nothing() || undelivered > 0 {
                self.miss(*group, &missing, undelivered);
            }
            if self.ledger.is_settled(*group, tally) {
                self.put_away(tracer, *group, tally);
            }
        }
        if tracer.lasting {
            for (group, entry) in self.ledger.changed() {
                if let Err(problem) = tracer.books.insert(group, entry, 0) {
                    warn!(%problem, group, "what was received cannot be written down for the next sensor");
                }
            }
        }
        losses
    }

    fn miss(&mut self, group: u64, missing: &Missing, undelivered: u64) {
        let alerts = missing.full[Ring::Alerts as usize];
        let gap = EvidenceGap {
            container: self.keys.get(&group).cloned(),
            cgroup_id: group,
            alerts_overflowed: alerts,
            overflowed: missing.full() - alerts,
            astray: missing.astray().saturating_add(undelivered),
            orphaned: missing.orphaned(),
        };
        self.tell(group, Sighting::Missing(gap));
    }

    fn put_away(&mut self, tracer: &mut Tracer, group: u64, tally: &Tally) {
        if let Ok(mut tallies) = tracer.tallies.lock() {
            let _ = tallies.remove(&group);
        }
        if tracer.lasting {
            let _ = tracer.books.remove(&group);
        }
        self.ledger.forget(group);
        let account = Account {
            container: self.keys.remove(&group),
            cgroup_id: group,
            sent: ledger::sent(tally),
            lost: ledger::lost(tally),
            repeated: ledger::repeated(tally),
        };
        self.tell(group, Sighting::Account(account));
    }

    fn key(&mut self, record: &Record, tracker: &Tracker) -> String {
        let key = tracker.key_of(record, self.groups.path(record.cgroup));
        match self.keys.get(&record.cgroup) {
            Some(known) if *known == key => {}
            _ => drop(self.keys.insert(record.cgroup, key.clone())),
        }
        key
    }

    fn tell(&mut self, group: u64, sighting: Sighting) {
        let Some(sightings) = &self.sightings else { return };
        match sightings.try_send(sighting) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => *self.undelivered.entry(group).or_default() += 1,
            Err(TrySendError::Closed(_)) => self.sightings = None,
        }
    }
}
