//! Versions of Python packages (PEP 440, now "Version specifiers" of packaging.python.org).

use std::cmp::Ordering;

use crate::text::{
    compare_dotted, compare_folded, compare_natural, compare_numbers, is_number, split_digits, split_run,
    strip_word,
};
use crate::{Scheme, VersionError};

/// Orders as `packaging.version.Version` does. What is no version sorts before all versions, as the legacy
/// versions of old did, and in natural order among its kind.
pub fn compare(a: &str, b: &str) -> Ordering {
    match (Version::parse(a), Version::parse(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (None, None) => compare_natural(a.as_bytes(), b.as_bytes()),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// Accepts what `packaging.version.Version` accepts, spellings to be normalised included.
pub fn check(text: &str) -> Result<(), VersionError> {
    Version::parse(text).map(drop).ok_or(VersionError {
        scheme: Scheme::Pep440,
        reason: "it does not have the form N!N.N{a|b|rc}N.postN.devN+local",
    })
}

/// A version taken apart. Empty digits are zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version<'a> {
    pub epoch: &'a [u8],
    /// Digits and dots.
    pub release: &'a [u8],
    /// Index in [`PHASES`] and number.
    pub pre: Option<(usize, &'a [u8])>,
    pub post: Option<&'a [u8]>,
    pub dev: Option<&'a [u8]>,
    pub local: Option<&'a [u8]>,
}

/// Spellings of a phase, the longer first, and below the phase that each stands for.
const SPELLINGS: &[&str] = &["alpha", "a", "beta", "b", "preview", "pre", "rc", "c"];
const PHASES: &[usize] = &[0, 0, 1, 1, 2, 2, 2, 2];

impl<'a> Version<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let bytes = text.trim().as_bytes();
        let bytes = bytes.strip_prefix(b"v").or_else(|| bytes.strip_prefix(b"V")).unwrap_or(bytes);
        let (epoch, bytes) = match split_digits(bytes) {
            (epoch, [b'!', rest @ ..]) if !epoch.is_empty() => (epoch, rest),
            _ => (&bytes[..0], bytes),
        };
        let after = after_release(bytes)?;
        let release = &bytes[..bytes.len() - after.len()];
        if after.is_empty() {
            return Some(Self { epoch, release, pre: None, post: None, dev: None, local: None });
        }
        let (pre, rest) = match labelled(after, SPELLINGS) {
            Some((at, number, rest)) => (Some((PHASES.get(at).copied()?, number)), rest),
            None => (None, after),
        };
        let (post, rest) = match (rest, labelled(rest, &["post", "rev", "r"])) {
            (_, Some((_, number, rest))) => (Some(number), rest),
            ([b'-', digits @ ..], None) if digits.first().is_some_and(u8::is_ascii_digit) => {
                let (number, rest) = split_digits(digits);
                (Some(number), rest)
            }
            (rest, None) => (None, rest),
        };
        let (dev, rest) = match labelled(rest, &["dev"]) {
            Some((_, number, rest)) => (Some(number), rest),
            None => (None, rest),
        };
        let local = match rest {
            [] => None,
            [b'+', local @ ..] if segments(local).all(is_plain) => Some(local),
            _ => return None,
        };
        Some(Self { epoch, release, pre, post, dev, local })
    }

    /// Whether pip calls it a prerelease.
    pub(crate) fn is_prerelease(&self) -> bool {
        self.pre.is_some() || self.dev.is_some()
    }

    /// Whether `==prefix.*` holds: the numbers of the prefix, or all that it states after them.
    pub(crate) fn starts_with(&self, prefix: &Self) -> bool {
        if compare_numbers(self.epoch, prefix.epoch).is_ne() {
            return false;
        }
        if prefix.is_prerelease() || prefix.post.is_some() {
            return self.cmp_base(prefix).is_eq()
                && self.cmp_phase(prefix).is_eq()
                && compare_options(self.post, prefix.post).is_eq();
        }
        let mut numbers = self.release.split(|byte| *byte == b'.');
        let mut wanted = prefix.release.split(|byte| *byte == b'.');
        wanted.all(|number| compare_numbers(numbers.next().unwrap_or_default(), number).is_eq())
    }

    /// Compares epochs and releases only.
    pub(crate) fn cmp_base(&self, other: &Self) -> Ordering {
        compare_numbers(self.epoch, other.epoch).then_with(|| compare_dotted(self.release, other.release))
    }

    /// Compares all but the local parts.
    pub(crate) fn cmp_public(&self, other: &Self) -> Ordering {
        self.cmp_base(other)
            .then_with(|| self.cmp_phase(other))
            .then_with(|| compare_options(self.post, other.post))
            // No dev is above every dev.
            .then_with(|| match (self.dev, other.dev) {
                (Some(a), Some(b)) => compare_numbers(a, b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            })
    }

    pub(crate) fn cmp(&self, other: &Self) -> Ordering {
        self.cmp_public(other).then_with(|| match (self.local, other.local) {
            (Some(a), Some(b)) => compare_locals(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        })
    }

    /// `1.0.dev1 < 1.0a1.dev1 < 1.0a1 < 1.0 < 1.0.post1`.
    fn cmp_phase(&self, other: &Self) -> Ordering {
        let class = |version: &Self| match (version.pre, version.post, version.dev) {
            (None, None, Some(_)) => 0,
            (Some(_), _, _) => 1,
            (None, _, _) => 2,
        };
        class(self).cmp(&class(other)).then_with(|| match (self.pre, other.pre) {
            (Some((a, n)), Some((b, m))) => a.cmp(&b).then_with(|| compare_numbers(n, m)),
            _ => Ordering::Equal,
        })
    }
}

fn compare_options(a: Option<&[u8]>, b: Option<&[u8]>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => compare_numbers(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// What follows `N(.N)*`; none if the text does not start so.
fn after_release(bytes: &[u8]) -> Option<&[u8]> {
    let (first, mut rest) = split_digits(bytes);
    if first.is_empty() {
        return None;
    }
    while let [b'.', digits @ ..] = rest {
        let (number, next) = split_digits(digits);
        if number.is_empty() {
            break;
        }
        rest = next;
    }
    Some(rest)
}

/// Reads `[-_.]?word[-_.]?N?`.
fn labelled<'a>(bytes: &'a [u8], words: &[&str]) -> Option<(usize, &'a [u8], &'a [u8])> {
    let (_, start) = split_separator(bytes);
    let (at, after) = strip_word(start, words)?;
    // A separator may stand there even if no number follows: `1.0rc-`.
    let (number, rest) = split_digits(split_separator(after).1);
    Some((at, number, rest))
}

fn split_separator(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(usize::from(matches!(bytes, [b'-' | b'_' | b'.', ..])))
}

fn is_plain(segment: &[u8]) -> bool {
    !segment.is_empty() && segment.iter().all(u8::is_ascii_alphanumeric)
}

fn segments(local: &[u8]) -> impl Iterator<Item = &[u8]> {
    local.split(|byte| matches!(byte, b'-' | b'_' | b'.'))
}

/// Words before numbers, fewer before more.
fn compare_locals(a: &[u8], b: &[u8]) -> Ordering {
    let (mut a, mut b) = (segments(a), segments(b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (Some(x), Some(y)) => match (is_number(x), is_number(y)) {
                (true, true) => compare_numbers(x, y),
                (false, false) => compare_folded(x, y),
                (x, y) => x.cmp(&y),
            },
            (x, y) => x.is_some().cmp(&y.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The text up to and including the release, and how many numbers the release has.
pub(crate) fn head(text: &str) -> Option<(&str, usize)> {
    let text = text.trim();
    let version = Version::parse(text)?;
    let skip = split_run(text.as_bytes(), |byte| matches!(byte, b'v' | b'V')).0.len();
    let epoch = if version.epoch.is_empty() { 0 } else { version.epoch.len() + 1 };
    let head = text.get(skip..skip + epoch + version.release.len())?;
    Some((head, version.release.split(|byte| *byte == b'.').count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_the_summary_of_the_specification() {
        let ascending = [
            "not.a.version",
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "1!0.1",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn spellings_are_normalised() {
        for (a, b) in [
            ("1.0ALPHA", "1a0"),
            ("v1.0-c.1", "1rc1"),
            ("1.0-1", "1.0.post1"),
            ("1.0_rev_2", "1.post2"),
            ("1.0-dev", "1.0.dev0"),
            ("1.0+ab-1", "1+AB.01"),
            (" 1.0 ", "0!1"),
            ("1.0preview3", "1rc3"),
            ("1.0rc.", "1rc0"),
        ] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
        for text in ["", "1.", "1.0.", "1.0a--", "1.0+", "1.0+a..b", "1.0x", "!1", "1.0-", "1.0a1b1"] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_head_ends_with_the_release() {
        assert_eq!(head("v1!2.0.0rc1"), Some(("1!2.0.0", 3)));
        assert_eq!(head("x"), None);
    }
}
