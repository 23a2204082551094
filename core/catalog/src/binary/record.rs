//! What the extractor leaves of a program: records of a kind, a length and bytes.
//!
//! They live only between the extraction of a file and its readers, and never outside one run.

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As the linker wrote it: `go1.22.1 X:boringcrypto`.
    GoVersion = 1,
    /// Go's module information: lines with tabs, without the marks around it.
    GoModules = 2,
    /// The JSON of cargo-auditable.
    Audit = 3,
    /// One `name version` of a crate whose path the compiler left.
    Crate = 4,
    /// `1.84.0`.
    Rustc = 5,
    /// The JSON of a `.note.package`.
    Note = 6,
    /// `product version` of a classifier.
    Product = 7,
}

/// Others extract from files too; what they leave must not be taken for ours.
const MARK: &[u8] = b"\xf1lzprog\x01";

#[derive(Debug, Default)]
pub(super) struct Records(Vec<u8>);

impl Records {
    pub(super) fn add(&mut self, kind: Kind, content: &[u8]) {
        let Ok(length) = u32::try_from(content.len()) else { return };
        if self.0.is_empty() {
            self.0.extend_from_slice(MARK);
        }
        self.0.push(kind as u8);
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(content);
    }

    /// Empty if nothing was added.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The contents of all records of one kind.
pub(super) fn of_kind(bytes: &[u8], kind: Kind) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes.strip_prefix(MARK).unwrap_or_default();
    std::iter::from_fn(move || {
        let (found, after) = rest.split_first()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let (content, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        rest = after;
        Some((*found, content))
    })
    .filter_map(move |(found, content)| (found == kind as u8).then_some(content))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comes_back_by_kind() {
        let mut records = Records::default();
        records.add(Kind::Crate, b"a 1");
        records.add(Kind::Note, b"");
        records.add(Kind::Crate, b"b 2");
        let bytes = records.into_bytes();
        assert_eq!(of_kind(&bytes, Kind::Crate).collect::<Vec<_>>(), [b"a 1", b"b 2"]);
        assert_eq!(of_kind(&bytes, Kind::Note).count(), 1);
        assert_eq!(of_kind(&bytes, Kind::Audit).count(), 0);
        assert!(Records::default().into_bytes().is_empty());
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert_eq!(of_kind(&bytes, Kind::Note).count(), 0);
            prop_assert!(of_kind(&[MARK, &bytes].concat(), Kind::Crate).count() <= bytes.len());
        }
    }
}
