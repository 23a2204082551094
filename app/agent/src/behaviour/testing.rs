//! What the tests of this folder are made of.

use std::time::{Duration, SystemTime};

use lazaret_format::v1::{Deviation, ProcessBody};
use lazaret_model::{
    Actor, Behaviour, Digest, Execution, Fact, FileOrigin, Image, ImageConfiguration, Platform, Session,
};
use lazaret_profile::check::{Compiled, ImageFiles};
use lazaret_profile::{Profile, derive};
use lazaret_sensor::{Observation, Outcome};

use super::expectation::Expectation;
use super::telling::Context;

pub(super) fn image() -> Image {
    Image {
        manifest: None,
        config: Digest::from_bytes([1; 32]),
        platform: Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None },
        created: None,
        configuration: ImageConfiguration {
            command: vec!["/app/serve".to_owned()],
            ..ImageConfiguration::default()
        },
        layers: Vec::new(),
    }
}

pub(super) fn profile() -> Profile {
    derive(&image(), &[])
}

pub(super) fn expectation() -> Expectation {
    let profile = profile();
    let compiled = Compiled::new(&profile, ImageFiles::default());
    Expectation { profile, compiled, promoted: false, programs: None, complaints: Vec::new() }
}

pub(super) fn execution(executable: &str, origin: FileOrigin) -> Execution {
    Execution::plain(executable.to_owned(), origin, vec![executable.to_owned()])
}

pub(crate) fn observation(fact: Fact) -> Observation {
    Observation {
        container: "c".repeat(64),
        cgroup_id: 7,
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        behaviour: Behaviour {
            actor: Actor {
                pid: 1 << 30,
                executable: "/app/serve".to_owned(),
                uid: 0,
                gid: 0,
                session: Session::Main,
            },
            fact,
        },
        parent: 1,
        comm: "serve".to_owned(),
        outcome: Outcome::Done,
        incomplete: false,
        outside_root: false,
    }
}

pub(super) fn deviation(container: &str, what: &str) -> Box<Deviation> {
    let text = |text: &str| text.to_owned();
    Box::new(Deviation {
        container: text(container),
        image_config: None,
        dimension: text("network"),
        category: text("network.connect"),
        what: text(what),
        expected: String::new(),
        remedy: String::new(),
        rule: None,
        attack: Vec::new(),
        severity: text("medium"),
        mode: text("alert"),
        action: text("alert"),
        outcome: text("happened"),
        rung: text("alert"),
        answer: String::new(),
        grant: None,
        process: ProcessBody { pid: 1, exe: text("/a"), argv: Vec::new(), uid: 0, ancestors: Vec::new() },
        count: 1,
    })
}

pub(super) fn context() -> Context {
    Context { grant: None, image_config: None, arguments: Vec::new(), ancestors: Vec::new() }
}
