//! Databases of rpm that others wrote, against what rpm 4.18 (and go-rpmdb) read in them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lazaret_catalog::{Catalog, Options, catalog};
use lazaret_model::{Ecosystem, Limits, Package};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::corpora::unpacked;
use crate::memory::Memory;

/// Databases and the table beside each, relative to `rpmdb`, with the number of packages.
const DATABASES: &[(&str, &str, usize)] = &[
    ("rpm/rpmdb.sqlite", "rpm/expected.rpm4.18.tsv", 2),
    ("clair/Packages", "clair/expected.rpm4.18.tsv", 1),
    ("syft/syft/pkg/cataloger/redhat/testdata/Packages", "syft/expected.rpm4.18.tsv", 1),
    (
        "scalibr/extractor/filesystem/os/rpm/testdata/Packages_epoch",
        "scalibr/expected_Packages_epoch.rpm4.18.tsv",
        1,
    ),
    ("go-rpmdb/pkg/testdata/libuuid/Packages", "go-rpmdb/pkg/testdata/libuuid/expected.rpm4.18.tsv", 1),
    (
        "go-rpmdb/pkg/testdata/cbl-mariner-2.0/rpmdb.sqlite",
        "go-rpmdb/pkg/testdata/cbl-mariner-2.0/expected.rpm4.18.tsv",
        129,
    ),
    (
        "go-rpmdb/history/amazonlinux2023-plain/rpmdb.sqlite",
        "go-rpmdb/history/amazonlinux2023-plain/expected.rpm4.18.tsv",
        102,
    ),
    (
        "go-rpmdb/pkg/testdata/sle15-bci/Packages.db",
        "go-rpmdb/pkg/testdata/sle15-bci/expected.go-rpmdb.tsv",
        35,
    ),
    ("derived-bdb/al2023-page4096/Packages", "derived-bdb/al2023-page4096/expected.rpm4.18.tsv", 102),
    ("derived-bdb/mariner2-page4096/Packages", "derived-bdb/mariner2-page4096/expected.rpm4.18.tsv", 129),
    ("derived-bdb/mariner2-page8192/Packages", "derived-bdb/mariner2-page8192/expected.rpm4.18.tsv", 129),
];

fn read(database: Vec<u8>) -> Catalog {
    catalog(
        &mut Memory::default().file("var/lib/rpm/Packages", 0, database),
        &Limits::default(),
        Options::default(),
    )
}

fn line(it: &Package) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let licences = it.licences.join(" ");
    let source = format!("{}-{}", it.source.name, it.source.version);
    format!("{} {} {} {source} {licences} {}", it.name, it.version, text(&it.architecture), text(&it.module))
}

/// The same lines from a table with names of columns in its first line; keys are left out.
fn expected(table: &str) -> Vec<String> {
    let mut rows = table.lines();
    let columns: Vec<&str> = rows.next().unwrap().split('\t').collect();
    let mut lines = Vec::new();
    for row in rows {
        let row: BTreeMap<&str, &str> = columns.iter().copied().zip(row.split('\t')).collect();
        let get = |name: &str| row.get(name).copied().filter(|value| *value != "(none)").unwrap_or_default();
        if get("name") == "gpg-pubkey" {
            continue;
        }
        let plain = format!("{}-{}", get("version"), get("release"));
        let epoch = if get("epoch").is_empty() { String::new() } else { format!("{}:", get("epoch")) };
        let stem = get("sourcerpm").trim_end_matches(".src.rpm");
        // The package's epoch is its source's where the versions are the same.
        let source = match stem.strip_suffix(&format!("-{plain}")) {
            Some(name) => format!("{name}-{epoch}{plain}"),
            None => stem.to_owned(),
        };
        let module: Vec<&str> = get("modularitylabel").split(':').take(2).collect();
        let module = module.join(":");
        lines.push(format!(
            "{} {epoch}{plain} {} {source} {} {module}",
            get("name"),
            get("arch"),
            get("license")
        ));
    }
    lines.sort();
    lines
}

#[test]
#[expect(clippy::print_stderr, reason = "the numbers are the result")]
fn agrees_with_rpm_on_every_database() {
    let Some(directory) = unpacked("pkgdb/rpmdb.tar.zst", &["rpmdb"]) else { return };
    let root = directory.path().join("rpmdb");
    let mut agreed = 0;
    for (database, table, count) in DATABASES {
        let found = read(std::fs::read(root.join(database)).unwrap());
        let mut lines: Vec<String> = found.packages.iter().map(line).collect();
        lines.sort();
        let expected = expected(&std::fs::read_to_string(root.join(table)).unwrap());
        assert_eq!(lines, expected, "{database}");
        assert_eq!(found.problems, [], "{database}");
        assert_eq!(lines.len(), *count, "{database}");
        assert!(found.packages.iter().all(|package| package.ecosystem == Ecosystem::Rpm));
        agreed += lines.len();
    }
    eprintln!("{agreed} packages of {} databases as rpm reads them", DATABASES.len());
}

/// Databases without a table of what they hold: the former versions of one that has.
#[test]
fn reads_the_other_databases_without_problems() {
    let Some(directory) = unpacked("pkgdb/rpmdb.tar.zst", &["rpmdb"]) else { return };
    let root = directory.path().join("rpmdb");
    for (database, count) in [
        ("go-rpmdb/history/sle15-bci-b/Packages.db", 36),
        ("go-rpmdb/history/sle15-bci-c/Packages.db", 35),
        ("syft/cmd/syft/internal/test/integration/testdata/image-pkg-coverage/pkgs/var/lib/rpm/Packages", 1),
    ] {
        let found = read(std::fs::read(root.join(database)).unwrap());
        assert_eq!((found.packages.len(), found.problems), (count, vec![]), "{database}");
    }
    for (database, problem) in [
        ("claircore/internal/rpm/sqlite/testdata/no_packages.sqlite", "there is no table of packages"),
        ("scalibr/extractor/filesystem/os/rpm/testdata/empty.sqlite", "no database of rpm"),
        ("scalibr/extractor/filesystem/os/rpm/testdata/invalid", "no database of rpm"),
    ] {
        let found = read(std::fs::read(root.join(database)).unwrap());
        assert_eq!(found.packages, [], "{database}");
        assert_eq!(found.problems.iter().map(|it| it.detail.as_str()).collect::<Vec<_>>(), [problem]);
    }
}

#[test]
fn reads_the_list_of_an_image_without_rpm() {
    let Some(directory) = unpacked("pkgdb/rpmdb.tar.zst", &["rpmdb"]) else { return };
    let data = directory.path().join("rpmdb/syft/syft/pkg/cataloger/redhat/testdata");
    let list = std::fs::read(data.join("container-manifest-2")).unwrap();
    let mut tree = Memory::default().file("var/lib/rpmmanifest/container-manifest-2", 0, list);
    let found = catalog(&mut tree, &Limits::default(), Options::default());
    assert_eq!(found.problems, []);
    let names: Vec<&str> = found.packages.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["filesystem", "glibc", "mariner-release", "openssl-libs", "vim"]);
    assert_eq!(found.packages[4].version, "2:9.0-1.cm2");
    assert_eq!(found.packages[3].source.name, "openssl");
}

#[test]
fn a_log_beside_the_database_is_a_problem() {
    for (log, problems) in [(&[][..], 0), (&[0; 4096], 1)] {
        let mut tree = Memory::default().file("var/lib/rpm/rpmdb.sqlite-wal", 0, log);
        assert_eq!(catalog(&mut tree, &Limits::default(), Options::default()).problems.len(), problems);
    }
}

/// A database of each format, changed in places and cut.
#[test]
fn takes_damaged_databases() {
    let Some(directory) = unpacked("pkgdb/rpmdb.tar.zst", &["rpmdb"]) else { return };
    let root = directory.path().join("rpmdb");
    let real = |path: &str| std::fs::read(root.join(path)).unwrap();
    let databases = [
        real("go-rpmdb/history/amazonlinux2023-plain/rpmdb.sqlite"),
        real("go-rpmdb/pkg/testdata/sle15-bci/Packages.db"),
        real("derived-bdb/al2023-page4096/Packages"),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..4096_usize, any::<u8>()), 1..60);
    let strategy = (0..databases.len(), changes, prop::option::weighted(0.3, any::<prop::sample::Index>()));
    TestRunner::new(Config::with_cases(300))
        .run(&strategy, |(which, changes, length)| {
            let mut database = databases[which].clone();
            for (number, (place, low, byte)) in changes.into_iter().enumerate() {
                // Every second one where pages and headers begin: that is where the structure is.
                let place = place.index(database.len());
                let place = if number % 2 == 0 { place } else { place / 4096 * 4096 + low % 64 };
                if let Some(old) = database.get_mut(place) {
                    *old = byte;
                }
            }
            if let Some(length) = length {
                database.truncate(length.index(database.len()));
            }
            let start = Instant::now();
            let found = read(database);
            prop_assert!(start.elapsed() < Duration::from_secs(5));
            prop_assert!(found.packages.len() <= 103);
            Ok(())
        })
        .unwrap();
}

/// Three states of one image's database, as layers: each package is of the layer in whose state it came.
#[test]
fn packages_are_of_the_layers_that_installed_them() {
    let Some(directory) = unpacked("pkgdb/rpmdb.tar.zst", &["rpmdb/go-rpmdb"]) else { return };
    let states = ["history/sle15-bci-c", "history/sle15-bci-b", "pkg/testdata/sle15-bci"];
    let root = directory.path().join("rpmdb/go-rpmdb");
    let states = states.map(|state| std::fs::read(root.join(state).join("Packages.db")).unwrap());
    let place = "usr/lib/sysimage/rpm/Packages.db";
    for [lowest, middle, highest] in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let mut tree = Memory::default()
            .file(place, 9, states[highest].clone())
            .earlier(place, 4, states[middle].clone())
            .earlier(place, 1, states[lowest].clone());
        let found = catalog(&mut tree, &Limits::default(), Options::default());
        let alone =
            |state: usize| -> Vec<String> { read(states[state].clone()).packages.iter().map(line).collect() };
        let (lower, between) = (alone(lowest), alone(middle));
        assert_eq!(found.packages.len(), alone(highest).len());
        for package in &found.packages {
            let expected = match (between.contains(&line(package)), lower.contains(&line(package))) {
                (true, true) => 1,
                (true, false) => 4,
                (false, _) => 9,
            };
            assert_eq!(package.layer, expected, "{}", line(package));
        }
    }
}
