//! Semantic versions (semver.org 2.0.0), and the order that Cargo, npm and Hex share.

use std::cmp::Ordering;

use crate::text::{
    compare_dotted, compare_folded, compare_numbers, is_number, split_digits, split_once, split_run,
};
use crate::{Scheme, VersionError};

/// Orders by precedence (section 11). Missing numbers are zero, further ones count, build metadata does not.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::split(a), Parts::split(b));
    compare_dotted(a.core, b.core).then_with(|| compare_prereleases(a.prerelease, b.prerelease))
}

/// Accepts `MAJOR.MINOR.PATCH[-prerelease][+build]` as section 2 and 9 to 10 state it.
pub fn check(text: &str) -> Result<(), VersionError> {
    check_as(Scheme::Semver, text, 3..=3)
}

/// A version taken apart without judging it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    /// Digits and dots.
    pub core: &'a [u8],
    /// Identifiers between dots. What follows the numbers without a hyphen is one too: `1.0rc1`.
    pub prerelease: Option<&'a [u8]>,
    pub build: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    pub(crate) fn split(text: &'a str) -> Self {
        // `v1.2.3`, `=1.2.3` and blanks around are common in lock files and feeds.
        let bytes = text.trim_ascii().as_bytes();
        let (_, bytes) = split_run(bytes, |byte| matches!(byte, b'v' | b'V' | b'=' | b' ' | b'\t'));
        let (core, rest) = split_run(bytes, |byte| byte.is_ascii_digit() || byte == b'.');
        let (rest, build) = split_once(rest, |byte| byte == b'+');
        let prerelease = rest.strip_prefix(b"-").or_else(|| (!rest.is_empty()).then_some(rest));
        Self { core, prerelease, build }
    }
}

/// A version without prerelease is above every one with.
pub(crate) fn compare_prereleases(a: Option<&[u8]>, b: Option<&[u8]>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => compare_identifiers(a, b, Ord::cmp),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// [`compare_prereleases`] where the case of letters does not count.
pub(crate) fn compare_folded_prereleases(a: Option<&[u8]>, b: Option<&[u8]>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => compare_identifiers(a, b, compare_folded),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// Compares identifiers between dots: numbers before words, fewer before more.
pub(crate) fn compare_identifiers(a: &[u8], b: &[u8], words: impl Fn(&[u8], &[u8]) -> Ordering) -> Ordering {
    let (mut a, mut b) = (Some(a), Some(b));
    loop {
        let (Some(left), Some(right)) = (a, b) else { return a.is_some().cmp(&b.is_some()) };
        let (x, rest_a) = split_once(left, |byte| byte == b'.');
        let (y, rest_b) = split_once(right, |byte| byte == b'.');
        let order = match (is_number(x), is_number(y)) {
            (true, true) => compare_numbers(x, y),
            (false, false) => words(x, y),
            (x, y) => y.cmp(&x),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// Checks the grammar with a choice of how many numbers there may be. With fewer than three there is no
/// prerelease and no build, as in Go.
pub(crate) fn check_as(
    scheme: Scheme,
    text: &str,
    numbers: std::ops::RangeInclusive<usize>,
) -> Result<(), VersionError> {
    let fail = |reason| Err(VersionError { scheme, reason });
    let mut rest = text.as_bytes();
    let mut count: usize = 0;
    loop {
        let (number, after) = split_digits(rest);
        if number.is_empty() {
            return fail("a part of the core is not a number");
        }
        if has_leading_zero(number) {
            return fail("a number has leading zeros");
        }
        count += 1;
        match after {
            [b'.', next @ ..] => rest = next,
            _ => {
                rest = after;
                break;
            }
        }
    }
    if !numbers.contains(&count) {
        return fail("the core has too many or too few numbers");
    }
    if count < 3 && !rest.is_empty() {
        return fail("a version with fewer than three numbers has no prerelease and no build");
    }
    if let [b'-', prerelease @ ..] = rest {
        rest = after_identifiers(prerelease, |id| !(is_number(id) && has_leading_zero(id))).ok_or(
            VersionError { scheme, reason: "an identifier of the prerelease is empty or has leading zeros" },
        )?;
    }
    if let [b'+', build @ ..] = rest {
        rest = after_identifiers(build, |_| true)
            .ok_or(VersionError { scheme, reason: "an identifier of the build is empty" })?;
    }
    if rest.is_empty() { Ok(()) } else { fail("it has a foreign character after the numbers") }
}

fn has_leading_zero(number: &[u8]) -> bool {
    number.len() > 1 && number.starts_with(b"0")
}

/// What follows identifiers between dots; none if one is empty or not as it should be.
fn after_identifiers(mut bytes: &[u8], fits: impl Fn(&[u8]) -> bool) -> Option<&[u8]> {
    loop {
        let (identifier, rest) = split_run(bytes, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if identifier.is_empty() || !fits(identifier) {
            return None;
        }
        match rest {
            [b'.', next @ ..] => bytes = next,
            rest => return Some(rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_section_11_says() {
        let ascending = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.1",
            "2",
            "2.0.0.1",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("v1.0", "= 1.0.0+build"), Ordering::Equal);
        assert_eq!(compare("1.0rc1", "1.0"), Ordering::Less);
    }

    #[test]
    fn the_check_is_that_of_the_grammar() {
        for text in ["1.2.3", "0.0.0-0", "1.0.0-x-y-z.--", "1.0.0+001", "1.0.0-a+b.c"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "v1.2.3", "1.2.3-a..b"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
