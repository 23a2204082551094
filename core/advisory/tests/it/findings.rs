//! Packages against a database.

use lazaret_advisory::feed::vulnrichment;
use lazaret_advisory::{Builder, Database, affects_version};
use lazaret_model::{Advisory, Distribution, FixState, Limits};

use super::samples::{advisory, bookworm, open, package};

#[test]
fn a_finding_for_each_vulnerability_and_binary_package() {
    let database = open([
        advisory("CVE-2024-0001", "foo", "", "1.2"),
        advisory("CVE-2024-0002", "foo", "", "1.0"),
        advisory("CVE-2024-0003", "foo", "", ""),
        advisory("CVE-2024-0004", "foo", "1.1", "1.2"),
        advisory("CVE-2024-0005", "foo", "1.1.1", "1.2"),
        advisory("CVE-2024-0001", "bar", "", "9"),
    ]);
    let packages =
        [package("libfoo1", "foo", "1.1"), package("foo-tools", "foo", "1.1"), package("baz", "baz", "1")];
    let findings = database.findings(Some(&bookworm()), &packages).unwrap();
    let found: Vec<_> =
        findings.iter().map(|finding| (finding.id.as_str(), finding.package.name.as_str())).collect();
    assert_eq!(
        found,
        [
            ("CVE-2024-0001", "foo-tools"),
            ("CVE-2024-0001", "libfoo1"),
            ("CVE-2024-0003", "foo-tools"),
            ("CVE-2024-0003", "libfoo1"),
            ("CVE-2024-0004", "foo-tools"),
            ("CVE-2024-0004", "libfoo1"),
        ]
    );
    assert_eq!(findings[0].fix, FixState::Fixed { version: "1.2".into() });
    assert_eq!(findings[2].fix, FixState::NotFixed);
    let mut turned = packages.to_vec();
    turned.reverse();
    assert_eq!(database.findings(Some(&bookworm()), &turned).unwrap(), findings);
}

#[test]
fn only_the_own_release_counts() {
    let database = open([advisory("CVE-2024-0001", "foo", "", "1.2")]);
    let packages = [package("foo", "foo", "1.1")];
    let trixie = Distribution { version: Some("13".into()), ..bookworm() };
    assert_eq!(database.findings(Some(&trixie), &packages).unwrap(), []);
    assert_eq!(database.findings(None, &packages).unwrap(), []);
}

/// `openjdk-17` in bookworm: the changelog names the fix under unstable's `17.0.7+7-1`, and the release
/// had it as `17.0.7+7-1~deb12u1`, which sorts below.
#[test]
fn a_rebuild_for_the_release_has_the_fix() {
    let database = open([advisory("CVE-2024-0001", "foo", "", "17.0.7+7-1")]);
    let count =
        |version| database.findings(Some(&bookworm()), &[package("foo", "foo", version)]).unwrap().len();
    assert_eq!(count("17.0.7+7-1~deb12u1"), 0);
    assert_eq!(count("17.0.7+7-1~exp1"), 1);
    assert_eq!(count("17.0.6+10-1~deb12u1"), 1);
}

#[test]
fn aliases_are_one_finding_but_two_vulnerabilities_stay_two() {
    let aliased = |id: &str, aliases: &[&str]| Advisory {
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        ..advisory(id, "foo", "", "1.2")
    };
    let database = open([
        aliased("CVE-2024-0001", &[]),
        aliased("CVE-2024-0002", &["GHSA-2"]),
        aliased("DSA-1", &["CVE-2024-0001", "CVE-2024-0002"]),
        aliased("GHSA-2", &[]),
        aliased("TEMP-3", &[]),
    ]);
    let findings = database.findings(Some(&bookworm()), &[package("foo", "foo", "1.1")]).unwrap();
    let found: Vec<_> =
        findings.iter().map(|finding| (finding.id.as_str(), finding.aliases.join(" "))).collect();
    assert_eq!(
        found,
        [
            ("CVE-2024-0001", "DSA-1".to_owned()),
            ("CVE-2024-0002", "DSA-1 GHSA-2".to_owned()),
            ("TEMP-3", String::new()),
        ]
    );
}

#[test]
fn one_advisory_against_one_package() {
    let row = advisory("CVE-2024-0001", "foo", "1.0", "1.2");
    assert!(affects_version(&row, "1.0"));
    assert!(affects_version(&row, "1.2~rc1"));
    assert!(!affects_version(&row, "1.2"));
    assert!(!affects_version(&row, "1.0~rc1"));
}

/// What is known of a vulnerability comes from feeds that know nothing of packages.
#[test]
fn what_was_decided_of_a_vulnerability_is_told_of_its_findings() {
    let table = "cve,cvss_vector,ssvc_exploitation,ssvc_automatable,ssvc_technical_impact\n\
        CVE-2024-0001,,poc,yes,\nCVE-2024-0002,,,,\n";
    let read = vulnrichment::parse(table.as_bytes(), &Limits::default()).unwrap();
    let mut builder = Builder::new();
    read.push_into(vulnrichment::FEED, &mut builder);
    for id in ["CVE-2024-0001", "CVE-2024-0002"] {
        builder.push(advisory(id, "foo", "", "1.2"));
    }
    let database = Database::open(builder.build(jiff::Timestamp::UNIX_EPOCH).unwrap()).unwrap();
    let findings = database.findings(Some(&bookworm()), &[package("foo", "foo", "1.1")]).unwrap();
    let decided = |at: usize| findings[at].ssvc.map(|ssvc| ssvc.points().collect::<Vec<_>>());
    assert_eq!(decided(0), Some(vec![("exploitation", "poc"), ("automatable", "yes")]));
    assert_eq!(decided(1), None);
    assert_eq!(database.vulnerability("CVE-2024-0001").unwrap().unwrap().ssvc, findings[0].ssvc);
}
