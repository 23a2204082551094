//! Layers that are opened one by one, several at once.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lazaret_model::{Digest, Visitor};

use super::remembered::Remembered;
use super::{Fetched, Indexed, LayerSource, Needs};
use crate::budget::Budget;
use crate::cache::Cache;
use crate::layer::{LayerIndex, Opener, Shared, Taker, Uncompressed, Wanted, uncompressed};
use crate::problems::Problems;

pub(crate) struct Layer {
    /// What problems with the layer as a whole are about.
    pub(crate) label: String,
    pub(crate) opener: Box<dyn Opener>,
    /// The digest that the manifest states of the layer as it is stored.
    pub(crate) digest: Option<Digest>,
}

pub(crate) struct SeparateLayers {
    layers: Vec<Layer>,
    cache: Option<Cache>,
}

impl SeparateLayers {
    pub(crate) fn new(layers: Vec<Layer>) -> Self {
        Self { layers, cache: None }
    }
}

/// Each layer that is read has the memory of a decompressor.
const MOST_AT_ONCE: usize = 4;

impl Layer {
    pub(super) fn read(
        &self,
        taker: &mut Taker<'_>,
        wanted: Wanted<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> io::Result<LayerIndex> {
        Ok(match uncompressed(self.opener.open()?, budget)? {
            Uncompressed::Window(window) => LayerIndex::of_window(window, &self.label, budget, problems),
            Uncompressed::Stream(stream) => {
                LayerIndex::of_stream(stream, &self.label, taker, wanted, budget, problems)
            }
        })
    }

    /// As [`read`](Self::read); a layer that cannot be read is empty, and a problem tells.
    fn read_or_tell(
        &self,
        taker: &mut Taker<'_>,
        wanted: Wanted<'_>,
        remembered: Option<&Remembered<'_>>,
        budget: &mut Budget,
    ) -> (LayerIndex, Problems) {
        let mut problems = Problems::default();
        let read = match (wanted, remembered) {
            (Wanted::Ask { layer }, Some(remembered)) => {
                if let Some(index) = remembered.get(self, layer, taker, budget) {
                    return (index, problems);
                }
                remembered.read(self, layer, taker, budget, &mut problems)
            }
            _ => self.read(taker, wanted, budget, &mut problems),
        };
        let index = read.unwrap_or_else(|error| {
            problems.io(&self.label, &error);
            LayerIndex::default()
        });
        (index, problems)
    }
}

/// Reads layers on several threads, the highest first: what they have hides what is under them. Gives what came
/// out in the order of the layers.
fn read_all(
    layers: &[(&Layer, Wanted<'_>)],
    visitor: &dyn Visitor,
    cache: Option<&Cache>,
    budget: &Budget,
) -> Vec<(LayerIndex, Problems)> {
    let (shared, remembered) = (Shared::default(), Remembered::new(cache, visitor));
    let next = AtomicUsize::new(0);
    let mut read: Vec<(LayerIndex, Problems)> = Vec::new();
    read.resize_with(layers.len(), Default::default);
    let done = Mutex::new(&mut read);
    let work = || {
        let (mut taker, mut budget) = (Taker::new(visitor, &shared), budget.clone());
        let highest_left = || layers.len().checked_sub(1 + next.fetch_add(1, Ordering::Relaxed));
        while let Some(number) = highest_left() {
            let (layer, wanted) = &layers[number];
            let read = layer.read_or_tell(&mut taker, *wanted, remembered.as_ref(), &mut budget);
            if let Ok(mut done) = done.lock() {
                done[number] = read;
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE).min(layers.len());
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    read
}

impl LayerSource for SeparateLayers {
    fn remember(&mut self, cache: Cache) {
        self.cache = Some(cache);
    }

    fn index(&mut self, visitor: &dyn Visitor, budget: &mut Budget, problems: &mut Problems) -> Indexed {
        let layers: Vec<_> =
            (0..).zip(&self.layers).map(|(layer, source)| (source, Wanted::Ask { layer })).collect();
        let mut archives = Vec::with_capacity(layers.len());
        for (index, own) in read_all(&layers, visitor, self.cache.as_ref(), budget) {
            archives.push(index);
            problems.append(own);
        }
        Indexed { layers: (0..archives.len()).collect(), archives }
    }

    fn fetch(
        &mut self,
        visitor: &dyn Visitor,
        needs: &Needs<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Fetched {
        let mut needs: Vec<_> = needs.iter().collect();
        needs.sort_unstable_by_key(|(number, _)| **number);
        let layers: Vec<_> =
            needs.iter().map(|(number, records)| (&self.layers[**number], Wanted::These(records))).collect();
        let read = read_all(&layers, visitor, None, budget);
        let mut fetched = Fetched::new();
        for ((number, _), (index, own)) in needs.into_iter().zip(read) {
            problems.append(own);
            fetched.insert(*number, index.kept);
        }
        fetched
    }
}
