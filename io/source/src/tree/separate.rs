//! Layers that are opened one by one, and read at the same time.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use lazaret_model::Visitor;

use super::{Fetched, Indexed, LayerSource, Needs};
use crate::budget::Budget;
use crate::layer::{LayerIndex, Opener, Taker, Uncompressed, Wanted, uncompressed};
use crate::problems::Problems;

pub(crate) struct Layer {
    /// What problems with the layer as a whole are about.
    pub(crate) label: String,
    pub(crate) opener: Box<dyn Opener>,
}

pub(crate) struct SeparateLayers(pub(crate) Vec<Layer>);

impl Layer {
    fn read(
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
}

/// Layers of one image that are read at the same time at most. Each may hold one file in memory.
const MOST_AT_ONCE: usize = 4;

/// Reads layers by their numbers on several threads. The results are in the order of the numbers: what is found and
/// said does not depend on which thread was faster, unless a bound of the whole image is reached.
fn at_once<T: Send>(
    numbers: &[usize],
    visitor: &dyn Visitor,
    budget: &Budget,
    read: impl Fn(usize, &mut Taker<'_>, &mut Budget, &mut Problems) -> T + Sync,
) -> Vec<(T, Problems)> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(numbers.len()));
    let work = || {
        let (mut taker, mut budget) = (Taker::new(visitor), budget.clone());
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let Some(&number) = numbers.get(turn) else { break };
            let mut problems = Problems::default();
            let result = read(number, &mut taker, &mut budget, &mut problems);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((turn, result, problems));
        }
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 1..processors.min(MOST_AT_ONCE).min(numbers.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(turn, ..)| *turn);
    done.into_iter().map(|(_, result, problems)| (result, problems)).collect()
}

impl LayerSource for SeparateLayers {
    fn index(&mut self, visitor: &dyn Visitor, budget: &mut Budget, problems: &mut Problems) -> Indexed {
        let numbers: Vec<usize> = (0..self.0.len()).collect();
        let read = |number: usize, taker: &mut Taker<'_>, budget: &mut Budget, problems: &mut Problems| {
            let layer = &self.0[number];
            let wanted = Wanted::Ask { layer: u32::try_from(number).unwrap_or(u32::MAX) };
            layer.read(taker, wanted, budget, problems).unwrap_or_else(|error| {
                problems.io(&layer.label, &error);
                LayerIndex::default()
            })
        };
        let mut archives = Vec::with_capacity(numbers.len());
        for (archive, own) in at_once(&numbers, visitor, budget, read) {
            archives.push(archive);
            problems.append(own);
        }
        Indexed { layers: numbers, archives }
    }

    fn fetch(
        &mut self,
        visitor: &dyn Visitor,
        needs: &Needs<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Fetched {
        let mut numbers: Vec<usize> = needs.keys().copied().collect();
        numbers.sort_unstable();
        let read = |number: usize, taker: &mut Taker<'_>, budget: &mut Budget, problems: &mut Problems| {
            let layer = &self.0[number];
            // The first pass told what is wrong with the archive.
            let mut again = Problems::default();
            match layer.read(taker, Wanted::These(&needs[&number]), budget, &mut again) {
                Ok(index) => index.kept,
                Err(error) => {
                    problems.io(&layer.label, &error);
                    HashMap::new()
                }
            }
        };
        let mut fetched = Fetched::new();
        for (&number, (kept, own)) in numbers.iter().zip(at_once(&numbers, visitor, budget, read)) {
            fetched.insert(number, kept);
            problems.append(own);
        }
        fetched
    }
}
