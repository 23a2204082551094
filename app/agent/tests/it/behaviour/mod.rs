//! Behaviour of a container as its namespaces and control group make it, on the real kernel: learned, then held against
//! what was learned. Needs root and a unified control group hierarchy.

mod again;
mod cell;
mod cost;
mod killed;
mod secrets;

use std::fs;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lazaret_agent::authz::intents::Intents;
use lazaret_agent::behaviour::Observer;
use lazaret_agent::behaviour::answer::Answers;
use lazaret_agent::behaviour::expectation::Expectations;
use lazaret_agent::behaviour::in_use::InUse;
use lazaret_agent::behaviour::keeper::Keeper;
use lazaret_agent::behaviour::shelf::{Shelf, titles};
use lazaret_agent::start::withheld::Withheld;
use lazaret_agent::watch::inventory::Inventory;
use lazaret_agent::watch::process::ProcessId;
use lazaret_agent::watch::running::{Known, Running};
use lazaret_engine::docker::StoreReader;
use lazaret_format::v1::{AgentEvent, Deviation, EventKind};
use lazaret_model::{Dimension, RUNTIME};
use lazaret_profile::learn::Learned;
use lazaret_profile::{Action, Mode, Profile};
use lazaret_sensor::{Options, Sensor};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::world::{CONTAINER, World, good_config};
use cell::Cell;

/// There is one control group of this name.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const PATIENCE: Duration = Duration::from_secs(10);

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
            glass: Arc::clone(&world.glass),
        };
        let (saved, _) = mpsc::unbounded_channel();
        let mut observer = Observer::new(
            Arc::clone(&keeper),
            Arc::new(Mutex::new(inventory)),
            answers,
            world.spool.clone(),
            Shelf::open(&world.directory.path().join("learned")).unwrap(),
            (InUse::open(&world.directory.path().join("used")).unwrap(), false),
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
        domain: None,
        withheld: Withheld::default(),
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

    world.send_profile(2, enforced(&learned, &derived).text(), true);
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

#[tokio::test]
async fn a_profile_that_nobody_signed_is_not_used() {
    let world = World::new();
    let files = StoreReader::new(world.data_root());
    let expectations = Expectations::new(Arc::clone(&world.admissions), files.clone());
    let record = files.container(CONTAINER).unwrap();
    let mut profile = derived(&world);
    profile.modes.set(Dimension::Executables, Mode::Off);
    world.send_profile(2, profile.text(), false);
    let (found, is_new) = expectations.of(&record);
    assert!(is_new && !found.promoted);
    assert_eq!(found.profile.modes.of(Dimension::Executables), Mode::Block);
    world.send_profile(3, profile.text(), true);
    let (found, is_new) = expectations.of(&record);
    assert!(is_new && found.promoted && found.profile == profile);
    assert!(!expectations.of(&record).1);

    // One that is not readable is told, and what the image alone tells holds.
    world.send_profile(4, "version: 7".to_owned(), true);
    let (found, _) = expectations.of(&record);
    assert!(!found.promoted && found.complaints.len() == 1, "{:?}", found.complaints);
}
