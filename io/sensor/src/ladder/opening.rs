//! A secret that nobody may open, and one that anybody may, in a container of our own.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;

use lazaret_model::FileOperation;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{gettid, mkdtemp};

use crate::enforce::SecretsRequest;
use crate::held::{PathRule, SecretPlace};
use crate::sensor::Sensor;

const NAME: &str = "lazaret-secret";
/// The child that has opened its file is to start no program.
const OPENED: i32 = libc::ECANCELED;

/// Whether permission events refuse what no rule names, or why not in words for people.
pub(super) fn refuses(sensor: &Sensor) -> Result<(), String> {
    sensor.enforcement()?;
    let parent = std::env::temp_dir();
    // A name that can be foretold could be taken by somebody who wants the test to fail.
    let directory = mkdtemp(&parent.join(format!("{NAME}-XXXXXX"))).map_err(|problem| {
        format!("no folder for the test can be made in {}: {problem}", parent.display())
    })?;
    // One process may have several sensors.
    let container = directory.display().to_string();
    let outcome = thread::scope(|scope| {
        let (ready, prepared) = mpsc::channel();
        let (go, kept) = mpsc::channel();
        let place = directory.as_path();
        let opener = scope.spawn(move || play_container(place, &ready, &kept));
        let keeping = match prepared.recv() {
            Ok(pid) => keep(sensor, &container, pid, place),
            // The thread has failed, and says below with what.
            Err(mpsc::RecvError) => Ok(()),
        };
        let _ = go.send(());
        let outcome = opener.join().map_err(|_| "the test's thread failed".to_owned());
        sensor.release_secrets(&container);
        keeping.and(outcome)
    });
    let _ = fs::remove_dir(&directory);
    match outcome?.map_err(|problem| format!("the test in {} failed: {problem}", directory.display()))? {
        (libc::EPERM, OPENED) => Ok(()),
        (OPENED, _) => Err("a secret that nobody may open was opened".to_owned()),
        (_, other) => Err(format!("a secret could not be opened: {}", io::Error::from_raw_os_error(other))),
    }
}

fn keep(sensor: &Sensor, container: &str, pid: u32, directory: &Path) -> Result<(), String> {
    let inside = format!("{}/", directory.display());
    let rule = PathRule::new(&format!("{inside}open"), None, &[FileOperation::Read])
        .map_err(|problem| problem.to_string())?;
    let request = SecretsRequest {
        container: container.to_owned(),
        cgroup_id: 0,
        pid,
        rootfs: PathBuf::from("/"),
        places: Arc::new([SecretPlace::Whole(&inside)].into_iter().collect()),
        rules: vec![rule],
        contents: Arc::default(),
    };
    sensor.keep_secrets(&request).map(drop).map_err(|problem| problem.to_string())
}

/// The error numbers of opening what is closed and what is open. A mount namespace concerns one thread: nothing of this
/// is visible to the rest of the process.
fn play_container(
    directory: &Path,
    ready: &mpsc::Sender<u32>,
    kept: &mpsc::Receiver<()>,
) -> io::Result<(i32, i32)> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&Path>, "/", None::<&Path>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&Path>)?;
    mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), Some("size=1m,mode=0700"))?;
    let (closed, open) = (directory.join("closed"), directory.join("open"));
    fs::write(&closed, "")?;
    fs::write(&open, "")?;
    let _ = ready.send(gettid().as_raw().unsigned_abs());
    let _ = kept.recv();
    Ok((open_in_child(closed)?, open_in_child(open)?))
}

/// This process may open everything; a child of it is another one.
#[expect(unsafe_code, reason = "between fork and exec only system calls may be made")]
fn open_in_child(path: PathBuf) -> io::Result<i32> {
    let mut command = Command::new("/");
    // SAFETY: the closure makes one system call, with a path that was made before, and no memory.
    unsafe {
        command.pre_exec(move || {
            let opened = open(&path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
            Err(io::Error::from_raw_os_error(opened.map_or_else(|errno| errno as i32, |_| OPENED)))
        });
    }
    match command.spawn() {
        Err(problem) => Ok(problem.raw_os_error().unwrap_or(libc::EIO)),
        Ok(_) => Err(io::Error::other("a directory was executed")),
    }
}
