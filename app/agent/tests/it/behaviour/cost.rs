//! What observing costs.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use lazaret_agent::authz::intents::Intents;
use lazaret_agent::behaviour::Observer;
use lazaret_agent::behaviour::answer::Answers;
use lazaret_agent::behaviour::expectation::Expectations;
use lazaret_agent::behaviour::in_use::InUse;
use lazaret_agent::behaviour::keeper::Keeper;
use lazaret_agent::behaviour::shelf::Shelf;
use lazaret_agent::watch::inventory::Inventory;
use lazaret_agent::watch::running::Running;
use lazaret_engine::docker::StoreReader;
use lazaret_model::{Actor, Behaviour, Execution, Fact, FileOrigin, Session};
use lazaret_sensor::{Observation, Options, Outcome, Sensor, Sighting};
use tokio::sync::mpsc;

use super::known;
use crate::world::{CONTAINER, World};

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
        glass: Arc::clone(&world.glass),
    };
    let (saved, _) = mpsc::unbounded_channel();
    let shelf = Shelf::open(&world.directory.path().join("learned")).unwrap();
    let inventory = Arc::new(Mutex::new(inventory));
    let in_use = (InUse::open(&world.directory.path().join("used")).unwrap(), true);
    let mut observer = Observer::new(keeper, inventory, answers, world.spool.clone(), shelf, in_use, saved);
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
    let arguments = vec![executable.clone(), "--option".to_owned(), format!("/srv/data/{}", number % 7)];
    let execution = Execution::plain(executable, FileOrigin::Image, arguments);
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
