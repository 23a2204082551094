//! The small database of Trivy's own integration tests, as rows of ours.

use std::path::Path;

use lazaret_model::{Advisory, AdvisoryStatus, Ecosystem, NamedPackage, Severity};
use serde_json::Value;

use super::corpora::{files, read};
use super::trivy::{array, text};

/// Their names of distributions: family in the cases, bucket in the database, our ecosystem, our id, and what the
/// bucket names packages by.
const FAMILIES: &[(&str, &str, Ecosystem, &str, NamedPackage)] = &[
    ("alma", "alma", Ecosystem::Rpm, "almalinux", NamedPackage::Binary),
    ("alpine", "alpine", Ecosystem::Apk, "alpine", NamedPackage::Source),
    ("amazon", "amazon linux", Ecosystem::Rpm, "amzn", NamedPackage::Binary),
    ("debian", "debian", Ecosystem::Deb, "debian", NamedPackage::Source),
    ("opensuse-leap", "openSUSE Leap", Ecosystem::Rpm, "opensuse-leap", NamedPackage::Binary),
    (
        "opensuse-tumbleweed",
        "openSUSE Tumbleweed",
        Ecosystem::Rpm,
        "opensuse-tumbleweed",
        NamedPackage::Binary,
    ),
    ("oracle", "Oracle Linux", Ecosystem::Rpm, "ol", NamedPackage::Binary),
    ("photon", "Photon OS", Ecosystem::Rpm, "photon", NamedPackage::Source),
    ("rocky", "rocky", Ecosystem::Rpm, "rocky", NamedPackage::Binary),
    ("ubuntu", "ubuntu", Ecosystem::Deb, "ubuntu", NamedPackage::Source),
    ("cbl-mariner", "CBL-Mariner", Ecosystem::Rpm, "mariner", NamedPackage::Source),
    ("redhat", "Red Hat", Ecosystem::Rpm, "rhel", NamedPackage::Binary),
    ("centos", "Red Hat", Ecosystem::Rpm, "centos", NamedPackage::Binary),
];

/// Their numbers for products in the Red Hat bucket, from `cpe.yaml`.
const PRODUCTS: &[(u64, &str)] = &[(857, "rhel:6"), (869, "rhel:7")];

/// Their names of languages, before `::` in the bucket.
const LANGUAGES: &[(&str, Ecosystem)] = &[
    ("cargo", Ecosystem::Cargo),
    ("cocoapods", Ecosystem::CocoaPods),
    ("composer", Ecosystem::Composer),
    ("conan", Ecosystem::Conan),
    ("erlang", Ecosystem::Hex),
    ("go", Ecosystem::Go),
    ("maven", Ecosystem::Maven),
    ("npm", Ecosystem::Npm),
    ("nuget", Ecosystem::Nuget),
    ("pip", Ecosystem::PyPi),
    ("pub", Ecosystem::Pub),
    ("rubygems", Ecosystem::Gem),
    ("swift", Ecosystem::Swift),
];

/// Family and ecosystem of a distribution of the cases, with our id.
pub(crate) fn family(theirs: &str) -> Option<(Ecosystem, &'static str)> {
    let row = FAMILIES.iter().find(|(known, ..)| *known == theirs);
    row.map(|(_, _, ecosystem, id, _)| (*ecosystem, *id))
}

/// All rows of their database that speak of packages.
pub(crate) fn rows(database: &Path) -> Vec<Advisory> {
    let mut rows = Vec::new();
    for path in files(database, "yaml") {
        let buckets: Value = serde_saphyr::from_str(&read(&path)).expect("a fixture is YAML");
        for bucket in array(&buckets) {
            let name = text(&bucket["bucket"]);
            let language = name
                .split_once("::")
                .and_then(|(name, _)| LANGUAGES.iter().find(|(known, _)| *known == name));
            match language {
                Some((_, ecosystem)) => language_rows(*ecosystem, bucket, &mut rows),
                None => their_rows(bucket, &mut rows),
            }
        }
    }
    rows
}

fn language_rows(ecosystem: Ecosystem, bucket: &Value, rows: &mut Vec<Advisory>) {
    for package in array(&bucket["pairs"]) {
        for pair in array(&package["pairs"]) {
            let name = ecosystem.normalised(&text(&package["bucket"])).into_owned();
            let row = Advisory {
                feed: "trivy".to_owned(),
                ..Advisory::new(text(&pair["key"]).trim(), ecosystem, "", name)
            };
            let patched: Vec<String> = array(&pair["value"]["PatchedVersions"]).iter().map(text).collect();
            let vulnerable: Vec<String> =
                array(&pair["value"]["VulnerableVersions"]).iter().map(text).collect();
            match vulnerable.is_empty() {
                true => rows.extend(outside(&row, &patched)),
                false => rows.extend(vulnerable.iter().map(|range| inside(&row, range, &patched))),
            }
        }
    }
}

/// `>= 2.0.0, <= 2.9.10.3`, or `[2.9.0,2.9.10.7)`. Where GitHub writes the last vulnerable version, the OSV document
/// of the same advisory has the first fixed one.
fn inside(row: &Advisory, range: &str, patched: &[String]) -> Advisory {
    let mut row = row.clone();
    let terms = range.split(',').map(str::trim);
    for term in terms {
        let bound = |prefix: &str| Some(term.strip_prefix(prefix)?.trim().trim_end_matches(')').to_owned());
        if let Some(last) = bound("<=") {
            let after = patched.iter().filter(|version| row.ecosystem.compare(version, &last).is_ge());
            row.fixed = after.min_by(|a, b| row.ecosystem.compare(a, b)).cloned();
            row.last_affected = row.fixed.is_none().then_some(last);
        } else if let Some(first) = bound(">=").or_else(|| bound("[")) {
            row.introduced = Some(first).filter(|first| first != "0");
        } else {
            row.fixed = Some(bound("<").unwrap_or_else(|| term.trim_end_matches(')').to_owned()));
        }
    }
    row
}

/// What RustSec writes: `>= 3.1.0` and `>= 2.1.3, < 3.0.0` are fixed, and everything before each is not.
fn outside(row: &Advisory, patched: &[String]) -> Vec<Advisory> {
    let bounds = |text: &String| {
        let bound = |prefix: &str| {
            text.split(',').find_map(|term| Some(term.trim().strip_prefix(prefix)?.trim().to_owned()))
        };
        (bound(">="), bound("<"))
    };
    let mut fixed: Vec<_> = patched.iter().map(bounds).collect();
    fixed.sort_by(|(a, _), (b, _)| {
        row.ecosystem.compare(a.as_deref().unwrap_or_default(), b.as_deref().unwrap_or_default())
    });
    let mut introduced = None;
    let mut rows = Vec::new();
    for (from, until) in fixed {
        rows.push(Advisory { introduced, fixed: from, ..row.clone() });
        introduced = until;
    }
    rows
}

/// The rows of a bucket that is a distribution's: in it packages, in them ids.
fn their_rows(bucket: &Value, rows: &mut Vec<Advisory>) {
    let name = text(&bucket["bucket"]);
    for (_, prefix, ecosystem, id, names) in FAMILIES {
        let Some(version) = name.strip_prefix(prefix) else { continue };
        for package in array(&bucket["pairs"]) {
            for pair in array(&package["pairs"]) {
                let key = match version.trim() {
                    "" => (*id).to_owned(),
                    version => format!("{id}:{version}"),
                };
                let row = Advisory {
                    names: *names,
                    fixed: fixed(&pair["value"]),
                    status: status(&pair["value"]),
                    severity: Severity::Unknown,
                    feed: "trivy".to_owned(),
                    ..Advisory::new(text(&pair["key"]).trim(), *ecosystem, key, text(&package["bucket"]))
                };
                match *prefix {
                    "Red Hat" if *id == "rhel" => red_hat_rows(&row, &pair["value"], rows),
                    "Red Hat" => {}
                    _ => rows.push(row),
                }
            }
        }
    }
}

fn red_hat_rows(row: &Advisory, value: &Value, rows: &mut Vec<Advisory>) {
    for entry in array(&value["Entries"]) {
        let products = array(&entry["Affected"]).iter().filter_map(Value::as_u64);
        let releases = products.filter_map(|product| PRODUCTS.iter().find(|(known, _)| *known == product));
        for (_, release) in releases {
            for cve in array(&entry["Cves"]) {
                let id = cve["ID"].as_str().unwrap_or(&row.id);
                let aliases = Some(&row.id).filter(|own| *own != id).cloned().into_iter().collect();
                rows.push(Advisory {
                    id: id.to_owned(),
                    aliases,
                    release: (*release).to_owned(),
                    fixed: fixed(entry),
                    status: status(entry),
                    ..row.clone()
                });
            }
        }
    }
}

/// Trivy shows no epoch of zero.
fn fixed(value: &Value) -> Option<String> {
    value["FixedVersion"].as_str().map(|text| text.trim_start_matches("0:").to_owned())
}

fn status(value: &Value) -> AdvisoryStatus {
    match value["Status"].as_u64() {
        Some(5) => AdvisoryStatus::WillNotFix,
        Some(7) => AdvisoryStatus::EndOfLife,
        _ => AdvisoryStatus::Affected,
    }
}
