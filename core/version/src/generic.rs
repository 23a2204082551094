//! Numbers and letters: the order of versions whose tool has no rules of its own.

use std::cmp::Ordering;

/// Compares runs of digits as numbers and all else as text.
pub fn compare(a: &str, b: &str) -> Ordering {
    crate::deb::compare(a, b)
}
