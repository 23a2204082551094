//! Versions of rpm packages, `[epoch:]version[-release]` (rpm-version(7)).

use std::cmp::Ordering;

use crate::text::{compare_numbers, is_number, require, split_digits, split_run};
use crate::{Scheme, VersionError};

/// Orders as `rpmvercmp` does, part by part. No epoch is zero; no release is below every release.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::split(a), Version::split(b));
    compare_numbers(a.epoch, b.epoch).then_with(|| compare_labels(a.version, b.version)).then_with(|| match (
        a.release, b.release,
    ) {
        (Some(a), Some(b)) => compare_labels(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    })
}

/// Accepts what `rpmverParse` accepts: letters, digits and `._+%{}~^` in each part.
pub fn check(text: &str) -> Result<(), VersionError> {
    let version = Version::split(text);
    let plain = |part: &[u8]| {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._+%{}~^".contains(byte);
        !part.is_empty() && part.iter().all(allowed)
    };
    require(Scheme::Rpm, !text.starts_with(':'), "the epoch before the colon is empty")?;
    require(Scheme::Rpm, plain(version.version), "the version is empty or has a foreign character")?;
    require(Scheme::Rpm, version.release.is_none_or(plain), "the release is empty or has a foreign character")
}

struct Version<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

impl<'a> Version<'a> {
    /// What stands before a colon is an epoch only if it is a number, as in rpm's `parseEVR`.
    fn split(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let (epoch, rest) = match split_digits(bytes) {
            (epoch, [b':', rest @ ..]) if is_number(epoch) => (epoch, rest),
            _ => (&bytes[..0], bytes),
        };
        match rest.iter().rposition(|byte| *byte == b'-') {
            Some(at) => Self { epoch, version: &rest[..at], release: Some(&rest[at + 1..]) },
            None => Self { epoch, version: rest, release: None },
        }
    }
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
    fn a_part_must_have_plain_characters() {
        for text in ["1.0", "1:2.0~rc1^git-3.el9_4"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", ":1", "1-", "1:", "-1", "a:1", "1 0", "1-2-3"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
