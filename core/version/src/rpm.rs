//! Versions of rpm packages, `[epoch:]version[-release]` (rpm-version(7)).

use std::cmp::Ordering;

use crate::text::{compare_numbers, require, split_digits, split_run};
use crate::{Scheme, VersionError};

/// Orders as `rpmvercmp` does, part by part. No epoch is zero; no release is below every release.
pub fn compare(a: &str, b: &str) -> Ordering {
    let ((x, a), (y, b)) = (split_epoch(a.as_bytes()), split_epoch(b.as_bytes()));
    compare_numbers(x, y).then_with(|| {
        let shared = shared_runs(a, b);
        let ((x, of_x), (y, of_y)) = (split_release(&a[shared..]), split_release(&b[shared..]));
        if of_x.is_some() != of_y.is_some() {
            return compare_without_epoch(a, b);
        }
        let releases = || compare_labels(of_x.unwrap_or_default(), of_y.unwrap_or_default());
        compare_labels(x, y).then_with(releases)
    })
}

fn compare_without_epoch(a: &[u8], b: &[u8]) -> Ordering {
    let ((x, of_x), (y, of_y)) = (split_release(a), split_release(b));
    compare_labels(x, y).then_with(|| match (of_x, of_y) {
        (Some(x), Some(y)) => compare_labels(x, y),
        (x, y) => x.is_some().cmp(&y.is_some()),
    })
}

/// Accepts what `rpmverParse` accepts: letters, digits and `._+%{}~^` in each part.
pub fn check(text: &str) -> Result<(), VersionError> {
    let (_, rest) = split_epoch(text.as_bytes());
    let (version, release) = split_release(rest);
    let plain = |part: &[u8]| {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._+%{}~^".contains(byte);
        !part.is_empty() && part.iter().all(allowed)
    };
    require(Scheme::Rpm, !text.starts_with(':'), "the epoch before the colon is empty")?;
    require(Scheme::Rpm, plain(version), "the version is empty or has a foreign character")?;
    require(Scheme::Rpm, release.is_none_or(plain), "the release is empty or has a foreign character")
}

/// Epoch and rest. What stands before a colon is an epoch only if it is a number, as in rpm's `parseEVR`.
fn split_epoch(bytes: &[u8]) -> (&[u8], &[u8]) {
    match split_digits(bytes) {
        (epoch, [b':', rest @ ..]) if !epoch.is_empty() => (epoch, rest),
        _ => (&bytes[..0], bytes),
    }
}

/// Version and release.
fn split_release(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().rposition(|byte| *byte == b'-') {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    }
}

/// How many bytes two texts share, without the run of letters and digits that they begin to differ in. Versions of one
/// package mostly begin alike, and what is shared decides nothing, unless only one of the two has its release after it.
fn shared_runs(a: &[u8], b: &[u8]) -> usize {
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    if shared == a.len() && shared == b.len() {
        return shared;
    }
    a[..shared].iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |at| at + 1)
}

/// What a label goes on with, in their order: `1.0~rc1 < 1.0 < 1.0^git1 < 1.0a < 1.0.1`.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Next {
    Tilde,
    End,
    Caret,
    Letters,
    Digits,
}

impl Next {
    fn of(label: &[u8]) -> Self {
        match label.first() {
            None => Self::End,
            Some(b'~') => Self::Tilde,
            Some(b'^') => Self::Caret,
            Some(byte) if byte.is_ascii_digit() => Self::Digits,
            Some(_) => Self::Letters,
        }
    }
}

/// Compares runs of digits and of letters; other characters only separate.
fn compare_labels(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let separator = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'~' && byte != b'^';
    loop {
        (_, a) = split_run(a, separator);
        (_, b) = split_run(b, separator);
        let (x, y) = (Next::of(a), Next::of(b));
        if x != y {
            return x.cmp(&y);
        }
        let order = match x {
            Next::End => return Ordering::Equal,
            Next::Tilde | Next::Caret => {
                (a, b) = (&a[1..], &b[1..]);
                continue;
            }
            Next::Letters => {
                let ((x, rest_a), (y, rest_b)) = (
                    split_run(a, |byte| byte.is_ascii_alphabetic()),
                    split_run(b, |byte| byte.is_ascii_alphabetic()),
                );
                (a, b) = (rest_a, rest_b);
                x.cmp(y)
            }
            Next::Digits => {
                let ((x, rest_a), (y, rest_b)) = (split_digits(a), split_digits(b));
                (a, b) = (rest_a, rest_b);
                compare_numbers(x, y)
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_the_manual_says() {
        let ascending = [
            "1.0~rc1",
            "1.0~rc1^git1",
            "1.0",
            "1.0-1",
            "1.0-1.el9",
            "1.0^git1-1",
            "1.0a-1",
            "1.0.1",
            "1.0.2",
            "0:2",
            "1:0",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("0:2_0-1.", "2.0-1"), Ordering::Equal);
    }

    #[test]
    fn what_two_versions_share_decides_nothing() {
        let mut texts = vec![String::new()];
        for at in 0..400 {
            let longer = |letter| format!("{}{letter}", texts[at]);
            let longer = ['0', '1', 'a', '-', '.', '~', '^'].map(longer);
            texts.extend(longer);
        }
        for a in &texts {
            for b in &texts {
                let expected = compare_without_epoch(a.as_bytes(), b.as_bytes());
                assert_eq!(compare(a, b), expected, "{a} {b}");
                assert_eq!(compare(&format!("1:{a}"), &format!("01:{b}")), expected, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_part_must_have_plain_characters() {
        for text in ["1.0", "1:2.0~rc1^git-3.el9_4"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", ":1", "1-", "1:", "-1", "a:1", "1 0", "1-2-3"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
