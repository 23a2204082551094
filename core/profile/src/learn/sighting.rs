use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use lazaret_model::Phase;
use sha2::{Digest as _, Sha256};

use crate::profile::Phases;

/// What can be brought together from several places, in any order and any grouping, and as often as it comes.
pub(super) trait Join {
    fn join(&mut self, other: Self);
}

/// One container, by a hash of its name that spreads evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Replica(pub u64);

impl Replica {
    /// Of a container's id, together with its host where ids are not unique.
    pub fn of(id: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(id).into();
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        Self(u64::from_be_bytes(first))
    }
}

/// When, in which phases and by whom something was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    /// Seconds since 1970.
    pub(super) first: i64,
    pub(super) phases: Phases,
    /// The [`MOST_NAMED`] smallest of those that did it: a fair sample, as they are hashes.
    pub(super) replicas: Vec<Replica>,
}

/// Enough to tell one from many, and a lonely one from the tainted.
pub(super) const MOST_NAMED: usize = 8;

impl Sighting {
    pub(super) fn new(replica: Replica, at: i64, phase: Phase) -> Self {
        Self { first: at, phases: Phases::NONE.with(phase), replicas: vec![replica] }
    }
}

impl Join for Sighting {
    fn join(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.phases = self.phases.union(other.phases);
        for replica in other.replicas {
            if let Err(place) = self.replicas.binary_search(&replica) {
                self.replicas.insert(place, replica);
                self.replicas.truncate(MOST_NAMED);
            }
        }
    }
}

/// A map that holds the smallest keys of all that it was given, and says whether there were more.
///
/// Which ones it keeps depends on nothing but what it was given: never on order or grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Capped<K, V, const MOST: usize> {
    pub(super) kept: BTreeMap<K, V>,
    pub(super) overflow: bool,
}

impl<K, V, const MOST: usize> Default for Capped<K, V, MOST> {
    fn default() -> Self {
        Self { kept: BTreeMap::new(), overflow: false }
    }
}

impl<K: Ord, V: Join, const MOST: usize> Capped<K, V, MOST> {
    pub(super) fn add(&mut self, key: K, value: V) {
        match self.kept.entry(key) {
            Entry::Occupied(mut there) => there.get_mut().join(value),
            Entry::Vacant(place) => {
                place.insert(value);
                if self.kept.len() > MOST {
                    self.kept.pop_last();
                    self.overflow = true;
                }
            }
        }
    }
}

impl<K: Ord, V: Join, const MOST: usize> Join for Capped<K, V, MOST> {
    fn join(&mut self, other: Self) {
        self.overflow |= other.overflow;
        for (key, value) in other.kept {
            self.add(key, value);
        }
    }
}

/// Where only the keys matter.
impl Join for () {
    fn join(&mut self, (): Self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_stay_whatever_the_order() {
        let keys = [5, 1, 4, 2, 3, 1];
        let of = |keys: &[i32]| {
            let mut capped = Capped::<i32, (), 3>::default();
            keys.iter().for_each(|key| capped.add(*key, ()));
            capped
        };
        let whole = of(&keys);
        assert_eq!(whole.kept.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
        assert!(whole.overflow);
        for cut in 0..keys.len() {
            let mut parts = of(&keys[cut..]);
            parts.join(of(&keys[..cut]));
            assert_eq!(parts, whole);
        }
        assert!(!of(&[3, 2, 1, 3]).overflow);
    }
}
