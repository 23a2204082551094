use std::time::{Duration, Instant};

use crate::{Failure, Result};

/// Asks again and again, every few milliseconds, until there is an answer; fails after `limit`.
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if begun.elapsed() > limit {
            return Err(Failure::new(format!("waited {} ms in vain for {what}", limit.as_millis())));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until something holds.
pub fn until_true(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) -> Result<()> {
    until(what, limit, || holds().then_some(()))
}
