//! Something harmless that is not allowed, done by a process in a control group and a PID namespace of its own.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, pipe2};

use crate::canary;
use crate::tracer::hierarchy;

/// What is done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// A program in memory is executed.
    ExecuteMemory,
    /// A file in memory is mapped as code.
    LoadMemory,
    /// A process with a host name of its own.
    NewNamespace,
    /// To this host itself.
    Connect,
    /// Opens for writing what takes anything.
    WriteNothing,
    /// Its own, in procfs.
    ReadEnvironment,
    BecomeNobody,
}

/// What became of who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    /// The kernel's error number.
    Failed(i32),
    Killed,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("it was done"),
            Self::Failed(errno) => write!(f, "it failed: {}", io::Error::from_raw_os_error(*errno)),
            Self::Killed => f.write_str("the process was ended"),
        }
    }
}

/// Exit code of a process that saw its child killed. Error numbers are below.
const CHILD_KILLED: i32 = 255;

/// A control group for trials. Removed when dropped.
pub(super) struct Trial {
    group: Result<(PathBuf, u64), String>,
}

impl Trial {
    pub(super) fn new() -> Self {
        let make = || {
            let root = hierarchy().ok_or_else(|| io::Error::other("there is no unified hierarchy"))?;
            // One process may have several sensors.
            static MADE: AtomicU32 = AtomicU32::new(0);
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let folder = root.join(format!("lazaret-trial-{}-{number}", std::process::id()));
            match fs::create_dir(&folder) {
                Err(problem) if problem.kind() != io::ErrorKind::AlreadyExists => return Err(problem),
                _ => {}
            }
            let id = fs::metadata(&folder)?.ino();
            Ok((folder, id))
        };
        Self {
            group: make().map_err(|problem| format!("no control group can be made to try it in: {problem}")),
        }
    }

    /// Does it under a rule for the group. Errors are in words for people.
    pub(super) fn run<E: fmt::Display>(
        &mut self,
        act: Act,
        forbid: impl FnOnce(u64) -> Result<(), E>,
        release: impl FnOnce(u64),
    ) -> Result<End, String> {
        let (folder, id) = self.group.as_ref().map_err(Clone::clone)?;
        forbid(*id).map_err(|problem| problem.to_string())?;
        let procs = folder.join("cgroup.procs");
        // A PID namespace is for the children of one thread, and that thread must have no others.
        let end = std::thread::scope(|scope| scope.spawn(|| in_group(&procs, act)).join());
        release(*id);
        match end {
            Ok(end) => end.map_err(|problem| format!("it cannot be tried: {problem}")),
            Err(_) => Err("the trial's thread failed".to_owned()),
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Ok((folder, _)) = &self.group {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Forks the first process of a PID namespace, which is as a container's; its child does it, because the first
/// process itself counts as the runtime as long as it has executed nothing.
#[expect(unsafe_code, reason = "fork(2): what the child may do is no matter of types")]
fn in_group(procs: &std::path::Path, act: Act) -> io::Result<End> {
    unshare(CloneFlags::CLONE_NEWPID)?;
    // A program that another thread starts meanwhile must not keep the pipe open.
    let (wait, go): (OwnedFd, OwnedFd) = pipe2(OFlag::O_CLOEXEC)?;
    // All memory is made before the fork: the child of a process with many threads must not ask for any.
    let program = canary::program(3);
    // SAFETY: the child makes system calls with numbers, the two descriptors and `program`, and ends by _exit.
    let child = match unsafe { fork() }? {
        ForkResult::Child => {
            // SAFETY: as above.
            unsafe { first(wait.as_raw_fd(), go.as_raw_fd(), &program, act) }
        }
        ForkResult::Parent { child } => child,
    };
    drop(wait);
    let moved = fs::write(procs, child.to_string());
    if moved.is_err() {
        let _ = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
    }
    // The other end of the pipe: now the child goes on.
    drop(go);
    let status = waitpid(child, None)?;
    moved?;
    Ok(match status {
        WaitStatus::Exited(_, 0) => End::Done,
        WaitStatus::Exited(_, CHILD_KILLED) | WaitStatus::Signaled(..) => End::Killed,
        WaitStatus::Exited(_, errno) => End::Failed(errno),
        _ => End::Done,
    })
}

/// # Safety
/// Only for the child of a fork: makes system calls and never returns.
#[expect(unsafe_code, reason = "raw system calls after fork(2)")]
unsafe fn first(wait: i32, go: i32, program: &[u8], act: Act) -> ! {
    // SAFETY: the descriptors are open, the buffer is a byte on the stack.
    unsafe {
        libc::close(go);
        let mut byte = 0u8;
        libc::read(wait, (&raw mut byte).cast(), 1);
        let child = libc::fork();
        if child == 0 {
            libc::_exit(perform(program, act));
        }
        let mut status = 0;
        if child < 0 || libc::waitpid(child, &raw mut status, 0) < 0 {
            libc::_exit(errno());
        }
        libc::_exit(if libc::WIFSIGNALED(status) { CHILD_KILLED } else { libc::WEXITSTATUS(status) })
    }
}

/// The error number, or 0.
///
/// # Safety
/// Only for the child of a fork.
#[expect(unsafe_code, reason = "raw system calls after fork(2)")]
unsafe fn perform(program: &[u8], act: Act) -> i32 {
    // SAFETY: names are constant texts with a final zero, arrays of pointers end in null, the address has the size
    // that is given, and the memory of `program` is as long as said.
    let result = unsafe {
        match act {
            Act::ExecuteMemory => {
                let file = libc::memfd_create(c"lazaret-trial".as_ptr(), libc::MFD_CLOEXEC);
                libc::write(file, program.as_ptr().cast(), program.len());
                let none: [*const libc::c_char; 1] = [std::ptr::null()];
                libc::fexecve(file, none.as_ptr(), none.as_ptr())
            }
            Act::LoadMemory => {
                let file = libc::memfd_create(c"lazaret-trial".as_ptr(), libc::MFD_CLOEXEC);
                libc::write(file, program.as_ptr().cast(), program.len());
                let rights = libc::PROT_READ | libc::PROT_EXEC;
                let place =
                    libc::mmap(std::ptr::null_mut(), program.len(), rights, libc::MAP_PRIVATE, file, 0);
                if place == libc::MAP_FAILED { -1 } else { 0 }
            }
            Act::NewNamespace => {
                let flags = libc::c_long::from(libc::CLONE_NEWUTS | libc::SIGCHLD);
                match libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) {
                    0 => libc::_exit(0),
                    made => {
                        if made < 0 {
                            -1
                        } else {
                            0
                        }
                    }
                }
            }
            Act::WriteNothing => libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC),
            Act::ReadEnvironment => {
                libc::open(c"/proc/self/environ".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC)
            }
            Act::BecomeNobody => libc::setuid(65_534),
            Act::Connect => {
                let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
                let mut address: libc::sockaddr_in = std::mem::zeroed();
                address.sin_family = libc::sa_family_t::try_from(libc::AF_INET).unwrap_or_default();
                address.sin_port = 9u16.to_be();
                address.sin_addr.s_addr = u32::from_be_bytes([127, 0, 0, 1]).to_be();
                let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_in>()).unwrap_or_default();
                libc::connect(socket, (&raw const address).cast(), length)
            }
        }
    };
    if result < 0 { errno() } else { 0 }
}

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}
