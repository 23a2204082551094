//! Wanted contents, from wherever they are.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use lazaret_model::{Content, Entry, Extracted, RandomAccess as _, Visitor, Want, Wanted};
use sha2::{Digest as _, Sha256};

use super::{Indexed, LayerSource, Needs, in_place};
use crate::budget::{Budget, Exceeded};
use crate::layer::{Extent, Kept, OWN_NAME, Place, with_room};
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
    pub(super) extracted: HashMap<u32, Arc<Extracted>>,
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
                Some(kept) => self.missing(wanted, kept, visitor, &mut gathered.extracted),
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
                    kept.problems.append(again.problems);
                    if kept.bytes.is_none() {
                        kept.bytes = again.bytes;
                    }
                    gathered.extracted.extend(again.extracted);
                }
            }
        }
        // From here on only the entries hold what was extracted; the last one to be visited frees it.
        for kept in gathered.kept.values_mut() {
            kept.extracted.clear();
        }
        in_place::read(self, wanted, visitor, &mut gathered);
        gathered
    }

    /// What is still to be read of a file, given what was kept when it came by.
    fn missing(
        &self,
        wanted: &WantedContent<'_>,
        kept: &mut Kept,
        visitor: &dyn Visitor,
        extracted: &mut HashMap<u32, Arc<Extracted>>,
    ) -> Want {
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
            Wanted::Extract => {
                if let Some(own) = kept.extracted.get(&OWN_NAME)
                    && (wanted.own_name
                        || visitor.extracts_alike(&self.indexed.own_entry(wanted.place), &wanted.entry))
                {
                    extracted.insert(wanted.number, Arc::clone(own));
                    missing.content = Wanted::Nothing;
                }
            }
            _ => {}
        }
        missing
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
        if let Some(kept) = gathered.kept.get_mut(&key) {
            self.problems.append(std::mem::take(&mut kept.problems));
        }
        let kept = gathered.kept.get(&key);
        let mut failed = kept.is_some_and(|kept| kept.failed);
        let digest = kept.and_then(|kept| kept.digest).filter(|_| want.digest);
        let mut window_bytes = None;
        let extracted = gathered.extracted.remove(&wanted.number);
        let bytes = match want.content {
            Wanted::Nothing => None,
            Wanted::Extract => extracted.as_ref().map(|extracted| extracted.bytes.as_slice()),
            Wanted::Bytes => {
                match (kept.and_then(|kept| kept.bytes.as_deref()), extent_at(self.indexed, key)) {
                    (Some(bytes), _) => Some(bytes),
                    (None, Some(extent)) => {
                        match read_bytes(extent, self.budget) {
                            Ok(bytes) => window_bytes = Some(bytes),
                            Err(error) => {
                                self.problems.io(lossy(entry.path), &error);
                                failed = true;
                            }
                        }
                        window_bytes.as_deref()
                    }
                    (None, None) => None,
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
        if let Some(extracted) = extracted.and_then(Arc::into_inner) {
            self.budget.release(extracted.bytes.len() as u64);
            for problem in extracted.problems {
                self.problems.push(problem);
            }
        }
        if let Some(bytes) = window_bytes {
            self.budget.release(bytes.len() as u64);
        }
    }

    /// Gives an earlier version of a file. What is wrong with it is not told: it is no part of the tree.
    pub(super) fn give_earlier(
        &mut self,
        wanted: &WantedContent<'_>,
        gathered: &mut Gathered,
        visitor: &mut dyn Visitor,
    ) {
        let key = key_of(self.indexed, wanted.place);
        let came_by = gathered.kept.get(&key).and_then(|kept| kept.bytes.as_deref());
        let in_place = || extent_at(self.indexed, key);
        let extracted = gathered.extracted.remove(&wanted.number);
        let read = match (wanted.want.content, came_by) {
            (Wanted::Bytes, None) => in_place().and_then(|extent| read_bytes(extent, self.budget).ok()),
            _ => None,
        };
        let bytes = match wanted.want.content {
            Wanted::Nothing => None,
            Wanted::Bytes => came_by.or(read.as_deref()),
            Wanted::Extract => extracted.as_ref().map(|extracted| extracted.bytes.as_slice()),
        };
        visitor.visit_earlier(&wanted.entry, Content { digest: None, bytes });
        let extracted = extracted.and_then(Arc::into_inner).map_or(0, |extracted| extracted.bytes.len());
        self.budget.release((extracted + read.map_or(0, |bytes| bytes.len())) as u64);
    }
}

pub(super) fn key_of(indexed: &Indexed, place: Place) -> Key {
    (indexed.archive(place), place.record)
}

/// Where a content is, if it is a part of a file.
pub(super) fn extent_at(indexed: &Indexed, key: Key) -> Option<Extent<'_>> {
    indexed.archives[key.0].extent(key.1)
}

/// Reads a content into memory, within the budget; its size is to be given back later.
pub(crate) fn read_bytes(extent: Extent<'_>, budget: &mut Budget) -> io::Result<Vec<u8>> {
    const PIECE: usize = 128 << 10;
    let size = extent.size;
    budget.check_file(size).map_err(Exceeded::io)?;
    budget.keep(size).map_err(Exceeded::io)?;
    // What is there as a whole is read in one call.
    let result = match extent.present() {
        Some(length) => {
            let mut bytes = vec![0; length];
            extent.open(budget.deadline).and_then(|mut file| file.read_at(0, &mut bytes)).map(|()| bytes)
        }
        None => {
            let mut bytes = with_room(size);
            let mut buffer = vec![0; usize::try_from(size).unwrap_or(usize::MAX).min(PIECE)];
            let copied = extent.copy(&mut buffer, &mut |part| {
                bytes.extend_from_slice(part);
                Ok(())
            });
            copied.map(|()| bytes)
        }
    };
    if result.is_err() {
        budget.release(size);
    }
    result
}
