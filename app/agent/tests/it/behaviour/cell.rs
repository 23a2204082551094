use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::PATIENCE;
use crate::world::CONTAINER;

/// A container that waits, and in which more can be started.
pub(super) struct Cell {
    group: PathBuf,
    first: Child,
}

impl Cell {
    pub(super) fn new() -> Option<Self> {
        Self::below("lazaret-agent-test")
    }

    /// In a control group of the same name, elsewhere.
    pub(super) fn again() -> Option<Self> {
        Self::below("lazaret-agent-test-again")
    }

    pub(super) fn group_id(&self) -> u64 {
        fs::metadata(&self.group).unwrap().ino()
    }

    fn below(parent: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mut lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let hierarchy = lines.find(|fields| fields[2] == "cgroup2")?[1].to_owned();
        let group = PathBuf::from(hierarchy).join(parent).join(CONTAINER);
        fs::create_dir_all(&group).unwrap();
        let first = enter(&group, &["sleep", "300"]).spawn().unwrap();
        Some(Self { group, first })
    }

    pub(super) fn run(&self, words: &[&str]) -> Output {
        enter(&self.group, words).output().unwrap()
    }

    /// Among the mounts and processes of the first one.
    pub(super) fn inside(&self, words: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        let script = "echo $$ > \"$0/cgroup.procs\" && exec nsenter --mount --pid --target \"$@\"";
        command.args(["-c", script]).arg(&self.group).arg(self.pid().to_string()).arg("--").args(words);
        command
    }

    /// The first process in its namespaces.
    pub(super) fn pid(&self) -> u32 {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let children = format!("/proc/{0}/task/{0}/children", self.first.id());
            let child = fs::read_to_string(children).unwrap_or_default().trim().parse();
            if let Ok(pid) = child {
                return pid;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("unshare(1) started nothing");
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let _ = self.first.kill();
        let _ = self.first.wait();
        for _ in 0..200 {
            if fs::remove_dir(&self.group).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn enter(group: &std::path::Path, words: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = "echo $$ > \"$0/cgroup.procs\" && exec unshare --mount --pid --fork --kill-child -- \"$@\"";
    command.args(["-c", script]).arg(group).args(words).stdin(Stdio::null());
    command
}
