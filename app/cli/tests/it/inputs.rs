//! What people type and name by mistake: each gets an exit code, what failed, and what to do.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::place::{Place, text};

/// A place with a database that knows one vulnerability of Django.
fn with_database() -> Place {
    let place = Place::new();
    let advisory = json!({
        "id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "summary": "a flaw",
        "database_specific": { "severity": "HIGH" },
        "affected": [{ "package": { "ecosystem": "PyPI", "name": "django" },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "3.0" }] }] }],
    });
    let advisory = place.write("advisory.json", advisory.to_string());
    place.ok(&["db", "import", text(&advisory)]);
    place
}

#[test]
fn each_mistake_has_its_exit_code_and_a_hint() {
    let place = with_database();
    let empty = place.write("empty.tar", "");
    let noise = place.write("noise.tar", [7; 4096]);
    let cut = place.write("cut.json", "{\"bomFormat\": \"CycloneDX\", \"spec");
    let missing = place.path("missing.tar");
    for (target, code) in [
        (format!("archive:{}", missing.display()), 3),
        (format!("sbom:{}", missing.display()), 3),
        (format!("dir:{}", missing.display()), 3),
        (empty.display().to_string(), 3),
        (noise.display().to_string(), 3),
        (cut.display().to_string(), 3),
        ("docker:".to_owned(), 2),
        ("registry:Not/A/Reference".to_owned(), 2),
        ("registry:127.0.0.1:1/nobody/listens:1".to_owned(), 4),
    ] {
        let (found, error) = place.fails(&["scan", &target]);
        assert_eq!(found, code, "{target}: {error}");
        assert!(error.starts_with("error: ") && error.contains("\nhint: "), "{target}: {error}");
        assert!(!error.contains("panicked"), "{error}");
    }
}

#[test]
fn an_empty_archive_is_called_empty() {
    let place = with_database();
    let empty = place.write("empty.tar", "");
    for target in [format!("archive:{}", empty.display()), empty.display().to_string()] {
        let (code, error) = place.fails(&["scan", &target]);
        assert!(code == 3 && error.contains("it is empty: 0 bytes"), "{error}");
    }
}

/// `LAZARET_PLATFORM=` in a script or workflow takes the variable back.
#[test]
fn an_empty_variable_is_not_set() {
    let place = with_database();
    let project = place.write("project/requirements.txt", "Django==2.2.0\n");
    // All that options have, as the list of them says.
    let list = include_str!("../../COMMANDS.md").split("[env: ").skip(1);
    let variables: BTreeSet<&str> = list.filter_map(|rest| rest.split(']').next()).collect();
    assert!(variables.len() > 20, "{variables:?}");
    let scan = |value: &str| {
        // The database's own has a value in a place.
        let variables = variables.iter().filter(|name| **name != "LAZARET_DB").map(|name| (name, value));
        place.command(&["scan", text(project.parent().unwrap())]).envs(variables).output().unwrap()
    };
    let output = scan("");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"][0]["id"], "CVE-2026-1");
    assert!(!scan("nonsense").status.success(), "the variables are those that count");
}

#[test]
fn without_a_database_the_way_to_one_is_shown() {
    let (code, error) = Place::new().fails(&["scan", "."]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("lazaret db update") && error.contains("lazaret db import"), "{error}");
}

#[test]
fn wrong_options_are_told_with_what_is_right() {
    let place = Place::new();
    for (options, right) in [
        (["--timeout", "soon"], "90s, 10m"),
        (["--max-file", "0"], "bound of 0"),
        (["--platform", "arm64"], "linux/arm64"),
        (["--mirror", "docker.io"], "docker.io=mirror.example:5000"),
        (["--fail-on", "worst"], "low, medium, high, critical"),
    ] {
        let (code, error) = place.fails(&[&["scan", "x"], &options[..]].concat());
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(right), "{error}");
    }
}

/// One bad target among several does not take the report of the others.
#[test]
fn several_targets_with_a_bad_one_are_reported() {
    let place = with_database();
    let project = place.write("project/requirements.txt", "Django==2.2.0\n");
    let project = project.parent().unwrap();
    let output = place.run(&["scan", text(project), "archive:/missing.tar", text(project)]);
    assert_eq!(output.status.code(), Some(3));
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reports.as_array().unwrap().len(), 2, "{reports}");
    assert!(reports[0]["findings"][0]["id"] == "CVE-2026-1", "{reports}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("/missing.tar"));
    // What is over the threshold is over it, whatever else failed.
    let (_, error) = place.fails(&["scan", "--fail-on", "high", text(project), "archive:/missing.tar"]);
    assert!(error.contains("over --fail-on"), "{error}");
}

#[test]
fn a_directory_that_may_not_be_read_makes_the_scan_incomplete() {
    let place = with_database();
    place.write("project/requirements.txt", "Django==2.2.0\n");
    place.write("project/secret/requirements.txt", "Django==2.2.0\n");
    let secret = place.path("project/secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let may_read = fs::read_dir(&secret).is_ok();
    let report = place.ok(&["scan", text(&place.path("project"))]);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o755)).unwrap();
    // Root may read everything.
    let (found, problems) = if may_read { (2, 0) } else { (1, 1) };
    assert_eq!(report["packages"].as_array().unwrap().len(), found, "{report}");
    assert_eq!(report["problems"].as_array().unwrap().len(), problems, "{report}");
}

/// Ctrl-C ends a scan at once, with the exit code that shells give to it.
#[test]
fn an_interrupted_scan_ends() {
    let place = with_database();
    let fifo = place.path("endless.tar");
    let pipe = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(pipe.success());
    let mut command = place.command(&["scan", &format!("archive:{}", fifo.display())]);
    let mut scan = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    let kill = std::process::Command::new("kill").args(["-INT", &scan.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let code = loop {
        if let Some(status) = scan.try_wait().unwrap() {
            break status.code();
        }
        if begun.elapsed() > Duration::from_secs(10) {
            scan.kill().unwrap();
            panic!("the scan went on for 10 s");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(matches!(code, Some(130 | 3)), "{code:?}");
}
