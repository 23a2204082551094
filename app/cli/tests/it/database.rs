//! The advisory database as people keep it, with the program itself.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::place::{Place, corpus, text};
use crate::registry::DebianRegistry;

fn document(id: &str, package: &str, fixed: &str) -> Value {
    json!({
        "id": id, "modified": "2026-01-01T00:00:00Z", "summary": "a flaw",
        "affected": [{ "package": { "ecosystem": "PyPI", "name": package },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }] }],
    })
}

/// Ids of what a scan finds.
fn found(place: &Place, directory: &Path) -> Vec<String> {
    let report = place.ok(&["scan", text(directory)]).to_string();
    // Where ids stand in the report is its own tests' business.
    let mut ids: Vec<String> = report
        .split('"')
        .filter(|word| ["CVE-", "PYSEC-", "X-"].iter().any(|start| word.starts_with(start)))
        .map(str::to_owned)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[test]
fn a_real_feed_is_imported_once_and_found_by_scans() {
    let Some(pypa) = corpus("pypa.tar.zst") else { return };
    let place = Place::new();
    let first = place.ok(&["db", "import", text(&pypa)]);
    assert_eq!(first["sources"][0]["feeds"], json!(["osv-pypi"]), "{first}");
    assert!(first["sources"][0]["documents"].as_u64().unwrap() > 7_000, "{first}");

    let requirements = place.write("project/requirements.txt", "Django==2.2.0\n");
    let ids = found(&place, requirements.parent().unwrap());
    for id in ["CVE-2019-12308", "CVE-2019-14234"] {
        assert!(ids.iter().any(|found| found == id), "{id} is not among {ids:?}");
    }

    let before = std::fs::metadata(place.path("db.lzdb")).unwrap().modified().unwrap();
    let begun = Instant::now();
    let again = place.ok(&["db", "import", text(&pypa)]);
    assert_eq!(again["sources"][0]["state"], "unchanged");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(std::fs::metadata(place.path("db.lzdb")).unwrap().modified().unwrap(), before);
    let rows = place.feed("osv-pypi")["advisories"].clone();

    // The last good data stay when a download broke off, and the problem is told until the next good one.
    let whole = std::fs::read(&pypa).unwrap();
    let broken = place.write("broken.tar.zst", &whole[..whole.len() / 2]);
    let (code, error) = place.fails(&["db", "import", text(&broken)]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("was not imported") && error.contains("is damaged"), "{error}");
    let feed = place.feed("osv-pypi");
    assert_eq!(feed["advisories"], rows);
    assert!(feed["problem"].as_str().unwrap().contains("damaged"), "{feed}");
    assert!(found(&place, requirements.parent().unwrap()).len() >= 2);
    place.ok(&["db", "import", text(&pypa)]);
    assert_eq!(place.feed("osv-pypi")["problem"], Value::Null);
    assert_eq!(place.feed("osv-pypi")["advisories"], rows);
}

#[test]
fn a_kill_leaves_a_usable_database() {
    let (Some(go), Some(pypa)) = (corpus("govulndb.tar.zst"), corpus("pypa.tar.zst")) else { return };
    let place = Place::new();
    let one = place.write("one.json", document("X-1", "left", "1.0").to_string());
    place.ok(&["db", "import", text(&one)]);
    for wait in [20, 120, 400, 900, 1_600] {
        let mut child: Child = place
            .command(&[
                "db",
                "import",
                "--again",
                text(&go),
                text(&pypa),
                "--db",
                text(&place.path("db.lzdb")),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(place.ok(&["db", "status"])["feeds"][0]["problem"], Value::Null);
    }
    place.ok(&["db", "import", text(&go)]);
    assert!(place.feed("osv-golang")["advisories"].as_u64().unwrap() > 4_000);
    assert_eq!(place.feed("osv-pypi").is_null(), place.feed("osv-pypi")["advisories"].is_null());
}

#[test]
fn a_directory_takes_the_place_of_its_feed_and_a_document_of_itself() {
    let place = Place::new();
    let project = place.write("project/requirements.txt", "left==0.5\nright==0.5\n");
    let project = project.parent().unwrap();
    place.write("feed/a.json", document("X-1", "left", "1.0").to_string());
    place.write("feed/b.json", document("X-2", "right", "1.0").to_string());
    place.write("feed/README.md", "# What this is\n");
    let directory = place.path("feed");
    let done = place.ok(&["db", "import", text(&directory)]);
    assert_eq!(done["sources"][0]["unknown"], json!({ "count": 1, "first": "README.md" }));
    assert_eq!(found(&place, project), ["X-1", "X-2"]);

    let newer = place.write("newer.json", document("X-1", "left", "0.4").to_string());
    place.ok(&["db", "import", text(&newer)]);
    assert_eq!(found(&place, project), ["X-2"]);
    let mut withdrawn = document("X-2", "right", "1.0");
    withdrawn["withdrawn"] = json!("2026-02-01T00:00:00Z");
    let withdrawn = place.write("withdrawn.json", withdrawn.to_string());
    place.ok(&["db", "import", text(&withdrawn)]);
    assert_eq!(found(&place, project), [""; 0]);

    std::fs::remove_file(place.path("feed/a.json")).unwrap();
    place.ok(&["db", "import", text(&directory)]);
    assert_eq!(found(&place, project), ["X-2"]);

    // Another feed changes nothing about it, and a name keeps two feeds apart.
    let scores = place.write("scores.csv", "cve,epss,percentile\nCVE-2024-0001,0.5,0.9\n");
    place.ok(&["db", "import", text(&scores)]);
    let other = place.write("other/c.json", document("X-3", "left", "1.0").to_string());
    place.ok(&["db", "import", "--name", "ours", text(other.parent().unwrap())]);
    assert_eq!(found(&place, project), ["X-2", "X-3"]);
    assert_eq!(place.feed("epss")["vulnerabilities"], 1);
    assert_eq!(place.feed("ours")["advisories"], 1);
    assert_eq!(place.ok(&["db", "import", text(&scores)])["sources"][0]["state"], "unchanged");
    place.write("scores.csv", "cve,epss,percentile\nCVE-2024-0002,0.5,0.9\n");
    place.ok(&["db", "import", text(&scores)]);
    assert_eq!(place.feed("epss")["vulnerabilities"], 1);

    // A table that is broken, and a file that is none.
    place.write("scores.csv", "#model\ncve,epsss\n");
    let (code, error) = place.fails(&["db", "import", text(&scores)]);
    assert_eq!(code, 3, "{error}");
    assert_eq!(place.feed("epss")["vulnerabilities"], 1);
    let (code, error) = place.fails(&["db", "import", text(&place.path("feed/README.md"))]);
    assert_eq!(code, 3);
    assert!(error.contains("the first is `README.md`") && error.contains("db import --help"), "{error}");
    assert_eq!(place.fails(&["db", "import", "/nonexistent"]).0, 3);
    assert_eq!(found(&place, project), ["X-2", "X-3"]);
}

#[test]
fn imports_at_once_lose_nothing() {
    let place = Place::new();
    let feeds: Vec<_> = (0..6)
        .map(|number| {
            let id = format!("X-{number}");
            let path =
                place.write(&format!("feed-{number}/a.json"), document(&id, "left", "1.0").to_string());
            (format!("feed-{number}"), path)
        })
        .collect();
    let running: Vec<Child> = feeds
        .iter()
        .map(|(name, path)| {
            let directory = text(path.parent().unwrap());
            let mut command = place.command(&["db", "import", "--name", name, directory]);
            command.arg("--db").arg(place.path("db.lzdb")).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let status = place.ok(&["db", "status"]);
    assert_eq!(status["feeds"].as_array().unwrap().len(), feeds.len(), "{status}");
    assert_eq!(status["advisories"], 6);
}

#[test]
fn a_database_travels_as_a_file() {
    let (here, there) = (Place::new(), Place::new());
    let one = here.write("one.json", document("X-1", "left", "1.0").to_string());
    here.ok(&["db", "import", text(&one)]);
    let file = here.path("out.lzdb");
    let exported = here.ok(&["db", "export", "--out", text(&file)]);
    let imported = there.ok(&["db", "import", text(&file)]);
    assert_eq!(imported["digest"], exported["digest"]);
    assert_eq!(there.ok(&["db", "status"])["digest"], exported["digest"]);

    let mut damaged = std::fs::read(&file).unwrap();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let damaged = there.write("damaged.lzdb", damaged);
    let (code, error) = there.fails(&["db", "import", text(&damaged)]);
    assert_eq!(code, 3);
    assert!(error.contains("is not a usable advisory database"), "{error}");
    assert_eq!(there.ok(&["db", "status"])["digest"], exported["digest"]);
    assert_eq!(there.fails(&["db", "import", text(&file), text(&one)]).0, 2);
}

#[test]
fn a_database_travels_through_a_registry() {
    let Some(registry) = DebianRegistry::start() else { return };
    let (here, there) = (Place::new(), Place::new());
    let documents: Vec<Value> =
        (0..2_000).map(|number| document(&format!("X-{number}"), &format!("p{number}"), "1.0")).collect();
    let many = here.write("many.json", Value::from(documents).to_string());
    here.ok(&["db", "import", text(&many)]);
    let make_key = |name: &str| {
        let out = here.path(name);
        let output = here.command(&["key", "generate", "--out", text(&out)]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (out.join("lazaret.key"), out.join("lazaret.pub"))
    };
    let ((key, public), (_, other)) = (make_key("mine"), make_key("other"));
    let name = format!("{}/lazaret/advisories:latest", registry.address);

    let pushed = here.ok(&["db", "push", &name, "--key", text(&key)]);
    let (code, error) = there.fails(&["db", "pull", &name, "--key", text(&other)]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("is not signed with the key"), "{error}");
    let pulled = there.ok(&["db", "pull", &name, "--key", text(&public)]);
    assert_eq!((&pulled["state"], &pulled["digest"]), (&json!("pulled"), &pushed["digest"]));
    assert_eq!(there.ok(&["db", "status"])["advisories"], 2_000);
    let again = there.ok(&["db", "pull", &name, "--key", text(&public)]);
    assert_eq!((&again["state"], &again["bytes"]), (&json!("unchanged"), &json!(0)));

    // What somebody else put there is not signed.
    let one = here.write("one.json", document("X-1", "p1", "2.0").to_string());
    here.ok(&["db", "import", text(&one)]);
    here.ok(&["db", "push", &name]);
    let (code, error) = there.fails(&["db", "pull", &name, "--key", text(&public)]);
    assert_eq!(code, 1);
    assert!(error.contains("is not signed"), "{error}");
    assert_eq!(there.ok(&["db", "status"])["digest"], pushed["digest"]);
    there.ok(&["db", "pull", &name]);

    // What was altered in the registry does not have its digest.
    let stranger = Place::new();
    for path in registry.contents().iter().take(2) {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    let (code, error) = stranger.fails(&["db", "pull", &name]);
    assert!([3, 4].contains(&code), "{code} {error}");
    assert!(!stranger.path("db.lzdb").exists());
    assert_eq!(there.fails(&["db", "pull", &format!("{}/no/such:one", registry.address)]).0, 3);
    assert_eq!(there.fails(&["db", "pull", "Not A Name"]).0, 2);
}
