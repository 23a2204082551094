use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Bound for the case that nobody asks any more.
const MAXIMUM: usize = 16_384;
/// A process that was allowed to execute a file may be kept from the processor before the kernel itself forbids
/// writing to the file. Normally the kernel program tells within some 30 ms that it has come that far.
const WITH_TRACER: Duration = Duration::from_secs(5);
const WITHOUT_TRACER: Duration = Duration::from_millis(100);

/// Which processes have started a program, and when: tells whether a file still has to be held unchanged for a
/// process that was allowed to execute it. Times are nanoseconds of the boot clock.
#[derive(Debug)]
pub(crate) struct Starts {
    patience: Duration,
    held: AtomicUsize,
    latest: Mutex<HashMap<u32, u64>>,
}

impl Starts {
    pub(crate) fn new(traced: bool) -> Self {
        let patience = if traced { WITH_TRACER } else { WITHOUT_TRACER };
        Self { patience, held: AtomicUsize::new(0), latest: Mutex::default() }
    }

    /// Process `pid` started a program.
    pub(crate) fn note(&self, pid: u32, at: u64) {
        if self.held.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() >= MAXIMUM {
            latest.clear();
        }
        latest.insert(pid, at);
    }

    /// A file is held from now on.
    pub(crate) fn hold(&self) {
        self.held.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn let_go(&self) {
        if self.held.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.latest.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Whether the process that was allowed to go on at `since` has started its program, or has had the time.
    pub(crate) fn is_over(&self, pid: u32, since: u64, now: u64) -> bool {
        let age = Duration::from_nanos(now.saturating_sub(since));
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        age > self.patience || latest.get(&pid).is_some_and(|at| *at >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_held_until_its_process_has_started_the_program() {
        let starts = Starts::new(true);
        starts.hold();
        starts.note(7, 99);
        starts.note(8, 200);
        assert!(!starts.is_over(7, 100, 150), "that was an earlier program");
        starts.note(7, 101);
        assert!(starts.is_over(7, 100, 150));
        assert!(starts.is_over(9, 100, 100 + 6_000_000_000), "nobody waits for ever");
        starts.let_go();
        starts.note(7, 300);
        assert!(!starts.is_over(7, 100, 150), "what nobody waits for is not kept");
    }

    #[test]
    fn stays_within_its_bound() {
        let starts = Starts::new(false);
        starts.hold();
        for pid in 0..100_000 {
            starts.note(pid, 1);
        }
        assert!(starts.latest.lock().unwrap().len() <= MAXIMUM);
    }
}
