//! A container without a runtime: a control group, and namespaces of processes and mounts.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns, unshare};
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
    pub(crate) fn act_as(&self, program: &str, words: &[&str]) -> Option<i32> {
        outcome(self.command(program, words, || unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID)))
    }

    /// By a process that comes into the container of another one.
    pub(crate) fn enter(&self, first: i32, words: &[&str]) -> Option<i32> {
        let namespace = |kind| fs::File::open(format!("/proc/{first}/ns/{kind}")).unwrap();
        let (pids, mounts) = (namespace("pid"), namespace("mnt"));
        outcome(self.command("/act", words, move || {
            setns(&pids, CloneFlags::CLONE_NEWPID)?;
            setns(&mounts, CloneFlags::CLONE_NEWNS)
        }))
    }

    /// Begins a container that does nothing, and gives its first process.
    pub(crate) fn stay(&self) -> i32 {
        let namespaces = || unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID);
        let mut command = self.command("/act", &[], namespaces);
        // Who starts a program waits for its parent's end, too.
        std::thread::spawn(move || command.status());
        let of_act =
            |pid: &i32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.ends_with("act"));
        loop {
            let processes = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap();
            if let Some(first) = processes.lines().filter_map(|pid| pid.parse().ok()).find(of_act) {
                return first;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// A program whose namespaces are those of its parent's children.
    #[expect(unsafe_code, reason = "what a process does between fork and exec is no matter of types")]
    fn command(
        &self,
        program: &str,
        words: &[&str],
        namespaces: impl Fn() -> nix::Result<()> + Send + Sync + 'static,
    ) -> Command {
        let procs = self.folder.join("cgroup.procs");
        let enter = move || -> io::Result<()> {
            fs::write(&procs, "0")?;
            namespaces()?;
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
        unsafe { command.pre_exec(enter) };
        command
    }
}

fn outcome(mut command: Command) -> Option<i32> {
    String::from_utf8_lossy(&command.output().unwrap().stdout).trim().parse().ok()
}
