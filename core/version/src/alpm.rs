//! Versions of pacman packages, `[epoch:]pkgver[-pkgrel]` (vercmp(8), PKGBUILD(5)).

use std::cmp::Ordering;

use crate::text::{compare_numbers, is_number, require, split_digits, split_run};
use crate::{Scheme, VersionError};

/// Orders as `vercmp` does.
///
/// `vercmp` says that `1.0` equals both `1.0-1` and `1.0-2`, and that longer separators beat numbers in
/// a circle; a total order cannot. Here a missing release is below every release, and runs of separators
/// compare by their length first.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::split(a), Version::split(b));
    compare_numbers(a.epoch, b.epoch).then_with(|| compare_labels(a.version, b.version)).then_with(|| match (
        a.release, b.release,
    ) {
        (Some(a), Some(b)) => compare_labels(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    })
}

/// Accepts what makepkg accepts in a full version.
pub fn check(text: &str) -> Result<(), VersionError> {
    let version = Version::split(text);
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b':' | b'/' | b'-');
    let release = |part: &[u8]| {
        let mut parts = part.split(|byte| *byte == b'.');
        parts.clone().count() <= 2 && parts.all(is_number)
    };
    require(Scheme::Alpm, !version.version.is_empty(), "there is no package version")?;
    require(
        Scheme::Alpm,
        version.version.iter().all(plain),
        "the package version has a colon, slash, hyphen or blank",
    )?;
    require(Scheme::Alpm, version.release.is_none_or(release), "the release is not a number")
}

struct Version<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

impl<'a> Version<'a> {
    fn split(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        // Unlike rpm, pacman takes `:1.0` for an epoch of zero.
        let (epoch, rest) = match split_digits(bytes) {
            (epoch, [b':', rest @ ..]) => (epoch, rest),
            _ => (&bytes[..0], bytes),
        };
        match rest.iter().rposition(|byte| *byte == b'-') {
            Some(at) => Self { epoch, version: &rest[..at], release: Some(&rest[at + 1..]) },
            None => Self { epoch, version: rest, release: None },
        }
    }
}

/// What follows a run of separators, in their order, except that letters without a separator come before
/// the end of the text: `1.0a < 1.0 < 1.0.a < 1.0.1`.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Next {
    Letters,
    End,
    Digits,
}

fn compare_labels(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let (gap_a, rest_a) = split_run(a, |byte| !byte.is_ascii_alphanumeric());
        let (gap_b, rest_b) = split_run(b, |byte| !byte.is_ascii_alphanumeric());
        let next = |rest: &[u8]| match rest.first() {
            None => Next::End,
            Some(byte) if byte.is_ascii_digit() => Next::Digits,
            Some(_) => Next::Letters,
        };
        let (x, y) = (next(rest_a), next(rest_b));
        let order = gap_a.len().cmp(&gap_b.len()).then(x.cmp(&y));
        if order.is_ne() || x == Next::End {
            return order;
        }
        let kind = |byte: u8| {
            if x == Next::Digits { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() }
        };
        let ((run_a, next_a), (run_b, next_b)) = (split_run(rest_a, kind), split_run(rest_b, kind));
        let order = if x == Next::Digits { compare_numbers(run_a, run_b) } else { run_a.cmp(run_b) };
        if order.is_ne() {
            return order;
        }
        (a, b) = (next_a, next_b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_the_manual_says() {
        // vercmp(8), "Version comparison".
        let ascending = [
            "1.0a", "1.0b", "1.0beta", "1.0p", "1.0pre", "1.0rc", "1.0", "1.0.a", "1.0.1", "1.1.a", "1.1.1",
            "1.2",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("1:1.0-1", "2.0-1"), Ordering::Greater);
        assert_eq!(compare("001-1", "1-1"), Ordering::Equal);
        assert_eq!(compare("1-1", "1-2.1"), Ordering::Less);
    }

    #[test]
    fn a_release_is_a_number() {
        for text in ["1.0-1", "1:2.0.r5.gabc-1.1", "1.0"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", "1.0-x", "1 0-1", "1-2-3", "a:1-1", "1.0-"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
