//! Versions of programs that follow no ecosystem: OpenSSL 1.1.1k, Python 3.11.0rc1, OpenSSH 9.3p1.

use std::cmp::Ordering;

use crate::text::{compare_dotted, compare_natural, split_digits, split_once, split_run, strip_word};
use crate::{Scheme, VersionError, semver};

/// Orders numbers, then what follows them: `1.0-rc1 < 1.0 < 1.0a < 1.0.1`.
///
/// A hyphen starts a prerelease as in semantic versions, unless a word of a later patch follows. Without
/// a hyphen, words such as `alpha` and `rc`, and `a`, `b` or `c` with a number, are prereleases;
/// other letters are later patches. A leading `v` and what follows a plus do not count.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::split(a), Version::split(b));
    compare_dotted(a.numbers, b.numbers).then_with(|| a.phase.cmp(&b.phase)).then_with(|| match a.phase {
        Phase::Before => semver::compare_identifiers(a.rest, b.rest, compare_natural),
        Phase::Release => Ordering::Equal,
        Phase::After => compare_natural(a.rest, b.rest),
    })
}

/// Accepts what starts with a number and has no blanks.
pub fn check(text: &str) -> Result<(), VersionError> {
    let fail = |reason| Err(VersionError { scheme: Scheme::Generic, reason });
    let text = text.trim_ascii();
    if Version::split(text).numbers.is_empty() {
        return fail("it does not start with a number");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return fail("it has a blank or a foreign character");
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Before,
    Release,
    After,
}

struct Version<'a> {
    /// Digits and separators of one byte.
    numbers: &'a [u8],
    phase: Phase,
    rest: &'a [u8],
}

const BEFORE: &[&str] = &["alpha", "beta", "milestone", "snapshot", "preview", "pre", "dev", "rc", "cr"];
/// These count before a number only: OpenSSL 1.1.1a is a later patch, Python 3.11.0a1 an alpha.
const BEFORE_NUMBER: &[&str] = &["a", "b", "c", "m"];
const AFTER: &[&str] = &["patch", "post", "hotfix", "pl", "sp", "p"];

impl<'a> Version<'a> {
    fn split(text: &'a str) -> Self {
        let bytes = text.trim_ascii().as_bytes();
        let bytes = bytes.strip_prefix(b"v").or_else(|| bytes.strip_prefix(b"V")).unwrap_or(bytes);
        let (bytes, _) = split_once(bytes, |byte| byte == b'+');
        let rest = after_numbers(bytes);
        let numbers = &bytes[..bytes.len() - rest.len()];
        let (separator, word) = split_run(rest, |byte| !byte.is_ascii_alphanumeric());
        let number_after = |words| {
            let (_, rest) = strip_word(word, words)?;
            split_run(rest, |byte| matches!(byte, b'.' | b'-')).1.first().map(u8::is_ascii_digit)
        };
        let (phase, rest) = if rest.is_empty() {
            (Phase::Release, rest)
        } else if number_after(AFTER) == Some(true) {
            (Phase::After, word)
        } else if separator.first().is_some_and(|byte| matches!(byte, b'-' | b'~')) {
            (Phase::Before, rest.get(1..).unwrap_or_default())
        } else if strip_word(word, BEFORE).is_some() || number_after(BEFORE_NUMBER) == Some(true) {
            (Phase::Before, word)
        } else {
            (Phase::After, rest)
        };
        Self { numbers, phase, rest }
    }
}

/// What follows the numbers between dots or underscores.
fn after_numbers(bytes: &[u8]) -> &[u8] {
    let (_, mut rest) = split_digits(bytes);
    while let [b'.' | b'_', after @ ..] = rest {
        let (digits, next) = split_digits(after);
        if digits.is_empty() {
            break;
        }
        rest = next;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_number_in_their_ways() {
        for ascending in [
            &["1.1.1", "1.1.1a", "1.1.1k", "1.1.1za", "1.1.2-pre1", "1.1.2"][..],
            &["3.11.0a1", "3.11.0b2", "3.11.0rc1", "3.11.0rc10", "3.11.0", "3.11.2"],
            &["9.3-rc1", "9.3", "9.3p1", "9.3p2", "9.4"],
            &["1.8.0", "1.8.0_92", "1.8.0_292"],
            &["2.0.0-M1", "2.0.0", "2.0.0-p1", "2.0.0-p20"],
            &["1.22.1~rc1", "1.22.1"],
        ] {
            for pair in ascending.windows(2) {
                assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            }
        }
        assert_eq!(compare("v1.2", "1.2.0+build"), Ordering::Equal);
    }

    #[test]
    fn a_version_starts_with_a_number() {
        for text in ["1", "v1.2", "1.1.1k", "2022.4-rc~1"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", "abc", "v", "1 2"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
