//! Pieces that several schemes share: runs of bytes, numbers of any length, the natural order.

use std::cmp::Ordering;

use crate::{Scheme, VersionError};

/// Splits off the leading bytes of a kind.
pub(crate) fn split_run(bytes: &[u8], kind: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let length = bytes.iter().position(|byte| !kind(*byte)).unwrap_or(bytes.len());
    bytes.split_at(length)
}

/// Splits off the leading decimal digits.
pub(crate) fn split_digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    split_run(bytes, |byte| byte.is_ascii_digit())
}

/// Compares decimal numbers of any length; no digits are zero.
pub(crate) fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (significant(a), significant(b));
    // Byte by byte: numbers are short, and a call costs more than they do.
    a.len().cmp(&b.len()).then_with(|| a.iter().cmp(b))
}

/// The digits after the leading zeros.
pub(crate) fn significant(digits: &[u8]) -> &[u8] {
    split_run(digits, |byte| byte == b'0').1
}

pub(crate) fn is_zero(digits: &[u8]) -> bool {
    significant(digits).is_empty()
}

pub(crate) fn is_number(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

/// Compares numbers between dots; missing ones count as zero. Anything but a digit separates.
pub(crate) fn compare_dotted(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !(a.is_empty() && b.is_empty()) {
        let ((x, rest_a), (y, rest_b)) = (split_digits(a), split_digits(b));
        let order = compare_numbers(x, y);
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a.get(1..).unwrap_or_default(), rest_b.get(1..).unwrap_or_default());
    }
    Ordering::Equal
}

/// Compares texts as runs of digits and runs of other bytes: the end before words, words before numbers.
pub(crate) fn compare_natural(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let digit = |bytes: &[u8]| bytes.first().map(u8::is_ascii_digit);
        let order = match (digit(a), digit(b)) {
            (None, None) => return Ordering::Equal,
            (Some(true), Some(true)) => {
                let ((x, rest_a), (y, rest_b)) = (split_digits(a), split_digits(b));
                (a, b) = (rest_a, rest_b);
                compare_numbers(x, y)
            }
            (Some(false), Some(false)) => {
                let word = |byte: u8| !byte.is_ascii_digit();
                let ((x, rest_a), (y, rest_b)) = (split_run(a, word), split_run(b, word));
                (a, b) = (rest_a, rest_b);
                compare_folded(x, y)
            }
            (x, y) => x.cmp(&y),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Compares bytes without regard to the case of ASCII letters.
pub(crate) fn compare_folded(a: &[u8], b: &[u8]) -> Ordering {
    let lower = |byte: &u8| byte.to_ascii_lowercase();
    a.iter().map(lower).cmp(b.iter().map(lower))
}

/// Splits off the first of the words that the bytes start with, whatever its case. List longer words first.
pub(crate) fn strip_word<'a>(bytes: &'a [u8], words: &[&str]) -> Option<(usize, &'a [u8])> {
    words.iter().enumerate().find_map(|(at, word)| {
        let (head, rest) = bytes.split_at_checked(word.len())?;
        head.eq_ignore_ascii_case(word.as_bytes()).then_some((at, rest))
    })
}

/// [`strip_word`] where the case counts.
pub(crate) fn strip_exact<'a>(bytes: &'a [u8], words: &[&str]) -> Option<(usize, &'a [u8])> {
    let strip = |(at, word): (usize, &&str)| Some((at, bytes.strip_prefix(word.as_bytes())?));
    words.iter().enumerate().find_map(strip)
}

/// The two sides of the first byte of a kind, without it.
pub(crate) fn split_once(bytes: &[u8], at: impl Fn(u8) -> bool) -> (&[u8], Option<&[u8]>) {
    let (head, rest) = split_run(bytes, |byte| !at(byte));
    (head, rest.get(1..))
}

/// The verdict of a strict check.
pub(crate) fn require(scheme: Scheme, holds: bool, reason: &'static str) -> Result<(), VersionError> {
    if holds { Ok(()) } else { Err(VersionError { scheme, reason }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_limit() {
        assert_eq!(compare_numbers(b"0099999999999999999999998", b"99999999999999999999999"), Ordering::Less);
        assert_eq!(compare_numbers(b"", b"000"), Ordering::Equal);
        assert_eq!(compare_dotted(b"1.2", b"1.2.0.0"), Ordering::Equal);
        assert_eq!(compare_dotted(b"1.10", b"1.9.9"), Ordering::Greater);
    }

    #[test]
    fn the_natural_order_knows_numbers() {
        for (low, high) in [("rc2", "rc10"), ("a", "a1"), ("", "a"), ("a", "1"), ("RC1", "rc2")] {
            assert_eq!(compare_natural(low.as_bytes(), high.as_bytes()), Ordering::Less, "{low} {high}");
        }
    }
}
