//! What one event costs by the kernel's own account, which costs something itself: so in turns of its own.

use std::time::Instant;

use crate::jail::Jail;
use crate::loads::{LOADS, UNINTERESTING};
use crate::programs::{Counting, Programs};
use crate::{BENCH, READ, Watcher, median, observing, run};

const TURNS: usize = 11;

/// Nanoseconds.
const AIM: f64 = 2000.0;

/// The program that sees an event, the load that makes one of them with each piece of work, and whether the same program
/// sees other calls there.
struct Event {
    name: &'static str,
    program: &'static str,
    load: usize,
    among_others: bool,
}

const fn event(name: &'static str, program: &'static str, load: usize) -> Event {
    Event { name, program, load, among_others: false }
}

const fn call(name: &'static str, load: usize) -> Event {
    Event { name, program: CALLS, load, among_others: true }
}

const CALLS: &str = "call_returned";

const EVENTS: [Event; 9] = [
    event("a program starts", "exec", 0),
    event("a static program starts", "exec", 1),
    event("a process ends", "ended", 0),
    event("a process is made", "forked", 0),
    call("a file is opened for the first time", 4),
    call("a file is opened again", 3),
    event("a peer for the first time", "connect4", 6),
    event("the same peer", "connect4", 5),
    event("a system call of no interest", CALLS, UNINTERESTING),
];

impl Event {
    /// Nanoseconds of one of them in a turn.
    fn cost(&self, turn: &[Programs]) -> f64 {
        let (time, runs) = turn[self.load].of(self.program);
        if !self.among_others {
            return time / runs.max(1.0);
        }
        let (others, count) = turn[UNINTERESTING].of(CALLS);
        let pieces = f64::from(LOADS[self.load].count);
        (time - (runs - pieces) * others / count.max(1.0)) / pieces
    }
}

pub(crate) fn account(jail: &Jail) {
    let (mut turns, mut beginnings) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let begun = Instant::now();
        let Some((_sensor, mut sightings)) = observing(Watcher::Watched) else { return };
        beginnings.push(begun.elapsed().as_secs_f64());
        let Some(_counting) = Counting::begin() else {
            return eprintln!(
                "SKIPPED: {BENCH}: the kernel keeps no account of programs (bpf_stats_enabled)"
            );
        };
        let counted = LOADS.iter().map(|load| {
            while sightings.try_recv().is_ok() {}
            let before = Programs::now();
            run(jail, load);
            let counted = Programs::now().since(&before);
            std::thread::sleep(READ);
            counted
        });
        turns.push(counted.collect::<Vec<_>>());
    }
    println!(
        "\nthe kernel's account of our programs while watched, nanoseconds of one event in {TURNS} turns:"
    );
    println!("{:<40} {:>7} {:>7}   aim", "", "median", "least");
    for event in &EVENTS {
        let costs: Vec<_> = turns.iter().map(|turn| event.cost(turn)).collect();
        let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
        println!("{:<40} {:>7.0} {least:>7.0}   {AIM:.0}", event.name, median(costs).unwrap_or_default());
    }
    let beginning = median(beginnings).unwrap_or_default();
    println!("\nuntil the kernel has looked through the programs and taken them: {beginning:.2} s");
    println!("\nand for each piece of work, on average:");
    for (number, load) in LOADS.iter().enumerate() {
        let mut sum = Programs::default();
        turns.iter().for_each(|turn| sum.add(&turn[number]));
        let pieces = f64::from(load.count) * TURNS as f64;
        println!(
            "{:<34} {:>7.2} µs a piece{}",
            load.name,
            sum.nanoseconds() / 1e3 / pieces,
            sum.text(pieces)
        );
    }
}
