use std::io;

use crate::{Digest, Problem};

/// A merged file tree that can be walked once: an image's layers after whiteouts, a directory, a disk.
///
/// This file holds the only traits of this crate: it is where `io/source` and `core/catalog` meet.
pub trait Tree {
    /// Walks the tree: asks the visitor what it wants of each regular file, and then shows it each entry that
    /// survives in the merged tree exactly once, in ascending byte order of the paths.
    ///
    /// Never fails: what could not be read is returned, and the rest is walked all the same.
    fn walk(&mut self, visitor: &mut dyn Visitor) -> Vec<Problem>;
}

/// Who walks a [`Tree`].
pub trait Visitor: Sync {
    /// What is wanted of a regular file. Asked before its content passes by, and perhaps about files that a later
    /// layer hides.
    fn want(&self, entry: &Entry<'_>) -> Want;

    /// Reduces a file to the small part that matters ([`Wanted::Extract`]), where its bytes are, so that large files
    /// are neither copied nor kept. Called from several threads at once, perhaps for files that a later layer hides.
    fn extract(&self, entry: &Entry<'_>, file: &mut dyn RandomAccess) -> Extracted;

    /// As [`extract`](Self::extract), for a file that comes by once and is larger than what is kept in memory.
    /// `None`: it cannot be done so; the tree then reports a [`Problem`].
    fn extract_passing(&self, entry: &Entry<'_>) -> Option<Box<dyn Passing + '_>>;

    /// Whether what was extracted of a file under one of its names serves for another of them (hard links), but
    /// for the subjects of its problems. Saves reading a compressed layer again.
    fn extracts_alike(&self, _one: &Entry<'_>, _other: &Entry<'_>) -> bool {
        false
    }

    /// Names what [`want`](Self::want) and the extracts depend on besides the entry without its layer: what one visitor
    /// wanted of a layer serves all others of the same kind. None: nothing is to be kept for others.
    fn kind(&self) -> Option<Digest> {
        None
    }

    /// Whether the versions of a file that layers above hide are wanted too, for what they tell of the one that
    /// survives: which layer added what to a database that is rewritten as a whole.
    fn wants_earlier(&self, _path: &[u8]) -> bool {
        false
    }

    /// A version of a file that a layer above hides. Comes when all that survives was visited; of one file the highest
    /// version first. What cannot be read is left out, and no problem tells: it is no part of the tree.
    fn visit_earlier(&mut self, _entry: &Entry<'_>, _content: Content<'_>) {}

    /// One entry of the merged tree, with what was wanted of it.
    fn visit(&mut self, entry: &Entry<'_>, content: Content<'_>);
}

/// A file that can be read anywhere.
pub trait RandomAccess {
    fn size(&self) -> u64;

    /// Fills the buffer with the bytes from `offset` on; an error if there are not as many.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// Takes in a file that comes by once, piece by piece.
pub trait Passing {
    fn push(&mut self, piece: &[u8]);

    fn finish(self: Box<Self>) -> Extracted;
}

/// What was made of a file, and what of it could not be read (with the entry's path as subject).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extracted {
    pub bytes: Vec<u8>,
    pub problems: Vec<Problem>,
}

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Want {
    /// The SHA-256 of the content.
    pub digest: bool,
    pub content: Wanted,
}

/// How much of a file's content is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wanted {
    #[default]
    Nothing,
    /// The content itself, if it is within [`Limits::file_bytes`](crate::Limits).
    Bytes,
    /// What [`Visitor::extract`] makes of it.
    Extract,
}

impl Want {
    pub const NOTHING: Self = Self { digest: false, content: Wanted::Nothing };
    pub const DIGEST: Self = Self { digest: true, content: Wanted::Nothing };
    pub const BYTES: Self = Self { digest: false, content: Wanted::Bytes };
    pub const EXTRACT: Self = Self { digest: false, content: Wanted::Extract };
}

/// What was wanted of a file, as far as it could be read (else a [`Problem`] says why).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Content<'a> {
    pub digest: Option<[u8; 32]>,
    /// The content, or what was extracted from it.
    pub bytes: Option<&'a [u8]>,
}

/// Above the bits of a mode: whoever executes the file gets capabilities (capabilities(7), "File capabilities").
pub const FILE_CAPABILITIES: u16 = 0o1_0000;

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Relative to the root, without leading or trailing slash, `.` or `..`. Any bytes but NUL.
    pub path: &'a [u8],
    pub kind: EntryKind<'a>,
    /// Permission bits including set-user-id, set-group-id and sticky, and [`FILE_CAPABILITIES`] for a file of an image that
    /// has some.
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Index into [`Image::layers`](crate::Image) of the layer that brought this version of the file.
    pub layer: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind<'a> {
    File,
    Directory,
    Symlink {
        target: &'a [u8],
    },
    /// Character or block device, FIFO or socket.
    Special,
}
