use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::observation::Observation;

/// Refusals that may wait; the watch takes them many times a second.
const MOST: usize = 1024;

/// What was refused and is still to be told, after what the kernel told before it: who did it may have begun just now.
#[derive(Debug)]
pub(crate) struct Refusals {
    waiting: Mutex<VecDeque<Observation>>,
    untold: Arc<AtomicU64>,
}

impl Refusals {
    pub(crate) fn new(untold: Arc<AtomicU64>) -> Self {
        Self { waiting: Mutex::default(), untold }
    }

    /// Never waits: what finds no room is counted.
    pub(crate) fn put(&self, refusal: Observation) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.push_back(refusal);
        } else {
            self.untold.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn miss(&self) {
        self.untold.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take(&self) -> VecDeque<Observation> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
