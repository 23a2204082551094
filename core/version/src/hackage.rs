//! Versions of Haskell packages (Package Versioning Policy; `Distribution.Version` of Cabal).

use std::cmp::Ordering;

use crate::text::{compare_natural, compare_numbers, is_number, split_digits};
use crate::{Scheme, VersionError};

/// Orders lists of numbers: `1.0` is below `1.0.0`. A part that is no number compares by the digits that
/// it starts with, then by its rest.
pub fn compare(a: &str, b: &str) -> Ordering {
    compare_lists(a, b, |byte| byte == b'.')
}

pub fn check(text: &str) -> Result<(), VersionError> {
    let fail = |reason| Err(VersionError { scheme: Scheme::Hackage, reason });
    for part in text.as_bytes().split(|byte| *byte == b'.') {
        if !is_number(part) {
            return fail("a part is not a number");
        }
        if part.len() > 1 && part.starts_with(b"0") {
            return fail("a number has leading zeros");
        }
    }
    Ok(())
}

pub(crate) fn compare_lists(a: &str, b: &str, separates: impl Fn(u8) -> bool) -> Ordering {
    let (a, b) = (a.trim_ascii().as_bytes(), b.trim_ascii().as_bytes());
    let (mut a, mut b) = (a.split(|byte| separates(*byte)), b.split(|byte| separates(*byte)));
    loop {
        let (x, y) = match (a.next(), b.next()) {
            (Some(x), Some(y)) => (x, y),
            (x, y) => return x.is_some().cmp(&y.is_some()),
        };
        let ((number_a, rest_a), (number_b, rest_b)) = (split_digits(x), split_digits(y));
        let order = compare_numbers(number_a, number_b).then_with(|| compare_natural(rest_a, rest_b));
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_counts() {
        for pair in ["0", "0.1", "0.11.3", "1", "1.0", "1.0.0", "1.0.x", "1.2", "1.10"].windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(check("1.0.0.0"), Ok(()));
        for text in ["", "1.", "1.01", "1-2", "a"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
