//! Tries each mechanism for real: a kernel may list one and refuse it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use lazaret_model::{Digest, Dimension};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{gettid, mkdtemp};
use sha2::{Digest as _, Sha256};

use crate::canary;
use crate::enforce::GuardRequest;
use crate::event::SensorEvent;
use crate::ladder::{Rung, Standing};
use crate::sensor::{Options, Sensor};
use crate::{domain, filter};

const PATIENCE: Duration = Duration::from_secs(2);
const NAME: &str = "lazaret-probe";

/// One thing that the sensor can do on this host, or cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mechanism {
    /// `exec-tracing`, `fanotify`, `fanotify-open`, `observation`, `io-uring`, `network`, `bpf-lsm`, `landlock` or `seccomp`
    pub name: &'static str,
    /// What it is for, in words for people.
    pub purpose: &'static str,
    /// What was observed, or why it does not work and what to do.
    pub result: Result<String, String>,
}

const TRACING: (&str, &str) = ("exec-tracing", "see each container when it starts, whoever starts it");
const OBSERVATION: (&str, &str) = ("observation", "see what containers do beside starting programs");
const REQUESTS: (&str, &str) = ("io-uring", "see requests that are made past system calls");
const NETWORK: (&str, &str) = ("network", "see and refuse connections");
const SECURITY: (&str, &str) =
    ("bpf-lsm", "refuse what changes files, reads secrets, takes users or reaches into the kernel");
const LANDLOCK: (&str, &str) =
    ("landlock", "refuse changes of files where a profile allows none, from a container's start on");
const FILTER: (&str, &str) =
    ("seccomp", "keep system calls from containers whose profile blocks them, from their start on");
const FANOTIFY: (&str, &str) = ("fanotify", "refuse executables that are not part of the image");

const OPENING: (&str, &str) = ("fanotify-open", "refuse to open secrets, as long as the agent runs");

/// Starts a sensor and a container of its own making, in which one program may run and another may not.
/// Takes part of a second. Leaves nothing behind.
pub fn probe() -> Vec<Mechanism> {
    let mechanism = |(name, purpose), result| Mechanism { name, purpose, result };
    let (sensor, mut events) = match Sensor::start(&Options { observe: true, ..Options::default() }) {
        Ok(started) => started,
        Err(problem) => {
            let reason = problem.to_string();
            return [TRACING, FANOTIFY, OPENING, OBSERVATION, REQUESTS, NETWORK, SECURITY, LANDLOCK, FILTER]
                .map(|what| mechanism(what, Err(reason.clone())))
                .into();
        }
    };
    let outcome = run_canaries(&sensor);
    let (mut seen, mut told) = (false, false);
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && !(seen && told) {
        match events.try_recv() {
            Ok(SensorEvent::ContainerSeen(container)) => {
                seen |= outcome.as_ref().is_ok_and(|canaries| canaries.allowed == container.init_pid);
            }
            Ok(SensorEvent::ExecutionDenied(denied)) if denied.container.as_deref() == Some(NAME) => {
                told = true
            }
            Ok(_) => {}
            Err(_) if outcome.is_err() => break,
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
    let traced = sensor.tracing().map_err(str::to_owned).and_then(|()| {
        outcome.as_ref().map_err(Clone::clone)?;
        match seen {
            true => Ok("a program started in namespaces of its own was seen".to_owned()),
            false => Err("a program started in namespaces of its own was not seen".to_owned()),
        }
    });
    let enforced = sensor.enforcement().map_err(str::to_owned).and_then(|()| match &outcome {
        Err(problem) => Err(problem.clone()),
        Ok(Canaries { guard: Err(problem), .. }) => Err(problem.clone()),
        Ok(Canaries { foreign, .. }) if *foreign != Some(libc::EPERM) => {
            Err("a program that is not allowed was not refused".to_owned())
        }
        Ok(_) if !told => Err("a program was refused, but not told".to_owned()),
        Ok(_) => Ok("a foreign program was refused, an allowed one ran".to_owned()),
    });
    let loaded =
        |result: Result<(), &str>, words: &str| result.map(|()| words.to_owned()).map_err(str::to_owned);
    vec![
        mechanism(TRACING, traced),
        mechanism(FANOTIFY, enforced),
        mechanism(OPENING, tried(&sensor, Dimension::Secrets, Rung::Fanotify)),
        mechanism(OBSERVATION, loaded(sensor.observation(), "the kernel took the program, it was not tried")),
        mechanism(REQUESTS, loaded(sensor.requests(), "the kernel took the program, it was not tried")),
        mechanism(NETWORK, loaded(sensor.network(), "the kernel took the programs, they were not tried")),
        // With a file that takes anything.
        mechanism(SECURITY, tried(&sensor, Dimension::Files, Rung::BpfLsm)),
        mechanism(LANDLOCK, domain::refuses()),
        mechanism(FILTER, filter::refuses()),
    ]
}

/// What became of a rung's trial.
fn tried(sensor: &Sensor, dimension: Dimension, wanted: Rung) -> Result<String, String> {
    let stair = sensor.ladder().iter().find(|stair| stair.dimension == dimension);
    let standing = stair.and_then(|stair| stair.rungs.iter().find(|(rung, _)| *rung == wanted));
    match standing {
        Some((_, Standing::Works(seen))) => Ok(seen.clone()),
        Some((_, Standing::Fails(why) | Standing::Unused(why))) => Err(why.clone()),
        None => Err("it was not tried".to_owned()),
    }
}

/// Whether a program that is not allowed is refused, or why not in words for people.
pub(crate) fn refuses_foreign(sensor: &Sensor) -> Result<(), String> {
    sensor.enforcement()?;
    let canaries = run_canaries(sensor)?;
    canaries.guard?;
    match canaries.foreign {
        Some(libc::EPERM) => Ok(()),
        _ => Err("a program that is not allowed was not refused".to_owned()),
    }
}

struct Canaries {
    guard: Result<(), String>,
    /// Error number of the attempt to run the foreign program.
    foreign: Option<i32>,
    /// PID of the program that was allowed.
    allowed: u32,
}

/// The text of an error is for people.
fn run_canaries(sensor: &Sensor) -> Result<Canaries, String> {
    let parent = std::env::temp_dir();
    // A name that can be foretold could be taken by somebody who wants the test to fail.
    let directory = mkdtemp(&parent.join(format!("{NAME}-XXXXXX"))).map_err(|problem| {
        format!("no folder for the test can be made in {}: {problem}", parent.display())
    })?;
    let problem = |problem: io::Error| format!("the test in {} failed: {problem}", directory.display());
    let outcome = thread::scope(|scope| {
        let (ready, prepared) = mpsc::channel();
        let (go, guarded) = mpsc::channel();
        let place = directory.as_path();
        let canary = scope.spawn(move || play_container(place, &ready, &guarded));
        let (guard, pid) = match prepared.recv() {
            Ok(pid) => (guard(sensor, pid, place), pid),
            // The thread has failed, and says below with what.
            Err(mpsc::RecvError) => (Ok(()), 0),
        };
        let _ = go.send(());
        let outcome = canary.join().map_err(|_| io::Error::other("the test's thread failed"));
        sensor.release(NAME, pid);
        let (foreign, allowed) = outcome??;
        Ok(Canaries { guard, foreign, allowed })
    });
    let _ = fs::remove_dir(&directory);
    outcome.map_err(problem)
}

fn guard(sensor: &Sensor, pid: u32, directory: &Path) -> Result<(), String> {
    let allowed = Digest::from_bytes(Sha256::digest(canary::program(1)).into());
    let request = GuardRequest {
        container: NAME.to_owned(),
        pid,
        rootfs: directory.to_owned(),
        allowed: Arc::new([allowed].into_iter().collect()),
    };
    sensor.guard(&request).map(|_| ()).map_err(|problem| problem.to_string())
}

/// A mount namespace concerns one thread: nothing of this is visible to the rest of the process.
fn play_container(
    directory: &Path,
    ready: &mpsc::Sender<u32>,
    guarded: &mpsc::Receiver<()>,
) -> io::Result<(Option<i32>, u32)> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&Path>, "/", None::<&Path>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&Path>)?;
    mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), Some("size=1m,mode=0700"))?;
    let [allowed, foreign] = [1, 2].map(|mark| install(directory, mark));
    let (allowed, foreign) = (allowed?, foreign?);
    let _ = ready.send(gettid().as_raw().unsigned_abs());
    let _ = guarded.recv();
    let refused = Command::new(foreign).status().err().and_then(|problem| problem.raw_os_error());
    // Only now: the first process of a PID namespace takes it along when it ends.
    unshare(CloneFlags::CLONE_NEWPID)?;
    let mut runs = Command::new(allowed).spawn()?;
    runs.wait()?;
    Ok((refused, runs.id()))
}

fn install(directory: &Path, mark: u64) -> io::Result<PathBuf> {
    let path = directory.join(format!("program-{mark}"));
    fs::write(&path, canary::program(mark))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

#[cfg(test)]
#[expect(clippy::print_stderr, reason = "a skipped test says so aloud")]
mod tests {
    use super::*;

    /// Kernels that have none are the rule: what it does is tested in a machine of its own (`make test-kernels`).
    const ELSEWHERE: &str = SECURITY.0;

    #[test]
    fn each_mechanism_is_tried_or_explained() {
        let mechanisms = probe();
        assert!(mechanisms.iter().any(|mechanism| mechanism.name == ELSEWHERE));
        for mechanism in mechanisms {
            match &mechanism.result {
                Ok(seen) => eprintln!("{}: {seen}", mechanism.name),
                Err(reason) if mechanism.name == ELSEWHERE => {
                    assert!(!reason.is_empty());
                    eprintln!("{ELSEWHERE} is not of this kernel: {reason}");
                }
                Err(reason) => {
                    assert!(!reason.is_empty());
                    eprintln!("SKIPPED: {} does not work here: {reason}", mechanism.name);
                }
            }
        }
    }
}
