use serde::Deserialize;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::key::LogVerifier;
use super::tree::{Hash, Tree};

/// A log that is whole: every checkpoint holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSummary {
    pub entries: u64,
    /// Entries that a checkpoint covers. Later ones cannot be told from forged ones yet.
    pub signed: u64,
    pub checkpoints: usize,
    pub root: Hash,
}

/// What is broken in a log, as precisely as its checkpoints can prove it. Entries count from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogBreak {
    #[error("checkpoint {number} of {count} cannot be believed: {source}")]
    Checkpoint { number: usize, count: usize, source: CheckpointError },
    #[error(
        "the log's key signed two different histories of its first {size} entries: whoever holds the key lied to one of two readers"
    )]
    TwoHistories { size: u64 },
    #[error(
        "the log ends after {entries} entries, but a checkpoint signs {signed}: entry {entries} and what follows were removed"
    )]
    Shorter { entries: u64, signed: u64 },
    #[error("entry {index} is missing: {}, where the log goes on with what was entry {found}", removed(*index, *found))]
    Removed { index: u64, found: u64 },
    #[error("entry {index} was inserted or repeated: it says that it is entry {found}, which came before it")]
    Inserted { index: u64, found: u64 },
    #[error("the order was changed: entry {found} stands in the place of entry {index}, which comes later")]
    Reordered { index: u64, found: u64 },
    #[error("{}: the entries numbered {first} to {last} are not those that the checkpoint of size {} signs", changed(*first, *last), last + 1)]
    Changed { first: u64, last: u64 },
    #[error("entry {index} is not one line of JSON with a number `seq`{}", signed_so(*.signed))]
    Malformed { index: u64, signed: bool },
    #[error(
        "entry {index} says that it is entry {found}, and a checkpoint signs it so: the log's writer miscounted"
    )]
    Miscounted { index: u64, found: u64 },
}

fn removed(index: u64, found: u64) -> String {
    match found - index {
        1 => "one entry was removed".to_owned(),
        count => format!("{count} entries were removed"),
    }
}

fn changed(first: u64, last: u64) -> String {
    match first == last {
        true => format!("entry {first} was changed"),
        false => format!(
            "an entry from {first} to {last} was changed, or entries were removed or inserted there and the rest renumbered"
        ),
    }
}

fn signed_so(signed: bool) -> &'static str {
    if signed {
        ", and a checkpoint signs it so: the log's writer failed"
    } else {
        ": it was changed or inserted"
    }
}

/// Checks a whole log, entry by entry, against what its key ever signed.
///
/// `entries` are the leaves in their order, each exactly as it was hashed. `checkpoints` are signed notes
/// in any order; the more of them a reader has kept, the more precisely a break is found. Memory does not
/// grow with the log.
pub fn verify_log<L: AsRef<[u8]>>(
    entries: impl IntoIterator<Item = L>,
    checkpoints: &[impl AsRef<str>],
    key: &LogVerifier,
) -> Result<LogSummary, LogBreak> {
    let promises = believe(checkpoints, key)?;
    let mut pending = promises.iter().peekable();
    let (mut tree, mut numbers, mut last_good) = (Tree::new(), Numbers::default(), 0);
    let mut wrong = None;
    let mut entries = entries.into_iter();
    loop {
        while let Some(promise) = pending.next_if(|promise| promise.size == tree.size()) {
            if promise.root == tree.root() {
                last_good = promise.size;
            } else if wrong.is_none() {
                wrong = Some(LogBreak::Changed { first: last_good, last: promise.size.saturating_sub(1) });
            }
        }
        let Some(leaf) = entries.next() else { break };
        numbers.look(tree.size(), leaf.as_ref());
        tree.push(leaf.as_ref());
    }
    let signed = promises.last().map_or(0, |promise| promise.size);
    let too_short = (tree.size() < signed).then(|| LogBreak::Shorter { entries: tree.size(), signed });
    let summary =
        LogSummary { entries: tree.size(), signed, checkpoints: checkpoints.len(), root: tree.root() };
    match first_break(numbers, last_good, wrong, too_short) {
        Some(broken) => Err(broken),
        None => Ok(summary),
    }
}

/// Where entries miscount is more precise than between which checkpoints the tree went wrong, if it lies
/// between them; an entry that is signed with a wrong number is no forgery and is told last.
fn first_break(
    numbers: Numbers,
    last_good: u64,
    wrong: Option<LogBreak>,
    too_short: Option<LogBreak>,
) -> Option<LogBreak> {
    let place = numbers.first_wrong.map(|(index, _)| index);
    let after_range = |index| matches!(wrong, Some(LogBreak::Changed { last, .. }) if index > last);
    match place {
        Some(index) if index >= last_good && !after_range(index) => numbers.verdict(last_good),
        _ => wrong.or(too_short).or_else(|| numbers.verdict(last_good)),
    }
}

/// Verified checkpoints by size, each size once.
fn believe(checkpoints: &[impl AsRef<str>], key: &LogVerifier) -> Result<Vec<Checkpoint>, LogBreak> {
    let count = checkpoints.len();
    let mut promises = checkpoints
        .iter()
        .enumerate()
        .map(|(at, note)| {
            Checkpoint::verify(note.as_ref(), key).map_err(|source| LogBreak::Checkpoint {
                number: at + 1,
                count,
                source,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    promises.sort_by_key(|promise| promise.size);
    promises.dedup();
    match promises.windows(2).find(|pair| pair[0].size == pair[1].size) {
        Some(pair) => Err(LogBreak::TwoHistories { size: pair[0].size }),
        None => Ok(promises),
    }
}

/// The first entry whose own number is not its place, and whether the number that belongs there comes later.
#[derive(Default)]
struct Numbers {
    first_wrong: Option<(u64, Option<u64>)>,
    found_later: bool,
}

impl Numbers {
    fn look(&mut self, place: u64, leaf: &[u8]) {
        let number = number_of(leaf);
        match self.first_wrong {
            None if number != Some(place) => self.first_wrong = Some((place, number)),
            Some((wanted, _)) if number == Some(wanted) => self.found_later = true,
            _ => {}
        }
    }

    /// What the numbers alone prove, given that the first `signed` entries are as they were signed.
    fn verdict(self, signed: u64) -> Option<LogBreak> {
        let (index, number) = self.first_wrong?;
        Some(match number {
            None => LogBreak::Malformed { index, signed: index < signed },
            Some(found) if index < signed => LogBreak::Miscounted { index, found },
            Some(found) if found < index => LogBreak::Inserted { index, found },
            Some(found) if self.found_later => LogBreak::Reordered { index, found },
            Some(found) => LogBreak::Removed { index, found },
        })
    }
}

fn number_of(leaf: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Leaf {
        seq: u64,
    }
    if leaf.contains(&b'\n') {
        return None;
    }
    serde_json::from_slice::<Leaf>(leaf).ok().map(|leaf| leaf.seq)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::key::{LogKey, tests::log_key};
    use super::*;

    fn entry(seq: u64) -> String {
        format!(r#"{{"seq":{seq},"at":"2026-11-01T00:00:00Z","kind":"test","data":{{"n":{seq}}}}}"#)
    }

    /// A log and the checkpoints at the sizes given.
    fn log(entries: u64, sizes: &[u64]) -> (Vec<String>, Vec<String>) {
        let key = log_key();
        let (mut tree, mut leaves, mut notes) = (Tree::new(), Vec::new(), Vec::new());
        for seq in 0..=entries {
            if sizes.contains(&seq) {
                notes.push(Checkpoint::of(&tree, &key).sign(&key));
            }
            if seq < entries {
                tree.push(entry(seq).as_bytes());
                leaves.push(entry(seq));
            }
        }
        (leaves, notes)
    }

    fn verify(leaves: &[String], notes: &[String]) -> Result<LogSummary, LogBreak> {
        verify_log(leaves, notes, log_key().verifier())
    }

    #[test]
    fn a_whole_log_holds() {
        let (leaves, mut notes) = log(20, &[0, 5, 10, 17]);
        let summary = verify(&leaves, &notes).unwrap();
        assert_eq!((summary.entries, summary.signed, summary.checkpoints), (20, 17, 4));
        notes.reverse();
        notes.push(notes[1].clone());
        assert!(verify(&leaves, &notes).is_ok());
        assert_eq!(verify(&leaves, &[]).unwrap().signed, 0);
        assert_eq!(verify(&[], &[]).unwrap().entries, 0);
    }

    #[test]
    fn a_changed_entry_is_found_between_two_checkpoints() {
        let (good, notes) = log(20, &[5, 10, 11, 20]);
        for (at, first, last) in [(3, 0, 4), (7, 5, 9), (10, 10, 10), (19, 11, 19)] {
            let mut bad = good.clone();
            bad[at] = bad[at].replace("test", "tost");
            assert_eq!(verify(&bad, &notes), Err(LogBreak::Changed { first, last }), "entry {at}");
        }
    }

    #[test]
    fn of_two_breaks_the_first_is_told() {
        let (mut bad, notes) = log(20, &[5, 10, 20]);
        bad[7] = bad[7].replace("test", "tost");
        bad.remove(15);
        assert_eq!(verify(&bad, &notes), Err(LogBreak::Changed { first: 5, last: 9 }));
    }

    #[test]
    fn an_entry_that_is_not_signed_yet_is_judged_by_its_number() {
        let (good, notes) = log(20, &[10]);
        let mut bad = good.clone();
        bad.remove(15);
        assert_eq!(verify(&bad, &notes), Err(LogBreak::Removed { index: 15, found: 16 }));
        // The last one leaves no trace, nor does a change of content: nothing signs it yet.
        assert_eq!(verify(&good[..19], &notes).unwrap().signed, 10);
    }

    #[test]
    fn removed_entries_are_found_exactly() {
        let (mut leaves, notes) = log(20, &[5, 20]);
        leaves.remove(12);
        assert_eq!(verify(&leaves, &notes), Err(LogBreak::Removed { index: 12, found: 13 }));
        leaves.drain(7..9);
        assert_eq!(verify(&leaves, &notes), Err(LogBreak::Removed { index: 7, found: 9 }));
    }

    #[test]
    fn renumbering_after_a_removal_does_not_hide_it() {
        let (good, notes) = log(20, &[5, 10, 20]);
        let mut bad: Vec<String> = (0..19).map(entry).collect();
        bad[7] = bad[7].replace("\"n\":7", "\"n\":8");
        assert_eq!(verify(&bad, &notes), Err(LogBreak::Changed { first: 5, last: 9 }));
        assert_eq!(verify(&good[..19], &notes), Err(LogBreak::Shorter { entries: 19, signed: 20 }));
        assert_eq!(verify(&[], &notes), Err(LogBreak::Shorter { entries: 0, signed: 20 }));
    }

    #[test]
    fn inserted_and_reordered_entries_are_found_exactly() {
        let (good, notes) = log(20, &[5, 20]);
        let mut inserted = good.clone();
        inserted.insert(9, entry(9).replace("test", "tost"));
        assert_eq!(verify(&inserted, &notes), Err(LogBreak::Inserted { index: 10, found: 9 }));
        let mut swapped = good.clone();
        swapped.swap(6, 15);
        assert_eq!(verify(&swapped, &notes), Err(LogBreak::Reordered { index: 6, found: 15 }));
    }

    #[test]
    fn a_forged_checkpoint_is_not_believed() {
        let (leaves, mut notes) = log(20, &[5, 20]);
        notes[1] = notes[1].replace("\n20\n", "\n19\n");
        let error = verify(&leaves, &notes).unwrap_err();
        assert!(matches!(error, LogBreak::Checkpoint { number: 2, count: 2, .. }));
        let impostor = LogKey::from_random("lazaret/test", [8; 32]).unwrap();
        let error = verify_log(&leaves, &notes[..1], impostor.verifier()).unwrap_err();
        assert!(error.to_string().contains("checkpoint 1 of 1 cannot be believed"), "{error}");
    }

    #[test]
    fn a_log_that_signs_two_histories_is_caught() {
        let (leaves, mut notes) = log(20, &[10]);
        let key = log_key();
        let other = (0..10).map(|n| super::super::leaf_hash(&[n])).collect::<Tree>();
        notes.push(Checkpoint::of(&other, &key).sign(&key));
        assert_eq!(verify(&leaves, &notes), Err(LogBreak::TwoHistories { size: 10 }));
    }

    #[test]
    fn a_writer_that_miscounts_is_told_from_a_forger() {
        let key = log_key();
        let leaves = vec![entry(0), entry(2), "no json".to_owned()];
        let mut tree = Tree::new();
        leaves.iter().for_each(|leaf| tree.push(leaf.as_bytes()));
        let note = Checkpoint::of(&tree, &key).sign(&key);
        assert_eq!(
            verify(&leaves, std::slice::from_ref(&note)),
            Err(LogBreak::Miscounted { index: 1, found: 2 })
        );
        let leaves = vec![entry(0), entry(1), "no json".to_owned()];
        assert_eq!(verify(&leaves, &[note]), Err(LogBreak::Malformed { index: 2, signed: false }));
    }

    #[test]
    fn says_it_in_plain_words() {
        let text = |broken: LogBreak| broken.to_string();
        assert_eq!(
            text(LogBreak::Removed { index: 12, found: 13 }),
            "entry 12 is missing: one entry was removed, where the log goes on with what was entry 13"
        );
        assert!(text(LogBreak::Changed { first: 3, last: 3 }).starts_with("entry 3 was changed: "));
        assert!(text(LogBreak::Changed { first: 3, last: 5 }).contains("the checkpoint of size 6"));
    }

    proptest! {
        /// Whatever is done to the signed part of a log is noticed, and the place named is not past it.
        #[test]
        fn nothing_signed_changes_unnoticed(at in 0usize..30, how in 0u8..4, sizes in proptest::collection::vec(1u64..30, 0..4)) {
            let sizes = [&sizes[..], &[30]].concat();
            let (good, notes) = log(30, &sizes);
            let mut bad = good.clone();
            match how {
                0 => bad[at] = bad[at].replace("test", "tost"),
                1 => { bad.remove(at); }
                2 => bad.insert(at, entry(at as u64)),
                _ => bad.swap(at, (at + 7) % 30),
            }
            let first = match verify(&bad, &notes).unwrap_err() {
                LogBreak::Changed { first, last } => { prop_assert!(last >= at as u64); first }
                LogBreak::Removed { index, .. } | LogBreak::Reordered { index, .. } => index,
                LogBreak::Inserted { index, .. } => index - 1,
                LogBreak::Shorter { entries, .. } => entries,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            let wrong = if how == 3 { at.min((at + 7) % 30) } else { at };
            prop_assert!(first <= wrong as u64);
        }

        #[test]
        fn never_panics(leaves in proptest::collection::vec("[\\PC\n]{0,20}|\\{\"seq\":[0-9]{1,21}\\}", 0..8), note in ".{0,40}") {
            let none: [&str; 0] = [];
            let _ = verify_log(&leaves, &none, log_key().verifier());
            let _ = verify_log(&leaves, &[note], log_key().verifier());
        }
    }
}
