//! The spool's promise, kept against `kill -9`, a second agent, and a full disk.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lazaret_agent::spool::{Importance, Spool};
use lazaret_format::v1::EventKind;

const DIRECTORY: &str = "LAZARET_TEST_SPOOL";
const LIMIT: u64 = 1 << 20;

fn gap(what: String) -> EventKind {
    EventKind::Gap { what, count: 1 }
}

/// A text that can be told from every other.
fn filling(number: u64) -> String {
    format!("{number}:{}", "x".repeat(usize::try_from(number % 700).unwrap()))
}

/// Not a test by itself: the child that [`nothing_acknowledged_is_lost_to_kill_9`] kills.
#[tokio::test]
async fn writes_until_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let spool = Spool::open(Path::new(&directory), 64 << 20, [1; 16]).unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for task in 0..4 {
        let spool = spool.clone();
        waiting.spawn(async move {
            for number in (task..).step_by(4) {
                let seq = spool.append(vec![gap(filling(number))], Importance::Decision).await.unwrap();
                // One write: lines of four tasks must not mix.
                print_line(&format!("ACK {seq} {number}\n"));
            }
        });
    }
    waiting.join_all().await;
}

fn print_line(line: &str) {
    use std::io::Write;
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut before = 0;
    for round in 0..8u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "spool::writes_until_killed", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = Vec::new();
        let mut read = |lines: &mut dyn Iterator<Item = std::io::Result<String>>, most: usize| {
            for line in lines.take(most) {
                // libtest writes its own words before the first of ours.
                let line = line.unwrap_or_default();
                let numbers = line.split_once("ACK ").and_then(|(_, numbers)| numbers.split_once(' '));
                if let Some((seq, number)) = numbers {
                    acknowledged.push((seq.parse::<u64>().unwrap(), number.parse::<u64>().unwrap()));
                }
            }
        };
        read(&mut lines, usize::try_from(30 + round * 17).unwrap());
        std::thread::sleep(Duration::from_micros(round * 300));
        child.kill().unwrap();
        read(&mut lines, usize::MAX);
        child.wait().unwrap();

        acknowledged.sort_unstable();
        assert!(acknowledged.len() > 20, "round {round}: only {} acknowledged", acknowledged.len());
        assert!(acknowledged[0].0 > before, "a number was given twice");
        let spool = Spool::open(directory.path(), 64 << 20, [2; 16]).unwrap();
        let mut outbox = spool.outbox();
        let mut found = Vec::new();
        loop {
            let letter = outbox.read(500, 1 << 20);
            assert_eq!(letter.lost, 0);
            if letter.events.is_empty() {
                break;
            }
            found.extend(letter.events.into_iter().map(|event| (event.seq, event.what)));
        }
        for (seq, number) in &acknowledged {
            let place = usize::try_from(seq - 1).unwrap();
            assert_eq!(found.get(place), Some(&(*seq, gap(filling(*number)))), "round {round}");
        }
        assert!(found.iter().map(|(seq, _)| *seq).eq(1..=found.len() as u64), "numbers without holes");
        before = found.len() as u64;
        // The identity is the one of the first opening.
        assert_eq!(spool.identity(), "01".repeat(16));
        runtime.block_on(async { spool.close() });
    }
}

#[tokio::test]
async fn a_second_agent_is_refused_and_told_why() {
    let directory = tempfile::tempdir().unwrap();
    let first = Spool::open(directory.path(), LIMIT, [1; 16]).unwrap();
    let refusal = Spool::open(directory.path(), LIMIT, [1; 16]).unwrap_err();
    assert_eq!(refusal.exit_code(), 7);
    let text = refusal.to_string();
    assert!(
        text.contains(&std::process::id().to_string()) && text.contains("another lazaret-agent"),
        "{text}"
    );
    first.close();
    drop(first);
    Spool::open(directory.path(), LIMIT, [1; 16]).unwrap();
}

#[tokio::test]
async fn a_full_spool_fails_decisions_and_counts_events() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(directory.path(), LIMIT, [1; 16]).unwrap();
    let big = || vec![gap("x".repeat(100_000))];
    let mut refused = None;
    for _ in 0..20 {
        if let Err(error) = spool.append(big(), Importance::Decision).await {
            refused = Some(error.to_string());
        }
    }
    assert!(refused.unwrap().contains("full"));
    for _ in 0..3 {
        spool.note(gap("y".repeat(200_000)));
    }
    spool.close();
    assert_eq!(spool.lost(), 3);
    assert!(spool.append(big(), Importance::Decision).await.is_err(), "closed");
    drop(spool);

    let spool = Spool::open(directory.path(), LIMIT, [1; 16]).unwrap();
    assert_eq!(spool.lost(), 3, "losses are remembered");
    let mut outbox = spool.outbox();
    let last = loop {
        let letter = outbox.read(500, 64 << 20);
        assert_eq!(letter.lost, 3);
        if let Some(last) = letter.events.last() {
            break last.seq;
        }
    };
    outbox.ack(last);
    assert_eq!(
        spool.append(big(), Importance::Decision).await,
        Ok(last + 1),
        "room again once the server has it all"
    );
}

/// Needs root: a file system of its own is filled.
#[tokio::test]
async fn a_full_disk_fails_the_decision_and_heals() {
    if !nix::unistd::geteuid().is_root() {
        crate::skipped("a_full_disk_fails_the_decision_and_heals needs root");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mount = directory.path().join("small");
    std::fs::create_dir(&mount).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&mount).status().unwrap();
    assert!(mounted.success());
    let spool = Spool::open(&mount.join("spool"), LIMIT, [1; 16]).unwrap();
    std::fs::write(mount.join("ballast"), vec![0; 160 << 10]).unwrap();
    let mut last = 0;
    let error = loop {
        match spool.append(vec![gap(filling(last + 1))], Importance::Decision).await {
            Ok(seq) => last = seq,
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("No space left"), "{error}");
    std::fs::remove_file(mount.join("ballast")).unwrap();
    let next = spool.append(vec![gap(filling(last + 1))], Importance::Decision).await;
    assert_eq!(next, Ok(last + 1));
    spool.close();
    drop(spool);
    let spool = Spool::open(&mount.join("spool"), LIMIT, [1; 16]).unwrap();
    let events = spool.outbox().read(10_000, 64 << 20).events;
    assert_eq!(events.len() as u64, last + 1);
    assert!(events.iter().all(|event| event.what == gap(filling(event.seq))));
    drop(spool);
    assert!(Command::new("umount").arg(&mount).status().unwrap().success());
}
