//! What programs at the kernel's security hooks refuse, on a kernel that takes them.
//!
//! `cargo xtask kernels` boots a kernel in an emulator with this program as its first process, and with `/act`, which
//! does what is not allowed (`tests/it/act.c`). Elsewhere it does nothing.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the console is all there is")]

mod cell;
mod files;
mod machine;
mod races;
mod reaches;
mod starts;

use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use lazaret_sensor::{Observation, Options, Rung, Sensor, Sighting, Standing};
use tokio::sync::mpsc::Receiver;

const PATIENCE: Duration = Duration::from_secs(20);

/// The sensor that all tests use, and what it tells.
pub(crate) struct Watch {
    pub(crate) sensor: Sensor,
    sightings: Receiver<Sighting>,
}

impl Watch {
    /// Everything that was told of the control group, for people.
    pub(crate) fn said(&mut self, group: u64) -> String {
        std::thread::sleep(Duration::from_millis(500));
        let mut said = String::new();
        while let Ok(sighting) = self.sightings.try_recv() {
            if let Sighting::Behaviour(told) = sighting
                && told.cgroup_id == group
            {
                said.push_str(&format!("\n{:?} {:?}", told.behaviour.fact, told.outcome));
            }
        }
        said
    }

    /// Waits for an observation of the control group that `wanted` accepts.
    pub(crate) fn await_told(&mut self, group: u64, wanted: impl Fn(&Observation) -> bool) -> Observation {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.sightings.try_recv() {
                Ok(Sighting::Behaviour(told)) if told.cgroup_id == group && wanted(&told) => return *told,
                Ok(_) => {}
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        panic!("it was not told")
    }
}

/// Names beside what they name.
macro_rules! tests {
    ($($test:path,)*) => { &[$((stringify!($test), $test)),*] };
}

type Test = (&'static str, fn(&mut Watch));

const TESTS: &[Test] = tests![
    the_ladder_begins_with_security_hooks,
    files::a_secret_is_opened_by_whom_the_profile_names_alone,
    files::no_other_name_leads_to_a_secret,
    files::nothing_is_changed_but_what_a_rule_names,
    files::what_the_image_brought_is_read_without_a_rule,
    reaches::programs_and_code_without_a_file_are_refused,
    reaches::what_reaches_into_the_kernel_is_refused,
    reaches::users_are_those_of_the_profile,
    reaches::a_group_below_the_container_is_held_too,
    starts::programs_are_started_by_whom_a_rule_names_alone,
    starts::what_comes_in_from_outside_is_not_held,
    races::nothing_comes_through_in_thousands_of_tries,
];

fn main() {
    if std::process::id() != 1 {
        return eprintln!("this is the first process of a machine of its own: run `cargo xtask kernels`");
    }
    let failed = panic::catch_unwind(run).unwrap_or(1);
    println!("GUEST_EXIT={failed}");
    machine::power_off();
}

/// How many tests failed.
fn run() -> usize {
    machine::prepare();
    let options = Options { observe: true, ..Options::default() };
    let (sensor, mut events) = Sensor::start(&options).expect("the sensor starts");
    std::thread::spawn(move || while events.blocking_recv().is_some() {});
    for (part, works) in [
        ("exec-tracing", sensor.tracing()),
        ("fanotify", sensor.enforcement()),
        ("observation", sensor.observation()),
        ("io-uring", sensor.requests()),
        ("network", sensor.network()),
        ("security", sensor.security()),
    ] {
        // The verifier's last words say what it does not like.
        let why = works.err().map(|why| why.char_indices().rev().nth(1000).map_or(why, |(at, _)| &why[at..]));
        println!("{part}: {}", why.unwrap_or("works"));
    }
    if sensor.security().is_err() {
        return TESTS.len();
    }
    let sightings = sensor.sightings().expect("it observes");
    let mut watch = Watch { sensor, sightings };
    let mut failed = 0;
    for (name, test) in TESTS {
        let begun = Instant::now();
        let passed = panic::catch_unwind(AssertUnwindSafe(|| test(&mut watch))).is_ok();
        failed += usize::from(!passed);
        let word = if passed { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({} ms)", begun.elapsed().as_millis());
    }
    failed
}

fn the_ladder_begins_with_security_hooks(watch: &mut Watch) {
    for stair in watch.sensor.ladder() {
        println!("{} ({}): {}", stair.dimension.name(), stair.what, stair.enforcing());
        for (rung, standing) in &stair.rungs {
            println!("    {rung}: {standing:?}");
        }
    }
    let enforcing = |what: &str| {
        let stair = watch.sensor.ladder().iter().find(|stair| stair.what.contains(what)).unwrap();
        assert!(stair.prevents, "{what}");
        stair.enforcing()
    };
    for what in ["without a file", "loader", "namespaces", "changed", "secrets", "users", "another one start"]
    {
        assert_eq!(enforcing(what), Rung::BpfLsm, "{what}");
    }
    assert_eq!(enforcing("did not bring"), Rung::Fanotify);
    assert_eq!(enforcing("peers"), Rung::CgroupBpf);
    let works = |rung: &(Rung, Standing)| matches!(rung.1, Standing::Works(_));
    assert!(watch.sensor.ladder().iter().all(|stair| stair.rungs.iter().any(works)));
}
