//! What was pushed can be read.

use std::collections::BTreeSet;
use std::io::Write;

use lazaret_advisory::{Database, affects_version};
use lazaret_model::{Advisory, Ecosystem};
use proptest::prelude::*;

use super::samples::{RELEASE, advisories, advisory, built, file, open};

#[test]
fn an_empty_database_is_one() {
    let database = open([]);
    assert_eq!(database.advisories().count(), 0);
    assert_eq!(database.snapshot().advisories, 0);
    assert_eq!(database.coverage().unwrap(), []);
    assert_eq!(database.by_id("CVE-2024-0001").unwrap(), []);
}

#[test]
fn rows_are_found_by_package_and_by_id() {
    let known = Advisory { aliases: vec!["DSA-1".into()], ..advisory("CVE-2024-0001", "foo", "", "1.2") };
    let other = advisory("CVE-2024-0002", "bar", "1.0", "");
    let database = open([known.clone(), other.clone()]);
    assert_eq!(database.by_id("CVE-2024-0001").unwrap(), std::slice::from_ref(&known));
    assert_eq!(database.by_id("DSA-1").unwrap(), std::slice::from_ref(&known));
    assert_eq!(database.by_id("CVE-2024-0009").unwrap(), []);
    assert_eq!(database.by_package(Ecosystem::Deb, RELEASE, "bar").unwrap(), [other]);
    assert_eq!(database.by_package(Ecosystem::Deb, "debian:11", "bar").unwrap(), []);
    let coverage = database.coverage().unwrap();
    assert_eq!(coverage.len(), 1);
    assert_eq!((coverage[0].release.as_str(), coverage[0].packages, coverage[0].advisories), (RELEASE, 2, 2));
    let snapshot = database.snapshot();
    assert_eq!((snapshot.built.as_str(), snapshot.advisories), ("2026-01-02T03:04:05Z", 2));
}

#[test]
fn the_identity_is_that_of_the_content() {
    let row = || advisory("CVE-2024-0001", "foo", "", "1.2");
    let mut builder = lazaret_advisory::Builder::new();
    builder.push(row());
    let later = builder.build(built() + jiff::SignedDuration::from_secs(60)).unwrap();
    let (early, later) = (open([row()]).snapshot(), Database::open(later).unwrap().snapshot());
    assert_eq!(early.digest, later.digest);
    assert_ne!(early.built, later.built);
    assert_ne!(early.digest, open([]).snapshot().digest);
}

#[test]
fn a_file_is_mapped() {
    let path = std::env::temp_dir().join(format!("lazaret-advisory-{}.lzdb", std::process::id()));
    std::fs::File::create(&path)
        .unwrap()
        .write_all(&file([advisory("CVE-2024-0001", "foo", "", "1.2")]))
        .unwrap();
    let database = Database::map(&std::fs::File::open(&path).unwrap()).unwrap();
    database.verify().unwrap();
    assert_eq!(database.by_id("CVE-2024-0001").unwrap().len(), 1);
    std::fs::write(&path, b"").unwrap();
    assert!(Database::map(&std::fs::File::open(&path).unwrap()).is_err());
    std::fs::remove_file(&path).unwrap();
}

proptest! {
    #[test]
    fn what_was_pushed_is_read(pushed in advisories()) {
        let database = open(pushed.clone());
        let rows: Vec<Advisory> = database.advisories().collect::<Result<_, _>>().unwrap();
        for row in &pushed {
            let by_id = database.by_id(&row.id).unwrap();
            let by_package = database.by_package(row.ecosystem, &row.release, &row.package).unwrap();
            let is_empty = row.introduced.as_ref().zip(row.fixed.as_ref())
                .is_some_and(|(start, end)| lazaret_version::deb::compare(start, end).is_ge());
            prop_assert!(is_empty || by_package.iter().any(|known| known.id == row.id && by_id.contains(known)));
        }
        let ids: BTreeSet<&String> = rows.iter().flat_map(|row| std::iter::once(&row.id).chain(&row.aliases)).collect();
        for id in ids {
            let expected: Vec<&Advisory> =
                rows.iter().filter(|row| row.id == *id || row.aliases.contains(id)).collect();
            let found = database.by_id(id).unwrap();
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        }
        let again = file(rows);
        prop_assert_eq!(again, file(pushed), "a database rebuilt from its rows is the same");
    }

    #[test]
    fn the_order_of_pushing_does_not_matter(pushed in advisories(), by in any::<prop::sample::Index>()) {
        let mut turned = pushed.clone();
        if !turned.is_empty() {
            let by = by.index(turned.len());
            turned.rotate_left(by);
            turned.swap(0, by);
        }
        prop_assert_eq!(file(pushed), file(turned));
    }

    #[test]
    fn a_merged_row_affects_nothing_that_no_row_affected(pushed in advisories(), version in "[0-4]\\.[0-3](~deb12u1)?") {
        let database = open(pushed.clone());
        for row in database.advisories().map(Result::unwrap) {
            if affects_version(&row, &version) {
                let told = pushed.iter().any(|told| {
                    told.id == row.id
                        && (&told.release, &told.package) == (&row.release, &row.package)
                        && affects_version(told, &version)
                });
                prop_assert!(told, "{row:?}");
            }
        }
    }
}
