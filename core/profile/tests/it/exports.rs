//! Profiles in the words of others.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "reads published schemas, runs apparmor_parser"
)]
#![expect(clippy::print_stderr, reason = "a test that did not run must be seen")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lazaret_model::KernelOperation;
use lazaret_profile::export::{ExportError, apparmor, network_policy, seccomp};
use lazaret_profile::{Mode, Pattern, Peer, Profile};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::{made, shop};

fn profile() -> Profile {
    let mut profile = shop::profile(Mode::Block);
    profile.system_calls = vec!["accept4".to_owned(), "fork".to_owned(), "9999".to_owned()];
    profile.kernel = vec![KernelOperation::Bpf];
    profile
}

#[test]
fn seccomp_allows_what_was_used_and_what_the_runtime_needs() {
    let export = seccomp(&profile()).unwrap();
    let document: Value = serde_json::from_str(&export.text).unwrap();
    assert_eq!(document["defaultAction"], "SCMP_ACT_ERRNO");
    assert_eq!(document["architectures"], serde_json::json!(["SCMP_ARCH_X86_64"]));
    let names: BTreeSet<_> = document["syscalls"][0]["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(["accept4", "fork", "bpf", "execve", "openat2", "statx"].iter().all(|name| names.contains(name)));
    assert!(!names.contains("mount") && !names.contains("9999"));
    assert_eq!(export.lost.len(), 1);
    assert!(matches!(seccomp(&shop::derived()), Err(ExportError::NoSystemCalls(_))));
    let mut learned = shop::derived();
    learned.system_calls = vec!["memfd_create".to_owned()];
    assert!(matches!(seccomp(&learned), Err(ExportError::NoSystemCalls(_))), "nothing would work with it");
}

/// The files of the OCI runtime specification, where the corpora are.
fn specification() -> Option<(tempfile::TempDir, PathBuf)> {
    let corpora = std::env::var_os("LAZARET_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"), PathBuf::from);
    let archive = corpora.join("specs/oci.tar.zst");
    if !archive.exists() {
        eprintln!("SKIPPED: {} is not there; set LAZARET_CORPORA", archive.display());
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let status = Command::new("tar")
        .arg("--zstd")
        .arg("-xf")
        .arg(&archive)
        .arg("-C")
        .arg(directory.path())
        .status()
        .unwrap();
    assert!(status.success());
    let found =
        Command::new("find").arg(directory.path()).args(["-name", "config-linux.json"]).output().unwrap();
    let path = String::from_utf8(found.stdout).unwrap().lines().next().map(PathBuf::from)?;
    Some((directory, path))
}

#[test]
fn the_oci_schema_accepts_our_seccomp_profiles() {
    let Some((_directory, path)) = specification() else { return };
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.use_loader(Box::new(boon::FileLoader));
    let index = compiler.compile(&format!("{}#/linux", path.display()), &mut schemas).unwrap();
    let document: Value = serde_json::from_str(&seccomp(&profile()).unwrap().text).unwrap();
    let config = serde_json::json!({"seccomp": document});
    if let Err(error) = schemas.validate(&config, index) {
        panic!("{error}");
    };
}

#[test]
fn a_network_policy_has_the_api_s_shape() {
    let mut profile = profile();
    let mut peer = profile.network.connect[0].clone();
    peer.to = Peer::Network("10.0.0.0".parse().unwrap(), 8);
    profile.network.connect.push(peer);
    let export = network_policy(&profile, "app.kubernetes.io/name=shop").unwrap();
    let document: Value = serde_saphyr::from_str(&export.text).unwrap();
    assert_eq!(
        document,
        serde_json::json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "lazaret-090909090909"},
            "spec": {
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": "shop"}},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"ports": [{"protocol": "TCP", "port": 8080}]}],
                "egress": [
                    {"ports": [{"protocol": "TCP", "port": 5432}]},
                    {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
                    {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"protocol": "TCP", "port": 5432}]},
                ],
            },
        }),
        "{}",
        export.text
    );
    assert_eq!(
        export.lost,
        ["name:db.internal cannot be named in a NetworkPolicy: its port is open to every address"]
    );
    let nothing = network_policy(&shop::derived(), "a=b").unwrap();
    assert!(nothing.text.contains("egress: []"), "{}", nothing.text);
    for label in ["a", "a=b=c", "a=\"b", "=b", "a=b\nc"] {
        assert!(matches!(network_policy(&profile, label), Err(ExportError::Label(_))), "{label}");
    }
}

#[test]
fn apparmor_s_own_parser_takes_our_profiles() {
    let mut profile = profile();
    profile.files.push(lazaret_profile::FileRule {
        path: Pattern::literal("/srv/we{ird},\"na me\"?[x]*@{HOME}"),
        ..profile.files[0].clone()
    });
    let text = apparmor(&profile).text;
    for line in [
        "\"/app/tool\" mrix,",
        "\"/srv/data/tmp-*\" rw,",
        "\"/var/log/app/app.log\" a,",
        "network inet stream,",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    if Command::new("apparmor_parser").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: apparmor_parser is not installed");
        return;
    }
    parse(&text);
    let mut runner = TestRunner::deterministic();
    for _ in 0..50 {
        parse(&apparmor(&made::profile().new_tree(&mut runner).unwrap().current()).text);
    }
}

fn parse(text: &str) {
    let mut parser = Command::new("apparmor_parser")
        .args(["--skip-kernel-load", "--skip-cache"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    parser.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = parser.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

proptest! {
    #[test]
    fn any_profile_is_exported(profile in made::profile()) {
        let policy = network_policy(&profile, "a=b").unwrap();
        let read: Result<Value, _> = serde_saphyr::from_str(&policy.text);
        prop_assert!(read.is_ok(), "{}", policy.text);
        let _ = (apparmor(&profile), seccomp(&profile));
    }
}
