//! What Docker asks an authorization plugin, and what it writes for the OCI runtime.

use std::path::Path;

use lazaret_engine::docker::json::{self, Bounds, Value};
use lazaret_engine::docker::request::{RawRequest, decode};
use lazaret_engine::docker::runtime_spec::{self, Layout};
use serde_json::Value as Theirs;

use crate::rows::{pick, picking};
use crate::{Seed, Target};

pub const AUTHZ: Target = Target { run, seeds, largest: 256 << 10 };

type Read = fn(&[u8]);

const ROWS: &[(&str, Read)] = &[("request", request), ("specification", specification), ("json", plain_json)];

/// A byte for the kind, and bytes.
fn run(input: &[u8]) {
    if let Some(((_, read), bytes)) = pick(ROWS, input) {
        read(bytes);
    }
}

/// Method, address and content type, each in a line, and the body.
fn request(bytes: &[u8]) {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n').map(String::from_utf8_lossy);
    let (Some(method), Some(uri), Some(kind)) = (lines.next(), lines.next(), lines.next()) else { return };
    let head = method.len() + uri.len() + kind.len() + 3;
    let raw = RawRequest {
        method: &method,
        uri: &uri,
        content_type: Some(&*kind).filter(|kind| !kind.is_empty()),
        body: bytes.get(head..).filter(|body| !body.is_empty()),
    };
    match decode(&raw) {
        Ok(request) => assert_eq!(decode(&raw).expect("the same request"), request),
        Err(error) => assert!(!error.to_string().is_empty() && !error.remedy().is_empty()),
    }
}

fn specification(bytes: &[u8]) {
    let layout = Layout {
        data_root: "/var/lib/docker",
        exec_root: "/var/run/docker",
        container: "c0ffee",
        cgroup_parent: None,
        has_cgroup_namespaces: false,
        hooks: &[],
        device: &|_, _, _| None,
    };
    if let Err(error) = runtime_spec::read(bytes, &layout) {
        assert!(!error.to_string().is_empty());
    }
}

/// What the strict reader takes, another takes for the same.
fn plain_json(bytes: &[u8]) {
    let Ok(ours) = json::parse(bytes, Bounds::REQUEST) else { return };
    match serde_json::from_slice::<Theirs>(bytes) {
        Ok(theirs) => assert!(is_same(&ours, &theirs), "{ours:?} and {theirs}"),
        // It reads numbers, and not all fit.
        Err(error) => assert!(error.to_string().contains("number out of range"), "{error}"),
    }
}

fn is_same(ours: &Value<'_>, theirs: &Theirs) -> bool {
    match (ours, theirs) {
        (Value::Null, Theirs::Null) | (Value::Number(_), Theirs::Number(_)) => true,
        (Value::Bool(a), Theirs::Bool(b)) => a == b,
        (Value::Text(a), Theirs::String(b)) => a == b,
        (Value::List(a), Theirs::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Map(a), Theirs::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(&**key).is_some_and(|b| is_same(a, b)))
        }
        _ => false,
    }
}

/// Recorded requests of real clients, and files that real engines wrote.
fn seeds(path: &Path, bytes: &[u8]) -> Vec<Seed> {
    let seed = |name: &str, bytes: &[u8]| {
        let row = ROWS.iter().position(|(known, _)| *known == name).expect("a row of the table");
        Seed { row: name.to_owned(), input: picking(row, bytes) }
    };
    let name = path.to_string_lossy();
    if name.ends_with(".jsonl") && name.contains("/requests/") {
        let text = String::from_utf8_lossy(bytes);
        let requests = text.lines().filter_map(|line| serde_json::from_str::<Theirs>(line).ok());
        return requests
            .flat_map(|line| {
                let field = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                let body = field("body");
                let head = ["method", "uri", "content_type"].map(field).join("\n");
                let whole = format!("{head}\n{body}");
                [seed("request", whole.as_bytes()), seed("json", body.as_bytes())]
            })
            .collect();
    }
    let is_specification = name.contains("/specs/") && bytes.starts_with(b"{") && name.contains("testdata");
    is_specification.then(|| seed("specification", bytes)).into_iter().collect()
}
