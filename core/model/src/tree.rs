use crate::Problem;

/// A merged file tree that can be walked once: an image's layers after whiteouts, a directory, a disk.
///
/// The only trait of this crate: it is where `io/source` and `core/catalog` meet.
pub trait Tree {
    /// Walks the tree.
    ///
    /// `want` is asked once for each regular file before its content passes by; it may also be asked
    /// about files that a later layer hides. `visit` is then called exactly once for each entry that
    /// survives in the merged tree, in ascending byte order of the paths, with what `want` asked for.
    ///
    /// Never fails: what could not be read is returned, and the rest is walked all the same.
    fn walk(
        &mut self,
        want: &mut dyn FnMut(&Entry<'_>) -> Want,
        visit: &mut dyn FnMut(&Entry<'_>, Content<'_>),
    ) -> Vec<Problem>;
}

/// How much of a file's content is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    Nothing,
    /// The SHA-256 of the content.
    Digest,
    /// The content itself, if it is within [`Limits::file_bytes`](crate::Limits).
    Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// Not asked for, or not readable (then a [`Problem`] says why).
    Nothing,
    Digest([u8; 32]),
    Bytes(&'a [u8]),
}

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Relative to the root, without leading or trailing slash, `.` or `..`. Any bytes but NUL.
    pub path: &'a [u8],
    pub kind: EntryKind<'a>,
    /// Permission bits including set-user-id, set-group-id and sticky.
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
