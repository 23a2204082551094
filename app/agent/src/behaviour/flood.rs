//! Keeps a container that deviates a thousand times a second from filling the spool: the first deviations of each kind
//! are told singly, the rest by their number. What is of one rule or category but names too many different things counts
//! as one kind. Nothing is told without being counted, and nothing counted twice.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use lazaret_format::v1::{Deviation, EventKind};

pub(super) const WINDOW: Duration = Duration::from_secs(10);
/// Of one kind in one container.
const OF_ONE_KIND: u64 = 3;
/// Different things of one rule or category in one container that are told apart.
const OF_ONE_RULE: u64 = 20;
/// Of all kinds of one container: one that raves does not drown the others.
const OF_ONE_CONTAINER: u64 = 200;
/// Of all containers together.
const OF_ALL: u64 = 1000;

#[derive(Debug, Default)]
pub(super) struct Flood {
    began: Option<Instant>,
    all: u64,
    kinds: HashMap<Kind, Seen>,
    containers: HashMap<String, Share>,
    /// In containers of which there was no more room to count each.
    elsewhere: u64,
}

/// What makes deviations alike. Their words name what was done to what; without them, all others of the same rule or
/// category.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    container: String,
    rule: String,
    what: Option<String>,
}

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    /// The last of those that were not told.
    untold: Option<Box<Deviation>>,
}

#[derive(Debug, Default)]
struct Share {
    kinds: u64,
    /// Of each rule or category.
    rules: HashMap<String, u64>,
    /// Of too many kinds to name.
    nameless: u64,
}

impl Flood {
    /// The deviation back if it is told singly.
    pub(super) fn admit(&mut self, deviation: Box<Deviation>, now: Instant) -> Option<Box<Deviation>> {
        self.began.get_or_insert(now);
        let mut kind = Kind {
            container: deviation.container.clone(),
            rule: deviation.rule.clone().unwrap_or_else(|| deviation.category.clone()),
            what: Some(deviation.what.clone()),
        };
        if let Some(seen) = self.kinds.get_mut(&kind) {
            return seen.again(deviation);
        }
        let share = self.containers.get(&kind.container);
        if share.and_then(|share| share.rules.get(&kind.rule)).is_some_and(|kinds| *kinds >= OF_ONE_RULE) {
            kind.what = None;
            if let Some(seen) = self.kinds.get_mut(&kind) {
                return seen.again(deviation);
            }
        }
        let room = self.containers.len() < usize::try_from(OF_ALL).unwrap_or(usize::MAX);
        if !room && !self.containers.contains_key(&kind.container) {
            self.elsewhere += 1;
            return None;
        }
        let share = self.containers.entry(kind.container.clone()).or_default();
        if share.kinds >= OF_ONE_CONTAINER || self.all >= OF_ALL {
            share.nameless += 1;
            return None;
        }
        share.kinds += 1;
        *share.rules.entry(kind.rule.clone()).or_default() += 1;
        self.all += 1;
        self.kinds.insert(kind, Seen { count: 1, untold: None });
        Some(deviation)
    }

    /// At the end of a window: what was not told singly, with its number.
    pub(super) fn close_window(&mut self, now: Instant) -> Vec<EventKind> {
        if self.began.is_none_or(|began| now.duration_since(began) < WINDOW) {
            return Vec::new();
        }
        self.close()
    }

    /// The same at once, because the agent ends.
    pub(super) fn close(&mut self) -> Vec<EventKind> {
        let window = std::mem::take(self);
        let mut told = Vec::new();
        for (kind, seen) in window.kinds {
            if let Some(mut deviation) = seen.untold {
                deviation.count = seen.count - OF_ONE_KIND;
                if kind.what.is_none() {
                    deviation.what.push_str(", and others like it");
                }
                told.push(EventKind::Deviation(deviation));
            }
        }
        let nameless = window.containers.into_iter().filter(|(_, share)| share.nameless > 0);
        told.extend(nameless.map(|(container, share)| {
            let short: String = container.chars().take(12).collect();
            gap(format!("more deviations in {short}, of too many kinds to name, within 10 s"), share.nameless)
        }));
        if window.elsewhere > 0 {
            told.push(gap(
                "deviations in too many containers to name, within 10 s".to_owned(),
                window.elsewhere,
            ));
        }
        told
    }
}

impl Seen {
    /// The deviation back if it is told singly.
    fn again(&mut self, deviation: Box<Deviation>) -> Option<Box<Deviation>> {
        self.count += 1;
        if self.count <= OF_ONE_KIND {
            return Some(deviation);
        }
        self.untold = Some(deviation);
        None
    }
}

const fn gap(what: String, count: u64) -> EventKind {
    EventKind::Gap { what, count }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::testing::deviation;

    fn count(told: &[EventKind]) -> u64 {
        let of = |event: &EventKind| match event {
            EventKind::Deviation(deviation) => deviation.count,
            EventKind::Gap { count, .. } => *count,
            _ => 0,
        };
        told.iter().map(of).sum()
    }

    #[test]
    fn every_deviation_is_told_or_counted() {
        let mut flood = Flood::default();
        let begin = Instant::now();
        let mut singly = 0;
        for number in 0..5000u64 {
            let one = deviation("c", &format!("connected to {}", number % 300));
            singly += u64::from(flood.admit(one, begin).is_some());
        }
        // Another one is not drowned.
        assert!(flood.admit(deviation("d", "quiet"), begin).is_some());
        assert!(flood.close_window(begin).is_empty());
        let told = flood.close_window(begin + WINDOW);
        assert_eq!(singly + count(&told), 5000);
        assert!((OF_ONE_RULE..=(OF_ONE_RULE + 1) * OF_ONE_KIND).contains(&singly), "{singly}");
        assert!(
            told.iter().all(|event| matches!(event, EventKind::Deviation(_))),
            "all of one rule can be named"
        );
        let folded = |event: &&EventKind| matches!(event, EventKind::Deviation(one) if one.what.ends_with("others like it"));
        assert_eq!(told.iter().filter(folded).count(), 1);
        assert!(flood.close_window(begin + WINDOW * 2).is_empty());
        assert!(flood.admit(deviation("c", "connected to 1"), begin).is_some(), "and then it begins anew");
    }

    #[test]
    fn memory_is_bounded_whatever_the_names() {
        let mut flood = Flood::default();
        let begin = Instant::now();
        let told =
            (0..20_000).filter(|number| flood.admit(deviation(&format!("c{number}"), "x"), begin).is_some());
        let singly = u64::try_from(told.count()).unwrap();
        assert_eq!((flood.kinds.len(), flood.containers.len()), (1000, 1000));
        assert_eq!(singly + count(&flood.close()), 20_000);
    }
}
