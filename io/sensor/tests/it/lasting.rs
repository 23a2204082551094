//! What is pinned stays when the sensor's process dies, and the next one goes on where it ended.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lazaret_model::Fact;
use lazaret_sensor::{NetworkPolicy, Options, Sensor, Sighting};

use crate::cell::{Cell, act};
use crate::observed::observing;

const GROUP: &str = "LAZARET_TEST_GROUP";
const PINS: &str = "LAZARET_TEST_PINS";

fn options(pins: PathBuf) -> Options {
    Options { pins: Some(pins), ..Options::default() }
}

/// Played in a process of its own by the test below, which kills it; does nothing by itself.
#[test]
fn owner() {
    let (Ok(group), Ok(pins)) = (std::env::var(GROUP), std::env::var(PINS)) else { return };
    let Some((sensor, mut sightings)) = observing("owner", options(pins.into())) else { return };
    let policy = NetworkPolicy { peers: Some(Vec::new()), ports: None };
    sensor.confine_network(group.parse().unwrap(), &policy).unwrap();
    eprintln!("CONFINED");
    while sightings.blocking_recv().is_some() {}
}

fn start_owner(cell: &Cell, pins: &str) -> Option<Child> {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "lasting::owner"])
        .env(GROUP, cell.cgroup_id.to_string())
        .env(PINS, pins)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stderr.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        if line.contains("CONFINED") {
            return Some(owner);
        }
        eprintln!("{line}");
    }
    owner.wait().unwrap();
    None
}

#[test]
fn a_killed_sensor_still_refuses_and_its_successor_loses_no_event() {
    let test = "a_killed_sensor_still_refuses_and_its_successor_loses_no_event";
    let pins = format!("/sys/fs/bpf/lazaret-test-{}", std::process::id());
    let cell = Cell::new();
    let Some(mut owner) = start_owner(&cell, &pins) else {
        return eprintln!("SKIPPED: {test}: the first sensor did not start");
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    assert_eq!(cell.act(&["connect", "127.0.0.1", &port]), Some(libc::EPERM));
    // Time to write its books.
    std::thread::sleep(Duration::from_millis(2500));
    owner.kill().unwrap();
    owner.wait().unwrap();

    assert_eq!(cell.act(&["connect", "127.0.0.1", &port]), Some(libc::EPERM), "nobody holds it any more");
    const ORPHANS: usize = 20;
    for _ in 0..ORPHANS {
        assert_eq!(cell.run(act(), &["nothing", "orphan"]).status.code(), Some(0));
    }

    let (mut executions, mut missing) = (0, 0);
    {
        let (sensor, mut sightings) = observing(test, options(pins.clone().into())).unwrap();
        assert!(sensor.confined_groups().contains(&cell.cgroup_id));
        assert_eq!(cell.act(&["connect", "127.0.0.1", &port]), Some(libc::EPERM), "it was free for a moment");
        let until = std::time::Instant::now() + Duration::from_secs(4);
        while std::time::Instant::now() < until {
            match sightings.try_recv() {
                Ok(Sighting::Behaviour(told)) if told.cgroup_id == cell.cgroup_id => {
                    if let Fact::Exec(exec) = &told.behaviour.fact {
                        executions += usize::from(exec.arguments.iter().any(|word| word == "orphan"));
                    }
                }
                Ok(Sighting::Missing(gap)) if gap.cgroup_id == cell.cgroup_id => {
                    missing += gap.astray + gap.orphaned + gap.overflowed + gap.alerts_overflowed;
                }
                Ok(_) => {}
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        sensor.release_group(cell.cgroup_id);
        assert_eq!(cell.act(&["connect", "127.0.0.1", &port]), Some(0));
    }
    Sensor::remove_pins(pins.as_ref()).unwrap();
    assert_eq!((executions, missing), (ORPHANS, 0));
}
