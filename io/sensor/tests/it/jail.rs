use std::fs;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::chroot;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use lazaret_model::Digest;
use lazaret_sensor::{ExecutableSet, GuardRequest};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{gettid, pivot_root};
use tempfile::TempDir;

use crate::support::install;

type Job = Box<dyn FnOnce() + Send>;

/// A container without a runtime: one thread in a mount namespace and a root directory of its own. The root is
/// an overlay; `/dev/shm` is a new tmpfs, `/data` a directory of the host, `/etc/hosts` a file of the host.
pub(crate) struct Jail {
    pub(crate) name: String,
    /// Of the thread, which has its own entry in `/proc`.
    pub(crate) pid: u32,
    directory: TempDir,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Jail {
    /// Files of the image: path, content, mode.
    pub(crate) fn new(name: &str, files: &[(&str, &[u8], u32)]) -> Self {
        Self::entered_by(name, files, |merged| chroot(merged).and_then(|()| std::env::set_current_dir("/")))
    }

    /// As runtimes do it: nothing of the host's is left in its mount namespace. `arrange` mounts more before.
    pub(crate) fn pivoted(
        name: &str,
        files: &[(&str, &[u8], u32)],
        arrange: impl FnOnce(&Path) -> io::Result<()> + Send + 'static,
    ) -> Self {
        Self::entered_by(name, files, |merged| arrange(merged).and_then(|()| pivot(merged)))
    }

    /// As long as a runtime prepares it: the container's mounts lie below a directory of the host's.
    pub(crate) fn prepared(
        name: &str,
        files: &[(&str, &[u8], u32)],
        arrange: impl FnOnce(&Path) -> io::Result<()> + Send + 'static,
    ) -> Self {
        Self::entered_by(name, files, arrange)
    }

    fn entered_by(
        name: &str,
        files: &[(&str, &[u8], u32)],
        change_root: impl FnOnce(&Path) -> io::Result<()> + Send + 'static,
    ) -> Self {
        let directory = TempDir::new().unwrap();
        let at = |path: &str| directory.path().join(path);
        for path in
            ["lower/bin", "lower/dev/shm", "lower/data", "lower/etc", "upper", "work", "merged", "volume"]
        {
            fs::create_dir_all(at(path)).unwrap();
        }
        install(&at("lower/etc/hosts"), b"", 0o644);
        install(&at("hosts"), b"127.0.0.1 localhost\n", 0o644);
        for (path, content, mode) in files {
            let file = at(&format!("lower/{path}"));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            install(&file, content, *mode);
        }
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (ready, prepared) = mpsc::channel();
        let root = directory.path().to_owned();
        let thread = std::thread::spawn(move || {
            enter(&root, change_root).unwrap();
            ready.send(gettid().as_raw().unsigned_abs()).unwrap();
            for job in inbox {
                job();
            }
        });
        let pid = prepared.recv().unwrap();
        Self { name: name.to_owned(), pid, directory, jobs: Some(jobs), thread: Some(thread) }
    }

    pub(crate) fn request(&self, allowed: impl IntoIterator<Item = Digest>) -> GuardRequest {
        GuardRequest {
            container: self.name.clone(),
            pid: self.pid,
            rootfs: self.merged(),
            allowed: Arc::new(allowed.into_iter().collect::<ExecutableSet>()),
        }
    }

    pub(crate) fn merged(&self) -> PathBuf {
        self.directory.path().join("merged")
    }

    /// Does something inside, and returns what came of it.
    pub(crate) fn inside<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (result, received) = mpsc::channel();
        let job = Box::new(move || {
            let _ = result.send(job());
        });
        self.jobs.as_ref().unwrap().send(job).unwrap();
        received.recv().expect("the job failed inside the jail")
    }

    /// Executes a program inside; it is to create the file `/effect`. The error number if the kernel refuses.
    pub(crate) fn execute(&self, program: &str) -> Result<(), i32> {
        let program = program.to_owned();
        self.inside(move || attempt(&program))
    }

    /// Executes a file that has no name any more.
    pub(crate) fn execute_removed(&self, program: &str) -> Result<(), i32> {
        let program = program.to_owned();
        self.inside(move || {
            fs::create_dir_all("/proc").unwrap();
            mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), None::<&Path>).unwrap();
            let file = fs::File::open(&program).unwrap();
            fs::remove_file(&program).unwrap();
            attempt(&format!("/proc/self/fd/{}", file.as_raw_fd()))
        })
    }

    pub(crate) fn write(&self, path: &str, content: &[u8], mode: u32) {
        let (path, content) = (PathBuf::from(path), content.to_owned());
        self.inside(move || install(&path, &content, mode));
    }
}

impl Drop for Jail {
    fn drop(&mut self) {
        self.jobs = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Runs a program and holds it to its word: its effect is there if and only if it ran.
pub(crate) fn attempt(program: &str) -> Result<(), i32> {
    let effect = Path::new("/effect");
    let _ = fs::remove_file(effect);
    let outcome = match Command::new(program).arg(effect).status() {
        Ok(status) => {
            assert!(status.success(), "{program}: {status}");
            Ok(())
        }
        Err(problem) => Err(problem.raw_os_error().unwrap()),
    };
    assert_eq!(effect.exists(), outcome.is_ok(), "{program}: {outcome:?}");
    outcome
}

pub(crate) fn pivot(merged: &Path) -> io::Result<()> {
    std::env::set_current_dir(merged)?;
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    std::env::set_current_dir("/")
}

fn enter(directory: &Path, change_root: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let merged = directory.join("merged");
    let none = None::<&Path>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let layers = format!("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", directory.display());
    mount(Some("overlay"), &merged, Some("overlay"), MsFlags::empty(), Some(layers.as_str()))?;
    mount(Some("shm"), &merged.join("dev/shm"), Some("tmpfs"), MsFlags::empty(), Some("size=64m"))?;
    mount(Some(&directory.join("volume")), &merged.join("data"), none, MsFlags::MS_BIND, none)?;
    mount(Some(&directory.join("hosts")), &merged.join("etc/hosts"), none, MsFlags::MS_BIND, none)?;
    change_root(&merged)
}
