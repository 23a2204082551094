//! What Docker's own command lines send (`testdata/capture.py` wrote it down) must be understood.
//!
//! `testdata/requests/expected.txt` says what each request means; `UPDATE_GOLDEN=1` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use lazaret_engine::docker::request::{RawRequest, Request, decode};
use lazaret_model::{MountKind, RunConfiguration};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Captured {
    pub(crate) case: String,
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Option<String>,
}

impl Captured {
    pub(crate) fn raw(&self) -> RawRequest<'_> {
        RawRequest {
            method: &self.method,
            uri: &self.uri,
            content_type: self.content_type.as_deref(),
            body: self.body.as_deref().map(str::as_bytes),
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/requests")
}

/// Every captured request with the client that sent it.
pub(crate) fn captured() -> Vec<(String, Captured)> {
    let mut all = Vec::new();
    for client in ["cli-20.10-api-1.41", "cli-28.2-api-1.41", "cli-28.2-api-1.50"] {
        let text = std::fs::read_to_string(folder().join(format!("{client}.jsonl"))).unwrap();
        all.extend(text.lines().map(|line| (client.to_owned(), serde_json::from_str(line).unwrap())));
    }
    all
}

#[test]
fn command_lines_are_understood() {
    // The same case means the same, whoever sent it: one line for all clients.
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (client, request) in captured() {
        let meaning = match decode(&request.raw()) {
            Ok(Request::Read) => continue,
            Ok(request) => describe(&request),
            Err(error) => panic!("{client} {}: {error} ({})", request.case, request.uri),
        };
        let clients = lines.entry(format!("{:24} {meaning}", request.case)).or_default();
        if !clients.contains(&client) {
            clients.push(client);
        }
    }
    let mut said = String::new();
    for (line, clients) in &lines {
        let all = clients.len() == 3;
        writeln!(said, "{line}{}", if all { String::new() } else { format!("  [{}]", clients.join(", ")) })
            .unwrap();
    }
    let golden = folder().join("expected.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(&golden).unwrap_or_default());
}

#[test]
fn dangerous_command_lines_say_so() {
    let mut seen = 0;
    for (client, request) in captured() {
        if request.case.starts_with("danger-") && request.uri.contains("/containers/create") {
            seen += 1;
            let Ok(Request::CreateContainer(create)) = decode(&request.raw()) else {
                panic!("{client} {}", request.case)
            };
            let plain = RunConfiguration { name: create.run.name.clone(), ..RunConfiguration::default() };
            assert_ne!(create.run, plain, "{client} {}", request.case);
        }
    }
    assert!(seen > 60, "{seen}");
}

/// The plugin holds up every request to the engine: reading one must not be felt.
#[test]
fn reading_takes_microseconds() {
    let all = captured();
    let begun = std::time::Instant::now();
    for _ in 0..20 {
        for (_, request) in &all {
            assert!(decode(&request.raw()).is_ok());
        }
    }
    let each = begun.elapsed() / u32::try_from(20 * all.len()).unwrap();
    assert!(each < std::time::Duration::from_micros(500), "{each:?} each");
}

fn describe(request: &Request) -> String {
    match request {
        Request::Read => "read".to_owned(),
        Request::StartContainer { container } => format!("start {container}"),
        Request::LogIn(wish) => format!("{} {}", wish.operation.action.name(), wish.operation.subject),
        Request::Operation(operation) => format!("{} {}", operation.action.name(), operation.subject),
        Request::CreateVolume(create) => format!("volume {}{}", create.name, facts(&create.run)),
        Request::CreateContainer(create) => format!("create {}{}", create.image, facts(&create.run)),
    }
}

pub(crate) fn facts(run: &RunConfiguration) -> String {
    let mut said = String::new();
    let mut say = |what: &str, words: &[String]| {
        if !words.is_empty() {
            let _ = write!(said, "; {what}: {}", words.join(", "));
        }
    };
    say("name", &run.name.clone().into_iter().collect::<Vec<_>>());
    say("user", &Some(run.user.clone()).filter(|user| !user.is_empty()).into_iter().collect::<Vec<_>>());
    say("privileged", &run.privileged.then(|| "yes".to_owned()).into_iter().collect::<Vec<_>>());
    say("capabilities", &run.added_capabilities);
    say(
        "host namespaces",
        &run.host_namespaces.iter().map(|namespace| namespace.name().to_owned()).collect::<Vec<_>>(),
    );
    for mount in &run.mounts {
        let kind = match mount.kind {
            MountKind::Bind => "bind",
            MountKind::Volume => "volume",
            MountKind::Tmpfs => "tmpfs",
        };
        let mode = if mount.read_only { " read-only" } else { "" };
        say(kind, &[format!("{} at {}{mode}", mount.source, mount.target)]);
    }
    say("devices", &run.devices);
    say("weakened", &run.weakened);
    say("sysctls", &run.sysctls);
    say("ports", &run.published_ports);
    say("escapes", &run.escapes);
    said
}
