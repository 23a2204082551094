//! Programs are started by whom a rule names, and by nobody else.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use lazaret_sensor::{DenyReason, GuardRequest, Options, Sensor, SensorEvent, StartRule, StartsRequest};
use nix::sched::{CloneFlags, setns};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use tempfile::TempDir;

use crate::shell::Shell;
use crate::support::{digest, install, receive, sensor, tool};

const REFUSED: u32 = 2_000;
const ALLOWED: u32 = 200;
const ENTERED: u32 = 1_000;

/// A shell that may start a script by a link, `env` and `unshare`, which may start a shell; the script's interpreter may
/// start `touch`.
struct Scene {
    shell: Shell,
    place: TempDir,
    container: String,
}

impl Scene {
    fn new(test: &str, shell: Shell) -> Self {
        let place = TempDir::new().unwrap();
        install(&place.path().join("script"), b"#!/bin/bash\ntouch \"$1\"\n", 0o755);
        std::os::unix::fs::symlink(place.path().join("script"), place.path().join("link")).unwrap();
        Self { shell, place, container: test.to_owned() }
    }

    fn at(&self, name: &str) -> String {
        self.place.path().join(name).display().to_string()
    }

    fn guard(&self, sensor: &Sensor) {
        let programs =
            ["/bin/sh", "/bin/bash", "/usr/bin/env", "/usr/bin/touch", "/usr/bin/unshare"].map(program);
        let files = programs.into_iter().chain([loader(), self.place.path().join("script")]);
        let allowed = files.map(|file| digest(&fs::read(file).unwrap())).collect();
        let request = GuardRequest {
            container: self.container.clone(),
            pid: self.shell.pid(),
            rootfs: "/".into(),
            allowed: std::sync::Arc::new(allowed),
        };
        sensor.guard(&request).unwrap();
    }

    fn hold(&self, sensor: &Sensor) -> Vec<String> {
        let rule = |path: &Path, by: &str| StartRule {
            program: path.display().to_string(),
            by: Some(program(by).display().to_string()),
            digest: None,
        };
        let request = StartsRequest {
            container: self.container.clone(),
            pid: self.shell.pid(),
            rootfs: "/".into(),
            rules: vec![
                rule(&self.place.path().join("link"), "/bin/sh"),
                rule(&program("/usr/bin/env"), "/bin/sh"),
                rule(&program("/usr/bin/touch"), "/bin/bash"),
                rule(&program("/usr/bin/unshare"), "/bin/sh"),
                rule(&program("/bin/sh"), "/usr/bin/unshare"),
            ],
        };
        sensor.hold_starts(&request).unwrap()
    }

    /// Whether the shell's command makes the file.
    fn makes(&mut self, name: &str, command: &str) -> bool {
        let said = self.shell.ask(&format!("{command} {}", self.at(name)));
        let is_made = Path::new(&self.at(name)).exists();
        assert_eq!(said.contains("Operation not permitted"), !is_made, "{command}: {said}");
        is_made
    }
}

fn program(path: &str) -> PathBuf {
    fs::canonicalize(path).unwrap()
}

fn loader() -> PathBuf {
    let name = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
    name.into_iter().find_map(|name| fs::canonicalize(name).ok()).expect("no loader")
}

#[test]
fn nothing_is_started_but_by_whom_a_rule_names() {
    let test = "nothing_is_started_but_by_whom_a_rule_names";
    let Some((sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let (Some(nsenter), Some(_)) = (tool(test, "nsenter"), tool(test, "bash")) else { return };
    let mut scene = Scene::new(test, Shell::first());
    scene.guard(&sensor);
    assert!(scene.makes("free", "touch"), "nothing is held yet");
    assert_eq!(scene.hold(&sensor), [""; 0]);

    let link = scene.at("link");
    assert!(scene.makes("by-script", &link), "an allowed script, its interpreter, and what that may start");
    assert!(!scene.makes("by-shell", "touch"));
    assert!(!scene.makes("by-env", "env touch"), "it may be started, and starts nothing");
    assert!(!scene.makes("by-interpreter", "bash -c 'touch $0'"), "it is allowed to scripts alone");
    let by_loader = format!("{} {}", loader().display(), program("/usr/bin/touch").display());
    assert!(!scene.makes("by-loader", &by_loader));
    assert!(scene.makes("again", &link));

    // The second process of a namespace is not its first, and has a parent outside of it.
    let nested = scene.at("nested");
    let said =
        scene.shell.ask(&format!("unshare --pid sh -c 'while :; do :; done & touch {nested}; kill $!'"));
    assert!(said.contains("touch: Operation not permitted") && !Path::new(&nested).exists(), "{said}");

    // Whoever comes in from outside was let in by others.
    let entered = scene.at("entered");
    let pid = scene.shell.pid().to_string();
    let status = Command::new(nsenter).args(["-t", &pid, "-m", "-p", "touch", &entered]).status().unwrap();
    assert!(status.success() && Path::new(&entered).exists());

    let touch = program("/usr/bin/touch").display().to_string();
    let told = receive(&mut events, Duration::from_secs(5), |event| {
        matches!(event, SensorEvent::ExecutionDenied(denied)
            if denied.reason == DenyReason::NotInProfile && denied.path == touch && denied.sha256.is_some())
    });
    assert!(told, "not told");

    sensor.release_starts(test);
    assert!(scene.makes("released", "touch"));
}

#[test]
fn who_comes_in_is_let_in_while_its_parent_ends() {
    let test = "who_comes_in_is_let_in_while_its_parent_ends";
    let Some((sensor, _events)) = sensor(test, &Options::default()) else { return };
    let Some(_) = tool(test, "bash") else { return };
    let scene = Scene::new(test, Shell::first());
    scene.guard(&sensor);
    scene.hold(&sensor);
    let refused: Vec<_> = (0..ENTERED)
        .filter_map(|number| {
            let path = scene.at(&format!("entered-{number}"));
            let lives = Duration::from_micros(10 * u64::from(number % 50));
            enter(scene.shell.pid(), lives, &path).err().map(|why| (number, why))
        })
        .collect();
    assert!(refused.is_empty(), "{} of {ENTERED}: {:?}", refused.len(), refused[0]);
}

/// `touch` in the shell's namespaces, started by a process that lives on for so long, and leaves nothing behind, as
/// engines start what a person wants to do in a container.
#[expect(unsafe_code, reason = "what processes do between fork and exec is no matter of types")]
fn enter(shell: u32, lives: Duration, path: &str) -> std::io::Result<()> {
    let namespace = |kind| fs::File::open(format!("/proc/{shell}/ns/{kind}"));
    let (pids, mounts) = (namespace("pid")?, namespace("mnt")?);
    let leave_alone = move || {
        // SAFETY: numbers alone; whose children nobody waits for are gone when they end.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        // SAFETY: each of these processes has one thread, and allocates nothing.
        if let ForkResult::Parent { child } = unsafe { fork() }? {
            let _ = waitpid(child, None);
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(0) }
        }
        setns(&pids, CloneFlags::CLONE_NEWPID)?;
        setns(&mounts, CloneFlags::CLONE_NEWNS)?;
        // SAFETY: as above.
        if let ForkResult::Parent { .. } = unsafe { fork() }? {
            let begun = Instant::now();
            while begun.elapsed() < lives {}
            // SAFETY: as above.
            unsafe { libc::_exit(0) }
        }
        Ok(())
    };
    let mut command = Command::new("/usr/bin/touch");
    // SAFETY: see there.
    unsafe { command.arg(path).pre_exec(leave_alone) }.status().map(drop)
}

#[test]
fn none_of_many_that_are_refused_has_an_effect() {
    let test = "none_of_many_that_are_refused_has_an_effect";
    let options = Options { capacity: 4 * REFUSED as usize, ..Options::default() };
    let Some((sensor, mut events)) = sensor(test, &options) else { return };
    let Some(_) = tool(test, "bash") else { return };
    let mut scene = Scene::new(test, Shell::first());
    scene.guard(&sensor);
    scene.hold(&sensor);
    let place = scene.place.path().display().to_string();
    let said = scene.shell.ask(&format!(
        "i=0; while [ $i -lt {REFUSED} ]; do \
           [ $((i % {every})) = 0 ] && {{ {place}/link {place}/allowed-$i & }}; \
           touch {place}/refused-$i 2>/dev/null; i=$((i + 1)); \
         done; wait",
        every = REFUSED / ALLOWED
    ));
    let made = |prefix: &str| {
        let names = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(prefix)).count()
    };
    assert_eq!((made("refused-"), made("allowed-")), (0, ALLOWED as usize), "{said}");
    let mut left = REFUSED;
    receive(&mut events, Duration::from_secs(5), |event| {
        left -= u32::from(matches!(event, SensorEvent::ExecutionDenied(_)));
        left == 0
    });
    assert_eq!(left, 0, "refusals that were not told");
}

#[test]
fn a_container_whose_way_in_cannot_be_told_is_not_held() {
    let test = "a_container_whose_way_in_cannot_be_told_is_not_held";
    let Some((sensor, _events)) = sensor(test, &Options::default()) else { return };
    let mut scene = Scene::new(test, Shell::start());
    scene.guard(&sensor);
    let beyond = scene.hold(&sensor);
    assert!(beyond.len() == 1 && beyond[0].contains("PID namespace"), "{beyond:?}");
    assert!(scene.makes("free", "touch"));
}
