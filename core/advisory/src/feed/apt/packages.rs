use std::cmp::Ordering;

use lazaret_version::deb::Version;

use super::deb822::{Paragraph, paragraphs};

/// One binary package that a mirror offers (a paragraph of a `Packages` index).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinaryPackage<'a> {
    pub name: &'a str,
    pub version: &'a str,
    /// `all` for packages that fit every machine.
    pub architecture: &'a str,
    pub source: &'a str,
    pub source_version: &'a str,
    /// Bytes to download.
    pub size: u64,
}

/// A paragraph of an index that does not describe a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("paragraph {position} of the package index: {reason}")]
pub struct MalformedPackage {
    /// Counted from one.
    pub position: usize,
    pub reason: &'static str,
}

/// Reads a `Packages` index piece by piece.
///
/// Names and versions are checked strictly, so that they can safely become parts of file names and of
/// command lines.
pub fn packages(index: &[u8]) -> impl Iterator<Item = Result<BinaryPackage<'_>, MalformedPackage>> {
    paragraphs(index).enumerate().map(|(at, paragraph)| {
        package(paragraph).map_err(|reason| MalformedPackage { position: at + 1, reason })
    })
}

fn package(paragraph: Paragraph<'_>) -> Result<BinaryPackage<'_>, &'static str> {
    let name = paragraph.field("Package").ok_or("there is no field `Package`")?;
    let version = paragraph.field("Version").ok_or("there is no field `Version`")?;
    let architecture = paragraph.field("Architecture").ok_or("there is no field `Architecture`")?;
    let size = paragraph.field("Size").and_then(|size| size.parse().ok()).ok_or("`Size` is not a number")?;
    // `Source` is left out where it repeats the package, and its version where that repeats the version.
    let (source, source_version) = match paragraph.field("Source") {
        None => (name, version),
        Some(source) => match source.split_once('(') {
            Some((source, rest)) => {
                (source.trim_end(), rest.strip_suffix(')').ok_or("`Source` lacks a `)`")?.trim())
            }
            None => (source, version),
        },
    };
    if !is_package_name(name) || !is_package_name(source) {
        return Err("a name has characters other than lower-case letters, digits and `+-.`");
    }
    if !architecture.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') || architecture.is_empty() {
        return Err("`Architecture` has characters other than letters, digits and `-`");
    }
    if !is_plain_version(version) || !is_plain_version(source_version) {
        return Err("a version is not one that dpkg would accept");
    }
    Ok(BinaryPackage { name, version, architecture, source, source_version, size })
}

/// Debian Policy 5.6.1 ("Source"), and bounded.
pub(super) fn is_package_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (2..=128).contains(&name.len())
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|b| plain(b) || matches!(b, b'+' | b'-' | b'.'))
}

pub(super) fn is_plain_version(version: &str) -> bool {
    version.len() <= 128 && !version.contains(|c: char| c.is_whitespace()) && Version::parse(version).is_ok()
}

impl BinaryPackage<'_> {
    /// Orders offers of one source: newest source version first, then the cheapest download.
    pub fn preference(&self, other: &Self) -> Ordering {
        Version::split(other.source_version)
            .cmp(&Version::split(self.source_version))
            .then(self.size.cmp(&other.size))
            .then_with(|| self.name.cmp(other.name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INDEX: &[u8] = b"\
Package: libfoo1
Source: foo (1:2.0-1)
Version: 1:2.0-1+b2
Architecture: amd64
Size: 1200
Description: a library
 with a long text

Package: foo
Version: 1:2.0-1
Architecture: all
Size: 900

Package: ../evil
Version: 1
Architecture: all
Size: 1

Package: foo-old
Source: foo (1:1.9-1)
Version: 1:1.9-1
Architecture: all
Size: 1
";

    #[test]
    fn reads_names_versions_and_sources() {
        let all: Vec<_> = packages(INDEX).collect();
        assert_eq!(all.len(), 4);
        let first = all[0].clone().unwrap();
        assert_eq!((first.name, first.version), ("libfoo1", "1:2.0-1+b2"));
        assert_eq!((first.source, first.source_version, first.size), ("foo", "1:2.0-1", 1200));
        let second = all[1].clone().unwrap();
        assert_eq!((second.source, second.source_version), ("foo", "1:2.0-1"));
        assert_eq!(all[2].clone().unwrap_err().position, 3);
    }

    #[test]
    fn prefers_the_newest_and_then_the_smallest() {
        let mut offers: Vec<_> = packages(INDEX).flatten().collect();
        offers.sort_by(BinaryPackage::preference);
        assert_eq!(offers.iter().map(|offer| offer.name).collect::<Vec<_>>(), ["foo", "libfoo1", "foo-old"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = packages(&bytes).count();
        }

        #[test]
        fn almost_indices_are_read(text in "((Package|Version|Source|Architecture|Size): ?[a-z0-9() .:]{0,8}\n{1,2}){0,12}") {
            for offer in packages(text.as_bytes()).flatten() {
                prop_assert!(!offer.name.contains('/') && !offer.source_version.contains('/'));
            }
        }
    }
}
