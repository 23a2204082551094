//! One directory: what is in it, and the way into those in it.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::sys::statfs::{self, FsType, fstatfs};

use crate::budget::Budget;

/// A step of the walk through a directory.
pub(super) enum Item {
    Entry {
        name: CString,
        listed: Listed,
    },
    /// Comes where the first path in the directory has its place: after `name-x`, before `name0`.
    Enter {
        /// With a slash at its end.
        name: Vec<u8>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    Special,
}

/// What a directory says of a file in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) kind: Kind,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size: u64,
    device: u64,
    inode: u64,
}

impl Item {
    pub(super) fn name(&self) -> &[u8] {
        match self {
            Self::Entry { name, .. } => name.as_bytes(),
            Self::Enter { name } => name.strip_suffix(b"/").unwrap_or(name),
        }
    }

    fn key(&self) -> &[u8] {
        match self {
            Self::Entry { name, .. } => name.as_bytes(),
            Self::Enter { name } => name,
        }
    }
}

/// Lists a directory in the order in which paths are visited: as far as it can be read.
pub(super) fn list(directory: &OwnedFd, budget: &Budget) -> (Vec<Item>, io::Result<()>) {
    let mut items = Vec::new();
    let result = read(directory, budget, &mut items);
    items.sort_unstable_by(|one, other| one.key().cmp(other.key()));
    (items, result)
}

fn read(directory: &OwnedFd, budget: &Budget, items: &mut Vec<Item>) -> io::Result<()> {
    let most = usize::try_from(budget.limits.entries).unwrap_or(usize::MAX).saturating_mul(2);
    let mut open = Dir::from_fd(directory.try_clone()?)?;
    for (number, entry) in open.iter().enumerate() {
        if number % 1024 == 0 {
            budget.deadline.check().map_err(crate::budget::Exceeded::io)?;
        }
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let listed = match fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Listed::from(&stat),
            // Gone since: what is not there any more is not part of the tree.
            Err(Errno::ENOENT) => continue,
            Err(error) => return Err(error.into()),
        };
        if items.len() >= most {
            let text = format!("more than {} entries in one directory", budget.limits.entries);
            return Err(crate::budget::Exceeded::new(text).io());
        }
        if listed.kind == Kind::Directory {
            items.push(Item::Enter { name: [name.to_bytes(), b"/"].concat() });
        }
        items.push(Item::Entry { name: name.to_owned(), listed });
    }
    Ok(())
}

impl From<&FileStat> for Listed {
    fn from(stat: &FileStat) -> Self {
        let kind = match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFREG => Kind::File,
            SFlag::S_IFDIR => Kind::Directory,
            SFlag::S_IFLNK => Kind::Symlink,
            _ => Kind::Special,
        };
        Self {
            kind,
            mode: u16::try_from(stat.st_mode & 0o7777).unwrap_or_default(),
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            device: stat.st_dev,
            inode: stat.st_ino,
        }
    }
}

impl Listed {
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        (self.kind, self.device, self.inode) == (other.kind, other.device, other.inode)
    }
}

/// What is where a directory was listed.
pub(super) enum Found {
    Directory(OwnedFd),
    /// It is gone, or no directory any more.
    Nothing,
    /// What the kernel makes up, and what is in memory only.
    KernelFiles,
    OtherFileSystem,
}

/// Opens a directory in another, on the same device.
pub(super) fn open_directory(within: &OwnedFd, name: &[u8], device: u64) -> io::Result<Found> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let opened = match openat(within, name, flags, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
    };
    if fstat(&opened)?.st_dev == device {
        return Ok(Found::Directory(opened));
    }
    let kind = fstatfs(&opened)?.filesystem_type();
    Ok(if is_kernels(kind) { Found::KernelFiles } else { Found::OtherFileSystem })
}

/// File systems that hold no installed software: nothing is missing where they are left out.
fn is_kernels(kind: FsType) -> bool {
    const MQUEUE: libc::__fsword_t = 0x1980_0202;
    const PSTORE: libc::__fsword_t = 0x6165_676c;
    const EFIVARS: libc::__fsword_t = 0xde5e_81e4;
    const CONFIGFS: libc::__fsword_t = 0x6265_6570;
    const DEVTMPFS_OR_TMPFS: FsType = statfs::TMPFS_MAGIC;
    let others = [MQUEUE, PSTORE, EFIVARS, CONFIGFS].map(FsType);
    [
        statfs::PROC_SUPER_MAGIC,
        statfs::SYSFS_MAGIC,
        DEVTMPFS_OR_TMPFS,
        statfs::DEVPTS_SUPER_MAGIC,
        statfs::CGROUP_SUPER_MAGIC,
        statfs::CGROUP2_SUPER_MAGIC,
        statfs::BPF_FS_MAGIC,
        statfs::DEBUGFS_MAGIC,
        statfs::TRACEFS_MAGIC,
        statfs::SECURITYFS_MAGIC,
        statfs::HUGETLBFS_MAGIC,
        statfs::NSFS_MAGIC,
        statfs::SELINUX_MAGIC,
        statfs::AUTOFS_SUPER_MAGIC,
    ]
    .contains(&kind)
        || others.contains(&kind)
}
