//! System calls about Landlock and detached mounts, which libc does not wrap.
#![expect(unsafe_code, reason = "each function wraps one system call and states why it is sound")]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;
const OPEN_TREE_CLONE: libc::c_uint = 1;
const MOUNT_READ_ONLY: u64 = 1;
const MOUNT_NO_SET_USER_ID: u64 = 2;
const MOUNT_NO_DEVICES: u64 = 4;
const MOUNT_NO_EXECUTION: u64 = 8;

/// `struct mount_attr`
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// Version of the kernel's Landlock.
pub(crate) fn version() -> io::Result<u32> {
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the kernel takes neither rules nor a length, and returns a number.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0usize, CREATE_RULESET_VERSION) };
    if version < 0 { Err(io::Error::last_os_error()) } else { Ok(u32::try_from(version).unwrap_or(u32::MAX)) }
}

/// Rules that hold these rights. May be asked between fork and exec.
pub(super) fn ruleset(held: u64) -> io::Result<OwnedFd> {
    // SAFETY: the first version of the structure is this one number, which the kernel reads; the result is a new
    // descriptor, which nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_landlock_create_ruleset, &raw const held, size_of::<u64>(), 0);
        owned(fd)
    }
}

/// Gives rights on a file, or on all below a directory.
pub(super) fn allow(ruleset: &OwnedFd, place: BorrowedFd<'_>, rights: u64) -> io::Result<()> {
    // `struct landlock_path_beneath_attr`, which is packed.
    let mut rule = [0u8; 12];
    rule[..8].copy_from_slice(&rights.to_ne_bytes());
    rule[8..].copy_from_slice(&place.as_raw_fd().to_ne_bytes());
    // SAFETY: the structure is as long as the kernel reads, and the descriptors are open.
    let result = unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), RULE_PATH_BENEATH, rule.as_ptr(), 0)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Holds the calling thread, for ever.
pub(super) fn restrict(ruleset: &OwnedFd) -> io::Result<()> {
    // SAFETY: both calls take numbers, and change what the caller may do and nothing of its memory.
    let result = unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The file on a mount of its own that is nowhere else, which cannot be written through but executed from.
pub(super) fn detached(file: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(file.as_os_str().as_bytes())?;
    let attributes = MountAttributes {
        set: MOUNT_READ_ONLY | MOUNT_NO_SET_USER_ID | MOUNT_NO_DEVICES,
        clear: MOUNT_NO_EXECUTION,
        propagation: 0,
        user_namespace: 0,
    };
    // SAFETY: the path is a C string, the structure is as long as said, and the descriptor is new and nobody else's.
    unsafe {
        let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC.unsigned_abs();
        let tree = owned(libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags))?;
        let result = libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<MountAttributes>(),
        );
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(tree) }
    }
}

/// The descriptor gets this number too, under which programs that are executed inherit it. Who has it loses it.
pub(super) fn inherit_as(descriptor: &OwnedFd, number: i32) -> io::Result<()> {
    // SAFETY: the number belongs to nobody here: the caller is about to become another program.
    let result = unsafe { libc::dup2(descriptor.as_raw_fd(), number) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The same descriptor under a number from this one on.
pub(super) fn moved(descriptor: OwnedFd, least: i32) -> io::Result<OwnedFd> {
    // SAFETY: the result is a new descriptor, which nobody else owns.
    unsafe { owned(libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least).into()) }
}

/// # Safety
/// A descriptor that is not negative is new.
unsafe fn owned(descriptor: libc::c_long) -> io::Result<OwnedFd> {
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    let descriptor = i32::try_from(descriptor).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: as the caller promises.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
