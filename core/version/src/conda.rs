//! Versions of conda packages, `[epoch!]version[+local]` (conda's `VersionOrder`).

use std::cmp::Ordering;

use crate::text::{compare_folded, compare_numbers, require, split_digits, split_once, split_run};
use crate::{Scheme, VersionError};

/// Orders as `conda.models.version.VersionOrder` does: parts between dots and underscores are runs of
/// digits and letters, where `dev` is before all letters, letters before numbers and `post` after all.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::split(a), Version::split(b));
    compare_numbers(a.epoch, b.epoch)
        .then_with(|| compare_parts(a.version, b.version))
        .then_with(|| compare_parts(a.local, b.local))
}

pub fn check(text: &str) -> Result<(), VersionError> {
    let text = text.trim_ascii();
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'!' | b'+' | b'*');
    let count = |wanted: u8| text.bytes().filter(|byte| *byte == wanted).count();
    require(Scheme::Conda, !text.is_empty(), "it is empty")?;
    require(Scheme::Conda, text.bytes().all(plain), "it has a foreign character")?;
    require(Scheme::Conda, count(b'!') <= 1 && count(b'+') <= 1, "it has several epochs or local parts")?;
    require(
        Scheme::Conda,
        !(text.contains('-') && text.contains('_')),
        "it has both hyphens and underscores",
    )?;
    let version = Version::split(text);
    require(Scheme::Conda, !text.contains('!') || !version.epoch.is_empty(), "the epoch is not a number")?;
    // One underscore at the end is allowed: it puts `1.0.1_` before `1.0.1a`.
    let body = version.version.strip_suffix(b"_").unwrap_or(version.version);
    let filled = body.split(|byte| separates(*byte)).all(|part| !part.is_empty());
    require(Scheme::Conda, filled, "a part between separators is empty")
}

struct Version<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    local: &'a [u8],
}

impl<'a> Version<'a> {
    fn split(text: &'a str) -> Self {
        let bytes = text.trim_ascii().as_bytes();
        let (epoch, rest) = match split_digits(bytes) {
            (epoch, [b'!', rest @ ..]) => (epoch, rest),
            _ => (&bytes[..0], bytes),
        };
        let (version, local) = split_once(rest, |byte| byte == b'+');
        Self { epoch, version, local: local.unwrap_or_default() }
    }
}

fn separates(byte: u8) -> bool {
    matches!(byte, b'.' | b'_' | b'-')
}

/// Splits off a part and its separator. An underscore at the very end belongs to the part.
fn split_part(bytes: &[u8]) -> (&[u8], &[u8]) {
    match split_once(bytes, separates) {
        (_, Some([])) if bytes.ends_with(b"_") => (bytes, &[]),
        (part, rest) => (part, rest.unwrap_or_default()),
    }
}

/// Missing parts are zero.
fn compare_parts(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !(a.is_empty() && b.is_empty()) {
        let ((x, rest_a), (y, rest_b)) = (split_part(a), split_part(b));
        let order = compare_runs(x, y);
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

/// Compares runs of digits and of other characters; missing runs are zero.
fn compare_runs(mut a: &[u8], mut b: &[u8]) -> Ordering {
    // A part that starts with a letter has a zero before it: `1.1.a1` is `1.1.0a1`.
    let letters = |part: &[u8]| part.first().is_some_and(|byte| !byte.is_ascii_digit());
    let (mut zero_a, mut zero_b) = (letters(a), letters(b));
    while !(a.is_empty() && b.is_empty()) {
        let (x, rest_a) = if zero_a { (Run::Number(b""), a) } else { Run::split(a) };
        let (y, rest_b) = if zero_b { (Run::Number(b""), b) } else { Run::split(b) };
        (zero_a, zero_b) = (false, false);
        let order = x.cmp(&y);
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

#[derive(Debug, Clone, Copy)]
enum Run<'a> {
    Dev,
    Word(&'a [u8]),
    Number(&'a [u8]),
    Post,
}

impl<'a> Run<'a> {
    fn split(bytes: &'a [u8]) -> (Self, &'a [u8]) {
        let (digits, rest) = split_digits(bytes);
        if bytes.is_empty() || !digits.is_empty() {
            return (Self::Number(digits), rest);
        }
        let (word, rest) = split_run(bytes, |byte| !byte.is_ascii_digit());
        let run = if word.eq_ignore_ascii_case(b"dev") {
            Self::Dev
        } else if word.eq_ignore_ascii_case(b"post") {
            Self::Post
        } else {
            Self::Word(word)
        };
        (run, rest)
    }

    fn rank(self) -> u8 {
        match self {
            Self::Dev => 0,
            Self::Word(_) => 1,
            Self::Number(_) => 2,
            Self::Post => 3,
        }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Word(a), Self::Word(b)) => compare_folded(a, b),
            (Self::Number(a), Self::Number(b)) => compare_numbers(a, b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_the_documentation_of_conda() {
        let ascending = [
            "0.4.1.rc",
            "0.4.1",
            "0.5a1",
            "0.5b3",
            "0.5C1",
            "0.5",
            "0.9.6",
            "0.960923",
            "1.0",
            "1.1dev1",
            "1.1_",
            "1.1a1",
            "1.1.0dev1",
            "1.1.a1",
            "1.1.0rc1",
            "1.1.0",
            "1.1.0post1",
            "1996.07.12",
            "1!0.4.1",
            "2!0.4.1",
        ];
        for (at, pair) in ascending.windows(2).enumerate() {
            // The documentation lists equal neighbours too.
            let order = compare(pair[0], pair[1]);
            assert_ne!(order, Ordering::Greater, "{at} {pair:?}");
        }
        assert_eq!(compare("1.1", "1.1.0"), Ordering::Equal);
        assert_eq!(compare("1.1.0dev1", "1.1.dev1"), Ordering::Equal);
        assert_eq!(compare("1.1+1", "1.1"), Ordering::Greater);
    }

    #[test]
    fn parts_are_not_empty() {
        for text in ["1.0", "1!2.0_1+a.1", "1.0.1_"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", "1..2", "1.0-1_2", "x!1", "1!2!3", "1 2"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
