//! A container without a runtime: a control group, and namespaces of processes and mounts.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{ForkResult, fork};

pub(crate) struct Cell {
    pub(crate) group: u64,
    pub(crate) folder: PathBuf,
}

impl Cell {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let id = format!("{:064x}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = PathBuf::from("/sys/fs/cgroup").join(id);
        fs::create_dir(&folder).unwrap();
        Self { group: fs::metadata(&folder).unwrap().ino(), folder }
    }

    /// The outcome that `/act` prints: an error's number, 0, or a count. `None` if it was killed before.
    pub(crate) fn act(&self, words: &[&str]) -> Option<i32> {
        self.act_as("/act", words)
    }

    /// By the same program under another path.
    #[expect(unsafe_code, reason = "what a process does between fork and exec is no matter of types")]
    pub(crate) fn act_as(&self, program: &str, words: &[&str]) -> Option<i32> {
        let procs = self.folder.join("cgroup.procs");
        let enter = move || -> io::Result<()> {
            fs::write(&procs, "0")?;
            unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID)?;
            // SAFETY: the process has one thread; the parent only waits and ends.
            match unsafe { fork() }? {
                ForkResult::Child => Ok(()),
                // The pipes are closed, so that whoever reads them waits for the child alone.
                ForkResult::Parent { child } => {
                    let _ = nix::sys::wait::waitpid(child, None);
                    // SAFETY: ends the process at once.
                    unsafe { libc::_exit(0) }
                }
            }
        };
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::null());
        // SAFETY: the machine's only other threads allocate nothing while this process starts one.
        let output = unsafe { command.pre_exec(enter) }.output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    }
}
