//! `lazaret affected` and `lazaret scan` answer alike: real advisories, held against versions at the ends of their
//! stretches, once through the database of a scan and once through the index of the fleet.

use std::path::{Path, PathBuf};
use std::process::Command;

use lazaret_advisory::feed::osv::OsvFeed;
use lazaret_advisory::feed::{Kind, kind};
use lazaret_advisory::{Builder, Database, release_keys, speaks_of_version};
use lazaret_fleet::{Index, Knowledge};
use lazaret_model::{
    Advisory, AdvisoryStatus, Digest, Distribution, Ecosystem, Limits, NamedPackage, Package, SourcePackage,
};

/// Archives with what of them is read.
const FEEDS: &[(&str, &str)] = &[
    ("govulndb.tar.zst", "json"),
    ("pypa.tar.zst", "yaml"),
    ("rustsec.tar.zst", "json"),
    ("almalinux-osv.tar.zst", "json"),
    ("debian.tar.zst", "json"),
    ("provider-fixtures.tar.zst", "xml"),
];

/// Of each feed so many advisories, evenly taken.
const MOST: usize = 3_000;

fn unpacked(archive: &str) -> Option<tempfile::TempDir> {
    let corpora = std::env::var_os("LAZARET_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"), PathBuf::from);
    let archive = corpora.join("feeds").join(archive);
    if !archive.exists() {
        eprintln!("SKIPPED: {} is not there; set LAZARET_CORPORA", archive.display());
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let status =
        Command::new("tar").arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(folder.path()).status();
    assert!(status.unwrap().success());
    Some(folder)
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
}

/// Whatever of a feed can be read: what cannot is its own tests' business.
fn advisories(folder: &Path, extension: &str) -> Vec<Advisory> {
    let (mut paths, limits) = (Vec::new(), Limits { document_bytes: 256 << 20, ..Limits::default() });
    files(folder, extension, &mut paths);
    paths.sort_unstable();
    let mut osv = OsvFeed::new("osv");
    let mut found = Vec::new();
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display().to_string();
        match kind(&bytes, &name) {
            Some(Kind::Published(format)) => found
                .extend((format.parse)(&bytes, &name, &limits).map(|it| it.advisories).unwrap_or_default()),
            Some(Kind::OsvYaml) => drop(osv.read_yaml(&bytes, &limits)),
            Some(Kind::OsvJson) => drop(osv.read_json(&bytes, &limits)),
            Some(Kind::Knowledge(_)) | None => {}
        }
    }
    found.extend(osv.advisories);
    found
}

/// Packages at the ends of what an advisory speaks of, in its module stream and outside of it.
fn packages(advisory: &Advisory) -> Vec<Package> {
    let ends = [&advisory.introduced, &advisory.fixed, &advisory.last_affected];
    let versions = ends.into_iter().flatten().map(String::as_str).chain(["0.0.1"]);
    let modules = [advisory.module.clone(), Some("other:1".to_owned()), None];
    let mut found = Vec::new();
    for version in versions {
        for module in &modules {
            let name = match advisory.names {
                NamedPackage::Source if advisory.ecosystem.is_of_distribution() => "some-binary",
                _ => &advisory.package,
            };
            found.push(Package {
                source: SourcePackage { name: advisory.package.clone(), version: version.to_owned() },
                module: module.clone(),
                ..Package::new(advisory.ecosystem, name, version)
            });
        }
    }
    found.dedup();
    found
}

fn distribution(release: &str) -> Option<Distribution> {
    let (id, version) =
        release.split_once(':').map_or((release, None), |(id, rest)| (id, Some(rest.to_owned())));
    (!id.is_empty()).then(|| Distribution { id: id.to_owned(), version, codename: None, title: None })
}

#[test]
fn a_fleet_has_what_scans_find() {
    let (mut asked, mut positive, mut ecosystems) = (0, 0, std::collections::BTreeSet::new());
    for (archive, extension) in FEEDS {
        let Some(folder) = unpacked(archive) else { continue };
        let all = advisories(folder.path(), extension);
        assert!(!all.is_empty(), "{archive}");
        let (mut builder, mut knowledge) = (Builder::new(), Knowledge::new());
        for advisory in &all {
            builder.push(advisory.clone());
            knowledge.insert(advisory.clone());
        }
        let built = "2026-01-01T00:00:00Z".parse().unwrap();
        let database = Database::open(builder.build(built).unwrap()).unwrap();
        for advisory in all.iter().step_by(all.len().div_ceil(MOST)) {
            // Keys that no distribution has cannot be asked for.
            let system = distribution(&advisory.release);
            if system.as_ref().is_some_and(|system| system.key() != advisory.release) {
                continue;
            }
            let named: Vec<Advisory> = knowledge.named(&advisory.id).cloned().collect();
            for package in packages(advisory) {
                let findings = database.findings(system.as_ref(), std::slice::from_ref(&package)).unwrap();
                let is_meant = |id: &String| *id == advisory.id;
                let scan = findings.iter().any(|it| is_meant(&it.id) || it.aliases.iter().any(is_meant));
                let mut index = Index::new(speaks_of_version);
                let keys = release_keys(&advisory.release);
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                let digest = Digest::from_bytes([1; 32]);
                index.add_image(digest, digest, &keys, std::slice::from_ref(&package));
                let fleet = !index.affected(&named).images.is_empty();
                assert_eq!(fleet, scan, "{archive}: {} of {:?}\n{package:?}\n{named:?}", advisory.id, system);
                let known = index.findings(0, &knowledge).into_iter();
                let known =
                    known.filter(|(it, _)| is_meant(&it.id) || it.aliases.iter().any(is_meant)).count();
                assert_eq!(known > 0, scan, "{archive}: {} of {package:?}", advisory.id);
                asked += 1;
                positive += usize::from(scan);
            }
            ecosystems.insert(advisory.ecosystem);
        }
    }
    eprintln!("{asked} questions about {} ecosystems, {positive} answered yes", ecosystems.len());
}

/// A module stream is another package, whatever feed says so.
#[test]
fn streams_of_modules_are_told_apart() {
    let advisory = Advisory {
        fixed: Some("1:18.20.2-1".to_owned()),
        module: Some("nodejs:18".to_owned()),
        feed: "updateinfo".to_owned(),
        status: AdvisoryStatus::Affected,
        names: NamedPackage::Binary,
        ..Advisory::new("CVE-2024-1", Ecosystem::Rpm, "rhel:8", "nodejs")
    };
    let mut index = Index::new(speaks_of_version);
    for (number, module) in [(1, Some("nodejs:18")), (2, Some("nodejs:16")), (3, None)] {
        let package = Package {
            module: module.map(str::to_owned),
            ..Package::new(Ecosystem::Rpm, "nodejs", "1:16.1.0-1")
        };
        let keys = release_keys("centos:8");
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let digest = Digest::from_bytes([number; 32]);
        index.add_image(digest, digest, &keys, &[package]);
    }
    let affected = index.affected(&[advisory]);
    let images: Vec<Digest> =
        affected.images.iter().map(|image| index.image(image).unwrap().manifest).collect();
    assert_eq!(images, [Digest::from_bytes([1; 32])]);
}
