//! What the sensor costs: an execution in a guarded container against the same one without any sensor, in
//! alternating rounds of one run; and the sensor's memory and processor time when nothing happens.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "prints its results")]
#![expect(dead_code, reason = "the test's jail can do more")]

#[path = "../tests/it/jail.rs"]
mod jail;
#[path = "../tests/it/support.rs"]
mod support;

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use jail::Jail;
use lazaret_sensor::Options;
use support::{digest, sensor, victim};

const ROUNDS: usize = 10;
const RUNS: usize = 250;
/// Of `/proc/self/stat`.
const TICK: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Sample {
    wall: Vec<Duration>,
    processor: Duration,
}

impl Sample {
    fn median(&mut self) -> Duration {
        self.wall.sort_unstable();
        self.wall[self.wall.len() / 2]
    }

    fn processor(&self) -> Duration {
        self.processor / u32::try_from(self.wall.len()).unwrap_or(1)
    }

    /// Runs the program many times inside.
    fn add(&mut self, jail: &Jail) {
        let before = processor();
        self.wall.extend(jail.inside(|| {
            let run = |_| {
                let start = Instant::now();
                let status = Command::new("/bin/victim").arg("/effect").status();
                assert!(status.is_ok_and(|status| status.success()));
                start.elapsed()
            };
            (0..RUNS).map(run).collect::<Vec<_>>()
        }));
        self.processor += processor() - before;
    }
}

/// Processor time of this process, sensor included, and of all programs it ran.
fn processor() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(") ").map(|(_, rest)| rest.split(' ').skip(11).take(4));
    let ticks = fields.into_iter().flatten().filter_map(|field| field.parse::<u32>().ok()).sum::<u32>();
    TICK * ticks
}

fn memory() -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap_or("unknown").trim().to_owned()
}

/// A container in which one process stays while others come and go.
fn container(name: &str, victim: &[u8]) -> (Jail, Child) {
    let jail = Jail::new(name, &[("bin/victim", victim, 0o755)]);
    let first = jail.inside(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWPID).expect("no PID namespace");
        Command::new("/bin/victim").spawn().expect("the first process does not start")
    });
    (jail, first)
}

fn main() {
    let bench = "bench of executions";
    let Some(victim) = victim(bench) else { return };
    let [(free, a), (traced, b), (guarded, c)] =
        ["free", "traced", "guarded"].map(|name| container(name, victim));
    let before = memory();
    let [mut none, mut tracing, mut both] = [Sample::default(), Sample::default(), Sample::default()];
    for round in 0..ROUNDS {
        none.add(&free);
        let Some((sensor, mut events)) = sensor(bench, &Options::default()) else { return };
        if let Err(problem) = sensor.guard(&guarded.request([digest(victim)])) {
            return eprintln!("SKIPPED: {bench}: {problem}");
        }
        if round == 0 {
            std::thread::sleep(Duration::from_millis(200));
            println!("memory: {before} before the sensor started, {} with it", memory());
            let start = processor();
            std::thread::sleep(Duration::from_secs(10));
            println!("idle: {:?} of processor time in 10 s", processor() - start);
        }
        tracing.add(&traced);
        both.add(&guarded);
        while events.try_recv().is_ok() {}
    }
    for mut first in [a, b, c] {
        let _ = first.kill().and_then(|()| first.wait());
    }
    println!("execution of a static program, {} each, alternating:", ROUNDS * RUNS);
    let base = (none.median(), none.processor());
    for (name, sample) in
        [("without sensor", &mut none), ("traced", &mut tracing), ("traced and guarded", &mut both)]
    {
        let (wall, processor) = (sample.median(), sample.processor());
        println!(
            "  {name:<20} {wall:>8.1?} wall (median, x{:.2})   {processor:>8.1?} processor (mean, x{:.2})",
            wall.as_secs_f64() / base.0.as_secs_f64(),
            processor.as_secs_f64() / base.1.as_secs_f64()
        );
    }
}
