//! Prints how long it takes to hold one fact against a profile that is as large as profiles get.
#![expect(clippy::print_stdout, reason = "the figures are the purpose of this example")]
#![expect(clippy::disallowed_types, reason = "it measures time")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use lazaret_model::{
    Actor, Behaviour, Connection, Digest, Execution, Fact, FileAccess, FileOperation, FileOrigin, Image,
    ImageConfiguration, Phase, Platform, Session, Transport,
};
use lazaret_profile::check::{Circumstances, Compiled, ImageFiles};
use lazaret_profile::learn::{Learned, Observation, Replica, Visit};
use lazaret_profile::rules::{Rules, Whose};
use lazaret_profile::{Mode, derive};

const ENTRIES: u32 = 250;

fn main() {
    let facts: Vec<(&str, Behaviour)> = [
        ("exec", exec(200)),
        ("file by name", file(101)),
        ("file by pattern", temporary(9)),
        ("connect", connect(77)),
    ]
    .into();
    let compiled = compiled();
    println!("{:<16} {:>10} {:>10}", "fact", "profile ns", "rules ns");
    for (name, behaviour) in &facts {
        assert!(compiled.check(behaviour, Circumstances::STEADY).is_empty(), "{name} is allowed");
        let check = best(|| drop(black_box(compiled.check(black_box(behaviour), Circumstances::STEADY))));
        let rules = best(|| {
            black_box(
                Rules::shipped().broken(black_box(behaviour), Whose::Admitted { named: false }).count(),
            );
        });
        println!("{name:<16} {check:>10.0} {rules:>10.0}");
    }
}

/// Nanoseconds of one run: the best of many, as other work on the machine makes a run slower and nothing faster.
fn best(mut run: impl FnMut()) -> f64 {
    const RUNS: u32 = 2_000;
    let mut round = || {
        let start = Instant::now();
        (0..RUNS).for_each(|_| run());
        start.elapsed()
    };
    (0..50).map(|_| round()).min().unwrap_or(Duration::MAX).as_secs_f64() * 1e9 / f64::from(RUNS)
}

fn compiled() -> Compiled {
    let image = Image {
        manifest: None,
        config: Digest::from_bytes([1; 32]),
        platform: Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None },
        created: None,
        configuration: ImageConfiguration::default(),
        layers: Vec::new(),
    };
    let derived = derive(&image, &[]);
    let mut learned = Learned::new(derived.subject.clone());
    let numbers =
        (0..ENTRIES).flat_map(|number| [exec(number), file(number), temporary(number), connect(number)]);
    for behaviour in numbers {
        let (replica, phase, visit) = (Replica(1), Phase::Steady, Visit::Program);
        learned.observe(Observation { replica, at: 0, phase, visit, behaviour: &behaviour });
    }
    let mut profile = learned.profile(&derived);
    for dimension in lazaret_model::Dimension::ALL {
        profile.modes.set(*dimension, Mode::Block);
    }
    println!(
        "a profile of {} bytes, {} processes, {} files",
        profile.text().len(),
        profile.processes.len(),
        profile.files.len()
    );
    Compiled::new(&profile, ImageFiles::default())
}

/// A word without anything that looks made up, another for each number.
fn word(number: u32) -> String {
    (0..4).map(|shift| char::from(b'a' + u8::try_from((number >> (4 * shift)) & 15).unwrap_or(0))).collect()
}

fn by(fact: Fact) -> Behaviour {
    let executable = "/usr/bin/perl".to_owned();
    Behaviour { actor: Actor { pid: 1, executable, uid: 0, gid: 0, session: Session::Main }, fact }
}

fn exec(number: u32) -> Behaviour {
    let path = format!("/usr/bin/{}", word(number));
    let arguments = vec![path.clone(), "--report".to_owned(), "/srv/data".to_owned()];
    let plain = Execution::plain(path, FileOrigin::Image, arguments);
    by(Fact::Exec(Execution { digest: Some(Digest::from_bytes([2; 32])), ..plain }))
}

fn file(number: u32) -> Behaviour {
    written(format!("/srv/{}/{}/log", word(number % 16), word(number / 16)))
}

fn temporary(number: u32) -> Behaviour {
    written(format!("/srv/data/cache/tmp-{number}"))
}

fn written(path: String) -> Behaviour {
    by(Fact::File(FileAccess {
        path,
        operation: FileOperation::Write,
        other: None,
        origin: FileOrigin::Upper,
    }))
}

fn connect(number: u32) -> Behaviour {
    by(Fact::Connect(Connection {
        transport: Transport::Tcp,
        address: [10, 0, 0, 1].into(),
        port: 443,
        name: Some(format!("{}.internal", word(number % 40))),
    }))
}
