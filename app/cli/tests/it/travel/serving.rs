//! `lazaret db serve`, and pulls from it that take only what is new.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use lazaret_model::{Digest, ImageReference};
use lazaret_source::{Artifact, ArtifactContent, Attachment, Registry, RegistryOptions};
use lazaret_trust::{Predicate, SigningKey, Statement};
use serde_json::json;
use sha2::Digest as _;

use super::advisories::document;
use super::served::{Served, Slow, get};
use crate::place::{Place, say, text};

#[test]
fn a_pull_takes_only_what_is_new_and_what_was_signed() {
    let (here, there, stranger) = (Place::new(), Place::new(), Place::new());
    let ((key, public), (_, other)) = (here.key("mine"), here.key("other"));
    here.fill(20_000);
    let served = Served::start(&here, &["--key", text(&key)]);
    let (name, public) = (served.reference(), text(&public).to_owned());

    let (code, error) = there.fails(&["db", "pull", &name, "--key", text(&other)]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("is not signed with the key"), "{error}");
    let first = there.ok(&["db", "pull", &name, "--key", &public]);
    let status = here.ok(&["db", "status"]);
    assert_eq!((&first["state"], &first["digest"]), (&json!("pulled"), &status["digest"]));
    let file = |place: &Place| std::fs::read(place.path("db.lzdb")).unwrap();
    assert!(file(&there) == file(&here), "the same bytes, although they travelled in pieces");
    let again = there.ok(&["db", "pull", &name, "--key", &public]);
    assert_eq!((&again["state"], &again["bytes"]), (&json!("unchanged"), &json!(0)));

    // Who passes it on passes the signature on.
    let passed_on = Served::start(&there, &[]);
    assert_eq!(passed_on.hello["signatures"], 1);
    stranger.ok(&["db", "pull", &passed_on.reference(), "--key", &public]);
    let (out, last) = (stranger.path("out.lzdb"), Place::new());
    stranger.ok(&["db", "export", "--out", text(&out)]);
    last.ok(&["db", "import", text(&out)]);
    assert_eq!(Served::start(&last, &[]).hello["signatures"], 1);

    // One more advisory is served without a restart, and is all that travels.
    let before = served.etag();
    let one = here.write("one.json", document(77_777, "2.0").to_string());
    here.ok(&["db", "import", text(&one)]);
    served.wait_for_other_than(&before);
    let newer = there.ok(&["db", "pull", &name, "--key", &public]);
    assert_eq!(newer["state"], "pulled");
    assert!(file(&there) == file(&here));
    let (whole, part) = (first["bytes"].as_u64().unwrap(), newer["bytes"].as_u64().unwrap());
    say(&format!("one more advisory in 20,000: {part} bytes of {whole}"));
    assert!(part * 20 < whole, "{part} of {whole}");
    // The version before can still be had by its digest.
    let digest = before.trim_matches('"');
    assert_eq!(get(served.address, &format!("/v2/lazaret/advisories/manifests/{digest}"), "").status, 200);

    // What is no database does not take the place of one that is served.
    let before = served.etag();
    std::fs::write(here.path("db.lzdb"), "nonsense").unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(served.etag(), before);
    there.ok(&["db", "pull", &name, "--key", &public]);
}

#[test]
fn the_file_is_downloaded_whole_or_in_parts() {
    let here = Place::new();
    here.fill(500);
    let served = Served::start(&here, &[]);
    let file = std::fs::read(here.path("db.lzdb")).unwrap();
    let whole = get(served.address, "/advisories.lzdb", "");
    assert!(whole.status == 200 && whole.body == file);
    let etag = whole.header("etag");
    let digest = Digest::from_bytes(sha2::Sha256::digest(&file).into());
    assert_eq!(etag, format!("\"{digest}\""));
    let part =
        get(served.address, "/advisories.lzdb", &format!("Range: bytes=1000-\r\nIf-Range: {etag}\r\n"));
    assert_eq!(
        (part.status, part.header("content-range")),
        (206, format!("bytes 1000-{}/{}", file.len() - 1, file.len()))
    );
    assert!(part.body == file[1000..]);
    assert_eq!(get(served.address, "/advisories.lzdb", "Range: bytes=99999999-\r\n").status, 416);
    assert_eq!(get(served.address, "/advisories.lzdb", &format!("If-None-Match: {etag}\r\n")).status, 304);
    let old = get(served.address, "/advisories.lzdb", "Range: bytes=1000-\r\nIf-Range: \"other\"\r\n");
    assert!(old.status == 200 && old.body == file, "a part of another version fits to nothing");
    assert_eq!(get(served.address, "/advisories.lzdb.sig", "").status, 404);

    let manifest = get(served.address, "/v2/lazaret/advisories/manifests/latest", "");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.body).unwrap();
    let blob = manifest["layers"][0]["digest"].as_str().unwrap();
    let path = format!("/v2/lazaret/advisories/blobs/{blob}");
    let (all, rest) = (get(served.address, &path, ""), get(served.address, &path, "Range: bytes=10-\r\n"));
    assert!(all.body[10..] == rest.body && rest.status == 206);
    assert_eq!(get(served.address, "/v2/", "").status, 200);
    for path in [
        "/v2/other/thing/manifests/latest",
        "/v2/lazaret/advisories/manifests/x",
        "/v2/lazaret/advisories/blobs/..%2f..",
        "/etc/passwd",
    ] {
        assert_eq!(get(served.address, path, "").status, 404, "{path}");
    }
}

/// How many pieces were kept of a pull that is not at its end.
fn kept(place: &Place) -> usize {
    std::fs::read_dir(place.path("db.lzdb.pulling")).map_or(0, Iterator::count)
}

fn wait_for_pieces(place: &Place, count: usize) {
    for _ in 0..600 {
        if kept(place) >= count {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no piece came");
}

#[test]
fn a_pull_that_was_ended_goes_on_where_it_ended() {
    let (here, there) = (Place::new(), Place::new());
    here.fill(20_000);
    let mut served = Served::start(&here, &[]);
    let slow = Slow::to(served.address);
    let pull = |address| {
        let name = format!("{address}/lazaret/advisories:latest");
        let mut command = there.command(&["db", "pull", &name]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };

    // The server is killed: the pull fails, and what came stays.
    let mut pulling = pull(slow.address);
    wait_for_pieces(&there, 3);
    served.process.kill().unwrap();
    served.process.wait().unwrap();
    assert!(!pulling.wait().unwrap().success());
    assert!(kept(&there) >= 3 && !there.path("db.lzdb").exists());

    // The puller is killed.
    let served = Served::start(&here, &[]);
    let slow = Slow::to(served.address);
    let before = kept(&there);
    let mut pulling = pull(slow.address);
    wait_for_pieces(&there, before + 3);
    pulling.kill().unwrap();
    pulling.wait().unwrap();
    assert!(!there.path("db.lzdb").exists());
    // A piece that was cut off by the kill is fetched again.
    let some = std::fs::read_dir(there.path("db.lzdb.pulling")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&some, "cut").unwrap();

    let whole = Place::new().ok(&["db", "pull", &served.reference()])["bytes"].as_u64().unwrap();
    let rest = there.ok(&["db", "pull", &served.reference()])["bytes"].as_u64().unwrap();
    say(&format!("after two kills: {rest} bytes of {whole} were left"));
    assert!(rest > 0 && rest < whole, "{rest} of {whole}");
    assert_eq!(there.ok(&["db", "status"])["digest"], here.ok(&["db", "status"])["digest"]);
    assert_eq!(kept(&there), 0);
}

#[test]
fn a_database_that_was_stored_whole_is_pulled_too() {
    let Some(registry) = crate::registry::DebianRegistry::start() else { return };
    let (here, there) = (Place::new(), Place::new());
    let (key, public) = here.key("mine");
    here.fill(100);
    let digest = here.ok(&["db", "status"])["digest"].as_str().unwrap().to_owned();
    let reference: ImageReference = format!("{}/lazaret/advisories:old", registry.address).parse().unwrap();
    let bytes = zstd::encode_all(std::fs::File::open(here.path("db.lzdb")).unwrap(), 3).unwrap();
    let contents = [ArtifactContent {
        media_type: "application/vnd.lazaret.advisories.v2+zstd".to_owned(),
        bytes: bytes.into(),
        annotations: BTreeMap::new(),
    }];
    let annotations = BTreeMap::from([("vnd.lazaret.advisories.content".to_owned(), digest.clone())]);
    let artifact = Artifact {
        kind: "application/vnd.lazaret.advisories.v2",
        contents: &contents,
        annotations: &annotations,
    };
    let key = SigningKey::from_pem(&std::fs::read_to_string(key).unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = Registry::new(RegistryOptions::default()).unwrap();
        let manifest = client.push_artifact(&reference, &artifact).await.unwrap().manifest;
        let statement = Statement::about(&reference.name(), manifest.digest, Predicate::Signature);
        let envelope = statement.sign(&key).unwrap().to_json();
        let predicate_type = Predicate::Signature.predicate_type();
        let named = reference.with_digest(manifest.digest);
        client
            .attach(&named, &manifest, &[Attachment { envelope: &envelope, predicate_type }])
            .await
            .unwrap();
    });
    let pulled = there.ok(&["db", "pull", &reference.to_string(), "--key", text(&public)]);
    assert_eq!(pulled["digest"], digest);
    assert_eq!(there.ok(&["db", "pull", &reference.to_string()])["state"], "unchanged");
}
