//! Lists of files as they are kept: each directory once for the files in it that follow each other. Two fifths of the
//! package managers' own lists, and asked directory by directory, of which most hold nothing that is asked for.

use crate::ownership::Owners;

/// A list in the making.
#[derive(Debug, Default)]
pub(crate) struct FileList {
    bytes: Vec<u8>,
    /// Where the directory of the last file stands in `bytes`.
    directory: Option<(usize, usize)>,
}

impl FileList {
    /// `directory` is relative to the root and without a slash at its end; a file without a name is none.
    pub(crate) fn add(&mut self, directory: &[u8], name: &[u8]) {
        if name.is_empty() {
            return;
        }
        if self.directory.and_then(|(start, end)| self.bytes.get(start..end)) != Some(directory) {
            put(&mut self.bytes, b"");
            put(&mut self.bytes, directory);
            let end = self.bytes.len();
            self.directory = Some((end - directory.len(), end));
        }
        put(&mut self.bytes, name);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Directories and names of a list.
pub(crate) fn each(mut list: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut directory: &[u8] = b"";
    std::iter::from_fn(move || {
        loop {
            match take(&mut list)? {
                b"" => directory = take(&mut list)?,
                name => return Some((directory, name)),
            }
        }
    })
}

/// Says of every file of a list that it is the package's.
pub(crate) fn claim(mut list: &[u8], package: &str, owners: &mut Owners<'_>) {
    let mut directory = owners.within(b"");
    while let Some(name) = take(&mut list) {
        if name.is_empty() {
            let Some(path) = take(&mut list) else { return };
            directory = owners.within(path);
        } else {
            directory.owns(name, package);
        }
    }
}

/// Appends a piece behind its length, seven bits a byte, the lowest first.
pub(crate) fn put(out: &mut Vec<u8>, piece: &[u8]) {
    let mut rest = piece.len();
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            out.push(low & 0x7f);
            break;
        }
        out.push(low | 0x80);
    }
    out.extend_from_slice(piece);
}

/// The next piece that [`put`] wrote.
pub(crate) fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut length = 0_usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            let (piece, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            return Some(piece);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Ecosystem, Package};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_each_directory_once() {
        let mut list = FileList::default();
        for name in [&b"ls"[..], b"", b"cat"] {
            list.add(b"usr/bin", name);
        }
        list.add(b"", b"x");
        assert_eq!(list.into_bytes(), b"\0\x07usr/bin\x02ls\x03cat\0\0\x01x");
    }

    #[test]
    fn claims_what_is_asked_for() {
        let at = |location: &str| Package {
            location: location.to_owned(),
            ..Package::new(Ecosystem::PyPi, "x", "1")
        };
        let packages = [at("usr/a/METADATA"), at("usr/b/METADATA"), at("top"), at("usr/a/other")];
        let mut list = FileList::default();
        for (directory, name) in [(&b"usr/a"[..], &b"METADATA"[..]), (b"usr/c", b"METADATA"), (b"", b"top")] {
            list.add(directory, name);
        }
        let mut owners = Owners::of(&packages);
        claim(&list.into_bytes(), "p", &mut owners);
        assert_eq!(owners.into_found(), [(0, "p".to_owned()), (2, "p".to_owned())]);
    }

    proptest! {
        #[test]
        fn pieces_come_back(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..8)) {
            let mut bytes = Vec::new();
            pieces.iter().for_each(|piece| put(&mut bytes, piece));
            let mut rest = bytes.as_slice();
            for piece in &pieces {
                prop_assert_eq!(take(&mut rest), Some(piece.as_slice()));
            }
            prop_assert_eq!(take(&mut rest), None);
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            claim(&bytes, "p", &mut Owners::of(&[]));
        }
    }
}
