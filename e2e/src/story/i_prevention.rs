use std::time::Duration;

use serde_json::Value;

use super::{Built, Teller};
use crate::http::Peer;
use crate::lab::free_port;
use crate::{Context as _, Lab, Result, Run, check, until};

/// What came of a program that was dropped through the service, and then executed through it.
#[derive(Debug, Clone)]
pub struct Dropped {
    pub answer: String,
}

impl Dropped {
    pub fn ran(&self) -> bool {
        self.answer.contains("\"code\": 0")
    }

    pub fn was_refused(&self) -> bool {
        self.answer.contains("Operation not permitted") || self.answer.contains("Permission denied")
    }
}

/// A program that is in no image: `true` with one byte more.
pub fn dropped_program() -> Result<Vec<u8>> {
    let mut bytes = std::fs::read("/bin/true").context(|| "cannot read /bin/true".to_owned())?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Uploads a program through the service on this port, and has the service execute it.
pub fn drop_and_run(port: u16, name: &str, program: &[u8]) -> Result<Dropped> {
    let peer = Peer::loopback(port);
    let stored = peer.request("POST", &format!("/upload?name={name}"), &[], program)?;
    check!(stored.status == 200, "the upload failed: {} {}", stored.status, stored.body);
    let answer = peer.request("POST", &format!("/run?path=/tmp/{name}"), &[], b"")?;
    Ok(Dropped { answer: answer.body.trim().to_owned() })
}

pub(super) fn step(teller: &mut Teller<'_>, built: &Built) -> Result<()> {
    let program = dropped_program()?;
    let file = teller.lab.folders.state().join("dropped");
    teller.write(&file, &program)?;

    teller.screen.say("What this host can see and hold back, tried rather than assumed:");
    let config = teller.lab.folders.agent_config().display().to_string();
    teller.lazaret(["doctor", "--config", &config], 0, 40)?;

    teller.screen.say("Through the hole in the service itself: drop a program, then execute it.");
    let url = format!("http://127.0.0.1:{}", teller.lab.shop_port);
    let curl = |arguments: &[&str]| Run::new("curl").args(["--silent", "--request", "POST"]).args(arguments);
    let data = format!("@{}", file.display());
    teller.shown("", curl(&["--data-binary", &data, &format!("{url}/upload?name=dropped")]), 0, 2)?;
    let run = teller.shown("", curl(&[&format!("{url}/run?path=/tmp/dropped")]), 0, 2)?;
    let dropped = Dropped { answer: run.stdout };
    check!(dropped.was_refused(), "the kernel did not refuse the dropped program: {}", dropped.answer);

    let script = drop_and_run(teller.lab.shop_port, "script", b"#!/bin/sh\nexit 0\n")?;
    check!(script.was_refused(), "the kernel did not refuse a dropped script: {}", script.answer);
    let own = Peer::loopback(teller.lab.shop_port).request("POST", "/run?path=/bin/true", &[], b"")?;
    check!(own.body.contains("\"code\": 0"), "a program of the image itself does not run: {}", own.body);
    teller.screen.holds("a dropped script is refused too, a program of the image runs");

    let event = until("the event of the prevented execution", Duration::from_secs(5), || {
        denied(teller.lab, "/tmp/dropped")
    })?;
    let shown = teller.lab.lazaret(["events"])?.ok()?;
    let line = shown.stdout.lines().find(|line| line.contains("/tmp/dropped")).unwrap_or_default();
    teller.screen.say("What `lazaret events` says of it:");
    teller.screen.holds(line.trim());
    check!(
        event["image"].as_str().is_some_and(|image| !image.is_empty()),
        "the event does not name the image: {event}"
    );
    check!(
        event["event"]["image_config"] == built.v2.config.as_str(),
        "the event names another image: {event}"
    );
    check!(
        event["event"]["sha256"].as_str().is_some_and(|hex| hex.len() == 64),
        "the event has no digest: {event}"
    );
    check!(
        event["event"]["by"].as_str().is_some_and(|by| by.contains("python")),
        "the event does not say who: {event}"
    );

    control(teller, built, &program)
}

/// The newest event of a prevented execution of this path.
fn denied(lab: &Lab, path: &str) -> Option<Value> {
    let ended = lab.lazaret(["--format", "json", "events"]).ok()?.ok().ok()?;
    let events = ended.stdout.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events
        .into_iter()
        .find(|event| event["event"]["kind"] == "execution-denied" && event["event"]["path"] == path)
}

/// The same on the build machine, whose engine nobody guards: there the program runs, so it was Lazaret that did it.
fn control(teller: &Teller<'_>, built: &Built, program: &[u8]) -> Result<()> {
    let port = free_port(0)?;
    let publish = format!("127.0.0.1:{port}:8080");
    let engine = &teller.lab.build;
    engine.docker(["run", "--detach", "--name", "control", "--publish", &publish, &built.v2.name]).ok()?;
    let dropped = until("the unguarded service", Duration::from_secs(30), || {
        let peer = Peer::loopback(port);
        peer.get("/version")
            .ok()
            .filter(|answer| answer.status == 200)
            .map(|_| drop_and_run(port, "dropped", program))
    });
    engine.docker(["rm", "--force", "control"]).ok()?;
    let dropped = dropped??;
    check!(dropped.ran(), "the program does not run without Lazaret either: {}", dropped.answer);
    teller.screen.holds("on the build machine, whose engine is not guarded, the same program runs");
    Ok(())
}
