//! When enough was seen: not by the clock, but when nothing new came for long and every part of a life was watched.

use super::Learned;
use super::sighting::{Replica, Sighting};
use crate::profile::Coverage;

/// Whether learning is done, and if not, what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Empty: it is done.
    pub missing: Vec<Missing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Seconds without anything new, and how many it takes.
    Quiet { seconds: i64, needed: i64 },
    /// The program was started less than twice.
    Restart,
    /// It was not seen to end.
    Stop,
    /// Something was missed by the sensor: so the profile may miss it too.
    Gap { times: u32 },
    /// Entries wait for a person.
    Pending { entries: usize },
}

/// Seconds that must pass at least without anything new.
const SHORTEST_QUIET: i64 = 3600;
/// How many times longer than the longest pause between new things.
const PAUSES: i64 = 3;

/// The counts of one container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    pub starts: u32,
    pub stops: u32,
    pub gaps: u32,
}

impl Completion {
    pub fn is_done(&self) -> bool {
        self.missing.is_empty()
    }
}

impl Learned {
    /// What learning waits for. `now` is in seconds since 1970; `pending` the number of entries that wait in the profile.
    pub fn completion(&self, now: i64, pending: usize) -> Completion {
        let mut firsts = self.firsts();
        firsts.sort_unstable();
        let longest = firsts.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or(0);
        let needed = SHORTEST_QUIET.max(longest.saturating_mul(PAUSES));
        let last = firsts.last().copied().unwrap_or(now);
        let seconds = now.saturating_sub(last);
        let (starts, stops, gaps) = self.lives();
        let missing = [
            (seconds < needed).then_some(Missing::Quiet { seconds, needed }),
            (starts < 2).then_some(Missing::Restart),
            (stops < 1).then_some(Missing::Stop),
            (gaps > 0).then_some(Missing::Gap { times: gaps }),
            (pending > 0).then_some(Missing::Pending { entries: pending }),
        ];
        Completion { missing: missing.into_iter().flatten().collect() }
    }

    /// How often a container was seen to start, to stop and to do something that was missed: whoever counts on goes
    /// on from here.
    pub fn counted(&self, replica: Replica) -> Counted {
        let record = self.replicas.kept.get(&replica);
        record.map_or_else(Counted::default, |record| Counted {
            starts: record.starts,
            stops: record.stops,
            gaps: record.gaps,
        })
    }

    /// What the profile says of where it comes from; `None`: nothing was watched.
    pub(super) fn coverage(&self) -> Option<Coverage> {
        let since = self.replicas.kept.values().map(|record| record.first).min()?;
        let until = self.replicas.kept.values().map(|record| record.last).max()?;
        let time = |second| jiff::Timestamp::from_second(second).unwrap_or_default();
        let (starts, stops, gaps) = self.lives();
        Some(Coverage {
            since: time(since),
            until: time(until),
            replicas: u32::try_from(self.replicas.kept.len()).unwrap_or(u32::MAX),
            starts,
            stops,
            gaps,
        })
    }

    fn lives(&self) -> (u32, u32, u32) {
        self.replicas.kept.values().fold((0, 0, 0), |(starts, stops, gaps): (u32, u32, u32), record| {
            (
                starts.saturating_add(record.starts),
                stops.saturating_add(record.stops),
                gaps.saturating_add(record.gaps),
            )
        })
    }

    /// When each thing was first seen.
    fn firsts(&self) -> Vec<i64> {
        let mut firsts = Vec::new();
        {
            let mut note = |sighting: &Sighting| firsts.push(sighting.first);
            self.users.kept.values().for_each(&mut note);
            self.processes.kept.values().for_each(|seen| note(&seen.sighting));
            self.added.kept.values().for_each(&mut note);
            self.volumes.kept.values().for_each(&mut note);
            self.secrets.kept.values().for_each(&mut note);
            self.listen.kept.values().for_each(&mut note);
            self.raw.kept.values().for_each(&mut note);
            self.capabilities.values().for_each(&mut note);
            self.system_calls.kept.values().for_each(&mut note);
            self.kernel.values().for_each(&mut note);
            for forest in [&self.libraries, &self.files, &self.lookup] {
                forest.visit(0, |_, _, _, sighting| note(sighting));
            }
            for peers in self.connect.kept.values() {
                peers.names.visit(0, |_, _, _, sighting| note(sighting));
                peers.networks.visit(&mut Vec::new(), &mut |_, _, sighting| note(sighting));
            }
        }
        firsts
    }
}
