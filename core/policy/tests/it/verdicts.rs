use lazaret_model::{Distribution, Finding, Outcome, Package, Problem, ProblemKind, Severity, Verdict};
use lazaret_policy::{ScanFacts, judge};

use crate::examples::{database, digest, finding, image, now, package, policy};

struct Scan {
    user: &'static str,
    distribution: Option<&'static str>,
    packages: Vec<Package>,
    findings: Vec<Finding>,
    problems: Vec<Problem>,
    built: &'static str,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            user: "",
            distribution: Some("12"),
            packages: Vec::new(),
            findings: Vec::new(),
            problems: Vec::new(),
            built: "2026-11-22T00:00:00Z",
        }
    }
}

impl Scan {
    fn judge(&self, text: &str) -> Verdict {
        let distribution = self.distribution.map(|version| Distribution {
            id: "debian".to_owned(),
            version: Some(version.to_owned()),
            codename: None,
            title: Some(format!("Debian {version}")),
        });
        let facts = ScanFacts {
            image: &image(self.user),
            distribution: distribution.as_ref(),
            packages: &self.packages,
            findings: &self.findings,
            problems: &self.problems,
            database: &database(self.built),
        };
        judge(&policy(text), &facts, now())
    }
}

fn findings() -> Vec<Finding> {
    let ssl = package("libssl3", "openssl", "3.0.9-1");
    let tool = package("openssl", "openssl", "3.0.9-1");
    let curl = package("curl", "curl", "7.88.1-10");
    vec![
        finding("CVE-2026-1", &ssl, Some("3.0.11-1~deb12u1"), Severity::High),
        finding("CVE-2026-1", &tool, Some("3.0.11-1~deb12u1"), Severity::High),
        finding("CVE-2026-2", &ssl, Some("3.0.11-1~deb12u10"), Severity::Unknown),
        finding("CVE-2026-3", &ssl, Some("3.0.11-1~deb12u9"), Severity::Low),
        finding("CVE-2026-4", &curl, None, Severity::Critical),
    ]
}

fn rule(condition: &str) -> String {
    format!("scan:\n  - id: rule\n    {condition}\n")
}

#[test]
fn one_reason_names_the_upgrades_that_clear_it() {
    let scan = Scan { findings: findings(), ..Scan::default() };
    let verdict = scan.judge(&rule("vulnerability: {}"));
    assert_eq!(verdict.outcome, Outcome::Refuse);
    assert_eq!(verdict.reasons.len(), 1);
    assert_eq!(
        verdict.reasons[0].message,
        "4 vulnerabilities (1 critical, 1 high, 1 low, 1 unrated), in 2 source packages: \
         openssl 3.0.9-1 (CVE-2026-1, CVE-2026-2, CVE-2026-3), curl 7.88.1-10 (CVE-2026-4)"
    );
    assert_eq!(
        verdict.reasons[0].remedy,
        "upgrade openssl to 3.0.11-1~deb12u10, and build the image anew; \
         without a fix: curl; leave it out, or write an exception with an end"
    );
    assert_eq!(verdict.database, database("2026-11-22T00:00:00Z"));
    assert_eq!(verdict.at, "2026-11-22T12:00:00Z");
    assert_ne!(verdict.policy, digest(0));
}

#[test]
fn which_findings_count() {
    for (condition, count) in [
        ("{}", 4),
        ("{fixable: true}", 3),
        ("{fixable: false}", 1),
        ("{severity-at-least: high}", 3),
        ("{severity-at-least: high, unrated: ignore}", 2),
        ("{severity-at-least: low, unrated: ignore, fixable: true}", 2),
        ("{fixed-for: 21d}", 3),
        ("{fixed-for: 22d}", 0),
        ("{ids: [\"CVE-2026-[4]\", CVE-2026-4]}", 1),
        ("{ids: [\"CVE-2026-?\"]}", 4),
        ("{packages: [libssl3]}", 3),
        ("{packages: [openssl]}", 3),
        ("{packages: [cur*]}", 1),
        ("{packages: [nothing]}", 0),
        ("{allow: 3}", 4),
        ("{allow: 4}", 0),
    ] {
        let scan = Scan { findings: findings(), ..Scan::default() };
        let verdict = scan.judge(&rule(&format!("vulnerability: {condition}")));
        let said = verdict.reasons.first().map_or(0, |reason| {
            reason.message.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(99)
        });
        assert_eq!(said, count, "{condition}: {:?}", verdict.reasons);
    }
}

#[test]
fn an_unknown_date_is_long_ago() {
    let mut findings = findings();
    findings[0].published = None;
    findings[2].published = Some("lately".to_owned());
    let scan = Scan { findings, ..Scan::default() };
    let verdict = scan.judge(&rule("vulnerability: {fixed-for: 1000d}"));
    assert!(verdict.reasons[0].message.starts_with("2 vulnerabilities"), "{:?}", verdict.reasons);
}

#[test]
fn other_rules() {
    let bad = Scan {
        distribution: Some("11"),
        packages: vec![package("telnetd", "netkit-telnet", "0.17"), package("curl", "curl", "7")],
        problems: vec![Problem::new(ProblemKind::Malformed, "var/lib/dpkg/status", "record 3 has no name")],
        built: "2026-11-01T00:00:00Z",
        ..Scan::default()
    };
    let good = Scan { user: "1000", ..Scan::default() };
    for (condition, message) in [
        ("package: {forbid: [\"netkit-*\"]}", "1 package must not be there: telnetd 0.17"),
        (
            "incomplete: refuse",
            "the scan could not read 1 thing: var/lib/dpkg/status: record 3 has no name (malformed)",
        ),
        ("user: {root: refuse}", "the image says no user, so it runs as root"),
        ("database: {older-than: 7d}", "the advisory database is 21 days old, older than 7 days"),
        ("distribution: {only: [debian:12, \"alpine:*\"]}", "the image is made of Debian 11 (debian:11)"),
    ] {
        let verdict = bad.judge(&rule(condition));
        assert_eq!(verdict.reasons.len(), 1, "{condition}");
        assert_eq!(verdict.reasons[0].message, message);
        assert!(!verdict.reasons[0].remedy.is_empty(), "{condition}");
        assert_eq!(good.judge(&rule(condition)).outcome, Outcome::Pass, "{condition}");
    }
    let unknown = Scan { distribution: None, built: "", ..Scan::default() };
    assert_eq!(unknown.judge(&rule("distribution: {only: [\"*\"]}")).outcome, Outcome::Refuse);
    assert_eq!(unknown.judge(&rule("database: {older-than: 7d}")).outcome, Outcome::Refuse);
}

#[test]
fn a_policy_without_scan_rules_passes_nothing() {
    assert_eq!(Scan::default().judge("stages: [dev]\n").outcome, Outcome::Refuse);
    assert_eq!(Scan::default().judge("scan: []\n").outcome, Outcome::Pass);
}

#[test]
fn exceptions_count_until_their_last_day() {
    let scan = Scan { findings: findings(), ..Scan::default() };
    let text = |expires: &str| {
        format!(
            "{}exceptions:\n  - {{id: CVE-2026-4, packages: [curl], reason: not used, owner: alice, expires: {expires}}}\n",
            rule("vulnerability: {packages: [curl]}")
        )
    };
    let verdict = scan.judge(&text("2026-11-22"));
    assert_eq!(verdict.outcome, Outcome::Pass);
    assert_eq!(
        verdict.excepted[0].message,
        "CVE-2026-4 in curl is accepted until 2026-11-22 (alice: not used)"
    );

    let verdict = scan.judge(&text("2026-11-21"));
    assert_eq!(verdict.outcome, Outcome::Refuse);
    assert!(verdict.excepted[0].message.contains("expired on 2026-11-21 and no longer counts"));

    let other = text("2026-11-22").replace("packages: [curl], reason", "packages: [wget], reason");
    assert_eq!(scan.judge(&other).outcome, Outcome::Refuse);
    assert!(scan.judge(&other).excepted.is_empty());
}

#[test]
fn sixty_findings_are_still_a_readable_sentence() {
    let findings: Vec<Finding> = (0..600)
        .map(|n| {
            let name = format!("package-{}", n % 60);
            finding(&format!("CVE-2026-{n}"), &package(&name, &name, "1"), Some("2"), Severity::Unknown)
        })
        .collect();
    let verdict = Scan { findings, ..Scan::default() }.judge(&rule("vulnerability: {}"));
    assert_eq!(verdict.reasons.len(), 1);
    assert!(verdict.reasons[0].message.len() < 1000 && verdict.reasons[0].message.ends_with("and 50 more"));
}
