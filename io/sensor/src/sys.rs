//! System calls that neither the standard library nor nix wraps: all unsafe code of this crate.
#![expect(unsafe_code, reason = "each function wraps one system call and states why it is sound")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// `fcntl(2)`: the signal to send instead of SIGIO; libc does not name it on all targets.
const F_SETSIG: libc::c_int = 10;
/// `ioctl_ns(2)`: `_IO(0xb7, 0x2)`.
const NS_GET_PARENT: libc::c_ulong = 0xb702;

/// A descriptor that becomes readable when the process ends.
pub(crate) fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two integers and returns a new descriptor, which nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        let fd = libc::c_int::try_from(fd).map_err(|_| io::ErrorKind::InvalidData)?;
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

/// The PID namespace around the one that `namespace` is open on.
pub(crate) fn parent_namespace(namespace: impl AsFd) -> io::Result<OwnedFd> {
    // SAFETY: the request takes no argument and returns a new descriptor, which nobody else owns.
    unsafe {
        let fd = libc::ioctl(namespace.as_fd().as_raw_fd(), NS_GET_PARENT as _);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

/// State of an open file, as far as it shows a change of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileState {
    pub(crate) device: (u32, u32),
    pub(crate) inode: u64,
    pub(crate) size: u64,
    /// Seconds and nanoseconds.
    pub(crate) changed: (i64, u32),
    pub(crate) modified: (i64, u32),
}

/// State of an open file and the id of the mount that it was opened through.
pub(crate) fn file_state(file: impl AsFd) -> io::Result<(FileState, u64)> {
    let status = status(file)?;
    let state = FileState {
        device: (status.stx_dev_major, status.stx_dev_minor),
        inode: status.stx_ino,
        size: status.stx_size,
        changed: (status.stx_ctime.tv_sec, status.stx_ctime.tv_nsec),
        modified: (status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec),
    };
    Ok((state, status.stx_mnt_id))
}

/// Whether no directory has a name for an open file.
pub(crate) fn is_nameless(file: impl AsFd) -> io::Result<bool> {
    status(file).map(|status| status.stx_nlink == 0)
}

fn status(file: impl AsFd) -> io::Result<libc::statx> {
    let mut buffer = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the path is an empty C string, the buffer is a statx that the kernel fills, and all-zero bytes
    // are a valid statx, so it is initialized whatever the kernel leaves out.
    unsafe {
        let result = libc::statx(
            file.as_fd().as_raw_fd(),
            c"".as_ptr(),
            // Attributes at hand: a question to a remote file server could block for ever.
            libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC,
            libc::STATX_BASIC_STATS | libc::STATX_MNT_ID,
            buffer.as_mut_ptr(),
        );
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(buffer.assume_init())
    }
}

/// Asks the kernel to hold up everybody who opens this file for writing until the lease is given back.
/// `EAGAIN` if it is open for writing already.
pub(crate) fn read_lease(file: impl AsFd) -> io::Result<()> {
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: both requests take an integer. A writer that comes makes the kernel signal this process: SIGURG,
    // because that is ignored by default, while SIGIO, which it would send otherwise, ends the process.
    unsafe {
        if libc::fcntl(fd, F_SETSIG, libc::SIGURG) != 0
            || libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) != 0
        {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Gives the lease back. Closing the descriptor is not enough: a process that is being started somewhere in this
/// program holds a copy of it for a while.
pub(crate) fn release_lease(file: impl AsFd) {
    // SAFETY: the request takes an integer. It fails only if there is no lease.
    unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
}

/// Nanoseconds since the machine started, time asleep included: the kernel's clock for process starts.
pub(crate) fn boot_clock() -> u64 {
    clock(libc::CLOCK_BOOTTIME)
}

/// Nanoseconds since 1970 on the clock that stamps files: it lags behind the precise one by up to a tick.
pub(crate) fn file_clock() -> u64 {
    clock(libc::CLOCK_REALTIME_COARSE)
}

fn clock(id: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec for the kernel to fill; both clocks exist on every kernel that has eBPF rings.
    unsafe { libc::clock_gettime(id, &raw mut now) };
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(now.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(now.tv_nsec))
}

/// Keeps the allocator to two heaps, for whoever has hardly any threads yet: it would give most threads one of their own,
/// each with free memory that no other can use.
pub fn share_heaps() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes two integers and sets a limit.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Gives freed memory back to the system. Loading the kernel program reads the type information of the whole
/// kernel once; the allocator would keep those tens of megabytes for good. Takes about a millisecond.
pub fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the function only walks the allocator's own free lists, under its locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    #[test]
    fn a_pidfd_opens_for_this_process_only_while_it_lives() {
        pidfd_open(std::process::id()).unwrap();
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        child.wait().unwrap();
        assert_eq!(pidfd_open(child.id()).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn a_change_shows_in_the_state_of_a_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let (before, mount) = file_state(file.as_file()).unwrap();
        assert_eq!((before.size, mount > 0), (0, true));
        file.write_all(b"x").unwrap();
        assert_ne!(file_state(file.as_file()).unwrap().0, before);
    }

    #[test]
    fn a_lease_is_refused_while_a_writer_has_the_file_open() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.into_temp_path();
        let writer = OpenOptions::new().write(true).open(&path).unwrap();
        let reader = File::open(&path).unwrap();
        assert_eq!(read_lease(&reader).unwrap_err().raw_os_error(), Some(libc::EAGAIN));
        drop(writer);
        read_lease(&reader).unwrap();
        let copy = reader.try_clone().unwrap();
        release_lease(&reader);
        drop(reader);
        OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        drop(copy);
    }

    #[test]
    fn clocks_run() {
        let before = boot_clock();
        assert!(boot_clock() >= before && before > 0);
        assert!(file_clock() > 1_600_000_000_000_000_000);
        trim_heap();
    }
}
