//! Behaviour of a container as its namespaces and control group make it, on the real kernel: learned, then held against
//! what was learned. Needs root and a unified control group hierarchy.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use lazaret_agent::authz::intents::Intents;
use lazaret_agent::behaviour::Observer;
use lazaret_agent::behaviour::answer::Answers;
use lazaret_agent::behaviour::expectation::Expectations;
use lazaret_agent::behaviour::keeper::Keeper;
use lazaret_agent::behaviour::shelf::{Shelf, titles};
use lazaret_agent::spool::Spool;
use lazaret_agent::watch::inventory::Inventory;
use lazaret_agent::watch::process::{ProcessId, boot_id};
use lazaret_agent::watch::running::{Known, Running};
use lazaret_engine::docker::StoreReader;
use lazaret_format::v1::{AdmissionSnapshot, AgentEvent, Deviation, EventKind};
use lazaret_model::{Actor, Behaviour, Dimension, Execution, Fact, FileOrigin, RUNTIME, Session};
use lazaret_profile::learn::Learned;
use lazaret_profile::{Action, Mode, Profile};
use lazaret_sensor::{Observation, Options, Outcome, Sensor, Sighting};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::world::{CONTAINER, World, good_config};

/// There is one control group of this name.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const PATIENCE: Duration = Duration::from_secs(10);

/// A container that waits, and in which more can be started.
struct Cell {
    group: PathBuf,
    first: Child,
}

impl Cell {
    fn new() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mut lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let hierarchy = lines.find(|fields| fields[2] == "cgroup2")?[1].to_owned();
        let group = PathBuf::from(hierarchy).join("lazaret-agent-test").join(CONTAINER);
        fs::create_dir_all(&group).unwrap();
        let first = enter(&group, &["sleep", "300"]).spawn().unwrap();
        Some(Self { group, first })
    }

    fn run(&self, words: &[&str]) -> Output {
        enter(&self.group, words).output().unwrap()
    }

    /// The first process in its namespaces.
    fn pid(&self) -> u32 {
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

/// The observing part of an agent.
struct Guard {
    sensor: Arc<Sensor>,
    keeper: Arc<Keeper>,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Guard {
    fn start(world: &World, cell: &Cell) -> Option<Self> {
        let (sensor, mut events) = Sensor::start(&Options { observe: true, ..Options::default() }).unwrap();
        if let Err(why) = sensor.observation().and_then(|()| sensor.network()) {
            crate::skipped(&format!("behaviour: {why}"));
            return None;
        }
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        let sensor = Arc::new(sensor);
        let files = StoreReader::new(world.data_root());
        let expectations = Expectations::new(Arc::clone(&world.admissions), files);
        let keeper = Arc::new(Keeper::new(expectations, Arc::clone(&sensor), world.spool.clone()));
        let (running, _) = Running::load(&world.directory.path().join("running.json"), "b").unwrap();
        let mut inventory = Inventory::new(running);
        inventory.admitted(CONTAINER, known(cell.pid()));
        let answers = Answers {
            keeper: Arc::clone(&keeper),
            engine_socket: "/nonexistent".into(),
            intents: Arc::new(Intents::default()),
            spool: world.spool.clone(),
        };
        let (saved, _) = mpsc::unbounded_channel();
        let mut observer = Observer::new(
            Arc::clone(&keeper),
            Arc::new(Mutex::new(inventory)),
            answers,
            world.spool.clone(),
            Shelf::open(&world.directory.path().join("learned")).unwrap(),
            saved,
        );
        observer.hold_again();
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(observer.run(sensor.sightings().unwrap(), stopped));
        Some(Self { sensor, keeper, stop, running })
    }

    async fn stop(self) {
        // Facts wait in the kernel for some milliseconds.
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.stop.send(true).unwrap();
        self.running.await.unwrap();
        self.keeper.release(CONTAINER);
        drop(self.sensor);
    }
}

fn known(pid: u32) -> Known {
    Known {
        name: "shop".to_owned(),
        image_name: "shop".to_owned(),
        image_config: Some(good_config().to_string()),
        decision: Some("h-1".to_owned()),
        command: "serve".to_owned(),
        pid,
        pid_started: ProcessId::of(pid).map_or(0, |process| process.started),
        started: "2026-11-22T00:00:00Z".to_owned(),
    }
}

fn learned(world: &World) -> Learned {
    let directory = world.directory.path().join("learned");
    let [(title, _)] = &titles(&directory)[..] else { panic!("{:?}", titles(&directory)) };
    assert_eq!(title.image_config, good_config().to_string());
    Learned::from_json(&title.read(&directory).unwrap()).unwrap()
}

/// What the image alone tells.
fn derived(world: &World) -> Profile {
    let files = StoreReader::new(world.data_root());
    let expectations = Expectations::new(Arc::clone(&world.admissions), files.clone());
    expectations.of(&files.container(CONTAINER).unwrap()).0.profile.clone()
}

/// Waits for a deviation that `wanted` accepts.
async fn await_deviation(world: &World, wanted: impl Fn(&Deviation) -> bool) -> Deviation {
    let until = Instant::now() + PATIENCE;
    loop {
        let deviations: Vec<Deviation> = world
            .events()
            .into_iter()
            .filter_map(|event| match event.what {
                EventKind::Deviation(deviation) => Some(*deviation),
                _ => None,
            })
            .collect();
        if let Some(found) = deviations.iter().find(|deviation| wanted(deviation)) {
            return found.clone();
        }
        let told: Vec<_> = deviations.iter().map(|one| (&one.category, &one.what, &one.outcome)).collect();
        assert!(Instant::now() < until, "not told, but: {told:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What was learned, with processes told of and the network blocked.
fn enforced(learned: &Learned, derived: &Profile) -> Profile {
    let mut profile = learned.profile(derived);
    profile.modes.set(Dimension::Processes, Mode::Alert);
    profile.modes.set(Dimension::Network, Mode::Block);
    profile.modes.set_action(Dimension::Network, Action::Deny);
    profile
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_learned_is_allowed_and_the_rest_is_told_or_refused() {
    if !nix::unistd::geteuid().is_root() {
        return crate::skipped("behaviour needs root");
    }
    let _alone = ALONE.lock().await;
    let world = World::new();
    let Some(cell) = Cell::new() else {
        return crate::skipped("behaviour: no unified hierarchy (cgroup v2)");
    };
    let Some(guard) = Guard::start(&world, &cell) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let (known, unknown) = (port(&listener), port(&stranger));
    // Written to a file: a shell that is told so by its arguments breaks a fixed rule.
    let script = world.directory.path().join("connect");
    fs::write(&script, "exec 3<>/dev/tcp/127.0.0.1/$1 && /bin/true\n").unwrap();
    let connect = |port: u16| cell.run(&["bash", script.to_str().unwrap(), &port.to_string()]);

    assert!(connect(known).status.success());
    guard.stop().await;
    let learned = learned(&world);
    let derived = derived(&world);
    let profile = learned.profile(&derived);
    assert!(profile.processes.iter().any(|process| process.executable.ends_with("/true")), "{profile:#?}");
    assert!(profile.network.connect.iter().any(|peer| peer.port == Some(known)), "{profile:#?}");
    // The files of this machine are no image's: that libraries are foreign is right.
    let is_other = |deviation: &Deviation| deviation.category != "drift.library";
    let told = world.events();
    let deviates = |event: &AgentEvent| matches!(&event.what, EventKind::Deviation(one) if is_other(one));
    assert!(!told.iter().any(deviates), "nothing else deviates while it is learned: {told:#?}");

    world.promote_profile(2, enforced(&learned, &derived).text());
    let guard = Guard::start(&world, &cell).unwrap();
    assert!(connect(known).status.success(), "what was learned is refused");
    let refused = connect(unknown);
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(complaint.contains("Operation not permitted"), "{complaint}");
    assert!(stranger.accept().is_err(), "somebody came through");
    let told = await_deviation(&world, |one| one.category == "network.connect").await;
    assert_eq!((told.outcome.as_str(), told.rung.as_str()), ("prevented", "cgroup-bpf"));
    assert_eq!((told.mode.as_str(), told.action.as_str()), ("block", "deny"));
    assert!(told.what.contains(&unknown.to_string()) && told.process.exe.ends_with("/bash"), "{told:#?}");
    assert_eq!(told.image_config, Some(good_config().to_string()));

    cell.run(&["sh", "-c", "env id; :"]);
    let told = await_deviation(&world, |one| one.what.contains("/id")).await;
    assert_eq!((told.category.as_str(), told.outcome.as_str()), ("process.unexpected", "happened"));
    let line: Vec<_> = told.process.ancestors.iter().map(|ancestor| ancestor.exe.as_str()).collect();
    assert_eq!(line.last(), Some(&RUNTIME), "{told:#?}");
    assert!(line.len() >= 2 && told.process.argv.contains(&"id".to_owned()), "{told:#?}");

    cell.run(&["cat", "/etc/shadow"]);
    let told = await_deviation(&world, |one| one.rule.is_some()).await;
    assert_eq!((told.rule.as_deref(), told.outcome.as_str()), (Some("password-hashes"), "happened"));
    assert!(!told.attack.is_empty() && told.process.exe.ends_with("/cat"), "{told:#?}");
    guard.stop().await;

    // Nobody holds it any more.
    assert!(connect(unknown).status.success());
}

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
    world.promote_profile(2, profile.text());
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
    // What it would have used for nothing in the same time does not count.
    let nothing = idle * u64::try_from(watched.as_millis() / IDLE.as_millis()).unwrap();
    let used = (agent.ticks() - before).saturating_sub(nothing) * 10_000;
    let resident = agent.resident_kibibytes();
    crate::say(&format!(
        "{EXECUTIONS} programs: {alone:?} without an agent, {watched:?} with; the agent used {} µs of processor time \
         for each, {} ms a second while nothing happened, and holds {resident} KiB",
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
    agent.stop();

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observation_costs_microseconds() {
    const OBSERVATIONS: u32 = 100_000;
    if !nix::unistd::geteuid().is_root() {
        return crate::skipped("behaviour needs root");
    }
    let world = World::new();
    let (sensor, _events) = Sensor::start(&Options::default()).unwrap();
    let files = StoreReader::new(world.data_root());
    let expectations = Expectations::new(Arc::clone(&world.admissions), files);
    let keeper = Arc::new(Keeper::new(expectations, Arc::new(sensor), world.spool.clone()));
    let (running, _) = Running::load(&world.directory.path().join("running.json"), "b").unwrap();
    let mut inventory = Inventory::new(running);
    inventory.admitted(CONTAINER, known(std::process::id()));
    let answers = Answers {
        keeper: Arc::clone(&keeper),
        engine_socket: "/nonexistent".into(),
        intents: Arc::new(Intents::default()),
        spool: world.spool.clone(),
    };
    let (saved, _) = mpsc::unbounded_channel();
    let shelf = Shelf::open(&world.directory.path().join("learned")).unwrap();
    let inventory = Arc::new(Mutex::new(inventory));
    let mut observer = Observer::new(keeper, inventory, answers, world.spool.clone(), shelf, saved);
    let sightings: Vec<Sighting> = (0..OBSERVATIONS).map(execution).collect();
    let begun = own_ticks();
    sightings.into_iter().for_each(|sighting| observer.heard(sighting));
    let microseconds = (own_ticks() - begun) * 10_000 / u64::from(OBSERVATIONS);
    crate::say(&format!("an observation costs {microseconds} µs of processor time"));
    assert!(microseconds < 100, "{microseconds} µs");
}

/// One of ten programs, in a process of its own.
fn execution(number: u32) -> Sighting {
    let executable = format!("/usr/bin/tool{}", number % 10);
    let execution = Execution {
        arguments: vec![executable.clone(), "--option".to_owned(), format!("/srv/data/{}", number % 7)],
        executable,
        interpreter: None,
        digest: None,
        origin: FileOrigin::Image,
        arguments_cut: false,
        loader_environment: Vec::new(),
        gains: None,
        socket_stdio: false,
        terminal: false,
        entered: false,
    };
    let actor = Actor {
        pid: (1 << 30) + number,
        executable: "/usr/bin/sh".to_owned(),
        uid: 0,
        gid: 0,
        session: Session::Main,
    };
    Sighting::Behaviour(Box::new(Observation {
        container: CONTAINER.to_owned(),
        cgroup_id: 7,
        at: SystemTime::now(),
        behaviour: Behaviour { actor, fact: Fact::Exec(execution) },
        parent: 1 << 30,
        comm: "sh".to_owned(),
        outcome: Outcome::Done,
        incomplete: false,
        outside_root: false,
    }))
}

/// Processor time of this thread.
fn own_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
