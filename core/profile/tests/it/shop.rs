//! A small web application: its image, what it does, and what is learned of it.

use lazaret_model::{
    Behaviour, Digest, Dimension, Fact, FileOperation, HealthCheck, Image, ImageConfiguration, Phase,
    Platform, ResourceUse,
};
use lazaret_profile::check::ImageFiles;
use lazaret_profile::learn::{Learned, Observation, Replica, Visit};
use lazaret_profile::{ImageExecutable, Mode, Profile, derive};

use crate::facts::{PERL, by, connect, digest, entrypoint, exec, file, listen, lookup};

pub(crate) const TOOL: &str = "/app/tool";

pub(crate) const EXECUTABLES: &[(&str, u8, u16)] = &[
    ("app/tool", 1, 0o755),
    ("usr/bin/dash", 2, 0o755),
    ("usr/bin/perl", 1, 0o755),
    ("usr/bin/su", 3, 0o4755),
    ("usr/bin/tac", 4, 0o755),
];

pub(crate) fn image() -> Image {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    Image {
        manifest: None,
        config: Digest::from_bytes([9; 32]),
        platform: Platform { os: "linux".into(), architecture: "amd64".into(), variant: None },
        created: None,
        configuration: ImageConfiguration {
            entrypoint: texts(&[PERL, "/app/victim.pl"]),
            exposed_ports: texts(&["8080/tcp", "no port", "9-1/tcp", "7/carrier-pigeon"]),
            volumes: texts(&["/srv/data", "relative", "/a/../b"]),
            health_check: Some(HealthCheck { test: texts(&["CMD", TOOL, "report"]) }),
            ..ImageConfiguration::default()
        },
        layers: Vec::new(),
    }
}

pub(crate) fn executables() -> Vec<ImageExecutable<'static>> {
    let one = |&(path, byte, mode): &(&'static str, u8, u16)| ImageExecutable {
        path,
        sha256: [byte; 32],
        mode,
        capable: false,
    };
    EXECUTABLES.iter().map(one).collect()
}

pub(crate) fn image_files() -> ImageFiles {
    ImageFiles {
        digests: EXECUTABLES.iter().map(|(_, byte, _)| [*byte; 32]).collect(),
        paths: EXECUTABLES.iter().map(|(path, byte, _)| (format!("/{path}"), [*byte; 32])).collect(),
    }
}

pub(crate) fn derived() -> Profile {
    derive(&image(), &executables())
}

/// What it does at its start, for each request, and at its end.
pub(crate) fn start() -> Vec<Behaviour> {
    vec![
        entrypoint(),
        file(PERL, "/run/secrets/db_password", FileOperation::Read),
        file(PERL, "/srv/data/app.pid", FileOperation::Create),
        file(PERL, "/srv/data/app.pid", FileOperation::Write),
        listen(PERL, 8080),
        lookup("db.internal"),
        connect(PERL, "10.0.0.5", 5432, Some("db.internal")),
    ]
}

pub(crate) fn request(number: u32) -> Vec<Behaviour> {
    let temporary =
        format!("/srv/data/tmp-{}", u64::from(number).wrapping_mul(2_654_435_761) % 1_000_000_007);
    let mut rename = crate::facts::access(&temporary, FileOperation::Rename);
    rename.other = Some("/srv/data/last".to_owned());
    vec![
        file(PERL, &temporary, FileOperation::Create),
        file(PERL, &temporary, FileOperation::Write),
        by(PERL, Fact::File(rename)),
        exec(PERL, &[TOOL, "report"]),
        file(PERL, "/var/log/app/app.log", FileOperation::Append),
        by(
            PERL,
            Fact::Resources(ResourceUse {
                window: 60,
                cpu_permille: 100,
                memory_bytes: 48 << 20,
                processes: 9,
                written_bytes: 1 << 20,
            }),
        ),
    ]
}

pub(crate) fn stop() -> Vec<Behaviour> {
    vec![file(PERL, "/srv/data/app.pid", FileOperation::Delete)]
}

pub(crate) fn observe(learned: &mut Learned, replica: u64, at: i64, phase: Phase, behaviours: &[Behaviour]) {
    for behaviour in behaviours {
        let replica = Replica(replica);
        learned.observe(Observation { replica, at, phase, visit: Visit::Program, behaviour });
    }
}

/// Learned from so many replicas, each with some requests.
pub(crate) fn learned(replicas: u64) -> Learned {
    let mut learned = Learned::new(derived().subject);
    for replica in 1..=replicas {
        learned.started(Replica(replica), 0, 2);
        observe(&mut learned, replica, 0, Phase::Start, &start());
        for number in 0..5 {
            observe(
                &mut learned,
                replica,
                100,
                Phase::Steady,
                &request(number + 100 * u32::try_from(replica).unwrap()),
            );
        }
        observe(&mut learned, replica, 200, Phase::Stop, &stop());
        learned.stopped(Replica(replica), 200, 1);
    }
    learned
}

/// The learned profile with one mode everywhere.
pub(crate) fn profile(mode: Mode) -> Profile {
    let mut profile = learned(3).profile(&derived());
    for dimension in Dimension::ALL {
        profile.modes.set(*dimension, mode);
    }
    profile
}

pub(crate) fn other_digest() -> Digest {
    digest(77)
}
