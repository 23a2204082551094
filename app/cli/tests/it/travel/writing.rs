//! What a writer leaves, and what is said of a file that gave nothing.

use serde_json::Value;

use super::advisories::document;
use crate::place::{Place, text};

#[test]
fn the_next_writer_removes_what_a_killed_one_left() {
    let place = Place::new();
    place.fill(10);
    let left = place.write(".db.lzdb.abcdEFGH.new", "half a database");
    let other = place.write(".other.lzdb.abcdEFGH.new", "somebody else's");
    // While another one writes, nothing is removed: what it is writing lies there.
    let lock = std::fs::OpenOptions::new().write(true).open(place.path("db.lzdb.lock")).unwrap();
    lock.lock().unwrap();
    let one = place.write("one.json", document(77, "2.0").to_string());
    let mut waiting =
        place.command(&["db", "import", text(&one)]).stdout(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert!(waiting.try_wait().unwrap().is_none() && left.exists());
    lock.unlock().unwrap();
    assert!(waiting.wait().unwrap().success());
    assert!(!left.exists() && other.exists(), "{:?}", place.names());
}

#[test]
fn a_file_of_which_nothing_could_be_read_is_on_record_until_it_can() {
    let place = Place::new();
    place.fill(10);
    let good = place.write("feed/a.json", document(1, "3.0").to_string());
    let archive = |name: &str, bytes: &[u8]| place.write(name, bytes);
    // A gzip header, and nothing that it is of.
    let broken = archive("feed.tar.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03broken");
    let (code, error) = place.fails(&["db", "import", text(&broken)]);
    assert_eq!(code, 3, "{error}");
    let record = place.feed("file:feed.tar.gz");
    assert!(record["problem"].as_str().is_some_and(|why| !why.is_empty()), "{record}");
    assert_eq!((&record["advisories"], &record["read"]), (&Value::from(0), &Value::Null));
    assert_eq!(place.ok(&["db", "status"])["advisories"], 10);

    // With a name, it is that feed that failed.
    assert_eq!(place.fails(&["db", "import", "--name", "ours", text(&broken)]).0, 3);
    assert!(place.feed("ours")["problem"].is_string());

    // A file of that name that can be read takes the record away.
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    std::io::copy(&mut std::fs::File::open(&good).unwrap(), &mut encoder).unwrap();
    archive("feed.tar.gz", &encoder.finish().unwrap());
    place.ok(&["db", "import", text(&broken)]);
    assert_eq!(place.feed("file:feed.tar.gz"), Value::Null);
    assert_eq!(place.ok(&["db", "status"])["advisories"], 10);
}
