//! Wanted contents, from wherever they are.

use std::collections::HashMap;
use std::io;

use lazaret_model::{Content, Entry, Extracted, Visitor, Want, Wanted};
use sha2::{Digest as _, Sha256};

use super::{Indexed, LayerSource, Needs, in_place};
use crate::budget::{Budget, Exceeded};
use crate::layer::{Kept, LayerIndex, OWN_NAME, Place, Record, Window, read_record};
use crate::problems::{Problems, lossy};

/// Where a content is: the number of its archive and of its record.
pub(super) type Key = (usize, u32);

/// A file of the merged tree of which something is wanted.
pub(super) struct WantedContent<'a> {
    /// In the merged tree.
    pub(super) number: u32,
    pub(super) entry: Entry<'a>,
    pub(super) place: Place,
    pub(super) want: Want,
    /// It has the name under which it came by, and the visitor was asked then.
    pub(super) own_name: bool,
}

/// Contents that are read before they are visited.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) kept: HashMap<Key, Kept>,
    /// By the number of the entry in the merged tree: what is extracted may depend on the name.
    pub(super) extracted: HashMap<u32, Extracted>,
}

pub(super) struct Contents<'a> {
    pub(super) indexed: &'a Indexed,
    pub(super) budget: &'a mut Budget,
    pub(super) problems: &'a mut Problems,
}

impl Contents<'_> {
    /// Brings together what is not read at the moment it is visited: contents of layers that came by,
    /// and digests and extracts of what lies in files, which take all processors.
    pub(super) fn gather(
        &mut self,
        kept: Vec<HashMap<u32, Kept>>,
        wanted: &[WantedContent<'_>],
        source: &mut dyn LayerSource,
        visitor: &dyn Visitor,
    ) -> Gathered {
        let mut came_by: HashMap<Key, Kept> = (0..)
            .zip(kept)
            .flat_map(|(archive, kept)| kept.into_iter().map(move |(record, kept)| ((archive, record), kept)))
            .collect();
        let mut gathered = Gathered::default();
        let mut needs = Needs::new();
        for wanted in wanted {
            let key = key_of(self.indexed, wanted.place);
            if self.indexed.archives[key.0].window.is_some() {
                continue;
            }
            if let Some(content) = came_by.remove(&key) {
                gathered.kept.insert(key, content);
            }
            let missing = match gathered.kept.get_mut(&key) {
                Some(kept) => missing(wanted, kept, &mut gathered.extracted),
                None => wanted.want,
            };
            if missing != Want::NOTHING {
                let need = needs.entry(key.0).or_default().entry(key.1).or_default();
                need.add(wanted.number, wanted.entry.clone(), missing);
            }
        }
        for hidden in came_by.into_values() {
            hidden.release(self.budget);
        }
        if !needs.is_empty() {
            for (archive, fetched) in source.fetch(visitor, &needs, self.budget, self.problems) {
                for (record, again) in fetched {
                    let kept = gathered.kept.entry((archive, record)).or_default();
                    kept.digest = kept.digest.or(again.digest);
                    kept.failed |= again.failed;
                    if kept.bytes.is_none() {
                        kept.bytes = again.bytes;
                    }
                    gathered.extracted.extend(again.extracted);
                }
            }
        }
        in_place::read(self, wanted, visitor, &mut gathered);
        gathered
    }

    /// Gives one entry with its wanted content to the visitor.
    pub(super) fn give(
        &mut self,
        wanted: &WantedContent<'_>,
        gathered: &mut Gathered,
        visitor: &mut dyn Visitor,
    ) {
        let WantedContent { entry, want, .. } = wanted;
        let key = key_of(self.indexed, wanted.place);
        let kept = gathered.kept.get(&key);
        let mut failed = kept.is_some_and(|kept| kept.failed);
        let digest = kept.and_then(|kept| kept.digest).filter(|_| want.digest);
        let mut window_bytes = None;
        let extracted = gathered.extracted.remove(&wanted.number);
        let bytes = match want.content {
            Wanted::Nothing => None,
            Wanted::Extract => extracted.as_ref().map(|extracted| extracted.bytes.as_slice()),
            Wanted::Bytes => {
                match (kept.and_then(|kept| kept.bytes.as_deref()), record_at(self.indexed, key)) {
                    (Some(bytes), _) => Some(bytes),
                    (None, (LayerIndex { window: Some(window), .. }, record)) => {
                        match read_bytes(window, record, self.budget) {
                            Ok(bytes) => window_bytes = Some(bytes),
                            Err(error) => {
                                self.problems.io(lossy(entry.path), &error);
                                failed = true;
                            }
                        }
                        window_bytes.as_deref()
                    }
                    (None, _) => None,
                }
            }
        };
        let is_missing =
            want.digest && digest.is_none() || want.content != Wanted::Nothing && bytes.is_none();
        if is_missing && !failed {
            let detail = "its content was not there when the layer was read again";
            self.problems.malformed(lossy(entry.path), detail);
        }
        visitor.visit(entry, Content { digest, bytes });
        if let Some(extracted) = extracted {
            self.budget.release(extracted.bytes.len() as u64);
            for problem in extracted.problems {
                self.problems.push(problem);
            }
        }
        if let Some(bytes) = window_bytes {
            self.budget.release(bytes.len() as u64);
        }
    }
}

pub(super) fn key_of(indexed: &Indexed, place: Place) -> Key {
    (indexed.archive(place), place.record)
}

pub(super) fn record_at(indexed: &Indexed, key: Key) -> (&LayerIndex, &Record) {
    let index = &indexed.archives[key.0];
    (index, &index.records[key.1 as usize])
}

/// What is still to be read of a file, given what was kept when it came by.
fn missing(wanted: &WantedContent<'_>, kept: &mut Kept, extracted: &mut HashMap<u32, Extracted>) -> Want {
    if kept.failed {
        return Want::NOTHING;
    }
    let mut missing = wanted.want;
    if let Some(bytes) = kept.bytes.as_deref().filter(|_| kept.digest.is_none() && missing.digest) {
        kept.digest = Some(Sha256::digest(bytes).into());
    }
    missing.digest &= kept.digest.is_none();
    match missing.content {
        Wanted::Bytes if kept.bytes.is_some() => missing.content = Wanted::Nothing,
        Wanted::Extract if wanted.own_name => {
            if let Some(own) = kept.extracted.remove(&OWN_NAME) {
                extracted.insert(wanted.number, own);
                missing.content = Wanted::Nothing;
            }
        }
        _ => {}
    }
    missing
}

fn read_bytes(window: &Window, record: &Record, budget: &mut Budget) -> io::Result<Vec<u8>> {
    const PIECE: usize = 128 << 10;
    budget.check_file(record.size).map_err(Exceeded::io)?;
    budget.keep(record.size).map_err(Exceeded::io)?;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; usize::try_from(record.size).unwrap_or(usize::MAX).min(PIECE)];
    let result = read_record(window, record, &mut buffer, &mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    });
    // What is given back later is the length of what was read.
    if result.is_err() {
        budget.release(record.size);
    }
    result.map(|()| bytes)
}
