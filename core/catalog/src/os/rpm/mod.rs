//! Packages of rpm: Red Hat, SUSE, Amazon and all their kin.
//!
//! The database is one file of headers, in one of three formats and in one of three places. Images that were built
//! without rpm in them (Azure Linux's distroless ones) have a list in its place.

mod berkeley;
mod bytes;
mod database;
#[cfg(test)]
mod fixture;
mod header;
mod manifest;
mod ndb;
mod record;
mod sqlite;
mod write_ahead;

use lazaret_model::{Ecosystem, Package, SourcePackage};

use self::record::Record;
use crate::files::Files;
use crate::os::{file_list, text};
use crate::ownership::Owners;
use crate::pattern::{Name, Pattern, Place, split};
use crate::reading::{Reading, lossy};

const DATABASES: [&str; 3] = ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];
const NAMES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];
const LOG: &str = "rpmdb.sqlite-wal";

pub(crate) const PATTERNS: &[Pattern] = &{
    let [a, b, c] = DATABASES;
    [
        at(a, NAMES[0]),
        at(a, NAMES[1]),
        at(a, NAMES[2]),
        log(a),
        at(b, NAMES[0]),
        at(b, NAMES[1]),
        at(b, NAMES[2]),
        log(b),
        at(c, NAMES[0]),
        at(c, NAMES[1]),
        at(c, NAMES[2]),
        log(c),
        Pattern::content(Place::In(manifest::DIRECTORY), Name::Exactly(manifest::SHORT)),
        Pattern::content(Place::In(manifest::DIRECTORY), Name::Exactly(manifest::LONG)),
    ]
};

const fn at(directory: &'static str, name: &'static str) -> Pattern {
    Pattern::extract(Place::In(directory), Name::Exactly(name), database::RECORDS).rewritten()
}

const fn log(directory: &'static str) -> Pattern {
    Pattern::extract(Place::In(directory), Name::Exactly(LOG), write_ahead::HAS_CHANGES)
}

pub(crate) fn read(files: &Files, reading: &mut Reading<'_>) {
    let mut has_database = false;
    for (path, layer, mut records) in databases(files) {
        has_database = true;
        let location = lossy(path);
        while let Some(record) = Record::take(&mut records) {
            if let Some(package) = package(&record, layer, &location)
                && !reading.package(package)
            {
                return;
            }
        }
    }
    // A list beside a database says the same once more.
    if !has_database {
        manifest::read(files, reading);
    }
}

pub(crate) fn owners(files: &Files, owners: &mut Owners<'_>) {
    for (_, _, mut records) in databases(files) {
        while let Some(record) = Record::take(&mut records) {
            file_list::claim(record.files, &lossy(record.name), owners);
        }
    }
}

/// Paths, layers and records.
fn databases(files: &Files) -> impl Iterator<Item = (&[u8], u32, &[u8])> {
    let found = DATABASES.iter().flat_map(|directory| files.within(directory));
    found.filter(|(path, ..)| split(path).1 != LOG.as_bytes())
}

/// The layer is that of the last installation: earlier versions of the database say which it really was.
fn package(record: &Record<'_>, layer: u32, location: &str) -> Option<Package> {
    let (name, version) = (text::line(record.name)?, text::line(record.version)?);
    let source = text::line(record.source_rpm).and_then(|file| source(&file, &version));
    let own = || SourcePackage { name: name.clone(), version: version.clone() };
    Some(Package {
        source: source.unwrap_or_else(own),
        architecture: text::line(record.architecture),
        licences: text::line(record.licence).into_iter().collect(),
        module: text::line(record.module).and_then(|label| module(&label)),
        layer,
        location: location.to_owned(),
        ..Package::new(Ecosystem::Rpm, name, version)
    })
}

/// `name-version-release.src.rpm`. Names of files have no epoch: it is the package's, where both have the same version,
/// and else not known.
fn source(file: &str, version: &str) -> Option<SourcePackage> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, number) = rest.rsplit_once('-')?;
    let plain = format!("{number}-{release}");
    let same = version.split_once(':').is_some_and(|(_, rest)| rest == plain);
    let version = if same { version.to_owned() } else { plain };
    (!name.is_empty()).then(|| SourcePackage { name: name.to_owned(), version })
}

/// `name:stream` of `name:stream:version:context` (Fedora's documentation of modularity).
fn module(label: &str) -> Option<String> {
    let (name, rest) = label.split_once(':')?;
    let stream = rest.split(':').next().filter(|stream| !stream.is_empty())?;
    (!name.is_empty()).then(|| format!("{name}:{stream}"))
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Limits, RandomAccess};
    use proptest::prelude::*;

    use super::*;
    use crate::os::small::Slice;

    fn files(directory: &str, file: &mut dyn RandomAccess) -> Files {
        let limits = Limits::default();
        let extracted = (database::RECORDS.whole)(file, b"x", &limits);
        let mut files = Files::default();
        files.add(format!("{directory}/rpmdb.sqlite").as_bytes(), 2, Some(extracted.bytes));
        files
    }

    fn packages(files: &Files) -> Vec<Package> {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(files, &mut reading);
        reading.into_parts().0
    }

    #[test]
    fn makes_packages_of_records() {
        let database = fixture::sqlite(&[fixture::header("bash", Some(1))]);
        let mut files = files(DATABASES[1], &mut Slice(&database));
        files.add(b"usr/lib/sysimage/rpm/rpmdb.sqlite-wal", 0, Some(vec![1]));
        files.add(b"var/lib/rpmmanifest/container-manifest-1", 0, Some(b"bash-5-1.x86_64\n".to_vec()));
        let expected = Package {
            source: SourcePackage { name: "bash".to_owned(), version: "1:5.1.8-6.el9".to_owned() },
            architecture: Some("x86_64".to_owned()),
            licences: vec!["GPLv3+".to_owned()],
            module: Some("shells:9".to_owned()),
            layer: 2,
            location: "usr/lib/sysimage/rpm/rpmdb.sqlite".to_owned(),
            ..Package::new(Ecosystem::Rpm, "bash", "1:5.1.8-6.el9")
        };
        assert_eq!(packages(&files), [expected]);
    }

    #[test]
    fn knows_sources() {
        for (file, version, expected) in [
            ("a-b-1.2-3.el8.src.rpm", "1.2-3.el8", Some(("a-b", "1.2-3.el8"))),
            ("openssl-1.1-3.src.rpm", "1:1.1-3", Some(("openssl", "1:1.1-3"))),
            ("perl-5.26-3.src.rpm", "1:1.38-3", Some(("perl", "5.26-3"))),
            ("java-1-2.nosrc.rpm", "1-2", Some(("java", "1-2"))),
            ("(none)", "1-2", None),
            ("a-1.src.rpm", "1-2", None),
            ("-1-2.src.rpm", "1-2", None),
        ] {
            let found = source(file, version);
            let found = found.as_ref().map(|it| (it.name.as_str(), it.version.as_str()));
            assert_eq!(found, expected, "{file}");
        }
    }

    #[test]
    fn knows_streams_of_modules() {
        for (label, expected) in [
            ("nodejs:18:8080020230718:63b34585", Some("nodejs:18")),
            ("nodejs:18", Some("nodejs:18")),
            ("nodejs", None),
            ("(none)", None),
            (":x", None),
            ("x::y", None),
        ] {
            assert_eq!(module(label).as_deref(), expected, "{label}");
        }
    }

    #[test]
    fn owns_files() {
        let database = fixture::ndb(&[fixture::header("bash", None)]);
        let files = files(DATABASES[0], &mut Slice(&database));
        let location = "usr/bin/bash".to_owned();
        let program = [Package { location, ..Package::new(Ecosystem::Go, "x", "1") }];
        let mut asked = Owners::of(&program);
        owners(&files, &mut asked);
        assert_eq!(asked.into_found(), [(0, "bash".to_owned())]);
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), name in ".{0,20}") {
            let mut files = Files::default();
            files.add(b"var/lib/rpm/Packages", 0, Some(bytes));
            owners(&files, &mut Owners::of(&packages(&files)));
            let _ = (source(&name, "1"), module(&name));
        }
    }
}
