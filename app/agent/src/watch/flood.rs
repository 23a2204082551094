//! Keeps a container that is refused a thousand times a second from filling the spool: the first refusals of
//! each kind are told singly, the rest by their number.

use std::collections::HashMap;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(10);
/// Of one file in one container.
const OF_ONE_KIND: u64 = 5;
/// Of all kinds together.
const OF_ALL: u64 = 500;

#[derive(Debug, Default)]
pub(super) struct Flood {
    began: Option<Instant>,
    all: u64,
    kinds: HashMap<(String, String), u64>,
}

impl Flood {
    /// Whether this one is told singly.
    pub(super) fn admits(&mut self, container: &str, path: &str, now: Instant) -> bool {
        self.began.get_or_insert(now);
        self.all += 1;
        if self.all > OF_ALL {
            return false;
        }
        let count = self.kinds.entry((container.to_owned(), path.to_owned())).or_default();
        *count += 1;
        *count <= OF_ONE_KIND
    }

    /// At the end of a window: what was not told singly, in words with its number.
    pub(super) fn close_window(&mut self, now: Instant) -> Vec<(String, u64)> {
        if self.began.is_none_or(|began| now.duration_since(began) < WINDOW) {
            return Vec::new();
        }
        let window = std::mem::take(self);
        let mut told = Vec::new();
        let mut counted = 0;
        for ((container, path), count) in window.kinds {
            counted += count;
            if count > OF_ONE_KIND {
                let short: String = container.chars().take(12).collect();
                told.push((
                    format!("more refusals to execute {path} in {short} within 10 s"),
                    count - OF_ONE_KIND,
                ));
            }
        }
        if window.all > counted {
            told.push((
                "more refusals to execute files, of too many kinds to name, within 10 s".to_owned(),
                window.all - counted,
            ));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_told_singly_or_counted() {
        let mut flood = Flood::default();
        let begin = Instant::now();
        let mut singly = 0;
        for number in 0..2000u64 {
            singly += u64::from(flood.admits("c", &format!("/x{}", number % 300), begin));
        }
        assert!(flood.close_window(begin).is_empty());
        let told = flood.close_window(begin + WINDOW);
        assert_eq!(singly + told.iter().map(|(_, count)| count).sum::<u64>(), 2000);
        assert!(singly >= 300, "each kind is told at least once while there is room: {singly}");
        assert!(flood.close_window(begin + WINDOW * 2).is_empty(), "and then it begins anew");
        assert!(flood.admits("c", "/x1", begin));
    }
}
