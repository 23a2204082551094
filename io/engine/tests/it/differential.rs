//! Against Go's own decoder: whatever is understood here must mean the same to the engine.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lazaret_engine::docker::request::{CreateContainer, RawRequest, Request, decode};
use lazaret_model::{HostNamespace, MountKind};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;

const CASES: usize = 6_000;

#[test]
fn the_engine_understands_the_same() {
    let Some(decoder) = build() else { return };
    let bases = bodies();
    let mut runner = TestRunner::deterministic();
    let strategy = (0..bases.len(), prop::collection::vec(change(), 0..4));
    let mut texts = bases.clone();
    for _ in 0..CASES {
        let (base, changes) = strategy.new_tree(&mut runner).unwrap().current();
        texts.push(changes.iter().fold(bases[base].clone(), |text, change| change.apply(&text)));
    }
    let engines = ask(&decoder, &texts);
    let (mut understood, mut dangerous, mut refused) = (0, 0, 0);
    for (text, engines) in texts.iter().zip(engines.chunks(2)) {
        let raw = RawRequest {
            method: "POST",
            uri: "/v1.41/containers/create",
            content_type: Some("application/json"),
            body: Some(text.as_bytes()),
        };
        let Ok(Request::CreateContainer(ours)) = decode(&raw) else {
            refused += 1;
            continue;
        };
        understood += 1;
        for engine in engines.iter().filter(|line| *line != "error") {
            let theirs: Value = serde_json::from_str(engine).unwrap();
            dangerous +=
                usize::from(theirs["Host"]["Privileged"] == true || theirs["Host"]["Binds"].is_array());
            if let Err(difference) = same(&ours, &theirs) {
                panic!("{difference}\n{text}\n{engine}\n{ours:?}");
            }
        }
    }
    // The test is worth something only if much is understood, much of that dangerous, and much refused.
    assert!(understood > 500 && dangerous > 100 && refused > 500, "{understood} {dangerous} {refused}");
}

/// Everything that Go finds in the body is a fact here.
fn same(ours: &CreateContainer, theirs: &Value) -> Result<(), String> {
    let (config, host) = (&theirs["Config"], &theirs["Host"]);
    let run = &ours.run;
    let check = |is_same: bool, what: &str| if is_same { Ok(()) } else { Err(what.to_owned()) };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| -> Vec<String> { value.as_array().into_iter().flatten().map(text).collect() };
    check(ours.image == text(&config["Image"]), "image")?;
    check(run.user == text(&config["User"]), "user")?;
    check(run.privileged == (host["Privileged"] == true), "privileged")?;
    for bind in list(&host["Binds"]) {
        let source = bind.split(':').next().unwrap_or_default();
        let is_known = run.mounts.iter().any(|mount| mount.kind == MountKind::Bind && mount.source == source);
        check(!source.starts_with('/') || !bind.contains(':') || is_known, "binds")?;
    }
    for mount in host["Mounts"].as_array().into_iter().flatten() {
        let source = text(&mount["Source"]);
        let device = text(&mount["VolumeOptions"]["DriverConfig"]["Options"]["device"]);
        let is_known = |path: &str| run.mounts.iter().any(|m| m.kind == MountKind::Bind && m.source == path);
        check(mount["Type"] != "bind" || is_known(&source), "bind mounts")?;
        check(device.is_empty() || is_known(&device) || !run.escapes.is_empty(), "volume of a device")?;
    }
    for (key, namespace) in [
        ("PidMode", HostNamespace::Pid),
        ("IpcMode", HostNamespace::Ipc),
        ("NetworkMode", HostNamespace::Network),
        ("UTSMode", HostNamespace::Uts),
        ("UsernsMode", HostNamespace::User),
        ("CgroupnsMode", HostNamespace::Cgroup),
    ] {
        let mode = text(&host[key]);
        check((mode == "host") == run.host_namespaces.contains(&namespace), key)?;
        check(!mode.starts_with("container:") || !run.escapes.is_empty(), key)?;
    }
    for name in list(&host["CapAdd"]) {
        let name = name.to_uppercase().replace("CAP_", "");
        let is_default = ["NET_BIND_SERVICE", "CHOWN"].contains(&name.as_str());
        check(is_default || run.added_capabilities.contains(&name), "capabilities")?;
    }
    for key in ["Runtime", "CgroupParent"] {
        let name = text(&host[key]);
        check(name.is_empty() || run.escapes.iter().any(|escape| escape.ends_with(&name)), key)?;
    }
    for device in host["Devices"].as_array().into_iter().flatten() {
        check(run.devices.contains(&text(&device["PathOnHost"])), "devices")?;
    }
    let sysctls = host["Sysctls"].as_object().into_iter().flatten();
    for (name, value) in sysctls {
        check(run.sysctls.contains(&format!("{name}={}", text(value))), "sysctls")?;
    }
    check(list(&host["VolumesFrom"]).is_empty() || !run.escapes.is_empty(), "volumes from")?;
    check(
        list(&host["SecurityOpt"]).iter().all(|o| o.starts_with("no-new")) || !run.weakened.is_empty(),
        "security",
    )?;
    let lists = [&host["MaskedPaths"], &host["ReadonlyPaths"]];
    let is_short = lists.iter().any(|paths| paths.as_array().is_some_and(|paths| paths.len() < 5));
    check(!is_short || !run.weakened.is_empty(), "hidden paths")
}

#[derive(Debug, Clone)]
enum Change {
    /// Spells the nth key differently.
    Respell(usize, Spelling),
    /// Writes a key and a value before the nth key: in whatever object it stands.
    Insert(usize, &'static str),
    Append(&'static str),
    /// Takes a character out.
    Remove(prop::sample::Index),
}

#[derive(Debug, Clone, Copy)]
enum Spelling {
    Lower,
    Upper,
    LongS,
    Kelvin,
    Escaped,
}

const INSERTS: &[&str] = &[
    r#""Privileged":true"#,
    r#""privileged":true"#,
    r#""Binds":["/:/host"]"#,
    r#""HostConfig":{"Privileged":true}"#,
    r#""HostConfig":null"#,
    r#""hostConfig":{"PidMode":"host"}"#,
    r#""PidMode":"host""#,
    r#""CapAdd":"ALL""#,
    r#""Runtime":"kata""#,
    r#""Runtime":null"#,
    r#""MaskedPaths":[]"#,
    r#""Image":"other""#,
    r#""User":"0""#,
    r#""Unheard":{"Privileged":true}"#,
];

fn change() -> impl Strategy<Value = Change> {
    let spelling = prop_oneof![
        Just(Spelling::Lower),
        Just(Spelling::Upper),
        Just(Spelling::LongS),
        Just(Spelling::Kelvin),
        Just(Spelling::Escaped),
    ];
    let insert = prop::sample::select(INSERTS);
    prop_oneof![
        3 => (0..90usize, spelling).prop_map(|(key, spelling)| Change::Respell(key, spelling)),
        4 => (prop_oneof![0..40usize, 16..18usize], insert).prop_map(|(key, text)| Change::Insert(key, text)),
        1 => prop::sample::select(&["{}", " x", "\0", "{\"HostConfig\":{\"Privileged\":true}}", " "][..]).prop_map(Change::Append),
        1 => any::<prop::sample::Index>().prop_map(Change::Remove),
    ]
}

impl Change {
    fn apply(&self, text: &str) -> String {
        match self {
            Self::Respell(nth, spelling) => match key(text, *nth) {
                Some((start, end)) => {
                    format!("{}{}{}", &text[..start], spelling.of(&text[start..end]), &text[end..])
                }
                None => text.to_owned(),
            },
            Self::Insert(nth, what) => match key(text, *nth) {
                Some((start, _)) => format!("{}{what},{}", &text[..start - 1], &text[start - 1..]),
                None => text.to_owned(),
            },
            Self::Append(what) => format!("{text}{what}"),
            Self::Remove(at) => {
                let mut characters: Vec<char> = text.chars().collect();
                characters.remove(at.index(characters.len()));
                characters.into_iter().collect()
            }
        }
    }
}

impl Spelling {
    fn of(self, key: &str) -> String {
        match self {
            Self::Lower => key.to_lowercase(),
            Self::Upper => key.to_uppercase(),
            Self::LongS => key.replace(['s', 'S'], "\u{17F}"),
            Self::Kelvin => key.replace(['k', 'K'], "\u{212A}"),
            Self::Escaped => key.chars().fold(String::new(), |mut text, c| {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
                text
            }),
        }
    }
}

/// Where the nth key stands, without its quotes.
fn key(text: &str, nth: usize) -> Option<(usize, usize)> {
    let (end, _) = text.match_indices("\":").nth(nth)?;
    let start = text[..end].rfind('"')? + 1;
    Some((start, end))
}

/// What command lines really send to create a container.
fn bodies() -> Vec<String> {
    let requests = crate::requests::captured().into_iter().map(|(_, request)| request);
    requests
        .filter(|request| request.uri.contains("/containers/create"))
        .filter_map(|request| request.body)
        .collect()
}

fn ask(decoder: &Path, texts: &[String]) -> Vec<String> {
    let mut child = Command::new(decoder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = texts.iter().map(|text| format!("{}\n", hex(text.as_bytes()))).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), 2 * texts.len());
    answers
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Builds the decoder; loudly nothing without Go.
fn build() -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/godecode/main.go");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join("godecode");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(&source)
        .env("GOCACHE", folder.join("go-cache"))
        .env("GO111MODULE", "off")
        .output();
    match built {
        Ok(output) if output.status.success() => Some(program),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
            {
                eprintln!("SKIPPED: no Go to compare the request decoder with ({error})");
            }
            None
        }
    }
}
