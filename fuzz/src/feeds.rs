//! Every format of advisories, and what becomes of them in a database.

use std::path::Path;

use lazaret_advisory::feed::{self, FORMATS, apt, osv};
use lazaret_advisory::{Builder, Database, cvss};
use lazaret_model::{Advisory, Distribution, Package, SourcePackage};

use crate::limits::LIMITS;
use crate::rows::picking;
use crate::{Seed, Target};

pub const FEEDS: Target = Target { run, seeds, largest: 32 << 10 };

/// Reads a document and pushes what it says.
type Read = fn(&[u8], &mut Builder);

/// Formats beside [`FORMATS`].
const OTHERS: &[(&str, Read)] = &[
    ("osv-json", |bytes, builder| {
        let mut feed = osv::OsvFeed::new("osv");
        if feed.read_json(bytes, &LIMITS).is_ok() {
            feed.push_into(builder);
        }
    }),
    ("osv-yaml", |bytes, builder| {
        let mut feed = osv::OsvFeed::new("osv");
        if feed.read_yaml(bytes, &LIMITS).is_ok() {
            feed.push_into(builder);
        }
    }),
    ("nvd", |bytes, builder| {
        if let Ok(knowledge) = feed::nvd::parse(bytes, &LIMITS) {
            knowledge.push_into("nvd", builder);
        }
    }),
    ("epss", |bytes, builder| {
        if let Ok(knowledge) = feed::epss::parse(bytes, &LIMITS) {
            knowledge.push_into("epss", builder);
        }
    }),
    ("kev", |bytes, builder| {
        if let Ok(knowledge) = feed::kev::parse(bytes, &LIMITS) {
            knowledge.push_into("kev", builder);
        }
    }),
    ("cve", |bytes, builder| {
        if let Ok(knowledge) = feed::cve::parse(bytes, &LIMITS) {
            knowledge.push_into("cve", builder);
        }
    }),
    ("apt-changelog", |bytes, builder| {
        for fix in apt::fixes(bytes, "source") {
            builder.push(fix.advisory("debian:12", "source"));
        }
    }),
    ("apt-index", |bytes, _| {
        assert!(apt::packages(bytes).count() <= bytes.len());
    }),
    ("apt-package", |bytes, _| {
        // Whether it holds a changelog does not matter, only that there is an answer.
        let _ = apt::changelog_of(bytes, "package", &LIMITS);
    }),
    ("cvss", |bytes, _| {
        if let Ok(score) = cvss::score(&String::from_utf8_lossy(bytes)) {
            assert!(score.tenths <= 100, "{score:?}");
        }
    }),
];

/// A byte for the format, and a document.
fn run(input: &[u8]) {
    let Some((row, document)) = input.split_first() else { return };
    let row = usize::from(*row) % (FORMATS.len() + OTHERS.len());
    let mut builder = Builder::new();
    match (FORMATS.get(row), OTHERS.get(row.saturating_sub(FORMATS.len()))) {
        (Some(format), _) => {
            if let Ok(parsed) = (format.parse)(document, "name/main.json", &LIMITS) {
                parsed.push_into(&mut builder);
            }
        }
        (None, Some((_, read))) => read(document, &mut builder),
        (None, None) => return,
    }
    // A document may say what no database can hold; a database that was built is sound.
    let Ok(file) = builder.build(jiff::Timestamp::UNIX_EPOCH) else { return };
    let database = Database::open(file).expect("a built database opens");
    database.verify().expect("a built database is sound");
    for advisory in database.advisories().take(50) {
        ask(&database, &advisory.expect("a sound row"));
    }
}

/// Matches the package that an advisory is about.
fn ask(database: &Database, advisory: &Advisory) {
    let (id, version) = advisory.release.split_once(':').unwrap_or((&advisory.release, ""));
    let distribution =
        Distribution { id: id.to_owned(), version: Some(version.to_owned()), codename: None, title: None };
    let of_it = [&advisory.introduced, &advisory.fixed, &advisory.last_affected].into_iter().flatten();
    for version in of_it.map(String::as_str).chain(["1.0"]) {
        let package = Package {
            source: SourcePackage { name: advisory.package.clone(), version: version.to_owned() },
            module: advisory.module.clone(),
            ..Package::new(advisory.ecosystem, advisory.package.as_str(), version)
        };
        let findings = database.findings(Some(&distribution), &[package]).expect("a sound database answers");
        assert!(findings.is_sorted());
    }
    assert!(!database.by_id(&advisory.id).expect("a sound index").is_empty());
}

/// Documents by what they look like; anything that is none of [`FORMATS`] goes to those of the others whose
/// ending or words it has.
fn seeds(path: &Path, bytes: &[u8]) -> Vec<Seed> {
    if path.as_os_str().is_empty() {
        return vec![seed_of("cvss", b"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N")];
    }
    let name = path.to_string_lossy();
    let published = match feed::kind(bytes, &name) {
        Some(feed::Kind::Published(found)) => FORMATS.iter().position(|it| it.name == found.name),
        _ => None,
    };
    if let Some(row) = published {
        return vec![Seed { row: FORMATS[row].name.to_owned(), input: picking(row, bytes) }];
    }
    let head = String::from_utf8_lossy(bytes.get(..4096).unwrap_or(bytes));
    let holds = |words: &[&str]| words.iter().all(|word| head.contains(word));
    let is_json = head.trim_start().starts_with('{');
    let row = match () {
        () if is_json && holds(&["\"affected\""]) => "osv-json",
        () if holds(&["affected:", "id: "]) && !is_json => "osv-yaml",
        () if is_json && (holds(&["\"cve\"", "\"descriptions\""]) || holds(&["\"impact\"", "\"CVE"])) => {
            "nvd"
        }
        () if holds(&["cve,epss"]) || holds(&["CVE-", ",0."]) && !is_json => "epss",
        () if is_json && holds(&["\"cveID\""]) => "kev",
        () if is_json && holds(&["cveMetadata"]) => "cve",
        () if holds(&["urgency="]) => "apt-changelog",
        () if holds(&["Package: ", "Version: "]) => "apt-index",
        () if bytes.starts_with(b"!<arch>") => "apt-package",
        () => return Vec::new(),
    };
    vec![seed_of(row, bytes)]
}

fn seed_of(name: &str, bytes: &[u8]) -> Seed {
    let at = OTHERS.iter().position(|(known, _)| *known == name).expect("a row of the table");
    Seed { row: name.to_owned(), input: picking(FORMATS.len() + at, bytes) }
}
