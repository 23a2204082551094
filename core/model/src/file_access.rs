use crate::Digest;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The file mapped ([`path_text`](crate::path_text)).
    pub path: String,
    pub digest: Option<Digest>,
    pub origin: FileOrigin,
    /// It is a program that a loader (`ld.so FILE`) was given, not a library.
    pub as_program: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAccess {
    /// Links resolved, as the container sees it ([`path_text`](crate::path_text)).
    pub path: String,
    pub operation: FileOperation,
    /// The other path of [`Rename`](FileOperation::Rename) (the new one), [`Link`](FileOperation::Link) (the file that
    /// gets another name) and [`Symlink`](FileOperation::Symlink) (where it leads).
    pub other: Option<String>,
    pub origin: FileOrigin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileOperation {
    Read,
    /// Opened for writing anywhere.
    Write,
    /// Opened for writing at its end only.
    Append,
    /// Cut, or opened with `O_TRUNC`, where it held something.
    Truncate,
    /// A file or directory that was not there.
    Create,
    /// A file or directory.
    Delete,
    Rename,
    Link,
    Symlink,
    /// Mode, owner or times.
    Attributes,
    /// A set-user-id or set-group-id bit, or file capabilities, were added.
    SetUserId,
    /// A block or character device was made.
    Device,
    /// A Unix socket was connected to.
    Connect,
}

impl FileOperation {
    pub const ALL: &[Self] = &[
        Self::Read,
        Self::Write,
        Self::Append,
        Self::Truncate,
        Self::Create,
        Self::Delete,
        Self::Rename,
        Self::Link,
        Self::Symlink,
        Self::Attributes,
        Self::SetUserId,
        Self::Device,
        Self::Connect,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Append => "append",
            Self::Truncate => "truncate",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Rename => "rename",
            Self::Link => "link",
            Self::Symlink => "symlink",
            Self::Attributes => "attributes",
            Self::SetUserId => "set-user-id",
            Self::Device => "device",
            Self::Connect => "connect",
        }
    }

    /// Whether it leaves the file system other than it was.
    pub const fn changes(self) -> bool {
        !matches!(self, Self::Read | Self::Connect)
    }
}

/// Where a file's content comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileOrigin {
    /// A layer of the image, as it was delivered.
    Image,
    /// The container's own writable layer. A touched file of the image is here too: only its digest tells.
    Upper,
    /// Another file system: a volume, a bind mount, a tmpfs.
    Mounted,
    /// No name in any directory: memfd, `O_TMPFILE`, deleted.
    Nameless,
    /// `/proc`, `/sys` and other windows into the kernel.
    Kernel,
}

impl FileOrigin {
    pub const ALL: &[Self] = &[Self::Image, Self::Upper, Self::Mounted, Self::Nameless, Self::Kernel];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Upper => "upper",
            Self::Mounted => "mounted",
            Self::Nameless => "nameless",
            Self::Kernel => "kernel",
        }
    }
}
