use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use lazaret_model::Digest;
use lazaret_sensor::{Options, Sensor, SensorEvent};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::Receiver;

/// Creates the file that its last argument names, first of all, so that a refusal that comes late shows.
/// Without an argument it stays.
const VICTIM: &str = "
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) { return argc > 1 ? creat(argv[argc - 1], 0600) < 0 : pause(); }
";

/// A sensor of which all parts work, or a loud line.
pub(crate) fn sensor(test: &str, options: &Options) -> Option<(Sensor, Receiver<SensorEvent>)> {
    let started = Sensor::start(options).map_err(|problem| problem.to_string());
    let working = started.and_then(|(sensor, events)| {
        sensor.tracing().and_then(|()| sensor.enforcement()).map_err(str::to_owned)?;
        Ok((sensor, events))
    });
    working.map_err(|problem| eprintln!("SKIPPED: {test}: {problem}")).ok()
}

/// A process that is forked holds what is open for writing until its own execution is decided. So tests whose executions
/// wait for that, and tests that write to programs all the time, take turns.
pub(crate) fn in_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The victim, statically linked.
pub(crate) fn victim(test: &str) -> Option<&'static [u8]> {
    static BUILT: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let directory = tempfile::tempdir().map_err(|problem| problem.to_string())?;
        let source = directory.path().join("victim.c");
        fs::write(&source, VICTIM).map_err(|problem| problem.to_string())?;
        let program = directory.path().join("victim");
        let output = Command::new("cc")
            .args(["-O1", "-static", "-o"])
            .args([&program, &source])
            .output()
            .map_err(|problem| format!("no C compiler `cc`: {problem}"))?;
        if !output.status.success() {
            return Err(format!("`cc -static` failed: {}", String::from_utf8_lossy(&output.stderr)));
        }
        fs::read(program).map_err(|problem| problem.to_string())
    });
    built.as_deref().map_err(|problem| eprintln!("SKIPPED: {test}: {problem}")).ok()
}

/// The same program with another content.
pub(crate) fn variant(victim: &[u8], mark: u64) -> Vec<u8> {
    [victim, &mark.to_le_bytes()].concat()
}

pub(crate) fn digest(content: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(content).into())
}

pub(crate) fn install(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Whether a program is installed, or a loud line.
pub(crate) fn tool(test: &str, name: &str) -> Option<PathBuf> {
    let path = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map(|directory| Path::new(directory).join(name));
    let found = path.into_iter().find(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: {test}: `{name}` is not installed");
    }
    found
}

/// Receives until `done` says so, at most for `time`. False if the time was over first.
pub(crate) fn receive(
    events: &mut Receiver<SensorEvent>,
    time: Duration,
    mut done: impl FnMut(SensorEvent) -> bool,
) -> bool {
    let until = Instant::now() + time;
    while Instant::now() < until {
        match events.try_recv() {
            Ok(event) => {
                if done(event) {
                    return true;
                }
            }
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    false
}
