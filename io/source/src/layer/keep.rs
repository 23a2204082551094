//! What is made of a file's content while it comes by.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use lazaret_model::{Entry, Extracted, Visitor, Want, Wanted};
use sha2::{Digest as _, Sha256};

use super::access::InMemory;
use crate::budget::{Budget, Exceeded};
use crate::problems::{Problems, lossy};

/// What is wanted of one content, under all the names for which it is.
#[derive(Debug, Default)]
pub(crate) struct Need<'a> {
    digest: bool,
    bytes: bool,
    /// Whatever is extracted is kept under the number that the name has here.
    extract: Vec<(u32, Entry<'a>)>,
}

impl<'a> Need<'a> {
    pub(crate) fn of(number: u32, entry: Entry<'a>, want: Want) -> Self {
        let mut need = Self::default();
        need.add(number, entry, want);
        need
    }

    pub(crate) fn add(&mut self, number: u32, entry: Entry<'a>, want: Want) {
        self.digest |= want.digest;
        match want.content {
            Wanted::Nothing => {}
            Wanted::Bytes => self.bytes = true,
            Wanted::Extract => self.extract.push((number, entry)),
        }
    }
}

/// What was made of one content and stays in memory.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) digest: Option<[u8; 32]>,
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) extracted: HashMap<u32, Arc<Extracted>>,
    /// Why something that was wanted is not here. Told only if the file survives the merge.
    pub(crate) problems: Problems,
    pub(crate) failed: bool,
    /// A layer above has the file too, so that it is of use in other images only.
    pub(crate) covered: bool,
}

impl Kept {
    /// Gives back the memory of what is not needed after all.
    pub(crate) fn release(&self, budget: &mut Budget) {
        budget.release(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64));
        for extracted in self.extracted.values() {
            budget.release(extracted.bytes.len() as u64);
        }
    }
}

/// Takes what is wanted from contents that come by. One for each thread.
pub(crate) struct Taker<'v> {
    pub(crate) visitor: &'v dyn Visitor,
    /// The small file from which something is extracted right now.
    small: Vec<u8>,
    pub(crate) shared: &'v Shared,
    /// What may be kept of the current layer for other images.
    spare: Option<Budget>,
}

/// What the threads share that take from the layers of one image.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The one large file from which something is extracted right now: threads take turns, so that memory
    /// does not depend on their number.
    large: Mutex<Vec<u8>>,
    /// The highest layer that has a wanted file of a path. Of those under it nothing is kept: most likely they
    /// are hidden. The rare one that is not is read again.
    highest: Mutex<HashMap<Box<[u8]>, u32>>,
}

impl Shared {
    /// Whether a layer above has the file too, as far as it is read.
    fn is_covered(&self, path: &[u8], layer: u32) -> bool {
        let mut highest = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        match highest.get_mut(path) {
            Some(known) if *known > layer => true,
            Some(known) => {
                *known = layer;
                false
            }
            None => {
                highest.insert(path.into(), layer);
                false
            }
        }
    }
}

const SMALL: u64 = 1 << 20;
/// Earlier versions of larger files are not kept when they come by: they must not crowd out what survives.
const MOST_EARLIER: u64 = 8 << 20;
/// What is kept of one layer that only other images need.
const MOST_SPARE: u64 = 16 << 20;
/// Larger files are not brought into memory as a whole to extract something from them.
const MOST_BUFFERED: u64 = 32 << 20;
/// Names of one content under which something is extracted while it comes by in pieces.
const MOST_PASSING: usize = 16;

/// Passes content in pieces to a sink that may stop it.
type Pieces<'a> = dyn FnMut(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> + 'a;

impl<'v> Taker<'v> {
    pub(crate) fn new(visitor: &'v dyn Visitor, shared: &'v Shared) -> Self {
        Self { visitor, small: Vec::new(), shared, spare: None }
    }

    /// Whether a layer above has the file too, and this image does not want to know how it was before.
    pub(super) fn is_covered(&self, path: &[u8], size: u64, layer: u32) -> bool {
        self.shared.is_covered(path, layer) && !(size <= MOST_EARLIER && self.visitor.wants_earlier(path))
    }

    /// From here on takes what only other images need as well: of one layer that will be remembered, or of none.
    pub(crate) fn take_for_others(&mut self, budget: Option<&Budget>) {
        self.spare = budget.map(|budget| budget.apart(MOST_SPARE));
    }

    /// Whether there was room for all of that.
    pub(crate) fn took_for_others(&self) -> bool {
        self.spare.is_some()
    }

    /// As [`take`](Self::take), for a file that a layer above has too. It costs this image none of its budget.
    pub(super) fn take_covered(
        &mut self,
        need: &Need<'_>,
        path: &[u8],
        size: u64,
        pieces: &mut Pieces<'_>,
    ) -> Option<Kept> {
        let mut spare = self.spare.take()?;
        let kept = self.take(need, path, size, pieces, &mut spare);
        if kept.failed {
            return None;
        }
        self.spare = Some(spare);
        Some(Kept { covered: true, ..kept })
    }

    /// Takes what is wanted, in one pass over the content.
    pub(crate) fn take(
        &mut self,
        need: &Need<'_>,
        path: &[u8],
        size: u64,
        pieces: &mut Pieces<'_>,
        budget: &mut Budget,
    ) -> Kept {
        let mut kept = Kept::default();
        if let Err(error) = self.read(need, path, size, pieces, budget, &mut kept) {
            kept.problems.io(lossy(path), &error);
            kept.failed = true;
        }
        kept
    }

    fn read(
        &mut self,
        need: &Need<'_>,
        path: &[u8],
        size: u64,
        pieces: &mut Pieces<'_>,
        budget: &mut Budget,
        kept: &mut Kept,
    ) -> io::Result<()> {
        let deadline = budget.deadline;
        let beyond = |kept: &mut Kept, exceeded| {
            kept.problems.limit(lossy(path), exceeded);
            kept.failed = true;
        };
        let mut bytes = None;
        if need.bytes {
            match budget.check_file(size).and_then(|()| budget.keep(size)) {
                Ok(()) => bytes = Some(with_room(size)),
                Err(exceeded) => beyond(kept, exceeded),
            }
        }
        let mut passing = Vec::new();
        let buffered = !need.extract.is_empty() && size <= MOST_BUFFERED.min(budget.limits.file_bytes);
        if !buffered {
            for (number, entry) in &need.extract {
                match self.visitor.extract_passing(entry).filter(|_| passing.len() < MOST_PASSING) {
                    Some(begun) => passing.push((*number, begun)),
                    None => beyond(kept, too_large_to_extract(size)),
                }
            }
        }
        let mut hash = need.digest.then(Sha256::new);
        if hash.is_none() && bytes.is_none() && !buffered && passing.is_empty() {
            return Ok(());
        }
        let mut turn;
        let buffer = if buffered && size > SMALL {
            turn = self.shared.large.lock().unwrap_or_else(PoisonError::into_inner);
            &mut *turn
        } else {
            &mut self.small
        };
        buffer.clear();
        pieces(&mut |piece| {
            deadline.check().map_err(Exceeded::io)?;
            if let Some(hash) = &mut hash {
                hash.update(piece);
            }
            if let Some(bytes) = &mut bytes {
                bytes.extend_from_slice(piece);
            }
            if buffered {
                buffer.extend_from_slice(piece);
            }
            for (_, passing) in &mut passing {
                passing.push(piece);
            }
            Ok(())
        })?;
        kept.digest = hash.map(|hash| hash.finalize().into());
        kept.bytes = bytes;
        if buffered {
            for (number, entry) in &need.extract {
                deadline.check().map_err(Exceeded::io)?;
                let extracted = self.visitor.extract(entry, &mut InMemory(buffer));
                kept.extracted.insert(*number, Arc::new(extracted));
            }
        } else {
            let finished = passing.into_iter().map(|(number, passing)| (number, Arc::new(passing.finish())));
            kept.extracted.extend(finished);
        }
        let mut bytes: u64 = 0;
        for extracted in kept.extracted.values() {
            bytes = bytes.saturating_add(extracted.bytes.len() as u64);
        }
        if let Err(exceeded) = budget.keep(bytes) {
            kept.extracted.clear();
            beyond(kept, exceeded);
        }
        Ok(())
    }
}

/// Room for a content. The size is only stated: for large ones, memory is taken as they come.
pub(crate) fn with_room(size: u64) -> Vec<u8> {
    Vec::with_capacity(usize::try_from(size.min(SMALL)).unwrap_or_default())
}

fn too_large_to_extract(size: u64) -> Exceeded {
    Exceeded::new(format!("it has {size} bytes, more than can be looked into while it comes by"))
}
