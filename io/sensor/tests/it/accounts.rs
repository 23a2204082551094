//! Nothing is lost unnoticed: the kernel's counts are those of what came, or the difference is told.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lazaret_model::Fact;
use lazaret_sensor::{NetworkPolicy, Options, Outcome, Sighting};

use crate::cell::{Cell, act};
use crate::observed::observing;
use crate::races::ground;

/// One of these tests at a time: each sensor sees what happens in the containers of the others too.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn of_500_containers_that_live_for_a_moment_every_event_comes() {
    let test = "of_500_containers_that_live_for_a_moment_every_event_comes";
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    const CONTAINERS: usize = 500;
    let mut cells = HashMap::new();
    let start = Instant::now();
    for _ in 0..CONTAINERS / 10 {
        let group: Vec<_> = (0..10).map(|_| Cell::new()).collect();
        let children: Vec<_> =
            group.iter().map(|cell| cell.command(act(), &["nothing"]).spawn().unwrap()).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        // Their groups are gone with them.
        cells.extend(group.into_iter().map(|cell| (cell.cgroup_id, cell.id.clone())));
    }
    eprintln!("{CONTAINERS} containers in {:.1?}", start.elapsed());
    let (mut executions, mut events, mut accounts) =
        (HashMap::new(), HashMap::<u64, u64>::new(), HashMap::new());
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until && accounts.len() < CONTAINERS {
        match sightings.try_recv() {
            Ok(Sighting::Behaviour(told)) => {
                let Some(id) = cells.get(&told.cgroup_id) else { continue };
                assert_eq!(told.container, *id);
                if matches!(told.behaviour.fact, Fact::Exec(_)) {
                    *executions.entry(told.cgroup_id).or_insert(0) += 1;
                }
                *events.entry(told.cgroup_id).or_default() += 1;
            }
            Ok(Sighting::Ended(ended)) if cells.contains_key(&ended.cgroup_id) => {
                *events.entry(ended.cgroup_id).or_default() += 1;
            }
            Ok(Sighting::Missing(gap)) => assert!(!cells.contains_key(&gap.cgroup_id), "{gap:?}"),
            Ok(Sighting::Account(account)) if cells.contains_key(&account.cgroup_id) => {
                accounts.insert(account.cgroup_id, account);
            }
            Ok(_) => {}
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    assert_eq!(accounts.len(), CONTAINERS, "each group's books were put away");
    for (group, id) in &cells {
        let account = &accounts[group];
        assert_eq!(executions.get(group), Some(&1), "{id}");
        // Beside what was told there are two records of the group itself: made and gone.
        assert_eq!((account.sent, account.lost), (events[group] + 2, 0), "{id}");
    }
}

/// What came of one control group while it was flooded.
#[derive(Default)]
struct Flooded {
    events: u64,
    alerts: u64,
    lost: u64,
    lost_alerts: u64,
}

const ATTEMPTS: u64 = 20;

/// Floods a small buffer with many of one program at once, with alerts in the midst of it: all the events of the control
/// group, as the kernel counted them.
fn flood(test: &str, program: &str, arguments: &[&str], flooders: u64) -> Option<u64> {
    let program = ground().join(program);
    let options = Options { ring: 4096, ..Options::default() };
    let (sensor, mut sightings) = observing(test, options)?;
    let cell = Cell::new();
    let policy = NetworkPolicy { peers: Some(Vec::new()), ports: None };
    sensor.confine_network(cell.cgroup_id, &policy).unwrap();
    let begun = Instant::now();
    let flooders: Vec<_> = (0..flooders)
        .map(|_| cell.command(&program, arguments).current_dir(ground()).spawn().unwrap())
        .collect();
    for _ in 0..ATTEMPTS {
        assert_eq!(cell.act(&["connect", "127.0.0.1", "9"]), Some(libc::EPERM));
    }
    for mut flooder in flooders {
        assert!(flooder.wait().unwrap().success());
    }
    let took = begun.elapsed().as_secs_f64();
    let mut came = Flooded::default();
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        match sightings.try_recv() {
            Ok(Sighting::Behaviour(told)) if told.cgroup_id == cell.cgroup_id => {
                came.alerts += u64::from(matches!(told.outcome, Outcome::Refused(_)));
                came.events += 1;
            }
            Ok(Sighting::Ended(ended)) if ended.cgroup_id == cell.cgroup_id => came.events += 1,
            Ok(Sighting::Missing(gap)) if gap.cgroup_id == cell.cgroup_id => {
                came.lost += gap.overflowed;
                came.lost_alerts += gap.alerts_overflowed;
                assert_eq!(gap.astray, 0, "{gap:?}");
            }
            Ok(_) => {}
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    let account = sensor.accounts().into_iter().find(|account| account.cgroup_id == cell.cgroup_id).unwrap();
    let all = account.sent + account.lost;
    eprintln!(
        "{test}: {:.0} events a second, {all} together: {} told, {} without room, {} alerts",
        all as f64 / took,
        came.events,
        came.lost,
        came.alerts
    );
    assert_eq!((came.alerts, came.lost_alerts), (ATTEMPTS, 0), "alerts arrive all the same");
    assert!(came.lost > 0, "the buffer was to overflow");
    assert_eq!(account.lost, came.lost, "each loss was told");
    // Beside them there is the record of the group that was made.
    assert_eq!(account.sent, came.events + 1, "and all the rest came");
    Some(all)
}

#[test]
fn a_flood_of_program_starts_is_told_as_a_gap_and_alerts_arrive_in_it() {
    let test = "a_flood_of_program_starts_is_told_as_a_gap_and_alerts_arrive_in_it";
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    const TIMES: u64 = 20_000;
    let times = TIMES.to_string();
    // More than one for each processor: each execution may wait for another.
    let flooders = 4 * std::thread::available_parallelism().unwrap().get() as u64;
    let begun = Instant::now();
    let unwatched: Vec<_> =
        (0..flooders).map(|_| Command::new(ground().join("again")).arg(&times).spawn().unwrap()).collect();
    for mut flooder in unwatched {
        assert!(flooder.wait().unwrap().success());
    }
    let rate = (flooders * TIMES) as f64 / begun.elapsed().as_secs_f64();
    eprintln!("without a sensor {rate:.0} program starts a second");
    let Some(all) = flood(test, "again", &[&times], flooders) else { return };
    // Each is started, starts itself as often as it was told, and ends; the attempts start, are refused and end; and
    // the control group was made.
    assert_eq!(all, flooders * (TIMES + 2) + ATTEMPTS * 3 + 1, "each was counted, once");
}

#[test]
fn a_flood_of_facts_is_told_as_a_gap_and_alerts_arrive_in_it() {
    let test = "a_flood_of_facts_is_told_as_a_gap_and_alerts_arrive_in_it";
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(all) = flood(test, "race", &["facts", "300000"], 2) else { return };
    assert!(all > 2 * 300_000, "each was counted");
}
