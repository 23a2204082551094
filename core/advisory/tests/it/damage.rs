//! Hostile files: an error or the same answers, never a panic.

use lazaret_advisory::{Builder, Database, DatabaseError, Feed};
use lazaret_model::{Advisory, Digest, Ecosystem, Package, Vulnerability};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::samples::{advisories, advisory, bookworm, built, file, package};

const HEADER: usize = 296;

fn sample() -> Vec<u8> {
    let mut builder = Builder::new();
    builder.push(advisory("CVE-2024-0001", "foo", "", "1.2"));
    builder
        .push(Advisory { aliases: vec!["DSA-1".into()], ..advisory("CVE-2024-0002", "foo", "1.0", "1.3") });
    builder.push(advisory("CVE-2024-0002", "bar", "", ""));
    builder.push(Advisory { feed: "osv".into(), ..advisory("CVE-2024-0002", "foo", "1.0", "1.4") });
    builder.push(Advisory {
        last_affected: Some("1.1".into()),
        module: Some("a:1".into()),
        ..Advisory::new("GHSA-1", Ecosystem::PyPi, "", "foo")
    });
    let known = Vulnerability {
        cvss: vec![("nvd".into(), "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".into())],
        epss: Some(5),
        exploited: Some("2024-01-01".into()),
        ..Vulnerability::new("CVE-2024-0001")
    };
    builder.push_vulnerability("nvd", "CVE-2024-0001", &known);
    builder.push_vulnerability("epss", "CVE-2024-0001", &Vulnerability { cvss: Vec::new(), ..known });
    builder.feed(&Feed {
        source: Some(Digest::from_bytes([1; 32])),
        problem: Some("late".into()),
        ..Feed::new("nvd")
    });
    builder.build(built()).expect("a few advisories fit")
}

fn packages() -> Vec<Package> {
    let mut packages = ["foo", "bar", "a", "b", "c"].map(|name| package(name, name, "1.1")).to_vec();
    packages.push(Package { module: Some("a:1".into()), ..Package::new(Ecosystem::PyPi, "foo", "1.0") });
    packages
}

/// Asks everything that can be asked.
fn ask(database: &Database) -> Result<String, DatabaseError> {
    let mut answers = format!("{:?}", database.snapshot());
    answers += &format!("{:?}", database.findings(Some(&bookworm()), &packages())?);
    answers += &format!("{:?}", database.advisories().collect::<Result<Vec<_>, _>>()?);
    for id in ["CVE-2024-0001", "CVE-2024-0002", "DSA-1"] {
        answers += &format!("{:?}", database.by_id(id)?);
    }
    answers += &format!("{:?}", database.by_package(Ecosystem::Deb, "debian:12", "foo")?);
    answers += &format!("{:?}", database.coverage()?);
    answers += &format!("{:?}", database.feeds()?);
    answers += &format!("{:?}", database.covers(&bookworm())?);
    answers += &format!("{:?}", database.vulnerability("CVE-2024-0001")?);
    for package in packages() {
        answers += &format!("{:?}", database.explain(Some(&bookworm()), &package, "CVE-2024-0002")?);
    }
    // Feeds whose names are damaged are no feeds that were asked for.
    let mut builder = Builder::new();
    builder.keep_all_but(database, &["epss"])?;
    answers += &format!("{:?}", builder.build(built()).map(|file| file.len()));
    Ok(answers)
}

/// Makes the hashes right again, as an attacker would.
fn forge(file: &mut [u8]) {
    let content = Sha256::digest(&file[HEADER..]);
    file[232..264].copy_from_slice(&content);
    let header = Sha256::digest(&file[..264]);
    file[264..296].copy_from_slice(&header);
}

#[test]
fn a_file_cut_off_anywhere_does_not_open() {
    let file = sample();
    for end in 0..file.len() {
        assert!(Database::open(&file[..end]).is_err(), "{end}");
    }
    let longer = [&file[..], &[0]].concat();
    assert!(matches!(Database::open(longer), Err(DatabaseError::Header(_))));
}

#[test]
fn errors_say_what_is_wrong() {
    let error = |file: &[u8]| Database::open(file).unwrap_err().to_string();
    let mut file = sample();
    assert_eq!(error(b"PK\x03\x04"), "it is not an advisory database: it does not start with `LZDB`");
    let cut = file.len() - 9;
    assert_eq!(error(&file[..cut]), format!("it is cut off: {cut} bytes of {}", file.len()));
    file[4] = 1;
    assert_eq!(error(&file), "it has the format version 1, and this program reads versions 2 to 3 only");
}

#[test]
fn a_file_of_the_version_before_is_read_and_answers_the_same() {
    let new = sample();
    let mut old = new.clone();
    old[4] = 2;
    forge(&mut old);
    let answers = |file| ask(&Database::open(file).unwrap()).unwrap();
    let snapshot = |file| format!("{:?}", Database::open(file).unwrap().snapshot());
    // The snapshot tells the file's own digest.
    assert_eq!(
        answers(old.clone()).replace(&snapshot(old), ""),
        answers(new.clone()).replace(&snapshot(new), ""),
    );
}

#[test]
fn every_flipped_bit_is_found() {
    let file = sample();
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            let sound = Database::open(damaged).and_then(|database| database.verify());
            assert!(sound.is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn forged_files_answer_or_fail() {
    let file = sample();
    for at in (4..232).chain(HEADER..file.len()) {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut forged = file.clone();
            forged[at] = value;
            forge(&mut forged);
            if let Ok(database) = Database::open(forged) {
                let sound = database.verify().is_ok();
                let answers = ask(&database);
                assert!(!sound || answers.is_ok(), "byte {at}: verified, but {answers:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Database::open(bytes).is_err());
    }

    #[test]
    fn any_forged_content_is_answered_or_refused(
        rows in advisories(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = file(rows);
        let content = bytes.len() - HEADER;
        for (at, value) in changes {
            if content > 0 {
                bytes[HEADER + at.index(content)] = value;
            }
        }
        forge(&mut bytes);
        if let Ok(database) = Database::open(bytes) {
            let sound = database.verify().is_ok();
            prop_assert!(ask(&database).is_ok() || !sound);
        }
    }
}
