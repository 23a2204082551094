//! Layers that were read before, by this process or another, for this image or another.
//!
//! A compressed layer is known by the digest of its stored bytes, and taken from the cache only where those bytes are
//! known to have it: a registry's stream is held against it whenever it is fetched, and a part of a file was hashed
//! when it was read, which is ten times cheaper than decompressing it. A layer that is part of a file and not compressed
//! is not kept: reading its headers costs less than its digest.

use std::io::{self, BufReader};

use lazaret_model::{Digest, Visitor};
use sha2::{Digest as _, Sha256};

use super::separate::Layer;
use crate::budget::Budget;
use crate::cache::{Cache, Key, Stamp};
use crate::layer::{
    Hashed, LayerIndex, Passed, Stream, Taker, Wanted, Window, WindowInput, is_compressed, read_stored,
    uncompressed_stream, write_stored,
};
use crate::problems::Problems;

/// The layers of one image, as one visitor reads them.
pub(super) struct Remembered<'c> {
    cache: &'c Cache,
    visitor: Digest,
}

impl<'c> Remembered<'c> {
    /// None where the visitor wants nothing to be kept.
    pub(super) fn new(cache: Option<&'c Cache>, visitor: &dyn Visitor) -> Option<Self> {
        Some(Self { cache: cache?, visitor: visitor.kind()? })
    }

    /// A layer that was read before.
    pub(super) fn get(
        &self,
        layer: &Layer,
        number: u32,
        taker: &Taker<'_>,
        budget: &mut Budget,
    ) -> Option<LayerIndex> {
        let digest = layer.digest?;
        let mut stored = self.cache.read(self.of_layer(digest))?;
        match layer.opener.window() {
            Some(window) if !is_compressed(window).ok()? || !self.has_digest(window, digest) => return None,
            None if !layer.opener.verifies() => return None,
            _ => {}
        }
        read_stored(&mut stored, number, taker, budget)
            .inspect_err(|error| tracing::debug!("{} is read again: {error}", layer.label))
            .ok()
    }

    /// As [`Layer::read`], and keeps what was read if all went well.
    pub(super) fn read(
        &self,
        layer: &Layer,
        number: u32,
        taker: &mut Taker<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> io::Result<LayerIndex> {
        let wanted = Wanted::Ask { layer: number };
        let window = match layer.opener.window() {
            Some(window) if is_compressed(window)? => Some(window),
            None if layer.opener.verifies() => None,
            _ => return layer.read(taker, wanted, budget, problems),
        };
        let key = window.zip(layer.digest).and_then(|(window, digest)| self.of_window(window, digest));
        taker.take_for_others(Some(budget));
        let (index, verified) = match window {
            None => (layer.read(taker, wanted, budget, problems), layer.digest),
            Some(window) => {
                let (stream, passed) = hashed(window, budget)?;
                let index = LayerIndex::of_stream(stream, &layer.label, taker, wanted, budget, problems);
                let (digest, length) = passed.so_far();
                (
                    Ok(index),
                    Some(digest).filter(|digest| length == window.len() && layer.digest == Some(*digest)),
                )
            }
        };
        let took_all = taker.took_for_others();
        taker.take_for_others(None);
        let mut index = index?;
        if let Some(digest) = verified.filter(|_| took_all && problems.is_empty() && index.is_complete()) {
            self.cache.write(self.of_layer(digest), |out| write_stored(&index, out));
            // Only if the file is the same before and after: otherwise the key is another one now.
            if let Some((key, window)) = key.zip(window)
                && self.of_window(window, digest) == Some(key)
            {
                self.cache.put(key, b"");
            }
        }
        index.drop_covered();
        Ok(index)
    }

    fn of_layer(&self, digest: Digest) -> Key {
        self.cache.key(&[b"layer", self.visitor.as_bytes(), digest.as_bytes()])
    }

    /// That a part of a file has a digest.
    fn of_window(&self, window: &Window, digest: Digest) -> Option<Key> {
        let stamp = Stamp::settled(window.file())?;
        Some(self.cache.key(&[b"file", &stamp.of_part(window), digest.as_bytes()]))
    }

    /// Whether a part of a file has a digest: known from before, or by hashing it.
    fn has_digest(&self, window: &Window, digest: Digest) -> bool {
        let key = self.of_window(window, digest);
        if key.is_some_and(|key| self.cache.read(key).is_some()) {
            return true;
        }
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        let hashed = window.copy(0, window.len(), &mut buffer, &mut |part| {
            hash.update(part);
            Ok(())
        });
        let has = hashed.is_ok() && hash.finalize().as_slice() == digest.as_bytes();
        if let Some(key) = key.filter(|key| has && self.of_window(window, digest) == Some(*key)) {
            self.cache.put(key, b"");
        }
        has
    }
}

const BUFFER: usize = 128 << 10;

/// The uncompressed bytes of a part of a file, and the digest of the stored ones as far as they were taken.
fn hashed(window: &Window, budget: &Budget) -> io::Result<(Stream<'static>, Passed)> {
    let input = BufReader::with_capacity(BUFFER, WindowInput::new(window.clone()));
    let (input, passed) = Hashed::new(input);
    Ok((uncompressed_stream(input, budget)?, passed))
}
