//! An agent that is killed: what holds goes on holding, and what was kept is there.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use lazaret_agent::behaviour::shelf::titles;
use lazaret_agent::spool::Spool;
use lazaret_agent::watch::process::boot_id;
use lazaret_agent::watch::running::Running;
use lazaret_format::v1::{AdmissionSnapshot, EventKind};
use lazaret_model::Dimension;
use lazaret_profile::learn::Learned;
use lazaret_profile::{Mode, Profile};
use lazaret_sensor::Sensor;

use super::cell::Cell;
use super::{ALONE, derived, known};
use crate::world::{CONTAINER, World};

/// `lazaret-agent run` itself, on a state of its own. It needs neither engine nor server to hold what runs.
struct Agent {
    state: PathBuf,
    config: PathBuf,
    pins: PathBuf,
    plugin: String,
    process: Option<Child>,
}

impl Agent {
    fn new(world: &World, cell: &Cell) -> Self {
        let state = world.directory.path().join("state");
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("agent.key"), "0123456789abcdef\n").unwrap();
        // Without the list of executables nothing of this machine's own file systems is guarded.
        let kept = fs::read(world.directory.path().join("admissions.json")).unwrap();
        let mut snapshot: AdmissionSnapshot = serde_json::from_slice(&kept).unwrap();
        snapshot.images.iter_mut().for_each(|image| drop(image.envelopes.pop()));
        fs::write(state.join("admissions.json"), serde_json::to_vec(&snapshot).unwrap()).unwrap();
        let (mut running, _) = Running::load(&state.join("running.json"), &boot_id()).unwrap();
        running.insert(CONTAINER.to_owned(), known(cell.pid()));
        running.save(&boot_id()).unwrap();

        let plugin = format!("lazaret-test-{}", std::process::id());
        let config = state.join("agent.yaml");
        let text = format!(
            "state: {0}\nserver: http://127.0.0.1:1\nhost: t\nstage: prod\ntrusted-keys: [{1}]\nengine:\n  \
             socket: {0}/none.sock\n  data-root: {2}\n  plugin: {plugin}\n",
            state.display(),
            world.directory.path().join("key.pub").display(),
            world.data_root().display(),
        );
        fs::write(&config, text).unwrap();
        let pins = lazaret_agent::Config::load(&config).unwrap().pins_directory();
        Self { state, config, pins, plugin, process: None }
    }

    /// Runs until it answers.
    fn start(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.state.join("log")).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_lazaret-agent"))
            .args(["run", "--config"])
            .arg(&self.config)
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
        let until = Instant::now() + Duration::from_secs(30);
        while std::os::unix::net::UnixStream::connect(self.state.join("agent.sock")).is_err() {
            assert!(Instant::now() < until, "it does not answer:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Politely.
    fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let pid = nix::unistd::Pid::from_raw(process.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        assert!(process.wait().unwrap().success(), "{}", self.log());
    }

    fn release(&self) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret-agent"));
        command.args(["release", "--config"]).arg(&self.config).output().unwrap()
    }

    /// Processor time so far, in ticks of 10 ms (fields 14 and 15 of proc_pid_stat(5)).
    fn ticks(&self) -> u64 {
        let pid = self.process.as_ref().unwrap().id();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    fn resident_kibibytes(&self) -> u64 {
        let pid = self.process.as_ref().unwrap().id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.state.join("log")).unwrap_or_default()
    }

    fn learned(&self) -> Option<Learned> {
        let directory = self.state.join("learned");
        let (title, _) = titles(&directory).into_iter().next()?;
        Learned::from_json(&title.read(&directory)?).ok()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
        let _ = Sensor::remove_pins(&self.pins);
        let _ = fs::remove_file(format!("/run/docker/plugins/{}.sock", self.plugin));
    }
}

/// Waits for what was learned to be on disk, and to hold this program.
fn await_learned(agent: &Agent, derived: &Profile, program: &str) -> Learned {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let found = agent.learned().filter(|learned| {
            learned.profile(derived).processes.iter().any(|process| process.executable.ends_with(program))
        });
        if let Some(found) = found {
            return found;
        }
        assert!(Instant::now() < until, "{program} was not learned:\n{}", agent.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_agent_goes_on_holding_and_loses_nothing_that_it_kept() {
    const EXECUTIONS: u64 = 5000;
    const IDLE: Duration = Duration::from_secs(5);
    if !nix::unistd::geteuid().is_root() {
        return crate::skipped("behaviour needs root");
    }
    let _alone = ALONE.lock().await;
    let world = World::new();
    let mut profile = derived(&world);
    profile.modes.set(Dimension::Network, Mode::Block);
    world.send_profile(2, profile.text(), true);
    let Some(cell) = Cell::new() else {
        return crate::skipped("behaviour: no unified hierarchy (cgroup v2)");
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{}", listener.local_addr().unwrap().port());
    let is_refused = || {
        let output = cell.run(&["bash", "-c", &connect]);
        String::from_utf8_lossy(&output.stderr).contains("Operation not permitted")
    };
    assert!(!is_refused());
    let mut agent = Agent::new(&world, &cell);
    let busy = format!("for i in $(seq {EXECUTIONS}); do /bin/true; done");
    let begun = Instant::now();
    cell.run(&["bash", "-c", &busy]);
    let alone = begun.elapsed();

    agent.start();
    if !agent.pins.exists()
        || !agent.log().contains("cgroup-bpf") && agent.log().contains("cannot be refused")
    {
        return crate::skipped(&format!("behaviour: no lasting kernel programs here:\n{}", agent.log()));
    }
    assert!(is_refused(), "{}", agent.log());
    cell.run(&["bash", "-c", "/usr/bin/env true"]);
    let kept = await_learned(&agent, &profile, "/env");

    let before = agent.ticks();
    tokio::time::sleep(IDLE).await;
    let idle = agent.ticks() - before;
    let (begun, before) = (Instant::now(), agent.ticks());
    cell.run(&["bash", "-c", &busy]);
    let watched = begun.elapsed();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let used = (agent.ticks() - before) * 10_000;
    let resident = agent.resident_kibibytes();
    // It sees every container of the machine: whoever else starts some raises both numbers.
    crate::say(&format!(
        "{EXECUTIONS} programs: {alone:?} without an agent, {watched:?} with; meanwhile it used {} µs of processor \
         time for each, {} ms a second before, and holds {resident} KiB",
        used / EXECUTIONS,
        idle * 10 / IDLE.as_secs()
    ));
    assert!(resident <= 40 << 10, "{resident} KiB");

    agent.kill();
    assert!(is_refused(), "nobody holds it while the agent is dead");
    let after = agent.learned().unwrap();
    assert!(after.clone().merge(kept.clone()) && after.subject() == kept.subject());
    agent.start();
    assert!(is_refused(), "{}", agent.log());
    cell.run(&["bash", "-c", "/usr/bin/id"]);
    let again = await_learned(&agent, &profile, "/id");
    let mut merged = again.clone();
    assert!(merged.merge(kept) && merged == again, "something that was kept is lost");
    let refused = agent.release();
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("stop it first"), "{refused:?}");
    agent.stop();
    assert!(is_refused(), "nobody holds it when the agent has ended");
    let released = agent.release();
    assert!(released.status.success() && !agent.pins.exists(), "{released:?}");
    assert!(!is_refused(), "it is held although the agent was taken from the host");
    let nothing = agent.release();
    assert!(String::from_utf8_lossy(&nothing.stdout).contains("nothing"), "{nothing:?}");

    let spool = Spool::open(&agent.state.join("spool"), 1 << 30, [1; 16]).unwrap();
    let events = spool.outbox().read(100_000, 64 << 20).events;
    let refusals = events.iter().filter(|event| {
        matches!(&event.what, EventKind::Deviation(one) if one.outcome == "prevented" && one.rung == "cgroup-bpf")
    });
    assert!(refusals.count() >= 2, "{events:#?}");
    let said = |text: &str| {
        events.iter().any(|event| matches!(&event.what, EventKind::Gap { what, .. } if what.contains(text)))
    };
    assert!(
        said("shortly before the last agent was killed"),
        "it does not say that it was killed: {events:#?}"
    );
}
