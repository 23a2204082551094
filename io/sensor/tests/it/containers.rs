//! Containers come and go, with and without a trace in `/proc`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use lazaret_sensor::{ContainerSeen, Options, SensorEvent};
use tokio::sync::mpsc::Receiver;

use crate::jail::Jail;
use crate::support::{receive, sensor, tool, victim};

const PATIENCE: Duration = Duration::from_secs(5);

/// A container that says a word and waits for the end of its input. `mark` makes its command line unique.
struct Unshared {
    child: Child,
    mark: String,
}

impl Unshared {
    fn start(unshare: &std::path::Path, mark: &str) -> Self {
        let script = format!("echo {mark}; read line; exit 0");
        let mut child = Command::new(unshare)
            .args(["--fork", "--pid", "--mount-proc", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut word = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut word).unwrap();
        Self { child, mark: mark.to_owned() }
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

fn seen(events: &mut Receiver<SensorEvent>, time: Duration, mark: &str) -> Option<ContainerSeen> {
    let mut found = None;
    receive(events, time, |event| {
        if let SensorEvent::ContainerSeen(container) = event {
            found = container.command.contains(mark).then_some(container);
        }
        found.is_some()
    });
    found
}

fn gone(events: &mut Receiver<SensorEvent>, key: &str) -> bool {
    receive(events, PATIENCE, |event| matches!(event, SensorEvent::ContainerGone(gone) if gone.key == key))
}

#[test]
fn a_container_without_engine_is_seen_within_100_ms_and_missed_when_it_ends() {
    let test = "a_container_without_engine_is_seen_within_100_ms_and_missed_when_it_ends";
    let Some(unshare) = tool(test, "unshare") else { return };
    let Some((_sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let mut latest = Duration::ZERO;
    for run in 0..20 {
        let container = Unshared::start(&unshare, &format!("word-{run}-of-{}", std::process::id()));
        // Its first program runs since before it said its word.
        let start = Instant::now();
        let seen = seen(&mut events, PATIENCE, &container.mark).expect("not seen");
        latest = latest.max(start.elapsed());
        assert_eq!(seen.key, format!("ns:{}", seen.pid_namespace));
        assert_eq!(seen.container_id, None);
        assert!(!seen.found_running && !seen.command_truncated && seen.cgroup_path.is_some());
        let age = SystemTime::now().duration_since(seen.started).unwrap_or_default();
        assert!(age < Duration::from_secs(5), "{age:?}");
        let namespace = std::fs::read_link(format!("/proc/{}/ns/pid", seen.init_pid)).unwrap();
        assert_eq!(namespace.to_str(), Some(format!("pid:[{}]", seen.pid_namespace).as_str()));
        container.end();
        assert!(gone(&mut events, &seen.key), "run {run}: its end was not told");
    }
    eprintln!("seen at the latest {latest:.1?} after the first word");
    assert!(latest < Duration::from_millis(100), "{latest:?}");
}

#[test]
fn a_container_older_than_the_sensor_is_found() {
    let test = "a_container_older_than_the_sensor_is_found";
    let Some(unshare) = tool(test, "unshare") else { return };
    let container = Unshared::start(&unshare, &format!("older-than-{}", std::process::id()));
    let Some((_sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let seen = seen(&mut events, PATIENCE, &container.mark).expect("not found");
    assert!(seen.found_running && seen.key == format!("ns:{}", seen.pid_namespace), "{seen:?}");
    container.end();
    assert!(gone(&mut events, &seen.key));
}

#[test]
fn each_of_many_short_containers_is_seen_or_counted() {
    let test = "each_of_many_short_containers_is_seen_or_counted";
    let Some(unshare) = tool(test, "unshare") else { return };
    let Some((_sensor, mut events)) = sensor(test, &Options::default()) else { return };
    const CONTAINERS: usize = 200;
    // Together, so that most are over before anybody can look for them.
    let burst: Vec<_> = (0..CONTAINERS)
        .map(|number| {
            let name = format!("short-{number}-of-{}", std::process::id());
            Command::new(&unshare).args(["--fork", "--pid", "sh", "-c", ":", &name]).spawn().unwrap()
        })
        .collect();
    burst.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    let (mut seen, mut gone, mut missed, mut from_record) = (HashMap::new(), 0, 0, 0);
    let all = receive(&mut events, PATIENCE, |event| {
        match event {
            SensorEvent::ContainerSeen(container) => {
                let mine = container.command.contains("short-") || container.command.ends_with("/sh");
                if mine && !container.found_running {
                    from_record += usize::from(container.command.ends_with("/sh"));
                    seen.insert((container.key.clone(), container.init_pid), container);
                }
            }
            SensorEvent::ContainerGone(container) => {
                gone += usize::from(seen.keys().any(|(key, _)| *key == container.key));
            }
            SensorEvent::Gap(gap) => missed += usize::try_from(gap.count).unwrap(),
            SensorEvent::ExecutionDenied(_) => {}
        }
        seen.len() + missed >= CONTAINERS && gone >= seen.len()
    });
    eprintln!("{} seen ({from_record} already gone), {gone} gone, {missed} counted as missed", seen.len());
    assert!(all, "{} seen, {gone} gone, {missed} missed", seen.len());
    assert_eq!(missed, 0, "nothing is missed at this pace");
}

#[test]
fn what_the_kernels_buffer_cannot_hold_is_counted() {
    let test = "what_the_kernels_buffer_cannot_hold_is_counted";
    let Some(victim) = victim(test) else { return };
    // The smallest buffer, and nobody who listens.
    let options = Options { ring: 4096, capacity: 1, ..Options::default() };
    let Some((_sensor, mut events)) = sensor(test, &options) else { return };
    let jail = Jail::new(test, &[("bin/victim", victim, 0o755)]);
    let runs = 200;
    // Each in a mount namespace of its own, so that each start is a container that the listener does not take.
    for _ in 0..runs {
        jail.inside(|| {
            let nested = std::thread::spawn(|| {
                nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
                Command::new("/bin/victim").arg("/effect").status().unwrap();
            });
            nested.join().unwrap();
        });
    }
    let (mut seen, mut lost) = (0, 0);
    let counted = receive(&mut events, PATIENCE, |event| {
        match event {
            SensorEvent::ContainerSeen(_) => seen += 1,
            SensorEvent::Gap(gap) => lost += gap.count,
            _ => {}
        }
        seen + lost >= runs
    });
    eprintln!("{runs} containers: {seen} seen, {lost} counted as lost");
    assert!(counted && lost > 0, "{seen} seen, {lost} lost");
}

#[test]
fn a_container_with_the_hosts_processes_is_told_by_its_root_directory() {
    let test = "a_container_with_the_hosts_processes_is_told_by_its_root_directory";
    let Some(victim) = victim(test) else { return };
    let Some((_sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let jail = Jail::new(test, &[("bin/victim", victim, 0o755)]);
    let namespace = jail.inside(|| nix::unistd::gettid().as_raw());
    let inode = std::fs::read_link(format!("/proc/{}/ns/mnt", namespace)).unwrap();
    let inode = inode.to_str().unwrap().trim_start_matches("mnt:[").trim_end_matches(']').to_owned();
    assert_eq!(jail.execute("/bin/victim"), Ok(()));
    let key = format!("ns:{inode}");
    let mut command = None;
    receive(&mut events, PATIENCE, |event| {
        if let SensorEvent::ContainerSeen(container) = event {
            command = (container.key == key).then_some(container.command);
        }
        command.is_some()
    });
    assert!(command.as_deref().is_some_and(|command| command.starts_with("/bin/victim")), "{command:?}");
    assert!(gone(&mut events, &key), "its last process has ended");
}

#[test]
fn a_private_mount_namespace_alone_is_no_container() {
    let test = "a_private_mount_namespace_alone_is_no_container";
    let Some(unshare) = tool(test, "unshare") else { return };
    let Some((_sensor, mut events)) = sensor(test, &Options::default()) else { return };
    // As a system service with a private /tmp.
    let mark = format!("service-of-{}", std::process::id());
    let mut service =
        Command::new(&unshare).args(["--mount", "sh", "-c", "sleep 0.3; :", &mark]).spawn().unwrap();
    let container = Unshared::start(&unshare, &format!("beside-{}", std::process::id()));
    let mut both = Vec::new();
    receive(&mut events, Duration::from_millis(500), |event| {
        if let SensorEvent::ContainerSeen(seen) = event {
            both.push(seen.command);
        }
        false
    });
    service.wait().unwrap();
    assert!(both.iter().any(|command| command.contains(&container.mark)), "{both:?}");
    assert!(!both.iter().any(|command| command.contains(&mark)), "{both:?}");
    container.end();
}

#[test]
fn a_sandbox_inside_a_container_is_part_of_it() {
    let test = "a_sandbox_inside_a_container_is_part_of_it";
    let Some(unshare) = tool(test, "unshare") else { return };
    let Some((_sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let (outer, inner) = (format!("outer-{}", std::process::id()), format!("inner-{}", std::process::id()));
    let script = format!("unshare --fork --pid --mount-proc sh -c 'sleep 0.3; :' {inner}; :");
    let mut child = Command::new(&unshare)
        .args(["--fork", "--pid", "--mount-proc", "sh", "-c", &script, &outer])
        .spawn()
        .unwrap();
    let mut outers = 0;
    let mut inners = 0;
    receive(&mut events, Duration::from_millis(600), |event| {
        if let SensorEvent::ContainerSeen(seen) = event {
            outers += usize::from(seen.command.contains(&outer));
            inners += usize::from(seen.command.contains(&inner) && !seen.command.contains(&outer));
        }
        false
    });
    child.wait().unwrap();
    assert_eq!((outers, inners), (1, 0));
}
