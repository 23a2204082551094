//! What becomes of processes that wait for an agent which ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lazaret_sensor::{ExecutableSet, Options, SecretPlace, SecretsRequest, Sensor};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::observed::observing;
use crate::shell::Shell;

const CONTAINER: &str = "LAZARET_TEST_CONTAINER";
const PLACE: &str = "LAZARET_TEST_PLACE";

/// Dies with the test: also when it fails while the process is stopped.
struct Agent(Child);

impl Agent {
    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Returns when none of its threads goes on.
    fn stop(&self) {
        let process = Pid::from_raw(self.0.id().cast_signed());
        kill(process, Signal::SIGSTOP).unwrap();
        let stopped = waitpid(process, Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert_eq!(stopped, WaitStatus::Stopped(process, Signal::SIGSTOP));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn a_dead_agent_leaves_nobody_waiting() {
    const PATIENCE: Duration = Duration::from_secs(10);
    let test = "a_dead_agent_leaves_nobody_waiting";
    if observing(test, Options::default()).is_none() {
        return;
    }
    let place = TempDir::new().unwrap();
    let token = place.path().join("token");
    let mut shell = Shell::start();
    shell.tell(&format!(
        "mount -t tmpfs none {}; echo secret > {}; echo ready",
        place.path().display(),
        token.display()
    ));
    assert_eq!(shell.hear(PATIENCE).as_deref(), Some("ready"));
    let agent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "abandoned::an_agent_of_its_own", "--nocapture"])
        .env(CONTAINER, shell.pid().to_string())
        .env(PLACE, place.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut agent = Agent(agent);
    let mut told = BufReader::new(agent.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(told.any(|line| line.contains("kept")), "the agent did not begin");
    let read = format!("cat {}", token.display());
    shell.tell(&read);
    let refused = shell.hear(PATIENCE).unwrap_or_default();
    assert!(refused.contains("Operation not permitted"), "{refused}");
    agent.stop();
    shell.tell(&read);
    assert_eq!(shell.hear(Duration::from_millis(500)), None, "nobody could have decided");
    agent.end();
    assert_eq!(shell.hear(PATIENCE).as_deref(), Some("secret"), "it still waits");
}

#[test]
fn an_agent_of_its_own() {
    let (Ok(pid), Ok(place)) = (std::env::var(CONTAINER), std::env::var(PLACE)) else { return };
    let (sensor, _events) = Sensor::start(&Options::default()).unwrap();
    let place = format!("{place}/");
    let request = SecretsRequest {
        container: "of another process".to_owned(),
        cgroup_id: 0,
        pid: pid.parse().unwrap(),
        rootfs: "/".into(),
        places: Arc::new([SecretPlace::Whole(&place)].into_iter().collect()),
        rules: Vec::new(),
        contents: Arc::new(ExecutableSet::default()),
    };
    sensor.keep_secrets(&request).unwrap();
    eprintln!("kept");
    std::thread::sleep(Duration::from_secs(60));
}
