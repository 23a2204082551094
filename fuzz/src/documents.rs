//! What people and other programs hand in: bills of material, VEX, package URLs, policies, bodies of the API.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use lazaret_format::{purl, sbom, v1, vex};
use lazaret_model::{Digest, ImageReference};
use lazaret_policy::{IgnoreFile, Policy};
use lazaret_profile::Profile;
use lazaret_profile::learn::Learned;
use lazaret_profile::used::Used;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::LIMITS;
use crate::rows::{pick, picking};
use crate::{Seed, Target};

pub const DOCUMENTS: Target = Target { run, seeds, largest: 64 << 10 };

type Read = fn(&[u8]);

const ROWS: &[(&str, Read)] = &[
    ("sbom", bill_of_material),
    ("vex", |bytes| {
        if let Ok(document) = vex::read(bytes, &LIMITS) {
            assert!(document.statements.len() <= bytes.len());
        }
    }),
    ("purl", package_url),
    ("policy", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match Policy::parse(&text, "policy.yaml") {
            Ok(policy) => assert_eq!(Policy::parse(&text, "policy.yaml").expect("the same text"), policy),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }),
    ("ignore", |bytes| match IgnoreFile::parse(&String::from_utf8_lossy(bytes), "ignore.yaml") {
        Ok(file) => assert!(file.entries().len() <= bytes.len()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }),
    ("reference", comes_back::<ImageReference>),
    ("digest", comes_back::<Digest>),
    ("learned", learned),
    ("used", |bytes| {
        if let Ok(used) = Used::from_json(bytes) {
            assert_eq!(Used::from_json(&used.to_json()), Ok(used));
        }
    }),
    ("profile", |bytes| {
        if let Ok(profile) = Profile::parse(&String::from_utf8_lossy(bytes)) {
            assert_eq!(Profile::parse(&profile.text()), Ok(profile));
        }
    }),
    ("events", body::<v1::EventBatch>),
    ("evidence", body::<v1::EvidenceRequest>),
    ("promotion", body::<v1::PromotionRequest>),
    ("replacement", body::<v1::ReplacementRequest>),
    ("progress", body::<v1::ReplacementProgress>),
    ("token", body::<v1::TokenRequest>),
    ("enrolment", body::<v1::EnrollRequest>),
    ("snapshot", body::<v1::AdmissionSnapshot>),
];

/// A byte for the kind, and a document.
fn run(input: &[u8]) {
    if let Some(((_, read), document)) = pick(ROWS, input) {
        read(document);
    }
}

fn bill_of_material(bytes: &[u8]) {
    let Ok(inventory) = sbom::read(bytes, &LIMITS) else { return };
    assert!(inventory.packages.len() <= LIMITS.packages);
    for package in &inventory.packages {
        if let Some(text) = purl::package(package, inventory.distribution.as_ref()) {
            package_url(text.as_bytes());
        }
    }
}

fn package_url(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(read) = purl::Purl::parse(&text) else { return };
    let written = read.to_string();
    let again =
        purl::Purl::parse(&written).unwrap_or_else(|error| panic!("{written:?} of {text:?}: {error}"));
    assert_eq!(again, read);
    if let Some(named) = purl::named(&read) {
        // A name that means a package goes on meaning one.
        assert!(purl::package(&named.package, named.distribution.as_ref()).is_some(), "{written:?}");
    }
}

fn learned(bytes: &[u8]) {
    let Ok(learned) = Learned::from_json(bytes) else { return };
    assert_eq!(Learned::from_json(&learned.to_json()).as_ref(), Ok(&learned));
    let mut merged = learned.clone();
    assert!(merged.merge(learned.clone()));
    assert_eq!(merged, learned);
    assert!(learned.profile_alone().text().len() <= lazaret_profile::MOST_BYTES);
}

fn comes_back<T: FromStr + Display + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(read) = text.parse::<T>() else { return };
    let written = read.to_string();
    assert_eq!(written.parse::<T>().ok(), Some(read), "{written:?} of {text:?}");
}

fn body<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(bytes) else { return };
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_vec(&again).expect("and written again"), written);
}

/// Files by what they hold, and a word of each kind of which nobody keeps files.
fn seeds(path: &Path, bytes: &[u8]) -> Vec<Seed> {
    const WORDS: &[(&str, &str)] = &[
        ("purl", "pkg:deb/debian/curl@1:7.50.3-1?arch=i386&distro=jessie#a/b"),
        ("purl", "pkg:npm/%40angular/animation@12.3.1?repository_url=https%3A%2F%2Fr.example"),
        ("purl", "pkg:maven/org.apache/batik-anim@1.9.1?classifier=sources&type=jar"),
        ("purl", "pkg:golang/google.golang.org/genproto@abc%2Fd#googleapis/api"),
        (
            "reference",
            "r.example:5000/a/b-c:1.2@sha256:00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa",
        ),
        ("digest", "sha256:00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa"),
        (
            "ignore",
            "- id: CVE-2026-1\n  package: a*\n  purl: pkg:deb/*\n  path: usr/*\n  reason: x\n  owner: y\n  expires: 2027-01-01\n",
        ),
        (
            "used",
            r#"{"version":1,"image":"sha256:00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa00aa","overflow":false,"containers":[[1,5,5,true]],"files":[["/usr/bin/a",6,6,[1]]],"touched":[]}"#,
        ),
        ("learned", include_str!("../../core/profile/testdata/learned.v1.json")),
        ("profile", include_str!("../../core/profile/testdata/shop.yaml")),
        ("token", r#"{"kind":"user","name":"a","lifetime_seconds":60}"#),
        ("enrolment", r#"{"host":"h","machine_id":"0","version":"1"}"#),
        (
            "promotion",
            r#"{"manifest":"sha256:00","envelope":{"payloadType":"a","payload":"","signatures":[{"keyid":"k","sig":""}]}}"#,
        ),
        ("replacement", r#"{"container":"c","host":"h","image":"i","health_seconds":5}"#),
        (
            "progress",
            r#"{"state":"healthy","index":1,"at":"2026-01-01T00:00:00Z","text":"t","successor":"s"}"#,
        ),
        (
            "events",
            r#"{"spool":"s","events":[{"seq":1,"at":"2026-01-01T00:00:00Z","kind":"agent-started","version":"1","enforcement":"e"}],"lost":2}"#,
        ),
    ];
    if path.as_os_str().is_empty() {
        return WORDS.iter().map(|(kind, word)| seed_of(kind, word.as_bytes())).collect();
    }
    let head = String::from_utf8_lossy(bytes.get(..4096).unwrap_or(bytes));
    let holds = |word: &str| head.contains(word);
    let is_policy = holds("scan:") || holds("stages:") || holds("engine:");
    let mut kinds = Vec::new();
    if holds("bomFormat") || holds("spdxVersion") || holds("SPDXVersion:") {
        kinds.push("sbom");
    }
    if holds("openvex") || holds("csaf_version") || holds("\"vulnerabilities\"") {
        kinds.push("vex");
    }
    if is_policy && path.extension().is_some_and(|extension| extension == "yaml") {
        kinds.push("policy");
    }
    kinds.into_iter().map(|kind| seed_of(kind, bytes)).collect()
}

fn seed_of(name: &str, bytes: &[u8]) -> Seed {
    let row = ROWS.iter().position(|(known, _)| *known == name).expect("a row of the table");
    Seed { row: name.to_owned(), input: picking(row, bytes) }
}
