//! Trivy's own integration tests: images with all their packages, a small database, and what Trivy finds with it.

use std::collections::BTreeSet;

use lazaret_model::{
    Advisory, AdvisoryStatus, Distribution, Ecosystem, FixState, NamedPackage, Package, Severity,
    SourcePackage,
};
use serde_json::Value;

use super::corpora::{files, read, unpack};

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
    ("redhat", "Red Hat", Ecosystem::Rpm, "rhel", NamedPackage::Binary),
    ("centos", "Red Hat", Ecosystem::Rpm, "centos", NamedPackage::Binary),
];

/// Their numbers for products in the Red Hat bucket, from `cpe.yaml`.
const PRODUCTS: &[(u64, &str)] = &[(857, "rhel:6"), (869, "rhel:7")];

#[test]
fn findings_in_images_are_trivys() {
    let Some(folder) = unpack("match/trivy-osv.tar.zst", "trivy") else { return };
    let mut rows = Vec::new();
    for path in files(&folder.join("trivy/integration/testdata/fixtures/db"), "yaml") {
        let buckets: Value = serde_saphyr::from_str(&read(&path)).expect("a fixture is YAML");
        for bucket in array(&buckets) {
            their_rows(bucket, &mut rows);
        }
    }
    let database = super::samples::open(rows);
    let (mut cases, mut agreed) = (0, 0);
    for line in read(&folder.join("trivy/cases.jsonl")).lines() {
        let case: Value = serde_json::from_str(line).expect("a line is JSON");
        let packages = array(&case["packages"]);
        if packages.is_empty() {
            continue;
        }
        let family = text(&case["os"]["Family"]);
        let (_, _, ecosystem, id, _) =
            FAMILIES.iter().find(|(known, ..)| *known == family).unwrap_or_else(|| panic!("{family} is new"));
        let distribution = Distribution {
            id: (*id).to_owned(),
            // Of `2 (Karoo)` and `6.10`, what os-release says; the release line is for the database to find.
            version: text(&case["os"]["Name"]).split(' ').next().map(str::to_owned),
            codename: None,
            title: None,
        };
        let packages: Vec<Package> =
            packages.iter().map(|package| their_package(*ecosystem, package)).collect();
        let found: BTreeSet<[String; 5]> = database
            .findings(Some(&distribution), &packages)
            .expect("the database is sound")
            .into_iter()
            .map(|finding| {
                let status = match &finding.fix {
                    FixState::Fixed { .. } => "fixed",
                    FixState::NotFixed => "affected",
                    FixState::WillNotFix => "will_not_fix",
                    FixState::EndOfLife => "end_of_life",
                };
                let fixed = finding.fix.version().unwrap_or_default().to_owned();
                [finding.id, finding.package.name, finding.package.version, fixed, status.to_owned()]
            })
            .collect();
        let expected: BTreeSet<[String; 5]> = array(&case["expected"])
            .iter()
            .filter(|expected| expected["class"] == "os-pkgs")
            .map(|expected| {
                ["vuln", "pkg", "installed", "fixed", "status"].map(|field| text(&expected[field]))
            })
            .collect();
        assert_eq!(found, expected, "{}", case["case"]);
        cases += 1;
        agreed += expected.len();
    }
    super::report(&format!("Trivy: {agreed} of {agreed} findings in {cases} images"));
    assert!(cases >= 11 && agreed >= 28, "only {agreed} findings in {cases} images");
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
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
                    fixed: pair["value"]["FixedVersion"].as_str().map(str::to_owned),
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
                    // Trivy shows no epoch of zero.
                    fixed: entry["FixedVersion"]
                        .as_str()
                        .map(|text| text.trim_start_matches("0:").to_owned()),
                    status: match entry["Status"].as_u64() {
                        Some(5) => AdvisoryStatus::WillNotFix,
                        Some(7) => AdvisoryStatus::EndOfLife,
                        _ => AdvisoryStatus::Affected,
                    },
                    ..row.clone()
                });
            }
        }
    }
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
