//! The proof that nothing was lost unnoticed: what the kernel programs counted for each control group and ring,
//! against what was received.

use std::collections::HashMap;

use crate::record::{Record, flag};

pub(crate) const RINGS: usize = 3;

/// The ways from the kernel: `enum ring` of `bpf/stream.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Ring {
    Starts = 0,
    Facts = 1,
    Alerts = 2,
}

impl Ring {
    pub(crate) const ALL: [Self; RINGS] = [Self::Starts, Self::Facts, Self::Alerts];
}

/// `struct tally` of `bpf/stream.h`: sent and lost by ring, and repetitions that were not sent.
pub(crate) type Tally = [u64; 2 * RINGS + 1];

/// A book as it is kept in the kernel: received and told as lost by ring.
pub(crate) type Entry = [u64; 2 * RINGS];

pub(crate) fn sent(tally: &Tally) -> u64 {
    tally[..RINGS].iter().sum()
}

pub(crate) fn lost(tally: &Tally) -> u64 {
    tally[RINGS..2 * RINGS].iter().sum()
}

pub(crate) fn repeated(tally: &Tally) -> u64 {
    tally[2 * RINGS]
}

/// What did not arrive since the last comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Missing {
    /// The ring was full.
    pub(crate) full: [u64; RINGS],
    /// Sent and never received, by nobody's known fault.
    pub(crate) astray: [u64; RINGS],
    /// A predecessor took it and did not write that down: whether it told anybody is not known.
    pub(crate) orphaned: [u64; RINGS],
}

impl Missing {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn full(&self) -> u64 {
        self.full.iter().sum()
    }

    pub(crate) fn astray(&self) -> u64 {
        self.astray.iter().sum()
    }

    pub(crate) fn orphaned(&self) -> u64 {
        self.orphaned.iter().sum()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    books: HashMap<u64, Book>,
}

#[derive(Debug, Default)]
struct Book {
    received: [u64; RINGS],
    told_full: [u64; RINGS],
    /// What is missing at the first comparison is what a predecessor took.
    inherited: [bool; RINGS],
    /// The group was removed: nothing more can come.
    closed: bool,
    changed: bool,
}

impl Ledger {
    /// A record came out of a ring.
    pub(crate) fn receive(&mut self, record: &Record, ring: Ring) {
        let group = if record.has(flag::SHARED_TALLY) { 0 } else { record.cgroup };
        let book = self.books.entry(group).or_default();
        book.received[ring as usize] += 1;
        book.changed = true;
    }

    /// Goes on with what a predecessor wrote down of a group that it counted, nothing if it had no time for it. What
    /// it took out of a ring after that is missing at the next comparison.
    pub(crate) fn take_over(&mut self, group: u64, entry: Entry) {
        let book = self.books.entry(group).or_default();
        book.received.copy_from_slice(&entry[..RINGS]);
        book.told_full.copy_from_slice(&entry[RINGS..]);
        book.inherited = [true; RINGS];
    }

    /// What a successor has to know, of the groups whose books have changed since it was last asked.
    pub(crate) fn changed(&mut self) -> impl Iterator<Item = (u64, Entry)> {
        self.books.iter_mut().filter(|(_, book)| book.changed).map(|(group, book)| {
            book.changed = false;
            let mut entry = Entry::default();
            entry[..RINGS].copy_from_slice(&book.received);
            entry[RINGS..].copy_from_slice(&book.told_full);
            (*group, entry)
        })
    }

    pub(crate) fn close(&mut self, group: u64) {
        self.books.entry(group).or_default().closed = true;
    }

    /// Compares one group's tally, read before the rings were emptied. `emptied` tells which were: of the others it
    /// is not known yet what is still in them.
    pub(crate) fn compare(&mut self, group: u64, tally: &Tally, emptied: [bool; RINGS]) -> Missing {
        let book = self.books.entry(group).or_default();
        let mut missing = Missing::default();
        for ring in 0..RINGS {
            let full = tally[RINGS + ring];
            missing.full[ring] = full.saturating_sub(book.told_full[ring]);
            book.told_full[ring] = full;
            if emptied[ring] {
                let count = tally[ring].saturating_sub(book.received[ring]);
                book.received[ring] += count;
                match std::mem::take(&mut book.inherited[ring]) {
                    true => missing.orphaned[ring] = count,
                    false => missing.astray[ring] = count,
                }
            }
        }
        book.changed |= !missing.is_nothing();
        missing
    }

    /// Whether the group is gone and all that was sent of it has come: its book can be put away.
    pub(crate) fn is_settled(&self, group: u64, tally: &Tally) -> bool {
        let settled = |book: &Book| book.closed && book.received[..] == tally[..RINGS];
        self.books.get(&group).is_some_and(settled)
    }

    pub(crate) fn forget(&mut self, group: u64) {
        self.books.remove(&group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    const EMPTIED: [bool; RINGS] = [true; RINGS];

    #[test]
    fn what_was_sent_and_not_received_is_missing_once() {
        let mut ledger = Ledger::default();
        let record = sample();
        ledger.receive(&record, Ring::Starts);
        ledger.receive(&record, Ring::Starts);
        let mut tally = [0; 7];
        tally[Ring::Starts as usize] = 2;
        assert!(ledger.compare(record.cgroup, &tally, EMPTIED).is_nothing());
        tally[Ring::Starts as usize] = 5;
        assert!(ledger.compare(record.cgroup, &tally, [false, true, true]).is_nothing(), "not emptied");
        let missing = ledger.compare(record.cgroup, &tally, EMPTIED);
        assert_eq!((missing.astray(), missing.full()), (3, 0));
        assert!(ledger.compare(record.cgroup, &tally, EMPTIED).is_nothing());
    }

    #[test]
    fn what_found_no_room_is_missing_once() {
        let mut ledger = Ledger::default();
        let mut tally = [0; 7];
        tally[RINGS + Ring::Alerts as usize] = 4;
        assert_eq!(ledger.compare(7, &tally, EMPTIED).full(), 4);
        assert_eq!(ledger.compare(7, &tally, EMPTIED).full(), 0);
    }

    #[test]
    fn a_shared_tally_is_group_zero() {
        let mut ledger = Ledger::default();
        let record = Record { flags: flag::SHARED_TALLY, ..sample() };
        ledger.receive(&record, Ring::Facts);
        let mut tally = [0; 7];
        tally[Ring::Facts as usize] = 1;
        assert!(ledger.compare(0, &tally, EMPTIED).is_nothing());
    }

    #[test]
    fn a_book_is_put_away_when_its_group_is_gone_and_nothing_is_open() {
        let mut ledger = Ledger::default();
        let record = sample();
        let mut tally = [0; 7];
        tally[Ring::Starts as usize] = 1;
        ledger.close(record.cgroup);
        assert!(!ledger.is_settled(record.cgroup, &tally));
        ledger.receive(&record, Ring::Starts);
        assert!(ledger.is_settled(record.cgroup, &tally));
    }

    #[test]
    fn a_successor_misses_what_its_predecessor_took_and_did_not_write_down() {
        let mut first = Ledger::default();
        first.receive(&sample(), Ring::Starts);
        let written: Vec<_> = first.changed().collect();
        assert_eq!(written, [(99, [1, 0, 0, 0, 0, 0])]);
        assert_eq!(first.changed().count(), 0);
        first.receive(&sample(), Ring::Starts);

        let mut second = Ledger::default();
        second.take_over(99, written[0].1);
        second.receive(&sample(), Ring::Starts);
        let tally = [3, 0, 0, 0, 0, 0, 0];
        let missing = second.compare(99, &tally, EMPTIED);
        assert_eq!((missing.orphaned(), missing.astray()), (1, 0));
        let tally = [5, 0, 0, 0, 0, 0, 0];
        let missing = second.compare(99, &tally, EMPTIED);
        assert_eq!((missing.orphaned(), missing.astray()), (0, 2), "from then on it is its own loss");
    }
}
