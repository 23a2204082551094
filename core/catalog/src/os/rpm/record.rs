//! What is kept of a header: a few texts and the files.

use super::header::{Header, Tag};
use crate::os::file_list::{FileList, put, take};

/// One package of a database, as it is kept between the extraction from the database and the reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) name: &'a [u8],
    /// `[epoch:]version-release`
    pub(super) version: &'a [u8],
    /// The fields that may be missing are then empty.
    pub(super) architecture: &'a [u8],
    pub(super) source_rpm: &'a [u8],
    pub(super) licence: &'a [u8],
    pub(super) module: &'a [u8],
    /// As [`FileList`] writes it.
    pub(super) files: &'a [u8],
}

/// Keys that rpm trusts stand among the packages.
const KEY: &[u8] = b"gpg-pubkey";

impl<'a> Record<'a> {
    /// Appends what matters of a header; says so if that is not even name and version.
    pub(super) fn write(header: &Header<'_>, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let text = |tag| header.text(tag).unwrap_or_default();
        let name = text(Tag::Name);
        if name.is_empty() {
            return Err("a header without a name");
        }
        if name == KEY {
            return Ok(());
        }
        if text(Tag::Version).is_empty() {
            return Err("a header without a version");
        }
        let mut version = Vec::new();
        if let Some(epoch) = header.number(Tag::Epoch) {
            version.extend_from_slice(format!("{epoch}:").as_bytes());
        }
        version.extend_from_slice(text(Tag::Version));
        if !text(Tag::Release).is_empty() {
            version.push(b'-');
            version.extend_from_slice(text(Tag::Release));
        }
        for piece in [
            name,
            &version,
            text(Tag::Architecture),
            text(Tag::SourceRpm),
            text(Tag::Licence),
            text(Tag::Module),
            &files(header),
        ] {
            put(out, piece);
        }
        Ok(())
    }

    /// The next record of those that were written one behind the other.
    pub(super) fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let mut next = || take(bytes);
        Some(Self {
            name: next()?,
            version: next()?,
            architecture: next()?,
            source_rpm: next()?,
            licence: next()?,
            module: next()?,
            files: next()?,
        })
    }
}

fn files(header: &Header<'_>) -> Vec<u8> {
    let directories: Vec<&[u8]> = header.texts(Tag::DirectoryNames).map(trim).collect();
    let mut files: Vec<(u32, &[u8])> =
        header.numbers(Tag::DirectoryIndexes).zip(header.texts(Tag::BaseNames)).collect();
    // A directory is written once however often a header jumps to and fro.
    if !files.is_sorted_by_key(|(directory, _)| *directory) {
        files.sort_by_key(|(directory, _)| *directory);
    }
    let mut list = FileList::default();
    for (directory, name) in files {
        let directory = usize::try_from(directory).ok().and_then(|number| directories.get(number));
        if let Some(directory) = directory {
            list.add(directory, name);
        }
    }
    // Before rpm 4 paths were not split.
    for path in header.texts(Tag::OldFileNames).map(trim) {
        let (directory, name) = crate::pattern::split(path);
        list.add(directory, name);
    }
    list.into_bytes()
}

/// Without the slashes around a path.
fn trim(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    path.strip_suffix(b"/").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn written(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
        let mut out = Vec::new();
        Record::write(&Header::parse(bytes).unwrap(), &mut out).map(|()| out)
    }

    #[test]
    fn keeps_what_matters() {
        let out = written(&fixture::header("bash", Some(2))).unwrap();
        let mut rest = out.as_slice();
        let record = Record::take(&mut rest).unwrap();
        assert_eq!(record.version, b"2:5.1.8-6.el9");
        assert_eq!(record.source_rpm, b"bash-5.1.8-6.el9.src.rpm");
        assert_eq!(record.files, b"\0\x07usr/bin\x04bash\x02sh\0\x03etc\x09bash.conf");
        assert_eq!((rest, Record::take(&mut rest)), (&b""[..], None));
        let out = written(&fixture::header("bash", None)).unwrap();
        assert_eq!(Record::take(&mut out.as_slice()).unwrap().version, b"5.1.8-6.el9");
    }

    #[test]
    fn keys_are_no_packages_and_names_are_needed() {
        assert_eq!(written(&fixture::header("gpg-pubkey", None)), Ok(Vec::new()));
        assert_eq!(written(&fixture::header("", None)), Err("a header without a name"));
        assert_eq!(written(&fixture::entries(&[(1000, 6, 1, b"a\0")])), Err("a header without a version"));
    }

    #[test]
    fn directories_are_written_once_and_strange_indexes_skipped() {
        let bytes = fixture::entries(&[
            (1000, 6, 1, b"a\0"),
            (1001, 6, 1, b"1\0"),
            (1116, 4, 4, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9]),
            (1117, 8, 4, b"w\0x\0y\0z\0"),
            (1118, 8, 2, b"/a/\0/b/\0"),
            (1027, 8, 1, b"/old/file\0"),
        ]);
        let out = written(&bytes).unwrap();
        let record = Record::take(&mut out.as_slice()).unwrap();
        assert_eq!(record.files, b"\0\x01a\x01x\0\x01b\x01w\x01y\0\x03old\x04file");
    }
}
