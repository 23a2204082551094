//! Nothing is lost unnoticed: the kernel's counts are those of what came, or the difference is told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use lazaret_model::Fact;
use lazaret_sensor::{NetworkPolicy, Options, Outcome, Sighting};

use crate::cell::{Cell, act};
use crate::observed::observing;

#[test]
fn of_500_containers_that_live_for_a_moment_every_event_comes() {
    let test = "of_500_containers_that_live_for_a_moment_every_event_comes";
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

#[test]
fn a_flood_is_told_as_a_gap_and_alerts_arrive_in_it() {
    let test = "a_flood_is_told_as_a_gap_and_alerts_arrive_in_it";
    let options = Options { ring: 4096, ..Options::default() };
    let Some((sensor, mut sightings)) = observing(test, options) else { return };
    let cell = Cell::new();
    let policy = NetworkPolicy { peers: Some(Vec::new()), ports: None };
    sensor.confine_network(cell.cgroup_id, &policy).unwrap();
    const STARTS: u64 = 3000;
    let storms: Vec<_> =
        (0..2).map(|_| cell.command(act(), &["storm", &STARTS.to_string()]).spawn().unwrap()).collect();
    // In the midst of it.
    const ATTEMPTS: usize = 20;
    for _ in 0..ATTEMPTS {
        assert_eq!(cell.act(&["connect", "127.0.0.1", "9"]), Some(libc::EPERM));
    }
    for mut storm in storms {
        assert!(storm.wait().unwrap().success());
    }
    let (mut alerts, mut executions, mut lost, mut lost_alerts) = (0, 0, 0, 0);
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        match sightings.try_recv() {
            Ok(Sighting::Behaviour(told)) if told.cgroup_id == cell.cgroup_id => {
                alerts += usize::from(matches!(told.outcome, Outcome::Refused(_)));
                executions += u64::from(matches!(told.behaviour.fact, Fact::Exec(_)));
            }
            Ok(Sighting::Missing(gap)) if gap.cgroup_id == cell.cgroup_id => {
                lost += gap.overflowed;
                lost_alerts += gap.alerts_overflowed;
            }
            Ok(_) => {}
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    eprintln!("{executions} starts told, {lost} events without room, {alerts} alerts");
    assert_eq!((alerts, lost_alerts), (ATTEMPTS, 0));
    assert!(lost > 0);
    // Starts and ends alike go through the small ring.
    let account = sensor.accounts().into_iter().find(|account| account.cgroup_id == cell.cgroup_id).unwrap();
    assert_eq!(account.lost, lost, "each loss was told");
}
