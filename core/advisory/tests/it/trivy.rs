//! Trivy's own integration tests: what it finds in images, lock files and bills of material with a small database.
//!
//! Of eleven images the data has all packages, of repositories the files, of two bills the documents. Of the other
//! images and machines only those packages are known in which something was found; what else is in them is not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lazaret_advisory::Database;
use lazaret_catalog::{Options, catalog};
use lazaret_format::sbom;
use lazaret_model::{Distribution, Ecosystem, FixState, Limits, Package, SourcePackage};
use serde_json::Value;

use super::corpora::{read, unpack};
use super::memory::Memory;
use super::trivy_rows::{family, rows};

/// Cases in which options take findings out, so that there are more without them.
const FILTERED: &[(&str, &str)] = &[
    ("alpine-39-high-critical", "only severities from high on"),
    ("alpine-39-ignore-cveids", "an ignore file"),
    ("centos-7-ignore-unfixed", "only what is fixed"),
    ("centos-7-medium", "only one severity"),
    ("debian-buster-ignore-unfixed", "only what is fixed"),
    ("gomod-skip", "a directory that is skipped"),
    ("gomod-vex", "a VEX document"),
    ("ubuntu-1804-ignore-unfixed", "only what is fixed"),
];

/// Expected matches that are not ours: case, id, why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "alpine-distroless",
        "CVE-2022-24765",
        "Trivy takes the release from a list of repositories (edge) instead of os-release (3.16), and the data has neither",
    ),
    (
        "conan",
        "CVE-2020-14155",
        "vulnerable before 8.44 and fixed in 8.45, says the data: to us, what ends a range mends",
    ),
    ("minikube-kbom", "CVE-2023-2431", "components of a cluster are no packages"),
];

/// Where files stand that their own tool writes at one place only.
const PLACES: &[(&str, &str)] = &[("composer.vendor", "vendor/composer/")];

/// Sources of packages of which no case has the whole list.
const SOURCES: &[(&str, &str)] = &[("e2fslibs", "e2fsprogs"), ("libcomerr2", "e2fsprogs")];

#[test]
fn findings_are_trivys() {
    let Some(folder) = unpack("match/trivy-osv.tar.zst", "trivy") else { return };
    let fixtures = folder.join("trivy/integration/testdata/fixtures");
    let database = super::samples::open(rows(&fixtures.join("db")));
    let cases: Vec<Value> = read(&folder.join("trivy/cases.jsonl"))
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    let sources = sources(&cases);
    let mut agreed = BTreeMap::<&str, usize>::new();
    let (mut differing, mut more) = (Vec::new(), Vec::new());
    for case in &cases {
        let name = text(&case["case"]);
        let scanned = scanned(case, &fixtures, &sources);
        let found = findings(&database, &scanned);
        let expected: BTreeSet<Match> =
            array(&case["expected"]).iter().map(|it| theirs(it, scanned.kind)).collect();
        for wanted in &expected {
            match found.iter().any(|ours| ours.is(wanted)) {
                true => *agreed.entry(scanned.kind).or_default() += 1,
                false => differing.push((name.clone(), wanted.id.clone())),
            }
        }
        // Trivy looks only at some of the files of a repository.
        let targets: BTreeSet<&str> = expected.iter().map(|wanted| wanted.target.as_str()).collect();
        let is_filtered = FILTERED.iter().any(|(case, _)| name == *case);
        let unexpected = found.into_iter().filter(|ours| {
            targets.contains(ours.target.as_str())
                && !expected.iter().any(|wanted| ours.is(wanted))
                && !is_filtered
                && !EXCEPTIONS.iter().any(|(case, id, _)| name == *case && ours.id == *id)
        });
        more.extend(unexpected.map(|ours| (name.clone(), ours)));
    }
    let exceptions: Vec<(String, String)> =
        EXCEPTIONS.iter().map(|(case, id, _)| ((*case).to_owned(), (*id).to_owned())).collect();
    let total: usize = agreed.values().sum();
    super::report(&format!("Trivy: {total} of {} findings: {agreed:?}", total + differing.len()));
    assert!(more.is_empty(), "{more:#?}");
    assert_eq!(differing, exceptions);
    assert!(
        cases.len() >= 63 && total >= 122 && agreed[IMAGE] >= 28,
        "{total} findings in {} cases",
        cases.len()
    );
}

/// How much of what was scanned the data holds.
const IMAGE: &str = "images with all packages";
const REPOSITORY: &str = "repositories";
const BILL: &str = "bills of material";
const NAMED: &str = "packages by name";

struct Scanned {
    kind: &'static str,
    distribution: Option<Distribution>,
    packages: Vec<Package>,
}

/// One match, as both sides tell it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Match {
    /// The file in a repository; empty elsewhere.
    target: String,
    id: String,
    /// Normalised.
    package: String,
    installed: String,
    /// All that Trivy names, or the one that we do; empty without any.
    fixed: String,
    status: &'static str,
}

impl Match {
    /// Where Trivy lists the fixed versions of all series, ours is the one of this series.
    fn is(&self, theirs: &Self) -> bool {
        let mut listed = theirs.fixed.split(',').map(|text| text.trim().trim_start_matches(">= "));
        listed.any(|fixed| fixed == self.fixed)
            && (&self.target, &self.id, &self.package, &self.installed, self.status)
                == (&theirs.target, &theirs.id, &theirs.package, &theirs.installed, theirs.status)
    }
}

fn findings(database: &Database, scanned: &Scanned) -> Vec<Match> {
    let findings = database.findings(scanned.distribution.as_ref(), &scanned.packages);
    let ours = |finding: lazaret_model::Finding| Match {
        target: if scanned.kind == REPOSITORY { finding.package.location.clone() } else { String::new() },
        package: finding.package.ecosystem.normalised(&finding.package.name).into_owned(),
        fixed: finding.fix.version().unwrap_or_default().to_owned(),
        status: match finding.fix {
            FixState::Fixed { .. } => "fixed",
            FixState::NotFixed => "affected",
            FixState::WillNotFix => "will_not_fix",
            FixState::EndOfLife => "end_of_life",
        },
        id: finding.id,
        installed: finding.package.version.clone(),
    };
    findings.expect("the database is sound").into_iter().map(ours).collect()
}

fn theirs(expected: &Value, kind: &str) -> Match {
    const STATUSES: &[&str] = &["fixed", "affected", "will_not_fix", "end_of_life"];
    let status = text(&expected["status"]);
    Match {
        target: if kind == REPOSITORY { text(&expected["target"]) } else { String::new() },
        id: text(&expected["vuln"]),
        package: ecosystem(expected)
            .map_or_else(String::new, |it| it.normalised(&text(&expected["pkg"])).into_owned()),
        installed: text(&expected["installed"]),
        fixed: text(&expected["fixed"]),
        status: STATUSES.iter().copied().find(|known| *known == status).unwrap_or("another"),
    }
}

/// By the type of the package URL.
fn ecosystem(expected: &Value) -> Option<Ecosystem> {
    let purl = text(&expected["purl"]);
    let kind = purl.strip_prefix("pkg:")?.split('/').next()?;
    Ecosystem::from_name(kind)
}

fn scanned(case: &Value, fixtures: &Path, sources: &BTreeMap<String, String>) -> Scanned {
    let os = family(&text(&case["os"]["Family"]));
    let mut distribution = os.map(|(_, id)| Distribution {
        id: id.to_owned(),
        // Of `2 (Karoo)`, `6.10` and `AMI release 2018.03`, what os-release says; the release line is for the
        // database to find.
        version: text(&case["os"]["Name"])
            .split(' ')
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .map(str::to_owned),
        codename: None,
        title: None,
    });
    let artifact = text(&case["artifact"]);
    let path = artifact.strip_prefix("testdata/fixtures/").map(|path| fixtures.join(path));
    let listed = array(&case["packages"]);
    let (kind, packages) = match (&path, os) {
        (_, Some((ecosystem, _))) if !listed.is_empty() => {
            (IMAGE, listed.iter().map(|package| their_package(ecosystem, package)).collect())
        }
        (Some(folder), _) if folder.is_dir() => {
            let place = PLACES
                .iter()
                .find(|(case_name, _)| case["case"] == *case_name)
                .map_or("", |(_, place)| place);
            (REPOSITORY, packages_of(folder, place))
        }
        (Some(file), _) if text(&case["type"]) == "cyclonedx" => {
            let bill = sbom::read(read(file).as_bytes(), &Limits::default()).expect("a bill of material");
            distribution = bill.distribution;
            (BILL, bill.packages)
        }
        _ => (NAMED, array(&case["expected"]).iter().filter_map(|it| named(it, sources)).collect()),
    };
    Scanned { kind, distribution, packages }
}

/// What our catalogers find in a repository, under the paths in it.
fn packages_of(folder: &Path, place: &str) -> Vec<Package> {
    let mut tree = Memory::default();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).expect("the unpacked corpus is readable") {
            let path = entry.expect("the unpacked corpus is readable").path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let below = path
                .strip_prefix(folder)
                .expect("it lies there")
                .to_str()
                .expect("a fixture has a plain name");
            let content = std::fs::read(&path).expect("the unpacked corpus is readable");
            tree = tree.file(&format!("{place}{below}"), 0, content);
        }
    }
    let found = catalog(&mut tree, &Limits::default(), Options { declared: true, ..Options::default() });
    let here = |package: Package| Package {
        location: package.location.strip_prefix(place).unwrap_or(&package.location).to_owned(),
        ..package
    };
    found.packages.into_iter().map(here).collect()
}

/// A package that is known from what was found in it alone.
fn named(expected: &Value, sources: &BTreeMap<String, String>) -> Option<Package> {
    let (name, version) = (text(&expected["pkg"]), text(&expected["installed"]));
    let source = sources.get(&name).cloned().unwrap_or_else(|| name.clone());
    let source = SourcePackage { name: source, version: version.clone() };
    Some(Package { source, ..Package::new(ecosystem(expected)?, name, version) })
}

/// Names of sources, by names of packages, as the whole lists tell.
fn sources(cases: &[Value]) -> BTreeMap<String, String> {
    let listed = cases.iter().flat_map(|case| array(&case["packages"]));
    let told = listed.map(|package| (text(&package["name"]), text(&package["src"])));
    let others = SOURCES.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned()));
    told.chain(others).collect()
}

pub(crate) fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn their_package(ecosystem: Ecosystem, package: &Value) -> Package {
    let version = |prefix: &str| {
        let epoch = package[format!("{prefix}epoch")].as_u64().filter(|epoch| *epoch > 0);
        let epoch = epoch.map_or_else(String::new, |epoch| format!("{epoch}:"));
        let release = text(&package[format!("{prefix}release")]);
        let release = if release.is_empty() { release } else { format!("-{release}") };
        format!("{epoch}{}{release}", text(&package[format!("{prefix}version")]))
    };
    Package {
        source: SourcePackage { name: text(&package["src"]), version: version("src") },
        ..Package::new(ecosystem, text(&package["name"]), version(""))
    }
}
