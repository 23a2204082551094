//! The header of one package: tags with values, big-endian ("Header" in rpm's `docs/manual/format_header.md`;
//! in databases without the magic number in front).
//!
//! ```text
//! u32 entries, u32 bytes; entries × { u32 tag, u32 type, u32 offset, u32 count }; bytes of values
//! ```

use super::bytes::{index, u32_be};

/// The tags that are of interest (rpm's `include/rpm/rpmtag.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Name,
    Version,
    Release,
    Epoch,
    Licence,
    Architecture,
    OldFileNames,
    SourceRpm,
    DirectoryIndexes,
    BaseNames,
    DirectoryNames,
    Module,
}

const TAGS: &[(u32, Tag)] = &[
    (1000, Tag::Name),
    (1001, Tag::Version),
    (1002, Tag::Release),
    (1003, Tag::Epoch),
    (1014, Tag::Licence),
    (1022, Tag::Architecture),
    (1027, Tag::OldFileNames),
    (1044, Tag::SourceRpm),
    (1116, Tag::DirectoryIndexes),
    (1117, Tag::BaseNames),
    (1118, Tag::DirectoryNames),
    (5096, Tag::Module),
];

const INT32: u32 = 4;
const STRING: u32 = 6;
const STRINGS: u32 = 8;
const TRANSLATED: u32 = 9;

/// A header with its index read.
#[derive(Debug)]
pub(super) struct Header<'a> {
    store: &'a [u8],
    found: [Option<Value>; TAGS.len()],
    /// It is shorter than it says: values may be missing or cut off.
    pub(super) is_cut: bool,
}

#[derive(Debug, Clone, Copy)]
struct Value {
    kind: u32,
    offset: usize,
    count: usize,
}

impl<'a> Header<'a> {
    /// Nothing if there is not even an index.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let entries = index(u32_be(bytes, 0)?)?;
        let length = index(u32_be(bytes, 4)?)?;
        let rest = &bytes[8..];
        let (entries, rest) = rest.split_at_checked(entries.checked_mul(16)?)?;
        let store = &rest[..rest.len().min(length)];
        let mut found = [None; TAGS.len()];
        for entry in entries.chunks_exact(16) {
            let number = u32_be(entry, 0)?;
            // Most entries are of no interest.
            if let Ok(place) = TAGS.binary_search_by_key(&number, |(tag, _)| *tag) {
                let (kind, offset, count) = (u32_be(entry, 4)?, u32_be(entry, 8)?, u32_be(entry, 12)?);
                // What rpm added at installation stands behind the package's own entries and counts more.
                found[place] = Some(Value { kind, offset: index(offset)?, count: index(count)? });
            }
        }
        Some(Self { store, found, is_cut: rest.len() < length })
    }

    /// A text up to its NUL; of several the first.
    pub(super) fn text(&self, tag: Tag) -> Option<&'a [u8]> {
        let value = self.value(tag, &[STRING, STRINGS, TRANSLATED])?;
        Some(until_nul(self.store.get(value.offset..)?).0)
    }

    pub(super) fn texts(&self, tag: Tag) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let value = self.value(tag, &[STRING, STRINGS, TRANSLATED]);
        let (bytes, count) =
            match value.and_then(|value| Some((self.store.get(value.offset..)?, value.count))) {
                Some(found) => found,
                None => (&[][..], 0),
            };
        let mut rest = bytes;
        // Each takes a byte at least: a lying count ends with the bytes.
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (text, behind) = until_nul(rest);
            rest = behind;
            Some(text)
        })
        .take(count)
    }

    pub(super) fn number(&self, tag: Tag) -> Option<u32> {
        self.numbers(tag).next()
    }

    pub(super) fn numbers(&self, tag: Tag) -> impl Iterator<Item = u32> + use<'a> {
        let bytes = self.value(tag, &[INT32]).and_then(|value| {
            let bytes = self.store.get(value.offset..)?;
            bytes.get(..value.count.checked_mul(4)?.min(bytes.len()))
        });
        bytes.unwrap_or_default().chunks_exact(4).filter_map(|bytes| u32_be(bytes, 0))
    }

    fn value(&self, tag: Tag, kinds: &[u32]) -> Option<Value> {
        let place = TAGS.iter().position(|(_, it)| *it == tag)?;
        self.found[place].filter(|value| kinds.contains(&value.kind))
    }
}

fn until_nul(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|&byte| byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture;
    use super::*;

    #[test]
    fn reads_values() {
        let bytes = fixture::header("bash", Some(2));
        let header = Header::parse(&bytes).unwrap();
        assert!(!header.is_cut);
        assert_eq!(header.text(Tag::Name), Some(&b"bash"[..]));
        assert_eq!(header.number(Tag::Epoch), Some(2));
        assert_eq!(header.texts(Tag::BaseNames).count(), 3);
        assert_eq!(header.numbers(Tag::DirectoryIndexes).collect::<Vec<_>>(), [0, 0, 1]);
        assert_eq!((header.number(Tag::Name), header.text(Tag::OldFileNames)), (None, None));
    }

    #[test]
    fn the_last_of_equal_tags_counts() {
        let bytes = fixture::entries(&[(1000, STRING, 1, b"a\0"), (1000, STRING, 1, b"b\0")]);
        assert_eq!(Header::parse(&bytes).unwrap().text(Tag::Name), Some(&b"b"[..]));
    }

    #[test]
    fn lying_headers_end_with_their_bytes() {
        let lying = fixture::entries(&[(1117, STRINGS, u32::MAX, b"a\0b"), (1116, INT32, u32::MAX, &[0; 9])]);
        let header = Header::parse(&lying).unwrap();
        assert_eq!(header.numbers(Tag::DirectoryIndexes).count(), 2);
        assert_eq!(header.texts(Tag::BaseNames).count(), 11, "what follows is texts too");
        let whole = fixture::header("bash", None);
        assert!(Header::parse(&whole[..whole.len() - 1]).unwrap().is_cut);
        assert!(Header::parse(&whole[..20]).is_none());
        assert!(Header::parse(&[255; 8]).is_none());
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), entries in 0..8u8) {
            let mut bytes = bytes;
            // Else hardly any has an index that fits.
            bytes.splice(..bytes.len().min(4), [0, 0, 0, entries]);
            if let Some(header) = Header::parse(&bytes) {
                for (_, tag) in TAGS {
                    let _ = (header.text(*tag), header.texts(*tag).count(), header.numbers(*tag).count());
                }
            }
        }
    }
}
