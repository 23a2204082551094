//! Versions of Gentoo packages, `1.2.3a_rc1-r4` (Package Manager Specification 8, section 3.2 and 3.3).

use std::cmp::Ordering;

use crate::text::{compare_natural, compare_numbers, is_number, split_digits, split_run, strip_exact};
use crate::{Scheme, VersionError};

/// Orders by algorithm 3.1 of the specification. Texts that it forbids compare by the part that it
/// allows and then by the rest; a rest makes a version earlier.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::split(a.as_bytes()), Version::split(b.as_bytes()));
    compare_parts(a.numbers, b.numbers)
        .then_with(|| a.letter.cmp(&b.letter))
        .then_with(|| compare_suffixes(a.suffixes, b.suffixes))
        .then_with(|| compare_numbers(a.revision, b.revision))
        .then_with(|| a.rest.is_empty().cmp(&b.rest.is_empty()))
        .then_with(|| compare_natural(a.rest, b.rest))
}

pub fn check(text: &str) -> Result<(), VersionError> {
    let fail = |reason| Err(VersionError { scheme: Scheme::Portage, reason });
    let version = Version::split(text.as_bytes());
    if !version.numbers.split(|byte| *byte == b'.').all(is_number) {
        return fail("it does not start with numbers between dots");
    }
    if !version.rest.is_empty() {
        return fail("it goes on with something that is no suffix and no revision");
    }
    Ok(())
}

struct Version<'a> {
    numbers: &'a [u8],
    letter: Option<u8>,
    /// `_rc1_p2`: only known suffixes.
    suffixes: &'a [u8],
    revision: &'a [u8],
    rest: &'a [u8],
}

const SUFFIXES: &[&str] = &["_alpha", "_beta", "_pre", "_rc", "_p"];
/// No suffix stands between `_rc` and `_p`.
const NONE: usize = 4;
const POST: usize = 5;

impl<'a> Version<'a> {
    fn split(bytes: &'a [u8]) -> Self {
        let (numbers, rest) = split_run(bytes, |byte| byte.is_ascii_digit() || byte == b'.');
        let (letter, rest) = match rest {
            [letter @ b'a'..=b'z', rest @ ..] => (Some(*letter), rest),
            _ => (None, rest),
        };
        let mut after = rest;
        while let Some((_, next)) = split_suffix(after) {
            after = next;
        }
        let suffixes = &rest[..rest.len() - after.len()];
        let (revision, rest) = match after {
            [b'-', b'r', digits @ ..] if digits.first().is_some_and(u8::is_ascii_digit) => {
                split_digits(digits)
            }
            _ => (&after[..0], after),
        };
        Self { numbers, letter, suffixes, revision, rest }
    }
}

struct Suffix<'a> {
    rank: usize,
    number: &'a [u8],
}

/// Splits off the first suffix.
fn split_suffix(bytes: &[u8]) -> Option<(Suffix<'_>, &[u8])> {
    let (at, rest) = strip_exact(bytes, SUFFIXES)?;
    let (number, rest) = split_digits(rest);
    Some((Suffix { rank: if at < NONE { at } else { POST }, number }, rest))
}

fn compare_suffixes<'a>(mut a: &'a [u8], mut b: &'a [u8]) -> Ordering {
    while !(a.is_empty() && b.is_empty()) {
        let none = || (Suffix { rank: NONE, number: b"" }, &b""[..]);
        let ((x, rest_a), (y, rest_b)) =
            (split_suffix(a).unwrap_or_else(none), split_suffix(b).unwrap_or_else(none));
        let order = x.rank.cmp(&y.rank).then_with(|| compare_numbers(x.number, y.number));
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

/// The first number compares as a number; a later one with a leading zero is a decimal fraction.
/// More numbers are later.
fn compare_parts(a: &[u8], b: &[u8]) -> Ordering {
    let (mut parts_a, mut parts_b) = (a.split(|byte| *byte == b'.'), b.split(|byte| *byte == b'.'));
    let mut first = true;
    loop {
        let (x, y) = match (parts_a.next(), parts_b.next()) {
            (Some(x), Some(y)) => (x, y),
            (x, y) => return x.is_some().cmp(&y.is_some()),
        };
        let order = if !first && (x.starts_with(b"0") || y.starts_with(b"0")) {
            without_zeros(x).cmp(without_zeros(y))
        } else {
            compare_numbers(x, y)
        };
        if order.is_ne() {
            return order;
        }
        first = false;
    }
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    let end = digits.iter().rposition(|byte| *byte != b'0').map_or(0, |at| at + 1);
    &digits[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_the_specification_says() {
        let ascending = [
            "1.0_alpha",
            "1.0_alpha1",
            "1.0_beta",
            "1.0_pre",
            "1.0_rc1",
            "1.0_rc1_p1",
            "1.0",
            "1.0-r1",
            "1.0_p",
            "1.0_p1",
            "1.0a",
            "1.0b",
            "1.0.0",
            "1.001",
            "1.01",
            "1.1",
            "1.10",
            "2",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("1.0-r0", "1.0"), Ordering::Equal);
        assert_eq!(compare("1.010", "1.01"), Ordering::Equal);
    }

    #[test]
    fn only_known_suffixes_are_taken() {
        for text in ["1", "1.2.3a_rc1_p2-r3", "0.01"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", "a", "1.", ".1", "1_foo", "1-r", "1ab", "1.0-1"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
