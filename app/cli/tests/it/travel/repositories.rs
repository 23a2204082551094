//! `lazaret db update` on a machine with repositories of dnf.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::place::{Place, text};

/// Serves a folder, with validators; keeps what was answered.
struct Web {
    address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Web {
    fn start(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&log);
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map_while(Result::ok);
                let Some(first) = lines.next() else { continue };
                let path = first.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
                let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let (status, etag, body) = match std::fs::read(folder.join(&path)) {
                    Ok(body) => {
                        let etag = format!("\"{}\"", hex(&body));
                        let known = headers
                            .iter()
                            .any(|line| line.to_lowercase() == format!("if-none-match: {etag}"));
                        if known { ("304", etag, Vec::new()) } else { ("200", etag, body) }
                    }
                    Err(_) => ("404", "\"\"".to_owned(), Vec::new()),
                };
                shared.lock().unwrap().push(format!("{status} {path}"));
                let head = format!(
                    "HTTP/1.1 {status} x\r\nETag: {etag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body));
            }
        });
        Self { address, log }
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn publish(place: &Place, name: &str, updates: &[(&str, &str, &str)]) {
    let updates: String = updates
        .iter()
        .map(|(cve, package, version)| {
            format!(
                "<update type=\"security\" from=\"x\"><id>RLSA-{cve}</id><title>t</title><references><reference id=\"{cve}\" type=\"cve\"/></references>\
                 <pkglist><collection><name>Rocky Linux 9</name><package name=\"{package}\" version=\"{version}\" release=\"1.el9\" arch=\"x86_64\"/></collection></pkglist></update>"
            )
        })
        .collect();
    let bytes = zstd::encode_all(format!("<updates>{updates}</updates>").as_bytes(), 3).unwrap();
    let sum = hex(&bytes);
    place.write(&format!("web/{name}/repodata/u-{sum}.xml.zst"), bytes);
    let index = format!(
        "<repomd><data type=\"updateinfo\"><checksum type=\"sha256\">{sum}</checksum><location href=\"repodata/u-{sum}.xml.zst\"/></data></repomd>"
    );
    place.write(&format!("web/{name}/repodata/repomd.xml"), index);
}

#[test]
fn repositories_feed_the_database_and_fail_alone() {
    let place = Place::new();
    let web = Web::start(place.path("web"));
    place.write("root/etc/os-release", "ID=rocky\nVERSION_ID=9.3\n");
    let base = format!("http://{}", web.address);
    place.write(
        "root/etc/yum.repos.d/rocky.repo",
        format!(
            "[baseos]\nbaseurl={base}/$releasever/baseos\n[appstream]\nbaseurl={base}/$releasever/appstream\n"
        ),
    );
    publish(&place, "9/baseos", &[("CVE-2024-0001", "openssl", "3.0")]);
    publish(&place, "9/appstream", &[("CVE-2024-0002", "nginx", "1.20"), ("CVE-2024-0003", "httpd", "2.4")]);
    let root = place.path("root");
    let update = ["db", "update", "--root", text(&root)];
    let states = |done: &Value| {
        let repositories = done["repositories"].as_array().unwrap();
        repositories.iter().map(|it| it["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = place.ok(&update);
    assert_eq!(states(&first), ["updated", "updated"], "{first}");
    assert_eq!(place.feed("updateinfo/rocky:9/appstream")["advisories"], 2);
    assert_eq!(place.feed("updateinfo/rocky:9/baseos")["advisories"], 1);

    // Nothing changed: one request each, and the database is not written.
    web.log();
    let modified = || std::fs::metadata(place.path("db.lzdb")).unwrap().modified().unwrap();
    let before = modified();
    assert_eq!(states(&place.ok(&update)), ["unchanged", "unchanged"]);
    let mut log = web.log();
    log.sort();
    assert_eq!(log, ["304 9/appstream/repodata/repomd.xml", "304 9/baseos/repodata/repomd.xml"]);
    assert_eq!(modified(), before);

    // One fails, the other is newer.
    publish(&place, "9/baseos", &[("CVE-2024-0001", "openssl", "3.0"), ("CVE-2024-0009", "bash", "5.2")]);
    place.write("web/9/appstream/repodata/repomd.xml", "<html>maintenance</html>");
    let output = place.run(&update);
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (states(&done), output.status.code()),
        (vec!["failed".to_owned(), "updated".to_owned()], Some(4))
    );
    let failed = place.feed("updateinfo/rocky:9/appstream");
    assert_eq!(failed["advisories"], 2, "the last good data stay");
    assert!(failed["problem"].as_str().unwrap().contains("repomd.xml"), "{failed}");
    assert_eq!(place.feed("updateinfo/rocky:9/baseos")["advisories"], 2);
    // Even with nothing left of the cache.
    std::fs::remove_dir_all(place.path("cache")).unwrap();
    assert_eq!(place.fails(&update).0, 4);
    assert_eq!(place.feed("updateinfo/rocky:9/appstream")["advisories"], 2);

    publish(&place, "9/appstream", &[("CVE-2024-0002", "nginx", "1.22")]);
    place.ok(&update);
    let healed = place.feed("updateinfo/rocky:9/appstream");
    assert_eq!((&healed["advisories"], &healed["problem"]), (&json!(1), &Value::Null));
}

#[test]
fn where_nothing_is_known_no_database_is_made() {
    let place = Place::new();
    place.write("root/etc/os-release", "ID=rocky\nVERSION_ID=9.3\n");
    place.write("root/etc/yum.repos.d/gone.repo", "[gone]\nbaseurl=http://127.0.0.1:1/\n");
    let root = place.path("root");
    let (code, error) = place.fails(&["db", "update", "--root", text(&root)]);
    assert_eq!(code, 4, "{error}");
    assert!(!place.path("db.lzdb").exists(), "a database that knows nothing would make scans look clean");
}

#[test]
fn an_image_does_not_name_this_machine() {
    let (place, web) = (Place::new(), tempfile::tempdir().unwrap());
    let web = Web::start(web.path().to_owned());
    place.write("image/etc/os-release", "ID=rocky\nVERSION_ID=9.3\n");
    place.write(
        "image/etc/yum.repos.d/x.repo",
        format!("[x]\nbaseurl=http://{}/\n[y]\nbaseurl=file:///etc/\n", web.address),
    );
    std::fs::create_dir(place.path("root")).unwrap();
    let (root, image) = (place.path("root"), format!("dir:{}", text(&place.path("image"))));
    let (code, error) =
        place.fails(&["db", "update", "--root", text(&root), "--for", &image, "--trust-images"]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("is this machine, not what an image means"), "{error}");
    assert!(error.contains("an image may name nothing else"), "{error}");
    assert_eq!(web.log(), [""; 0]);
}
