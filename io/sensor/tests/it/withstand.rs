//! What the decision must withstand: large files, files that never end, and files that change under its eyes.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lazaret_sensor::{DenyReason, Options, SensorEvent};

use crate::jail::{Jail, attempt};
use crate::support::{digest, in_turn, install, receive, sensor, variant, victim};

const REFUSED: Result<(), i32> = Err(libc::EPERM);

fn padded(victim: &[u8], size: usize) -> Vec<u8> {
    let mut program = victim.to_vec();
    program.resize(size, 0);
    program
}

#[test]
fn a_large_program_is_read_to_its_end() {
    let test = "a_large_program_is_read_to_its_end";
    let Some(victim) = victim(test) else { return };
    let Some((sensor, _events)) = sensor(test, &Options::default()) else { return };
    let large = padded(victim, 100 << 20);
    let jail = Jail::new(test, &[("bin/large", &large, 0o755)]);
    sensor.guard(&jail.request([digest(&large)])).unwrap();
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        assert_eq!(jail.execute("/bin/large"), Ok(()));
        times.push(start.elapsed());
    }
    eprintln!("100 MB program: first start {:.0?}, then {:.1?}", times[0], &times[1..]);
    let mut changed = large;
    *changed.last_mut().unwrap() = 1;
    jail.write("/bin/changed", &changed, 0o755);
    assert_eq!(jail.execute("/bin/changed"), REFUSED);
}

#[test]
fn a_file_without_end_is_refused_in_time_and_holds_up_nobody() {
    let test = "a_file_without_end_is_refused_in_time_and_holds_up_nobody";
    let _turn = in_turn();
    let Some(victim) = victim(test) else { return };
    let deadline = Duration::from_millis(1500);
    let options = Options { deadline, ..Options::default() };
    let Some((sensor, mut events)) = sensor(test, &options) else { return };
    let endless = Jail::new(test, &[]);
    sensor.guard(&endless.request([])).unwrap();
    let other = Jail::new("other", &[("bin/victim", victim, 0o755)]);
    sensor.guard(&other.request([digest(victim)])).unwrap();
    // Written beforehand: a process that is forked meanwhile holds what is open for writing until its own execution
    // is decided, and a file that somebody can write to waits for that.
    let foreign: Vec<String> = (0..200).map(|number| format!("/foreign-{number}")).collect();
    for (number, path) in (0..).zip(&foreign) {
        other.write(path, &variant(victim, number), 0o755);
    }

    // More of them than there are workers.
    let attempts = 20;
    let refused = endless.inside(move || {
        install(Path::new("/endless"), victim, 0o755);
        let file = OpenOptions::new().write(true).open("/endless").unwrap();
        file.set_len(1 << 42).unwrap();
        drop(file);
        let start = Instant::now();
        let threads: Vec<_> = (0..attempts)
            .map(|_| {
                std::thread::spawn(|| {
                    std::process::Command::new("/endless").status().unwrap_err().raw_os_error()
                })
            })
            .collect();
        (threads, start)
    });
    // Neither a cached nor a new file of another container waits for them.
    let mut times = Vec::new();
    let until = Instant::now() + deadline / 2;
    for path in foreign {
        let start = Instant::now();
        if start >= until {
            break;
        }
        assert_eq!(other.execute(&path), REFUSED);
        assert_eq!(other.execute("/bin/victim"), Ok(()));
        times.push(start.elapsed());
    }
    times.sort();
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    eprintln!(
        "beside {attempts} files without end: {} runs, {median:.1?}, slowest {slowest:.1?}",
        times.len()
    );
    // Who waited for them waited until the deadline. A busy machine may hold up one or the other, not most.
    assert!(median < deadline / 4 && slowest < deadline, "{times:.0?}");
    let (threads, start) = refused;
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Some(libc::EPERM));
    }
    let took = start.elapsed();
    eprintln!("all refused after {took:.0?} with a deadline of {deadline:?}");
    assert!(took >= deadline / 2 && took < 2 * deadline, "{took:?}");
    let told = receive(
        &mut events,
        Duration::from_secs(2),
        |event| matches!(event, SensorEvent::ExecutionDenied(denied) if denied.reason == DenyReason::TooSlow),
    );
    assert!(told);
}

#[test]
fn a_file_that_changes_while_it_is_read_never_runs_unread() {
    let test = "a_file_that_changes_while_it_is_read_never_runs_unread";
    let _turn = in_turn();
    let Some(victim) = victim(test) else { return };
    let Some((sensor, _events)) = sensor(test, &Options::default()) else { return };
    // Large enough that the writer finds the time to change its beginning after that was read.
    let listed = padded(victim, 8 << 20);
    let jail = Jail::new(test, &[("bin/program", &listed, 0o755)]);
    sensor.guard(&jail.request([digest(&listed)])).unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let foreign_head = foreign_head(victim);
    let listed_head = victim.to_vec();
    let writer = jail.inside(move || {
        std::thread::spawn(move || {
            let mut turns = 0u32;
            while !stopped.load(Ordering::Relaxed) {
                for (head, pause) in [(&foreign_head, 1 + u64::from(turns % 2) * 10), (&listed_head, 40)] {
                    // Busy while it runs.
                    let file = loop {
                        match OpenOptions::new().write(true).open("/bin/program") {
                            Ok(file) => break file,
                            Err(_) => std::thread::yield_now(),
                        }
                    };
                    // The reader may be anywhere in the file now.
                    std::thread::sleep(Duration::from_micros(u64::from(turns % 7) * 700));
                    file.write_all_at(head, 0).unwrap();
                    drop(file);
                    std::thread::sleep(Duration::from_millis(pause));
                }
                turns += 1;
            }
            turns
        })
    });
    let (mut ran, mut refused, mut busy) = (0, 0, 0);
    let start = Instant::now();
    // The right moment may take a while to come.
    let is_short = |ran, refused| ran == 0 || refused == 0;
    while start.elapsed() < Duration::from_secs(8)
        || (is_short(ran, refused) && start.elapsed() < Duration::from_secs(60))
    {
        // The foreign program cannot create the effect: `attempt` fails if it runs.
        match jail.inside(|| attempt("/bin/program")) {
            Ok(()) => ran += 1,
            Err(libc::EPERM) => refused += 1,
            Err(libc::ETXTBSY) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    stop.store(true, Ordering::Relaxed);
    let turns = writer.join().unwrap();
    eprintln!("while the file changed {turns} times: {ran} ran as listed, {refused} refused, {busy} busy");
    assert!(turns > 20 && refused > 0 && ran > 0);
}

/// A program of the same length that fails instead of having an effect.
fn foreign_head(victim: &[u8]) -> Vec<u8> {
    let mut program = victim.to_vec();
    // e_entry of an ELF file: the first instruction lies elsewhere, where there is none.
    program[24..32].copy_from_slice(&0u64.to_le_bytes());
    program
}
