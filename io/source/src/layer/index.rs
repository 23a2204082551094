//! What the headers of one layer say, in the order of the archive, and the contents that were kept
//! while they came by.

use std::collections::HashMap;
use std::io::{self, BufRead};

use lazaret_model::{Entry, EntryKind, Want};

use super::access::Extent;
use super::input::{Input, StreamInput, Window, WindowInput};
use super::keep::{Kept, Need, Taker};
use super::path::clean;
use super::reader::{Kind, Member, TarReader};
use super::sparse::Segment;
use crate::budget::{Budget, Exceeded};
use crate::problems::{Problems, lossy};

/// A record of a layer of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) layer: u32,
    pub(crate) record: u32,
}

#[derive(Debug)]
pub(crate) struct Record {
    /// Where in the names the path begins; the link target follows it.
    pub(super) name: u32,
    pub(super) path_bytes: u16,
    pub(super) link_bytes: u16,
    pub(crate) kind: Kind,
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(super) start: u64,
    /// What was wanted when the content came by; nothing where nobody was asked.
    pub(crate) asked: Option<Want>,
}

/// What is stored of a file with holes.
#[derive(Debug)]
struct Sparse {
    stored: u64,
    segments: Box<[Segment]>,
}

#[derive(Debug, Default)]
pub(crate) struct LayerIndex {
    pub(super) names: Vec<u8>,
    pub(crate) records: Vec<Record>,
    /// Few files are.
    sparse: HashMap<u32, Sparse>,
    /// Where the contents can be read, for a layer that is part of a file and not compressed.
    pub(crate) window: Option<Window>,
    pub(crate) kept: HashMap<u32, Kept>,
}

impl LayerIndex {
    pub(super) fn with_names(names: Vec<u8>) -> Self {
        Self { names, ..Self::default() }
    }

    pub(crate) fn path(&self, record: &Record) -> &[u8] {
        let start = record.name as usize;
        &self.names[start..start + usize::from(record.path_bytes)]
    }

    pub(crate) fn link(&self, record: &Record) -> &[u8] {
        let start = record.name as usize + usize::from(record.path_bytes);
        &self.names[start..start + usize::from(record.link_bytes)]
    }

    /// Where the content of a record is, if the layer is a part of a file.
    pub(crate) fn extent(&self, number: u32) -> Option<Extent<'_>> {
        let (window, record) = (self.window.as_ref()?, &self.records[number as usize]);
        let sparse = self.sparse.get(&number);
        Some(Extent {
            window,
            start: record.start,
            stored: sparse.map_or(record.size, |sparse| sparse.stored),
            size: record.size,
            segments: sparse.map(|sparse| &*sparse.segments),
        })
    }

    /// Reads the headers of a layer that is part of a file; contents stay where they are.
    pub(crate) fn of_window(
        input: WindowInput,
        label: &str,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Self {
        let window = input.window().clone();
        let mut index = Self { window: Some(window), ..Self::default() };
        let mut reader = TarReader::new(input, label);
        let mut path = Vec::new();
        while let Some(member) = reader.next(problems) {
            match index.add(&member, &reader, &mut path, budget, problems) {
                Ok(Some(number)) => index.add_sparse(number, member),
                Ok(None) => {}
                Err(Stopped) => break,
            }
        }
        index
    }

    /// Reads a layer that comes by once, and keeps what is wanted of it.
    pub(crate) fn of_stream<R: BufRead>(
        input: StreamInput<R>,
        label: &str,
        taker: &mut Taker<'_>,
        wanted: Wanted<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Self {
        let mut index = Self::default();
        let mut reader = TarReader::new(input, label);
        let (mut path, mut whole) = (Vec::new(), true);
        let mut of_archive = Problems::default();
        while let Some(member) = reader.next(&mut of_archive) {
            let number = match index.add(&member, &reader, &mut path, budget, &mut of_archive) {
                Ok(Some(number)) => number,
                Ok(None) => continue,
                Err(Stopped) => {
                    whole = false;
                    break;
                }
            };
            if let Some(kept) = index.take(number, taker, wanted, &member, &mut reader, budget) {
                index.kept.insert(number, kept);
            }
        }
        // A registry's stream verifies its digest at its end, behind the end of the archive.
        if whole
            && let Some(rest) = reader.rest()
            && let Err(error) = rest.drain()
        {
            of_archive.io(label, &error);
        }
        // What is wrong with the archive is told when it is read first.
        if matches!(wanted, Wanted::Ask { .. }) {
            problems.append(of_archive);
        }
        index
    }

    /// Whether all that was wanted is here.
    pub(crate) fn is_complete(&self) -> bool {
        !self.kept.values().any(|kept| kept.failed)
    }

    /// Frees what was only kept for other images: here a layer above has the file too.
    pub(crate) fn drop_covered(&mut self) {
        let records = &mut self.records;
        self.kept.retain(|number, kept| {
            if kept.covered {
                records[*number as usize].asked = None;
            }
            !kept.covered
        });
    }

    fn add_sparse(&mut self, number: u32, member: Member) {
        if let Some(segments) = member.segments {
            self.sparse.insert(number, Sparse { stored: member.stored, segments });
        }
    }

    /// A file as the layer has it.
    pub(crate) fn entry(&self, record: &Record, layer: u32) -> Entry<'_> {
        Entry {
            path: self.path(record),
            kind: EntryKind::File,
            mode: record.mode,
            uid: record.uid,
            gid: record.gid,
            size: record.size,
            layer,
        }
    }

    fn take<R: BufRead>(
        &mut self,
        number: u32,
        taker: &mut Taker<'_>,
        wanted: Wanted<'_>,
        member: &Member,
        reader: &mut TarReader<StreamInput<R>>,
        budget: &mut Budget,
    ) -> Option<Kept> {
        let record = &self.records[number as usize];
        let path = self.path(record);
        if record.kind != Kind::File || is_whiteout(path) {
            return None;
        }
        let own;
        let (need, asked) = match wanted {
            Wanted::These(needs) => (needs.get(&number)?, None),
            Wanted::Ask { layer } => {
                let entry = self.entry(record, layer);
                let want = taker.visitor.want(&entry);
                own = Need::of(OWN_NAME, entry, want);
                // Digests and extracts take little room, and programs often have other names as well.
                if want.content == lazaret_model::Wanted::Bytes && taker.is_covered(path, member.size, layer)
                {
                    let mut pieces =
                        |sink: &mut dyn FnMut(&[u8]) -> io::Result<()>| reader.content(member, sink);
                    let covered = taker.take_covered(&own, path, member.size, &mut pieces)?;
                    self.records[number as usize].asked = Some(want);
                    return Some(covered);
                }
                (&own, Some(want))
            }
        };
        let kept = (asked != Some(Want::NOTHING)).then(|| {
            let mut pieces = |sink: &mut dyn FnMut(&[u8]) -> io::Result<()>| reader.content(member, sink);
            taker.take(need, path, member.size, &mut pieces, budget)
        });
        self.records[number as usize].asked = asked;
        kept
    }

    /// Adds a member; gives its number where it is part of the tree.
    fn add<I: Input>(
        &mut self,
        member: &Member,
        reader: &TarReader<I>,
        path: &mut Vec<u8>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Result<Option<u32>, Stopped> {
        let most = budget.limits.path_bytes.min(usize::from(u16::MAX));
        if reader.name().len() > most || reader.link().len() > most {
            problems.limit(
                lossy(reader.name()),
                Exceeded::new(format!("its name or link is longer than {most} bytes")),
            );
            return Ok(None);
        }
        if !clean(reader.name(), path) {
            problems.malformed(lossy(reader.name()), "its name climbs out of the root");
        }
        if path.is_empty() {
            if member.kind != Kind::Directory {
                problems
                    .malformed(lossy(reader.name()), "something other than a directory is named as the root");
            }
            return Ok(None);
        }
        let name = self.names.len();
        self.names.extend_from_slice(path);
        let path_bytes = path.len();
        let has_link = match member.kind {
            Kind::HardLink => {
                if !clean(reader.link(), path) {
                    problems.malformed(lossy(reader.name()), "it is a hard link that climbs out of the root");
                }
                self.names.extend_from_slice(path);
                true
            }
            Kind::Symlink => {
                self.names.extend_from_slice(reader.link());
                true
            }
            _ => false,
        };
        let link_bytes = if has_link { self.names.len() - name - path_bytes } else { 0 };
        let segments = member.segments.as_ref().map_or(0, |segments| segments.len() * size_of::<Segment>());
        let (Ok(name), Ok(path_bytes), Ok(link_bytes), Ok(number)) = (
            u32::try_from(name),
            u16::try_from(path_bytes),
            u16::try_from(link_bytes),
            u32::try_from(self.records.len()),
        ) else {
            problems
                .limit(lossy(reader.name()), Exceeded::new("the names of the layer take more than 4 GiB"));
            return Err(Stopped);
        };
        if let Err(exceeded) = budget.take_entry(usize::from(path_bytes) + usize::from(link_bytes) + segments)
        {
            problems.limit(lossy(reader.name()), exceeded);
            return Err(Stopped);
        }
        self.records.push(Record {
            name,
            path_bytes,
            link_bytes,
            kind: member.kind,
            mode: member.mode,
            uid: member.uid,
            gid: member.gid,
            size: if member.kind == Kind::File { member.size } else { 0 },
            start: member.start,
            asked: None,
        });
        Ok(Some(number))
    }
}

/// A bound was reached: no more of the layer is read.
struct Stopped;

/// Who says what is wanted of a layer that comes by.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// The visitor of the tree.
    Ask { layer: u32 },
    /// A second pass for what turned out to be needed after the first.
    These(&'a HashMap<u32, Need<'a>>),
}

/// What is extracted under the name that the layer has for the content.
pub(crate) const OWN_NAME: u32 = u32::MAX;

pub(crate) fn is_whiteout(path: &[u8]) -> bool {
    let base = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    base.starts_with(b".wh.")
}
