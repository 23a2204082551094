//! Debian versions, `[epoch:]upstream[-revision]` (deb-version(7)).

use std::cmp::Ordering;

use crate::text::{compare_numbers, split_digits};
use crate::{Scheme, VersionError};

/// Orders two texts exactly as `dpkg --compare-versions` orders versions.
pub fn compare(a: &str, b: &str) -> Ordering {
    // Bytes: slicing text looks for the boundaries of characters, which takes as long as all the rest.
    let (a, b) = (a.as_bytes().trim_ascii(), b.as_bytes().trim_ascii());
    let (x, y) = (Parts::find(a), Parts::find(b));
    compare_numbers(&a[..x.epoch], &b[..y.epoch])
        .then_with(|| compare_parts(&a[x.upstream..x.upstream_end], &b[y.upstream..y.upstream_end]))
        .then_with(|| compare_parts(&a[x.revision..], &b[y.revision..]))
}

/// The three parts of a version. Equality is that of the order: `1.0` equals `0:1.00-0`.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// Digits; empty where none is written, which counts as zero.
    pub epoch: &'a str,
    pub upstream: &'a str,
    /// Empty where none is written, which counts as zero.
    pub revision: &'a str,
}

impl<'a> Version<'a> {
    /// Takes any text apart. A part before the first colon that is not a number is no epoch but
    /// belongs to the upstream version, so that every text has a place in the order.
    pub fn split(text: &'a str) -> Self {
        let text = text.trim_ascii();
        let parts = Parts::find(text.as_bytes());
        // Colons and hyphens are boundaries of characters.
        Self {
            epoch: &text[..parts.epoch],
            upstream: &text[parts.upstream..parts.upstream_end],
            revision: &text[parts.revision..],
        }
    }

    /// Takes a text apart if dpkg would accept it. Blanks around it are ignored, as dpkg does.
    pub fn parse(text: &'a str) -> Result<Self, VersionError> {
        let fail = |reason| Err(VersionError { scheme: Scheme::Deb, reason });
        let text = text.trim_ascii();
        if text.is_empty() {
            return fail("it is empty");
        }
        let version = Self::split(text);
        if let Some((epoch, _)) = text.split_once(':') {
            if epoch.is_empty() {
                return fail("the epoch before the colon is empty");
            }
            if epoch.parse::<u32>().ok().and_then(|number| i32::try_from(number).ok()).is_none()
                || version.epoch.is_empty()
            {
                return fail("the epoch before the colon is not a number that dpkg can hold");
            }
        }
        if version.upstream.is_empty() {
            return fail("there is no upstream version");
        }
        if !version.upstream.starts_with(|c: char| c.is_ascii_digit()) {
            return fail("the upstream version does not start with a digit");
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'~');
        if !version.upstream.bytes().all(|b| plain(b) || matches!(b, b'-' | b':')) {
            return fail("the upstream version has characters other than letters, digits and `.+-:~`");
        }
        if text.ends_with('-') {
            return fail("the revision after the last hyphen is empty");
        }
        if !version.revision.bytes().all(plain) {
            return fail("the revision has characters other than letters, digits and `.+~`");
        }
        Ok(version)
    }
}

/// Where the parts of a version lie. The epoch starts at 0, the revision ends with the text.
struct Parts {
    epoch: usize,
    upstream: usize,
    upstream_end: usize,
    revision: usize,
}

impl Parts {
    fn find(text: &[u8]) -> Self {
        let (epoch, upstream) = match split_digits(text) {
            (epoch, [b':', ..]) => (epoch.len(), epoch.len() + 1),
            _ => (0, 0),
        };
        let hyphen = text[upstream..].iter().rposition(|byte| *byte == b'-').map(|at| upstream + at);
        let (upstream_end, revision) = hyphen.map_or((text.len(), text.len()), |at| (at, at + 1));
        Self { epoch, upstream, upstream_end, revision }
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_numbers(self.epoch.as_bytes(), other.epoch.as_bytes())
            .then_with(|| compare_parts(self.upstream.as_bytes(), other.upstream.as_bytes()))
            .then_with(|| compare_parts(self.revision.as_bytes(), other.revision.as_bytes()))
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version<'_> {}

/// Whether `version` is `original` built again for a release, as in `2.9-1~deb12u1` or `2.9-1~bpo12+1`.
///
/// Such a version sorts below its original, so that the release's users get the original when they
/// upgrade, but it has everything that the original has (Debian Developer's Reference 5.11.2 and the
/// rules of backports).
pub fn is_rebuild_of(version: &str, original: &str) -> bool {
    let suffix = version.trim_ascii().strip_prefix(original.trim_ascii());
    let release =
        suffix.and_then(|suffix| suffix.strip_prefix("~deb").or_else(|| suffix.strip_prefix("~bpo")));
    release.is_some_and(|release| release.starts_with(|c: char| c.is_ascii_digit()))
}

/// A text that sorts directly after the version and before everything that people write after it.
///
/// No package has it: it is the open end of "up to and including this version".
pub fn just_after(version: &str) -> String {
    let version = version.trim_ascii();
    let parts = Version::split(version);
    // Debian's order is dense, so there is no true successor. `A` is the lowest character above the end
    // of a text and tildes push it down; a number in front keeps it below every higher number.
    let number = match (parts.revision.is_empty(), ends_in_digit(parts.revision)) {
        (true, _) => "-0",
        (false, true) => "",
        (false, false) => "0",
    };
    format!("{version}{number}A~~~")
}

fn ends_in_digit(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_digit())
}

/// Compares texts as alternating runs of non-digits and digits.
fn compare_parts(a: &[u8], b: &[u8]) -> Ordering {
    // What both start with is the same work on both sides, up to the number in which they part.
    let common = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    if common == a.len() && common == b.len() {
        return Ordering::Equal;
    }
    let start = a[..common].iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let (mut i, mut j) = (start, start);
    loop {
        loop {
            let (x, y) = (weight(a.get(i)), weight(b.get(j)));
            if x != y {
                return x.cmp(&y);
            }
            // Only digits and the end weigh nothing.
            if x == 0 {
                break;
            }
            (i, j) = (i + 1, j + 1);
        }
        while a.get(i) == Some(&b'0') {
            i += 1;
        }
        while b.get(j) == Some(&b'0') {
            j += 1;
        }
        // The longer number is the greater, else the first digit that differs decides.
        let mut difference = Ordering::Equal;
        loop {
            let digits = (
                a.get(i).filter(|byte| byte.is_ascii_digit()),
                b.get(j).filter(|byte| byte.is_ascii_digit()),
            );
            match digits {
                (Some(x), Some(y)) => difference = difference.then(x.cmp(y)),
                (Some(_), None) => return Ordering::Greater,
                (None, Some(_)) => return Ordering::Less,
                (None, None) => break,
            }
            (i, j) = (i + 1, j + 1);
        }
        if difference.is_ne() || (i >= a.len() && j >= b.len()) {
            return difference;
        }
    }
}

/// `~` before digits and the end of the text, those before letters, letters before the rest.
fn weight(byte: Option<&u8>) -> i16 {
    byte.map_or(0, |byte| WEIGHTS[usize::from(*byte)])
}

const WEIGHTS: [i16; 256] = {
    let mut weights = [0; 256];
    let mut byte: u8 = 0;
    loop {
        weights[byte as usize] = match byte {
            b'~' => -1,
            b'0'..=b'9' => 0,
            b'A'..=b'Z' | b'a'..=b'z' => byte as i16,
            _ => byte as i16 + 256,
        };
        if byte == u8::MAX {
            break weights;
        }
        byte += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_the_manual_says() {
        // deb-version(7), "Sorting algorithm".
        let ascending = ["~~", "~~a", "~", "", "a"];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        for (low, high) in [
            ("1.0~rc1-1", "1.0-1"),
            ("1.0-1~deb12u1", "1.0-1"),
            ("1.0-1", "1.0-1+deb12u1"),
            ("1.0-1+deb12u2", "1.0-1+deb12u10"),
            ("9.9-9", "1:0.1-1"),
            ("1.0-1", "1.0-1-1"),
            ("99999999999999999999998", "99999999999999999999999"),
        ] {
            assert_eq!(compare(low, high), Ordering::Less, "{low} {high}");
        }
        assert_eq!(Version::split("1.0"), Version::split("0:1.00-0"));
    }

    #[test]
    fn texts_that_are_no_versions_have_a_place() {
        assert_eq!(compare("x:1", "1:1"), Ordering::Less);
        assert_eq!(compare("", ""), Ordering::Equal);
        assert_eq!(compare("ä", "a"), Ordering::Greater);
    }

    #[test]
    fn a_rebuild_names_its_release() {
        for version in ["2.9-1~deb12u1", "2.9-1~bpo12+1", "2.9-1~deb13u1~bpo12+1"] {
            assert!(is_rebuild_of(version, "2.9-1"), "{version}");
            assert_eq!(compare(version, "2.9-1"), Ordering::Less, "{version}");
        }
        for version in ["2.9-1", "2.9-1~exp1", "2.9-1+deb12u1", "2.9-1~rc1", "2.9-1~debian", "2.9-10~deb12u1"]
        {
            assert!(!is_rebuild_of(version, "2.9-1"), "{version}");
        }
    }

    #[test]
    fn nothing_written_by_people_is_between_a_version_and_its_end() {
        for version in ["1.0", "1.0-1", "1:2.3~rc1-0+b", "1.0a", "5-1+deb12u3"] {
            let end = just_after(version);
            assert_eq!(compare(version, &end), Ordering::Less, "{version}");
            for suffix in ["+b1", "+deb12u1", ".1", "a", "1", "ubuntu1", "+nmu1", "-1", "-0.1"] {
                let later = format!("{version}{suffix}");
                if compare(version, &later).is_lt() {
                    assert_eq!(compare(&end, &later), Ordering::Less, "{end} {later}");
                }
            }
        }
    }
}
