//! The advisory database file, as an attacker would write it: with the right hashes.

use std::path::Path;

use lazaret_advisory::{Builder, Database, DatabaseError, Feed};
use lazaret_model::{Advisory, Distribution, Ecosystem, Package, SourcePackage, Vulnerability};
use sha2::{Digest as _, Sha256};

use crate::{Seed, Target};

pub const DATABASE: Target = Target { run, seeds, largest: 64 << 10 };

/// Bytes before the content, and where in them the hashes of content and header stand.
const HEADER: usize = 296;
const CONTENT_HASH: usize = 232;
const HEADER_HASH: usize = 264;

fn run(input: &[u8]) {
    let mut file = input.to_vec();
    if file.len() >= HEADER {
        let content = Sha256::digest(&file[HEADER..]);
        file[CONTENT_HASH..HEADER_HASH].copy_from_slice(&content);
        let header = Sha256::digest(&file[..HEADER_HASH]);
        file[HEADER_HASH..HEADER].copy_from_slice(&header);
    }
    let Ok(database) = Database::open(file) else { return };
    let sound = database.verify().is_ok();
    let answer = ask(&database);
    assert!(!sound || answer.is_ok(), "verified, but {answer:?}");
}

/// Everything that can be asked.
fn ask(database: &Database) -> Result<(), DatabaseError> {
    let debian = distribution();
    let packages = packages();
    assert!(database.findings(Some(&debian), &packages)?.is_sorted());
    assert!(database.findings(None, &packages)?.is_sorted());
    for advisory in database.advisories().take(1_000) {
        let advisory = advisory?;
        database.by_id(&advisory.id)?;
        database.by_package(advisory.ecosystem, &advisory.release, &advisory.package)?;
        database.vulnerability(&advisory.id)?;
    }
    database.coverage()?;
    database.feeds()?;
    database.covers(&debian)?;
    for package in &packages {
        database.explain(Some(&debian), package, "CVE-2024-0001")?;
    }
    let mut builder = Builder::new();
    builder.keep_all_but(database, &["epss"])?;
    // What is sound but names too much cannot be built again.
    let _ = builder.build(jiff::Timestamp::UNIX_EPOCH);
    Ok(())
}

fn distribution() -> Distribution {
    Distribution { id: "debian".to_owned(), version: Some("12".to_owned()), codename: None, title: None }
}

fn packages() -> Vec<Package> {
    let source = SourcePackage { name: "foo".to_owned(), version: "1.1".to_owned() };
    vec![
        Package { source, ..Package::new(Ecosystem::Deb, "foo", "1.1") },
        Package { module: Some("a:1".to_owned()), ..Package::new(Ecosystem::PyPi, "foo", "1.0") },
    ]
}

fn seeds(path: &Path, _: &[u8]) -> Vec<Seed> {
    if !path.as_os_str().is_empty() {
        return Vec::new();
    }
    let row = |id: &str, ecosystem, release: &str, fixed: Option<&str>| Advisory {
        aliases: vec!["DSA-1".to_owned()],
        introduced: Some("1.0".to_owned()),
        fixed: fixed.map(str::to_owned),
        module: (ecosystem == Ecosystem::PyPi).then(|| "a:1".to_owned()),
        summary: "about".to_owned(),
        published: Some("2024-01-01T00:00:00Z".to_owned()),
        feed: "test".to_owned(),
        ..Advisory::new(id, ecosystem, release, "foo")
    };
    let sizes = [0, 1, 8, 80];
    let file = |rows: u32| {
        let mut builder = Builder::new();
        for number in 0..rows {
            builder.push(row(&format!("CVE-2024-{number:04}"), Ecosystem::Deb, "debian:12", Some("1.2")));
            builder.push(row(&format!("GHSA-{number}"), Ecosystem::PyPi, "", None));
        }
        let known = Vulnerability {
            cvss: vec![("nvd".to_owned(), "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned())],
            epss: Some(5),
            exploited: Some("2024-01-01".to_owned()),
            ..Vulnerability::new("CVE-2024-0001")
        };
        builder.push_vulnerability("nvd", "CVE-2024-0001", &known);
        builder.feed(&Feed { problem: Some("late".to_owned()), ..Feed::new("nvd") });
        builder.build(jiff::Timestamp::UNIX_EPOCH).expect("some rows fit")
    };
    sizes.into_iter().map(|rows| Seed { row: "database".to_owned(), input: file(rows) }).collect()
}
