//! Packages of dpkg (Debian and its derivatives).
//!
//! `var/lib/dpkg/status` lists what dpkg installed (dpkg(1), "PACKAGE STATES"); images built without
//! dpkg have one file for each package in `var/lib/dpkg/status.d` instead.

mod copyright;
pub(super) mod lists;

use std::collections::HashMap;

use lazaret_model::{Ecosystem, Package, SourcePackage};

use self::copyright::Licences;
use self::lists::Diversions;
use crate::files::Files;
use crate::os::deb822::{Paragraph, paragraphs};
use crate::ownership::Owners;
use crate::pattern::{Name, Pattern, Place};
use crate::reading::{Problems, Reading, lossy};

pub(crate) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::In(DPKG.directory), Name::Exactly("status")),
    Pattern::content(Place::In(DPKG.directory), Name::Exactly("diversions")),
    Pattern::extract(Place::In(PIECES), Name::EndsWith(SUMS), lists::SUMS),
    Pattern::content(Place::In(PIECES), Name::Any),
    Pattern::extract(Place::In(DPKG.info), Name::EndsWith(LIST), lists::LIST),
    Pattern::layer(Place::In(DPKG.info), Name::EndsWith(SUMS)),
    copyright::FILES,
    copyright::DIRECTORIES,
];

/// Where a database lies that has the form of dpkg's.
pub(super) struct Database {
    /// Holds `status`.
    pub(super) directory: &'static str,
    /// Holds a list of files for each package.
    pub(super) info: &'static str,
}

const DPKG: Database = Database { directory: "var/lib/dpkg", info: "var/lib/dpkg/info" };
const PIECES: &str = "var/lib/dpkg/status.d";
const LIST: &str = ".list";
const SUMS: &str = ".md5sums";

pub(crate) fn read(files: &Files, reading: &mut Reading<'_>) {
    read_status(files, &DPKG, reading);
    let mut licences = Licences::new(files, reading.limits);
    for (path, layer, text) in files.within(PIECES) {
        if !path.ends_with(SUMS.as_bytes()) {
            let file = Status { path, layer, text, is_whole: false };
            read_paragraphs(&file, &HashMap::new(), &mut licences, reading);
        }
    }
}

/// The `status` of a database.
pub(super) fn read_status(files: &Files, database: &Database, reading: &mut Reading<'_>) {
    let layers = unpacked_in(files, database.info);
    let mut licences = Licences::new(files, reading.limits);
    for (path, layer, text) in files.within(database.directory) {
        if path.ends_with(b"/status") {
            let file = Status { path, layer, text, is_whole: true };
            read_paragraphs(&file, &layers, &mut licences, reading);
        }
    }
}

/// A file with a paragraph for each package.
struct Status<'a> {
    path: &'a [u8],
    layer: u32,
    text: &'a [u8],
    /// The database, not a piece of one: beside pieces lie scripts and what else a builder left there.
    is_whole: bool,
}

fn read_paragraphs(
    file: &Status<'_>,
    layers: &HashMap<&[u8], u32>,
    licences: &mut Licences<'_>,
    reading: &mut Reading<'_>,
) {
    let location = lossy(file.path);
    for (number, paragraph) in (1..).zip(paragraphs(file.text)) {
        let subject = || format!("{location}, paragraph {number}");
        let Some(name) = paragraph.line("Package") else {
            if file.is_whole {
                reading.problems.malformed(subject(), "a paragraph names no package");
            }
            continue;
        };
        if paragraph.bad_lines > 0 {
            let detail = format!("the record of {name} has lines that are no fields");
            reading.problems.malformed(subject(), detail);
        }
        if !is_there(&paragraph, file.is_whole, subject, &name, &mut reading.problems) {
            continue;
        }
        let Some(version) = paragraph.line("Version") else {
            reading.problems.malformed(subject(), format!("the record of {name} has no version"));
            continue;
        };
        // opkg has a field, Debian a file.
        let licences = match paragraph.line("License") {
            Some(licence) => Some(vec![licence]),
            None => licences.of(&name),
        };
        if licences.is_none() {
            reading.problems.limit(subject(), format!("more licences than are kept: {name} is without"));
        }
        let architecture = paragraph.line("Architecture");
        let package = Package {
            source: source(&paragraph, &name, &version),
            layer: layer_of(layers, &name, architecture.as_deref()).unwrap_or(file.layer),
            location: location.clone(),
            architecture,
            licences: licences.unwrap_or_default(),
            ..Package::new(Ecosystem::Deb, name, version)
        };
        if !reading.package(package) {
            return;
        }
    }
}

pub(crate) fn owners(files: &Files, owners: &mut Owners<'_>) {
    let diversions = files.content(b"var/lib/dpkg/diversions").unwrap_or_default();
    lists::owners_by_lists(files, DPKG.info, &Diversions::parse(diversions), owners);
    lists::owners_by_sums(files, PIECES, owners);
}

/// Whether files of the package are on the disk: in every state but two. A package that was only
/// half installed or removed counts, for its files may run.
fn is_there(
    paragraph: &Paragraph<'_>,
    whole: bool,
    subject: impl Fn() -> String,
    name: &str,
    problems: &mut Problems,
) -> bool {
    const STATES: [&str; 6] = [
        "installed",
        "half-installed",
        "unpacked",
        "half-configured",
        "triggers-awaited",
        "triggers-pending",
    ];
    let Some(status) = paragraph.line("Status") else {
        // What dpkg did not install has no status.
        if whole {
            problems.malformed(subject(), format!("the record of {name} has no status: taken as installed"));
        }
        return true;
    };
    match status.split_ascii_whitespace().nth(2) {
        Some("not-installed" | "config-files") => false,
        Some(state) if STATES.contains(&state) => true,
        _ => {
            problems.malformed(subject(), format!("the status of {name} is unknown: taken as installed"));
            true
        }
    }
}

/// `Source: name (version)`; without it the package is its own source, without a version it has the same.
fn source(paragraph: &Paragraph<'_>, name: &str, version: &str) -> SourcePackage {
    let own = || SourcePackage { name: name.to_owned(), version: version.to_owned() };
    let Some(text) = paragraph.line("Source") else { return own() };
    let (source, rest) = text.split_once('(').unwrap_or((&text, ""));
    let stated = rest.split(')').next().unwrap_or_default().trim();
    let version = if stated.is_empty() { version } else { stated };
    match source.trim() {
        "" => own(),
        source => SourcePackage { name: source.to_owned(), version: version.to_owned() },
    }
}

/// The layer that unpacked each package, by the stem of its files in `info`. The status file is
/// rewritten by every installation; the list of a package's files only by its own.
fn unpacked_in<'a>(files: &'a Files, info: &str) -> HashMap<&'a [u8], u32> {
    let mut layers = HashMap::new();
    for (path, file) in files.iter() {
        let name = path.strip_prefix(info.as_bytes()).and_then(|rest| rest.strip_prefix(b"/"));
        let stem = name.and_then(|name| {
            name.strip_suffix(LIST.as_bytes()).or_else(|| name.strip_suffix(SUMS.as_bytes()))
        });
        if let Some(stem) = stem {
            let newest = layers.entry(stem).or_insert(file.layer);
            *newest = file.layer.max(*newest);
        }
    }
    layers
}

/// Packages that can be installed for several architectures have theirs in the names of their files.
fn layer_of(layers: &HashMap<&[u8], u32>, name: &str, architecture: Option<&str>) -> Option<u32> {
    let plain = layers.get(name.as_bytes());
    let qualified =
        architecture.and_then(|architecture| layers.get(format!("{name}:{architecture}").as_bytes()));
    plain.max(qualified).copied()
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;

    fn status(text: &str) -> (Vec<Package>, usize) {
        let mut files = Files::default();
        files.add(b"var/lib/dpkg/status", 3, Some(text.as_bytes().to_vec()));
        files.add(b"var/lib/dpkg/info/a.list", 1, None);
        files.add(b"var/lib/dpkg/info/a.md5sums", 2, None);
        files.add(b"var/lib/dpkg/info/libc6:amd64.list", 0, None);
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&files, &mut reading);
        let (packages, problems) = reading.into_parts();
        (packages, problems.into_list().len())
    }

    fn record(name: &str, state: &str) -> String {
        format!("Package: {name}\nStatus: {state}\nVersion: 1:2.3-4\nArchitecture: amd64\n\n")
    }

    #[test]
    fn reads_what_is_on_the_disk() {
        let mut text = String::new();
        for (name, state) in [
            ("installed", "install ok installed"),
            ("held", "hold ok installed"),
            ("leaving", "deinstall ok installed"),
            ("removed", "deinstall ok config-files"),
            ("purged", "purge ok not-installed"),
            ("half", "install reinstreq half-installed"),
            ("unpacked", "install ok unpacked"),
            ("half-configured", "install ok half-configured"),
            ("waiting", "install ok triggers-awaited"),
            ("pending", "install ok triggers-pending"),
        ] {
            text.push_str(&record(name, state));
        }
        let (packages, problems) = status(&text);
        let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(
            names,
            ["installed", "held", "leaving", "half", "unpacked", "half-configured", "waiting", "pending"]
        );
        assert_eq!(problems, 0);
        assert_eq!(packages[0].version, "1:2.3-4");
        assert_eq!(packages[0].architecture.as_deref(), Some("amd64"));
    }

    #[test]
    fn doubtful_records_are_packages_and_problems() {
        for (text, found) in [
            ("Package: a\nVersion: 1\n", 1),
            ("Package: a\nStatus: install ok strange\nVersion: 1\n", 1),
            ("Package: a\nStatus: installed\nVersion: 1\n", 1),
            ("Package: a\nStatus: install ok installed\n", 0),
            ("Version: 1\n", 0),
            ("Package: a\nStatus: install ok installed\nnonsense\nVersion: 1\n", 1),
        ] {
            let (packages, problems) = status(text);
            assert_eq!((packages.len(), problems), (found, 1), "{text}");
        }
    }

    #[test]
    fn knows_sources() {
        for (line, name, version) in [
            ("", "a", "2"),
            ("Source: b\n", "b", "2"),
            ("Source: b (1:1.5-1)\n", "b", "1:1.5-1"),
            ("Source:  b  ( 3 ) \n", "b", "3"),
            ("Source: (3)\n", "a", "2"),
            ("Source: b (\n", "b", "2"),
        ] {
            let (packages, _) =
                status(&format!("Package: a\nStatus: install ok installed\n{line}Version: 2\n"));
            let source = &packages[0].source;
            assert_eq!((source.name.as_str(), source.version.as_str()), (name, version), "{line}");
        }
    }

    #[test]
    fn a_package_is_of_the_layer_that_unpacked_it() {
        let text = [
            record("a", "install ok installed"),
            record("libc6", "install ok installed"),
            record("new", "install ok installed"),
        ];
        let (packages, _) = status(&text.concat());
        let layers: Vec<u32> = packages.iter().map(|package| package.layer).collect();
        assert_eq!(layers, [2, 0, 3]);
    }

    #[test]
    fn reads_pieces_without_status() {
        let mut files = Files::default();
        files.add(b"var/lib/dpkg/status.d/base", 1, Some(b"Package: base-files\nVersion: 12\n".to_vec()));
        files.add(
            b"var/lib/dpkg/status.d/base.md5sums",
            1,
            Some(b"d41d8cd98f00b204e9800998ecf8427e  etc/x\n".to_vec()),
        );
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&files, &mut reading);
        let (packages, problems) = reading.into_parts();
        assert_eq!(packages.len(), 1);
        assert_eq!(packages[0].location, "var/lib/dpkg/status.d/base");
        assert!(problems.into_list().is_empty());
    }

    #[test]
    fn stops_at_the_limit() {
        let mut files = Files::default();
        let text = (0..10).map(|n| record(&format!("p{n}"), "install ok installed")).collect::<String>();
        files.add(b"var/lib/dpkg/status", 0, Some(text.into_bytes()));
        let limits = Limits { packages: 4, ..Limits::default() };
        let mut reading = Reading::new(&limits);
        read(&files, &mut reading);
        let (packages, problems) = reading.into_parts();
        assert_eq!((packages.len(), problems.into_list().len()), (4, 1));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut files = Files::default();
            files.add(b"var/lib/dpkg/status", 0, Some(bytes.clone()));
            files.add(b"var/lib/dpkg/status.d/x", 0, Some(bytes));
            let limits = Limits::default();
            let mut reading = Reading::new(&limits);
            read(&files, &mut reading);
            owners(&files, &mut Owners::of(reading.packages()));
        }

        #[test]
        fn no_installed_package_is_lost(names in proptest::collection::vec("[a-z][a-z0-9+.-]{1,10}", 0..20)) {
            let text: String = names.iter().map(|name| record(name, "install ok installed")).collect();
            let (packages, problems) = status(&text);
            prop_assert_eq!(packages.len(), names.len());
            prop_assert_eq!(problems, 0);
        }
    }
}
