//! The entries of a Debian changelog (deb-changelog(5)).

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::packages::{is_package_name, is_plain_version};

/// What one version changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The source package, which may have had another name then.
    pub package: &'a str,
    pub version: &'a str,
    /// `unstable`, `bookworm-security`; several are separated by blanks.
    pub distributions: &'a str,
    pub urgency: Option<&'a str>,
    pub date: Option<Timestamp>,
    /// The lines between heading and signature.
    pub body: &'a [u8],
}

/// Longest changelog that is read in full; the longest one in Debian has about 60,000 lines.
const MOST_LINES: usize = 2_000_000;

/// The entries of a changelog, newest first, as they stand. What is no entry is passed over: old
/// changelogs end in text of other shapes.
pub fn entries(changelog: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut lines = Lines { bytes: changelog, at: 0, left: MOST_LINES };
    let mut heading: Option<Heading<'_>> = None;
    std::iter::from_fn(move || {
        while let Some((start, line)) = lines.next() {
            if let Some(next) = Heading::parse(line, lines.at) {
                // An entry without a signature ends where the next one begins.
                let unsigned = heading.replace(next).map(|heading| heading.entry(changelog, start, None));
                if unsigned.is_some() {
                    return unsigned;
                }
            } else if let Some(date) = signature(line)
                && let Some(heading) = heading.take()
            {
                return Some(heading.entry(changelog, start, timestamp(date)));
            }
        }
        heading.take().map(|heading| heading.entry(changelog, changelog.len(), None))
    })
}

struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    left: usize,
}

impl<'a> Lines<'a> {
    /// The next line and where it starts.
    fn next(&mut self) -> Option<(usize, &'a [u8])> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() || self.left == 0 {
            return None;
        }
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let start = self.at;
        self.at += length;
        self.left -= 1;
        Some((start, &rest[..length]))
    }
}

struct Heading<'a> {
    package: &'a str,
    version: &'a str,
    distributions: &'a str,
    urgency: Option<&'a str>,
    /// Where the body starts.
    body: usize,
}

impl<'a> Heading<'a> {
    /// `package (version) distributions; urgency=level`
    fn parse(line: &'a [u8], body: usize) -> Option<Self> {
        if !line.first()?.is_ascii_alphanumeric() || line.len() > 2000 {
            return None;
        }
        let line = std::str::from_utf8(line).ok()?;
        let (package, rest) = line.split_once(" (")?;
        let (version, rest) = rest.split_once(')')?;
        let (distributions, metadata) = rest.split_once(';')?;
        let package = package.trim_end();
        // Names were not always lower case.
        if !is_package_name(&package.to_ascii_lowercase()) || !is_plain_version(version) {
            return None;
        }
        let urgency = metadata.split(',').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim().eq_ignore_ascii_case("urgency").then(|| value.trim())
        });
        Some(Self { package, version, distributions: distributions.trim(), urgency, body })
    }

    fn entry(self, changelog: &'a [u8], end: usize, date: Option<Timestamp>) -> Entry<'a> {
        let Self { package, version, distributions, urgency, body } = self;
        Entry { package, version, distributions, urgency, date, body: &changelog[body..end] }
    }
}

/// The date of ` -- maintainer <address>  date`.
fn signature(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b" --")?;
    let address_end = rest.iter().rposition(|byte| *byte == b'>').map_or(0, |at| at + 1);
    Some(rest[address_end..].trim_ascii())
}

/// Reads the date as `date -R` writes it. Many were written by hand: a wrong day of the week is forgiven,
/// other shapes give no date.
fn timestamp(date: &[u8]) -> Option<Timestamp> {
    const PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    if date.len() > 100 {
        return None;
    }
    PARSER.parse_timestamp(std::str::from_utf8(date).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "\
foo (1:2.0-1+deb12u1) bookworm-security; urgency=high

  * Fix it. (CVE-2024-1234)

 -- Jane Doe <jane@example.org>  Wed, 23 Oct 2024 23:20:32 -0300

foo (1:2.0-1) unstable experimental; urgency=medium, binary-only=yes
  * No empty line above, wrong weekday below.
 -- J\u{e9} <j@example.org>  Mon, 3 Feb 2024 01:02:03 +0000

foo (1.9-1) unstable; urgency=low

  * No signature.

foo (not a version!) unstable; urgency=low

Foo (1.0) unstable; urgency=low

  * Odd date.

 -- Someone <s@example.org>  once upon a time
Some old text.
";

    #[test]
    fn reads_entries() {
        let all: Vec<_> = entries(TEXT.as_bytes()).collect();
        let versions: Vec<_> = all.iter().map(|entry| entry.version).collect();
        assert_eq!(versions, ["1:2.0-1+deb12u1", "1:2.0-1", "1.9-1", "1.0"]);
        assert_eq!(all[0].distributions, "bookworm-security");
        assert_eq!(all[0].urgency, Some("high"));
        assert_eq!(all[0].date.unwrap().to_string(), "2024-10-24T02:20:32Z");
        assert_eq!(all[0].body, b"\n  * Fix it. (CVE-2024-1234)\n\n");
        assert_eq!(all[1].distributions, "unstable experimental");
        assert_eq!(all[1].urgency, Some("medium"));
        assert_eq!(all[1].date.unwrap().to_string(), "2024-02-03T01:02:03Z");
        assert_eq!(all[2].date, None);
        assert!(all[2].body.starts_with(b"\n  * No signature."));
        assert_eq!((all[3].package, all[3].date), ("Foo", None));
    }

    #[test]
    fn an_upstream_changelog_has_no_entries() {
        let text = "2024-01-02  Jane Doe  <jane@example.org>\n\n\t* file.c (main): Fix CVE-2024-1234;\n";
        assert_eq!(entries(text.as_bytes()).count(), 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = entries(&bytes).count();
        }

        #[test]
        fn almost_changelogs_are_read(text in "(ab \\(1[0-9]?\\) x;[a-z=,]{0,9}\n| -- <>[0-9 ]{0,4}\n|  \\* [a-z]{0,9}\n|\n){0,12}") {
            for entry in entries(text.as_bytes()) {
                prop_assert_eq!(entry.package, "ab");
            }
        }
    }
}
