//! Files: opened, mapped, made, renamed, and taken away.

use lazaret_model::{FileAccess, FileOperation, FileOrigin, Mapping, path_text};

use super::{low8, low16};
use crate::calls;
use crate::record::{Kind, Record, flag};

const O_ACCMODE: u64 = 0o3;
const O_CREAT: u64 = 0o100;
const O_TRUNC: u64 = 0o1000;
const O_APPEND: u64 = 0o2000;

const S_IFMT: u16 = 0o170_000;
const S_IFREG: u16 = 0o100_000;
const S_IFCHR: u16 = 0o020_000;
const S_IFBLK: u16 = 0o060_000;
const SET_USER_OR_GROUP: u16 = 0o6000;

/// `enum origin` of `bpf/path.h`.
pub(super) fn origin(number: u64) -> FileOrigin {
    match low8(number) {
        0 => FileOrigin::Image,
        1 => FileOrigin::Upper,
        2 => FileOrigin::Mounted,
        4 => FileOrigin::Kernel,
        _ => FileOrigin::Nameless,
    }
}

/// A path as the kernel program wrote it: components from the last to the first, each with a zero behind it.
pub(super) fn path(components: &[u8], record: &Record) -> String {
    let mut path = Vec::with_capacity(components.len() + 1);
    for component in components.strip_suffix(&[0]).unwrap_or(components).rsplit(|byte| *byte == 0) {
        path.push(b'/');
        path.extend_from_slice(component);
    }
    let text = path_text(&path);
    match record.has(flag::TEXT_CUT) {
        // The beginning is what is missing.
        true => format!("…{text}"),
        false => text.into_owned(),
    }
}

pub(super) fn accesses(record: &Record) -> Vec<FileAccess> {
    let access = |path, operation, other, origin| FileAccess { path, operation, other, origin };
    let given = |operation, other| vec![access(target(record), operation, other, FileOrigin::Upper)];
    match record.kind {
        // By the name that it was called: what was not opened has none of the kernel's.
        Kind::Open if record.has(flag::REFUSED) => given(unopened(record), None),
        Kind::Open => {
            let (path, origin) = (path(&record.texts[0], record), origin(record.values[4]));
            vec![access(path, opened(record), None, origin)]
        }
        Kind::Rename => given(FileOperation::Rename, Some(named(record, 1, second_base(record)))),
        // Who gets a new name is the first argument; the fact's own path is the new one.
        Kind::Link => {
            let new = named(record, 1, second_base(record));
            vec![access(new, FileOperation::Link, Some(named(record, 0, 2)), FileOrigin::Upper)]
        }
        Kind::Symlink => given(FileOperation::Symlink, Some(path_text(&record.texts[1]).into_owned())),
        Kind::Unlink => given(FileOperation::Delete, None),
        Kind::Directory => given(FileOperation::Create, None),
        Kind::Truncate => given(FileOperation::Truncate, None),
        // The kernel takes file capabilities from there.
        Kind::Attribute if record.texts[1] == b"security.capability" => given(FileOperation::SetUserId, None),
        Kind::Times | Kind::Owner | Kind::Attribute => given(FileOperation::Attributes, None),
        Kind::Mode => {
            let mode = low16(record.values[if is_at(record) { 3 } else { 2 }]);
            let gains = mode & SET_USER_OR_GROUP != 0;
            given(if gains { FileOperation::SetUserId } else { FileOperation::Attributes }, None)
        }
        Kind::Node => {
            let kind = low16(record.values[if is_at(record) { 3 } else { 2 }]) & S_IFMT;
            let device = kind == S_IFCHR || kind == S_IFBLK;
            given(if device { FileOperation::Device } else { FileOperation::Create }, None)
        }
        Kind::UnixConnect if record.has(flag::REFUSED) => given(FileOperation::Connect, None),
        Kind::UnixConnect => {
            let path = path(&record.texts[0], record);
            vec![access(path, FileOperation::Connect, Some(named_socket(record)), FileOrigin::Mounted)]
        }
        _ => Vec::new(),
    }
}

fn opened(record: &Record) -> FileOperation {
    let mut flags = record.values[1];
    if usize::try_from(record.values[7]) == Ok(calls::CREAT) {
        flags |= O_TRUNC;
    }
    let regular = low16(record.values[3] >> 32) & S_IFMT == S_IFREG;
    if flags & O_ACCMODE == 0 {
        FileOperation::Read
    } else if flags & O_CREAT != 0 {
        FileOperation::Create
    } else if flags & O_TRUNC != 0 && regular {
        FileOperation::Truncate
    } else if flags & O_APPEND != 0 {
        FileOperation::Append
    } else {
        FileOperation::Write
    }
}

/// What it was to be opened for.
fn unopened(record: &Record) -> FileOperation {
    let flags = record.values[6];
    if usize::try_from(record.values[7]) == Ok(calls::CREAT) || flags & O_TRUNC != 0 {
        FileOperation::Truncate
    } else if flags & O_CREAT != 0 {
        FileOperation::Create
    } else if flags & O_ACCMODE == 0 {
        FileOperation::Read
    } else if flags & O_APPEND != 0 {
        FileOperation::Append
    } else {
        FileOperation::Write
    }
}

/// A file that a request of io_uring is to open: by the name that it gave.
pub(super) fn requested(record: &Record) -> Option<FileAccess> {
    let path = path_text(&record.texts[0]).into_owned();
    let access = FileAccess { path, operation: FileOperation::Read, other: None, origin: FileOrigin::Upper };
    (!record.texts[0].is_empty()).then_some(access)
}

pub(super) fn mapping(record: &Record, by: String) -> Mapping {
    let path = path(&record.texts[0], record);
    let as_program = is_program_of_loader(&by, &path);
    Mapping { path, digest: None, origin: origin(record.values[4]), as_program }
}

/// What a loader maps first of all, in its own name, is the program it was given.
pub(super) fn is_program_of_loader(by: &str, path: &str) -> bool {
    let is_loader =
        by.rsplit('/').next().is_some_and(|name| name.starts_with("ld-") || name.starts_with("ld."));
    is_loader && !path.contains(".so")
}

/// What a call changes that names one file.
pub(super) fn target(record: &Record) -> String {
    match calls::is_of_descriptor(low8(record.values[7])) {
        true => path(&record.texts[0], record),
        false => named(record, 0, 2),
    }
}

/// Whether the call says relative to which directory.
fn is_at(record: &Record) -> bool {
    calls::is_at(low8(record.values[7]))
}

/// Text of the base of the second path: its own, or the one of the first.
fn second_base(record: &Record) -> usize {
    if record.texts[3].is_empty() { 2 } else { 3 }
}

/// A path as the caller gave it, made absolute.
fn named(record: &Record, text: usize, base: usize) -> String {
    let given = &record.texts[text];
    if given.first() == Some(&b'/') {
        return path_text(&normal(given)).into_owned();
    }
    let base = &record.texts[base];
    let mut whole = Vec::with_capacity(base.len() + given.len() + 2);
    for component in base.strip_suffix(&[0]).unwrap_or(base).rsplit(|byte| *byte == 0) {
        whole.push(b'/');
        whole.extend_from_slice(component);
    }
    whole.push(b'/');
    whole.extend_from_slice(given);
    path_text(&normal(&whole)).into_owned()
}

/// What the caller called a local socket; an abstract one begins with a zero, which is shown.
fn named_socket(record: &Record) -> String {
    path_text(&record.texts[1]).into_owned()
}

/// Without empty components, `.` and `..`. Links are not followed: of a name that is gone or new, nobody knows them.
fn normal(path: &[u8]) -> Vec<u8> {
    let mut components: Vec<&[u8]> = Vec::new();
    for component in path.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                components.pop();
            }
            other => components.push(other),
        }
    }
    let mut normal = Vec::with_capacity(path.len());
    for component in &components {
        normal.push(b'/');
        normal.extend_from_slice(component);
    }
    if normal.is_empty() {
        normal.push(b'/');
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    #[test]
    fn components_are_turned_round() {
        let record = sample();
        assert_eq!(path(b"shadow\0etc\0", &record), "/etc/shadow");
        assert_eq!(path(b"", &record), "/");
        let cut = Record { flags: flag::TEXT_CUT, ..sample() };
        assert_eq!(path(b"shadow\0etc\0", &cut), "…/etc/shadow");
    }

    #[test]
    fn a_relative_path_starts_at_its_directory() {
        let texts = [b"../b/./x".to_vec(), vec![], b"a\0srv\0".to_vec(), vec![]];
        let record = Record { kind: Kind::Unlink, texts, ..sample() };
        let told = accesses(&record);
        assert_eq!((told[0].path.as_str(), told[0].operation), ("/srv/b/x", FileOperation::Delete));
    }

    #[test]
    fn the_way_of_opening_is_the_operation() {
        let with = |flags, operation| {
            let values = [3, flags, 0, u64::from(S_IFREG) << 32, 0, 0, 0, operation];
            opened(&Record { kind: Kind::Open, values, ..sample() })
        };
        assert_eq!(with(0, 1), FileOperation::Read);
        assert_eq!(with(O_TRUNC, 1), FileOperation::Read);
        assert_eq!(with(1, 1), FileOperation::Write);
        assert_eq!(with(1 | O_APPEND, 1), FileOperation::Append);
        assert_eq!(with(2 | O_TRUNC, 1), FileOperation::Truncate);
        assert_eq!(with(1 | O_CREAT, 1), FileOperation::Create);
        assert_eq!(with(1, calls::CREAT as u64), FileOperation::Truncate);
    }

    #[test]
    fn what_was_not_opened_has_the_name_that_it_was_called() {
        let texts = [b"x/../y".to_vec(), vec![], b"a\0srv\0".to_vec(), vec![]];
        let with = |flags, operation| {
            let values = [-13i64 as u64, 0, 0, 0, 0, 0, flags, operation];
            let record =
                Record { kind: Kind::Open, flags: flag::REFUSED, values, texts: texts.clone(), ..sample() };
            let access = accesses(&record).remove(0);
            assert_eq!(access.path, "/srv/a/y");
            access.operation
        };
        assert_eq!(with(1, 1), FileOperation::Write);
        assert_eq!(with(1 | O_APPEND, 1), FileOperation::Append);
        assert_eq!(with(1 | O_CREAT, 1), FileOperation::Create);
        assert_eq!(with(1 | O_CREAT | O_TRUNC, 1), FileOperation::Truncate);
        assert_eq!(with(0o644, calls::CREAT as u64), FileOperation::Truncate);
    }

    #[test]
    fn a_program_that_a_loader_was_given_is_no_library() {
        let map = |path: &[u8], by: &str| {
            let texts = [path.to_vec(), vec![], vec![], vec![]];
            mapping(&Record { kind: Kind::MapCode, texts, ..sample() }, by.to_owned()).as_program
        };
        assert!(map(b"evil\0tmp\0", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
        assert!(!map(b"libc.so.6\0lib\0", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
        assert!(!map(b"libc.so.6\0lib\0", "/usr/bin/perl"));
    }
}
