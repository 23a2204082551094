//! What watching costs those who are watched: the same work without anybody, with this sensor, and with auditd and
//! bpftrace, who see program starts alone; in turns of one run, by the processor time of the work. Then what each kernel
//! program takes by the kernel's own account, and what an event costs in this process. With the argument `account` only
//! the kernel's account.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "prints its results")]
#![expect(dead_code, reason = "the test's jail can do more")]

mod account;
mod beside;
#[path = "../../tests/it/jail.rs"]
mod jail;
mod loads;
mod programs;
#[path = "../../tests/it/support.rs"]
mod support;

use std::time::Duration;

use account::account;
use beside::Beside;
use jail::Jail;
use lazaret_model::Digest;
use lazaret_sensor::{Options, Sensor, Sighting};
use loads::{LOADS, Load, Place, used, whole_process};
use support::{digest, sensor, victim};
use tokio::sync::mpsc::Receiver;

const TURNS: usize = 5;
/// The reader comes by every 20 ms.
const READ: Duration = Duration::from_millis(50);

/// Who looks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watcher {
    Nobody,
    /// In a container that was admitted: everything is told.
    Watched,
    /// In one that was not: its program starts and what reaches out of it.
    Unwatched,
    /// Besides, fanotify decides each execution.
    Guarded,
    Auditd,
    Bpftrace,
}

const WATCHERS: [Watcher; 6] = [
    Watcher::Nobody,
    Watcher::Watched,
    Watcher::Unwatched,
    Watcher::Guarded,
    Watcher::Auditd,
    Watcher::Bpftrace,
];

const BENCH: &str = "bench of observation";

fn observing(watcher: Watcher) -> Option<(Sensor, Receiver<Sighting>)> {
    let chosen_only = watcher == Watcher::Unwatched;
    let options = Options { observe: true, chosen_only, sightings: 1 << 17, ..Options::default() };
    let (sensor, mut events) = sensor(BENCH, &options)?;
    if let Err(why) = sensor.observation().and_then(|()| sensor.network()) {
        eprintln!("SKIPPED: {BENCH}: {why}");
        return None;
    }
    std::thread::spawn(move || while events.blocking_recv().is_some() {});
    let sightings = sensor.sightings()?;
    std::thread::sleep(Duration::from_millis(30));
    Some((sensor, sightings))
}

fn run(jail: &Jail, load: &Load) -> Duration {
    let work = load.work;
    let timed = move || {
        let before = used();
        work();
        used().saturating_sub(before)
    };
    match load.place {
        Place::Container => jail.inside(timed),
        Place::Host => std::thread::spawn(timed).join().expect("the work failed"),
    }
}

/// Processor time of each load in each turn, by watcher; `None` for one that is not here.
type Times = Vec<[Option<Vec<Duration>>; WATCHERS.len()]>;

/// What an event cost in this process, and how many there were, by load.
type Own = Vec<(Duration, u64)>;

fn turn(jail: &Jail, image: &[Digest], watcher: Watcher, own: &mut Own) -> Option<Vec<Duration>> {
    let mut times = Vec::new();
    match watcher {
        Watcher::Nobody => times.extend(LOADS.iter().map(|load| run(jail, load))),
        Watcher::Auditd | Watcher::Bpftrace => {
            let _other = match watcher {
                Watcher::Auditd => Beside::auditd()?,
                _ => Beside::bpftrace()?,
            };
            times.extend(LOADS.iter().filter(|load| load.starts).map(|load| run(jail, load)));
        }
        Watcher::Watched | Watcher::Unwatched | Watcher::Guarded => {
            let (sensor, mut sightings) = observing(watcher)?;
            if watcher == Watcher::Guarded {
                sensor.guard(&jail.request(image.iter().copied())).ok()?;
            }
            for (load, own) in LOADS.iter().zip(own) {
                let before = whole_process();
                let time = run(jail, load);
                std::thread::sleep(READ);
                if watcher == Watcher::Watched {
                    own.0 += whole_process().saturating_sub(before).saturating_sub(time);
                    own.1 += std::iter::from_fn(|| sightings.try_recv().ok()).count() as u64;
                }
                times.push(time);
            }
        }
    }
    Some(times)
}

fn measure(jail: &Jail, image: &[Digest]) -> (Times, Own) {
    let mut times: Times = LOADS.iter().map(|_| [const { None }; WATCHERS.len()]).collect();
    let mut own: Own = vec![Default::default(); LOADS.len()];
    let mut here = WATCHERS.to_vec();
    for number in 0..=TURNS {
        here.retain(|watcher| {
            // The first turn fills caches.
            let mut first = own.clone();
            let account = if number == 0 { &mut first } else { &mut own };
            let Some(measured) = turn(jail, image, *watcher, account) else { return false };
            if number > 0 {
                for (load, time) in times.iter_mut().zip(measured) {
                    load[*watcher as usize].get_or_insert_default().push(time);
                }
            }
            true
        });
    }
    (times, own)
}

fn median<T: Copy + PartialOrd>(mut all: Vec<T>) -> Option<T> {
    all.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
    all.get(all.len() / 2).copied()
}

fn report(times: &Times) {
    println!("processor time of the work, and the median of its ratios to the same turn's without:");
    println!(
        "{:<34} {:>9} {:>9} {:>10} {:>9} {:>8} {:>9}   aim",
        "", "without", "watched", "unwatched", "guarded", "auditd", "bpftrace"
    );
    for (load, times) in LOADS.iter().zip(times) {
        let Some(without) = &times[0] else { continue };
        let each = median(without.clone()).unwrap_or_default() / load.count;
        let ratio = |watcher: Watcher| {
            let with = times[watcher as usize].as_ref()?;
            let ratios =
                with.iter().zip(without).map(|(with, without)| with.as_secs_f64() / without.as_secs_f64());
            median(ratios.collect())
        };
        let [watched, unwatched, guarded, auditd, bpftrace] = [1, 2, 3, 4, 5].map(|place| {
            ratio(WATCHERS[place]).map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.3}"))
        });
        println!(
            "{:<34} {each:>9.2?} {watched:>9} {unwatched:>10} {guarded:>9} {auditd:>8} {bpftrace:>9}   {:.2}",
            load.name, load.aim
        );
    }
}

fn main() {
    let Some(victim) = victim(BENCH) else { return };
    let mut files: Vec<(&str, Vec<u8>)> = vec![("bin/victim", victim.to_vec())];
    let dynamic = loads::files_of_true();
    files.extend(dynamic.iter().map(|(path, content)| (path.as_str(), content.clone())));
    let files: Vec<_> = files.iter().map(|(path, content)| (*path, content.as_slice(), 0o755)).collect();
    let jail = Jail::new("observe", &files);
    let image: Vec<_> = files.iter().map(|(_, content, _)| digest(content)).collect();
    jail.write("/data/file", b"content", 0o644);
    jail.inside(loads::prepare);
    if observing(Watcher::Watched).is_none() {
        return;
    }
    if std::env::args().any(|argument| argument == "account") {
        return account(&jail);
    }
    let (times, own) = measure(&jail, &image);
    report(&times);
    println!("\nof this process, for each event that it got (parsed and told, no agent behind it):");
    for (load, (time, events)) in LOADS.iter().zip(own) {
        let each = time.as_secs_f64() * 1e6 / (events.max(1) as f64);
        println!("{:<34} {each:>7.1} µs, {events} events", load.name);
    }
    account(&jail);
}
