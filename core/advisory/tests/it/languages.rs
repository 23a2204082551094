//! Packages of languages, what is known of vulnerabilities, and what publishers say beside "affected".

use lazaret_advisory::{Builder, Covered, Database};
use lazaret_model::{
    Advisory, AdvisoryStatus, Distribution, Ecosystem, Finding, FixState, NamedPackage, Package, Severity,
    Vulnerability,
};

use super::samples::{advisory, bookworm, built, open, package};

fn python(id: &str, name: &str, fixed: &str) -> Advisory {
    Advisory {
        fixed: (!fixed.is_empty()).then(|| fixed.to_owned()),
        feed: "osv".to_owned(),
        ..Advisory::new(id, Ecosystem::PyPi, "", name)
    }
}

fn found(database: &Database, distribution: Option<&Distribution>, package: &Package) -> Vec<Finding> {
    database.findings(distribution, std::slice::from_ref(package)).expect("the database is sound")
}

fn ids(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.id.as_str()).collect()
}

#[test]
fn names_are_those_of_the_ecosystem() {
    let database = open([python("CVE-2024-0001", "Zope.Interface", "2.0")]);
    for name in ["zope-interface", "zope_interface", "Zope.Interface"] {
        assert_eq!(found(&database, None, &Package::new(Ecosystem::PyPi, name, "1.0")).len(), 1, "{name}");
    }
    for (ecosystem, name, version) in [
        (Ecosystem::PyPi, "zope-interface", "2.0"),
        (Ecosystem::PyPi, "zope-interface", ""),
        (Ecosystem::Npm, "zope-interface", "1.0"),
        (Ecosystem::PyPi, "zope", "1.0"),
    ] {
        assert_eq!(found(&database, None, &Package::new(ecosystem, name, version)), [], "{name} {version}");
    }
}

#[test]
fn the_distribution_speaks_for_what_its_packages_brought() {
    let database = open([python("CVE-2024-0001", "foo", "2.0"), advisory("CVE-2024-0002", "bar", "", "9")]);
    let owned = Package { owner: Some("python3-foo".into()), ..Package::new(Ecosystem::PyPi, "foo", "1.0") };
    let old = Distribution { version: Some("7".into()), ..bookworm() };
    assert_eq!(found(&database, Some(&bookworm()), &owned), []);
    assert_eq!(ids(&found(&database, Some(&old), &owned)), ["CVE-2024-0001"], "nobody else speaks");
    assert_eq!(ids(&found(&database, None, &owned)), ["CVE-2024-0001"]);
    assert_eq!(database.covers(&bookworm()).unwrap(), Covered::Release("debian:12".into()));
    assert_eq!(database.covers(&old).unwrap(), Covered::OtherReleases(vec!["debian:12".into()]));
    let other = Distribution { id: "plan9".into(), ..bookworm() };
    assert_eq!(database.covers(&other).unwrap(), Covered::Nothing);
}

#[test]
fn documents_of_a_language_count_each_on_its_own() {
    let aliased = |id: &str, alias: &str, fixed: &str| Advisory {
        aliases: vec![alias.to_owned()],
        ..python(id, "foo", fixed)
    };
    let database = open([
        aliased("CVE-2024-0001", "GHSA-1", "1.5"),
        aliased("CVE-2024-0001", "PYSEC-1", "1.7"),
        aliased("GHSA-2", "PYSEC-2", ""),
        aliased("PYSEC-2", "GHSA-3", "3"),
        aliased("GHSA-3", "CVE-2024-0003", "2"),
    ]);
    let findings = found(&database, None, &Package::new(Ecosystem::PyPi, "foo", "1.2"));
    assert_eq!(ids(&findings), ["CVE-2024-0001", "CVE-2024-0003"]);
    assert_eq!(findings[0].fix, FixState::Fixed { version: "1.7".into() }, "the one that satisfies both");
    assert_eq!(findings[0].aliases, ["GHSA-1", "PYSEC-1"]);
    assert_eq!(findings[1].aliases, ["GHSA-2", "GHSA-3", "PYSEC-2"]);
    assert_eq!(findings[1].fix, FixState::Fixed { version: "3".into() });
    let later = found(&database, None, &Package::new(Ecosystem::PyPi, "foo", "1.6"));
    assert_eq!(ids(&later), ["CVE-2024-0001", "CVE-2024-0003"]);
}

#[test]
fn of_a_distribution_a_lower_fix_of_another_feed_counts() {
    let of = |feed: &str, row: Advisory| Advisory { feed: feed.into(), ..row };
    let database = open([
        of("osv", advisory("CVE-2024-0001", "foo", "", "2.9-1")),
        of("tracker", advisory("CVE-2024-0001", "foo", "", "2.8-5")),
        of("osv", advisory("CVE-2024-0002", "foo", "", "2.9-1")),
        of("osv", advisory("CVE-2024-0002", "foo", "", "2.8-5")),
    ]);
    let at = |version| found(&database, Some(&bookworm()), &package("foo", "foo", version));
    assert_eq!(ids(&at("2.8-6")), ["CVE-2024-0002"], "within one feed each row counts");
    let both = at("2.8-1");
    assert_eq!(ids(&both), ["CVE-2024-0001", "CVE-2024-0002"]);
    assert_eq!(both[0].fix, FixState::Fixed { version: "2.8-5".into() });
    assert_eq!(both[0].feed, "tracker");
    assert_eq!(at("2.9-1"), []);
}

#[test]
fn what_publishers_say_is_kept() {
    let with = |id: &str, status| Advisory { status, ..advisory(id, "foo", "", "") };
    let database = open([
        with("CVE-2024-0001", AdvisoryStatus::WillNotFix),
        with("CVE-2024-0002", AdvisoryStatus::EndOfLife),
        with("CVE-2024-0003", AdvisoryStatus::Disputed),
        with("CVE-2024-0004", AdvisoryStatus::UnderInvestigation),
        Advisory { feed: "vendor".into(), ..with("CVE-2024-0005", AdvisoryStatus::NotAffected) },
        advisory("CVE-2024-0005", "foo", "", ""),
        Advisory { aliases: vec!["CVE-2024-0005".into()], ..advisory("DSA-5", "foo", "", "") },
        Advisory { last_affected: Some("1.1".into()), ..advisory("CVE-2024-0006", "foo", "", "") },
        Advisory { last_affected: Some("1.0".into()), ..advisory("CVE-2024-0007", "foo", "", "") },
    ]);
    let findings = found(&database, Some(&bookworm()), &package("foo", "foo", "1.1"));
    let said: Vec<_> =
        findings.iter().map(|finding| (finding.id.as_str(), &finding.fix, finding.disputed)).collect();
    assert_eq!(
        said,
        [
            ("CVE-2024-0001", &FixState::WillNotFix, false),
            ("CVE-2024-0002", &FixState::EndOfLife, false),
            ("CVE-2024-0003", &FixState::NotFixed, true),
            ("CVE-2024-0004", &FixState::NotFixed, false),
            ("CVE-2024-0006", &FixState::NotFixed, false),
        ]
    );
}

#[test]
fn modules_and_names_of_packages_are_told_apart() {
    let rhel = Distribution { id: "rhel".into(), version: Some("9.3".into()), codename: None, title: None };
    let row = |id: &str, name: &str, names, module: Option<&str>| Advisory {
        names,
        module: module.map(str::to_owned),
        fixed: Some("2-1".into()),
        ..Advisory::new(id, Ecosystem::Rpm, "rhel:9", name)
    };
    let database = open([
        row("CVE-2024-0001", "nodejs", NamedPackage::Binary, Some("nodejs:18")),
        row("CVE-2024-0002", "nodejs", NamedPackage::Binary, None),
        row("CVE-2024-0003", "nodejs-src", NamedPackage::Source, None),
        row("CVE-2024-0004", "nodejs-src", NamedPackage::Binary, None),
    ]);
    let mut node = Package::new(Ecosystem::Rpm, "nodejs", "1-1");
    node.source.name = "nodejs-src".into();
    assert_eq!(ids(&found(&database, Some(&rhel), &node)), ["CVE-2024-0002", "CVE-2024-0003"]);
    let modular = Package { module: Some("nodejs:18".into()), ..node };
    assert_eq!(ids(&found(&database, Some(&rhel), &modular)), ["CVE-2024-0001"]);
    let centos = Distribution { id: "centos".into(), ..rhel };
    assert_eq!(ids(&found(&database, Some(&centos), &modular)), ["CVE-2024-0001"], "a rebuild of it");
}

#[test]
fn the_vendor_rates_first_then_the_newest_vector_then_others() {
    let mut builder = Builder::new();
    for number in 1..=5 {
        let severity = if number == 1 { Severity::Low } else { Severity::Unknown };
        builder.push(Advisory { severity, ..python(&format!("CVE-2024-000{number}"), "foo", "2") });
    }
    let mut know = |feed: &str, known: Vulnerability| builder.push_vulnerability(feed, &known.id, &known);
    let vectors = [
        ("nvd", "AV:N/AC:L/Au:N/C:C/I:C/A:C"),
        ("nvd", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
        ("cna", "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"),
        ("cna", "CVSS:9.9/odd"),
    ];
    let cvss = |count: usize| {
        vectors[..count].iter().map(|(who, vector)| ((*who).to_owned(), (*vector).to_owned())).collect()
    };
    know("nvd", Vulnerability { cvss: cvss(4), ..Vulnerability::new("CVE-2024-0001") });
    know("nvd", Vulnerability { cvss: cvss(2), ..Vulnerability::new("CVE-2024-0002") });
    know("nvd", Vulnerability { severity: Severity::Medium, ..Vulnerability::new("CVE-2024-0003") });
    know("nvd", Vulnerability { withdrawn: true, ..Vulnerability::new("CVE-2024-0004") });
    know("epss", Vulnerability { epss: Some(33_510), ..Vulnerability::new("CVE-2024-0001") });
    know(
        "kev",
        Vulnerability { exploited: Some("2024-02-03".into()), ..Vulnerability::new("CVE-2024-0001") },
    );
    let database = Database::open(builder.build(built()).unwrap()).unwrap();
    database.verify().unwrap();
    let findings = found(&database, None, &Package::new(Ecosystem::PyPi, "foo", "1"));
    assert_eq!(ids(&findings), ["CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003", "CVE-2024-0005"]);
    let rated: Vec<_> = findings.iter().map(|finding| (finding.severity, finding.cvss_score)).collect();
    let expected = [
        (Severity::Low, Some(73)),
        (Severity::Critical, Some(98)),
        (Severity::Medium, None),
        (Severity::Unknown, None),
    ];
    assert_eq!(rated, expected);
    assert_eq!((findings[0].epss, findings[0].exploited.as_deref()), (Some(33_510), Some("2024-02-03")));
    assert!(findings[0].cvss_vector.as_ref().unwrap().starts_with("CVSS:4.0/"));
}

#[test]
fn a_finding_can_be_explained() {
    let database = open([Advisory {
        introduced: Some("1.0".into()),
        aliases: vec!["GHSA-1".into()],
        ..python("CVE-2024-0001", "foo", "2.0")
    }]);
    let package = Package::new(Ecosystem::PyPi, "Foo", "1.5");
    let reasons = database.explain(None, &package, "GHSA-1").unwrap();
    let [reason] = &reasons[..] else { panic!("one row: {reasons:?}") };
    assert_eq!((reason.feed.as_str(), reason.range.as_str()), ("osv", ">= 1.0, < 2.0"));
    assert_eq!((reason.package.as_str(), reason.version.as_str()), ("foo", "1.5"));
    assert_eq!(database.explain(None, &package, "CVE-2024-0009").unwrap(), []);
}
