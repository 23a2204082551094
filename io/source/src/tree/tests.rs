//! Trees over archives made by hand. Each is read in place, as a stream, and compressed: what comes
//! out must be the same.

mod archives;
mod extracts;
mod limits;
mod merging;
mod remembered;

use std::io::{Cursor, Write};
use std::sync::Arc;

use lazaret_model::{
    Content, Digest, Entry, EntryKind, Extracted, Limits, Passing, Problem, ProblemKind, RandomAccess, Tree,
    Visitor, Want,
};

use super::*;
use crate::layer::fixture::{Header, Tar, pax_record};
use crate::layer::{LayerBytes, Opener, Window};

struct InMemory(Arc<Vec<u8>>);

impl Opener for InMemory {
    fn open(&self) -> std::io::Result<LayerBytes> {
        Ok(LayerBytes::Stream(Box::new(Cursor::new(self.0.as_ref().clone()))))
    }
}

#[derive(Debug, Clone, Copy)]
enum Stored {
    InPlace,
    Stream,
    Gzip,
    Zstd,
}

const ALL: [Stored; 4] = [Stored::InPlace, Stored::Stream, Stored::Gzip, Stored::Zstd];

fn opener(bytes: &[u8], stored: Stored) -> Box<dyn Opener> {
    let compressed = match stored {
        Stored::InPlace => {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            return Box::new(Window::new(Arc::new(file), bytes.len() as u64));
        }
        Stored::Stream => bytes.to_vec(),
        Stored::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Stored::Zstd => zstd::encode_all(bytes, 1).unwrap(),
    };
    Box::new(InMemory(Arc::new(compressed)))
}

/// `path kind mode layer content`, one line for each entry.
type Walked = (Vec<String>, Vec<Problem>);

/// Lists a tree. What it extracts of a file is the name, the size, and the first and last three bytes.
struct Lister<'w> {
    want: &'w (dyn Fn(&str) -> Want + Sync),
    lines: Vec<String>,
    paths: Vec<Vec<u8>>,
    /// Of files below `db`: `path was layer content`.
    earlier: Vec<String>,
}

fn extract_of(path: &[u8], size: u64, first: &[u8], last: &[u8]) -> Extracted {
    let mut bytes = [path, format!(":{size}:").as_bytes(), first, b":", last].concat();
    bytes.retain(|byte| *byte != 0);
    Extracted { bytes, problems: Vec::new() }
}

/// As [`extract_of`], of what comes by.
struct Ends {
    path: Vec<u8>,
    size: u64,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Passing for Ends {
    fn push(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        self.first.extend_from_slice(&piece[..piece.len().min(3)]);
        self.first.truncate(3);
        self.last.extend_from_slice(&piece[piece.len().saturating_sub(3)..]);
        self.last.drain(..self.last.len().saturating_sub(3));
    }

    fn finish(self: Box<Self>) -> Extracted {
        extract_of(&self.path, self.size, &self.first, &self.last)
    }
}

impl Visitor for Lister<'_> {
    fn want(&self, entry: &Entry<'_>) -> Want {
        (self.want)(&String::from_utf8_lossy(entry.path))
    }

    fn extract(&self, entry: &Entry<'_>, file: &mut dyn RandomAccess) -> Extracted {
        let size = file.size();
        let (mut first, mut last) = ([0; 3], [0; 3]);
        let ends = &mut first[..size.min(3).try_into().unwrap()];
        file.read_at(0, ends).unwrap();
        let length = ends.len();
        file.read_at(size - length as u64, &mut last[..length]).unwrap();
        assert!(file.read_at(size, &mut [0]).is_err() && file.read_at(u64::MAX, &mut [0]).is_err());
        extract_of(entry.path, size, &first[..length], &last[..length])
    }

    fn extract_passing(&self, entry: &Entry<'_>) -> Option<Box<dyn Passing + '_>> {
        let (path, first, last) = (entry.path.to_vec(), Vec::new(), Vec::new());
        (!entry.path.ends_with(b".whole")).then_some(Box::new(Ends { path, size: 0, first, last }) as _)
    }

    fn extracts_alike(&self, one: &Entry<'_>, other: &Entry<'_>) -> bool {
        one.path.starts_with(b"alike") && other.path.starts_with(b"alike")
    }

    fn kind(&self) -> Option<Digest> {
        Some(Digest::from_bytes([7; 32]))
    }

    fn wants_earlier(&self, path: &[u8]) -> bool {
        path.starts_with(b"db/")
    }

    fn visit_earlier(&mut self, entry: &Entry<'_>, content: Content<'_>) {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let shown = content.bytes.map(text).unwrap_or_default();
        self.earlier.push(format!("{} was {} {shown}", text(entry.path), entry.layer));
    }

    fn visit(&mut self, entry: &Entry<'_>, content: Content<'_>) {
        self.paths.push(entry.path.to_vec());
        let path = String::from_utf8_lossy(entry.path);
        let kind = match entry.kind {
            EntryKind::File => format!("file:{}", entry.size),
            EntryKind::Directory => "dir".to_owned(),
            EntryKind::Symlink { target } => format!("->{}", String::from_utf8_lossy(target)),
            EntryKind::Special => "special".to_owned(),
        };
        let mut shown = String::new();
        if let Some(bytes) = content.bytes {
            shown = format!(" {}", String::from_utf8_lossy(bytes));
        }
        if let Some(digest) = content.digest {
            shown += &format!(" #{}", lazaret_model::Digest::from_bytes(digest).short());
        }
        self.lines.push(format!("{path} {kind} {:o} {}{shown}", entry.mode, entry.layer));
    }
}

type WantOf<'a> = &'a (dyn Fn(&str) -> Want + Sync);

fn walk_stored(layers: &[Vec<u8>], stored: Stored, limits: &Limits, want: WantOf<'_>) -> Walked {
    let layers = (1..)
        .zip(layers)
        .map(|(number, bytes)| Layer {
            label: format!("layer {number}"),
            opener: opener(bytes, stored),
            digest: None,
        })
        .collect();
    let mut tree = LayeredTree::new(SeparateLayers::new(layers), limits.clone());
    let mut lister = Lister { want, lines: Vec::new(), paths: Vec::new(), earlier: Vec::new() };
    let problems = tree.walk(&mut lister);
    let Lister { mut lines, mut paths, earlier, .. } = lister;
    assert!(paths.is_sorted(), "paths out of order: {lines:?}");
    paths.dedup();
    assert_eq!(paths.len(), lines.len(), "a path came twice: {lines:?}");
    lines.extend(earlier);
    (lines, problems)
}

/// Walks all variants, asserts that they agree, and gives the result.
fn walk_wanting(layers: &[Vec<u8>], want: WantOf<'_>) -> Walked {
    let limits = Limits::default();
    let (lines, problems) = walk_stored(layers, Stored::InPlace, &limits, want);
    for stored in ALL {
        let (other, other_problems) = walk_stored(layers, stored, &limits, want);
        assert_eq!(lines, other, "{stored:?}");
        let count = |problems: &[Problem]| problems.len();
        assert_eq!(count(&problems), count(&other_problems), "{stored:?}: {problems:?} {other_problems:?}");
    }
    (lines, problems)
}

fn walk(layers: &[Vec<u8>]) -> Walked {
    walk_wanting(layers, &|_| Want::BYTES)
}

fn one(tar: Tar) -> Walked {
    walk(&[tar.finish()])
}

const BOTH: Want = Want { digest: true, content: lazaret_model::Wanted::Extract };
