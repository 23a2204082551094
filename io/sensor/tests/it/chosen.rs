//! Of containers that nobody named, only what reaches out of them is told.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use lazaret_model::{Fact, KernelOperation};
use lazaret_sensor::{Observation, Options, Sighting};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

use crate::cell::Cell;
use crate::observed::{await_fact, observing};

fn is_file(told: &Observation) -> bool {
    matches!(told.behaviour.fact, Fact::File(_))
}

/// What is told of a container that makes a file and changes it. Facts come in the order in which they happened, and
/// each start of a program is one.
fn told_of_work(sightings: &mut Receiver<Sighting>, cell: &Cell, name: &str) -> Vec<Observation> {
    let file = cell.place.path().join(name);
    cell.act(&["append", file.to_str().unwrap()]);
    cell.act(&["chmod", file.to_str().unwrap()]);
    let end = format!("end-of-{name}");
    cell.act(&["read", &end]);
    let until = Instant::now() + Duration::from_secs(5);
    let mut told = Vec::new();
    while Instant::now() < until {
        match sightings.try_recv() {
            Ok(Sighting::Behaviour(one)) if one.cgroup_id == cell.cgroup_id => match &one.behaviour.fact {
                Fact::Exec(execution) if execution.arguments.contains(&end) => return told,
                _ => told.push(*one),
            },
            Ok(_) => {}
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    panic!("the last program is not told: {told:?}");
}

#[test]
fn routine_is_told_of_chosen_groups_and_those_below_them() {
    let test = "routine_is_told_of_chosen_groups_and_those_below_them";
    let options = Options { chosen_only: true, ..Options::default() };
    let Some((sensor, mut sightings)) = observing(test, options) else { return };
    let cell = Cell::new();
    let told = told_of_work(&mut sightings, &cell, "unnamed");
    assert_eq!(told.iter().filter(|one| matches!(one.behaviour.fact, Fact::Exec(_))).count(), 2, "{told:?}");
    assert!(!told.iter().any(is_file), "{told:?}");

    cell.act(&["setns"]);
    let enters = |told: &Observation| told.behaviour.fact == Fact::Kernel(KernelOperation::EnterNamespace);
    assert!(await_fact(&mut sightings, cell.cgroup_id, enters).is_some());

    sensor.watch_group(cell.cgroup_id).unwrap();
    assert!(told_of_work(&mut sightings, &cell, "named").iter().any(is_file));

    let cgroup = cell.cgroup.join("below");
    fs::create_dir(&cgroup).unwrap();
    let cgroup_id = fs::metadata(&cgroup).unwrap().ino();
    let below = Cell { id: cell.id.clone(), cgroup, cgroup_id, place: TempDir::new().unwrap() };
    assert!(told_of_work(&mut sightings, &below, "below").iter().any(is_file));
    drop(below);

    sensor.release_group(cell.cgroup_id);
    assert!(!told_of_work(&mut sightings, &cell, "released").iter().any(is_file));
    sensor.watch_all().unwrap();
    cell.act(&["append", cell.place.path().join("any").to_str().unwrap()]);
    assert!(await_fact(&mut sightings, cell.cgroup_id, is_file).is_some());
}
