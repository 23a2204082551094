use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// A container as a runtime makes it, without one: a control group with an engine's id, and namespaces.
pub(crate) struct Cell {
    pub(crate) id: String,
    pub(crate) cgroup: PathBuf,
    pub(crate) cgroup_id: u64,
    /// Of the container and the test.
    pub(crate) place: TempDir,
}

impl Cell {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:064x}", (u128::from(std::process::id()) << 32) | u128::from(number));
        let cgroup = hierarchy().join("lazaret-test").join(&id);
        fs::create_dir_all(&cgroup).unwrap();
        let cgroup_id = fs::metadata(&cgroup).unwrap().ino();
        Self { id, cgroup, cgroup_id, place: TempDir::new().unwrap() }
    }

    /// Runs a program inside to its end.
    pub(crate) fn run(&self, program: &Path, arguments: &[&str]) -> Output {
        self.command(program, arguments).output().unwrap()
    }

    /// The outcome that `act` prints: an error's number, or 0. `None` if it was killed before.
    pub(crate) fn act(&self, arguments: &[&str]) -> Option<i32> {
        let output = self.run(act(), arguments);
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    }

    pub(crate) fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .args([
                "-c",
                "echo $$ > \"$0/cgroup.procs\" && exec unshare --mount --pid --fork --kill-child -- \"$@\"",
            ])
            .arg(&self.cgroup)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.cgroup);
    }
}

fn hierarchy() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mut lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let line = lines.find(|fields| fields[2] == "cgroup2").expect("no unified hierarchy");
    PathBuf::from(line[1])
}

/// The program that does what tests ask for, statically linked.
pub(crate) fn act() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &BUILT.get_or_init(|| built("act")).1
}

/// Compiles `NAME.c` of these tests, for file systems with nothing in them.
pub(crate) fn built(name: &str) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/{name}.c"));
    let program = directory.path().join(name);
    let built = Command::new("cc").args(["-O1", "-static", "-o"]).arg(&program).arg(source).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    (directory, program)
}
