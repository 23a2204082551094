use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use lazaret_model::{Ecosystem, Finding, PackageEvidence, Severity};

use super::ScanReport;

/// The findings of one source package: what one upgrade, or one decision, is about.
#[derive(Debug, Clone)]
pub struct SourceGroup<'a> {
    pub ecosystem: Ecosystem,
    pub source: &'a str,
    /// Installed versions of the source package; more than one only in odd images.
    pub installed: Vec<&'a str>,
    /// Names of the installed binary packages that have findings.
    pub packages: Vec<&'a str>,
    /// Layers that brought them.
    pub layers: Vec<u32>,
    /// Files that say that they are there, such as lock files.
    pub locations: Vec<&'a str>,
    /// Packages of the distribution that they are part of.
    pub owners: Vec<&'a str>,
    /// Whether all of them are only inferred from what a program contains.
    pub inferred: bool,
    /// The version that removes everything in `fixed`.
    pub upgrade: Option<&'a str>,
    /// One finding for each id that the upgrade removes, the worst first.
    pub fixed: Vec<&'a Finding>,
    /// One finding for each id without a fix, the worst first.
    pub open: Vec<&'a Finding>,
}

/// Findings by source package: those first whose upgrade removes most of the worst, then those without fix.
pub fn groups<'a>(report: &ScanReport<'a>) -> Vec<SourceGroup<'a>> {
    let mut by_source: BTreeMap<(Ecosystem, &str), Vec<&'a Finding>> = BTreeMap::new();
    for finding in report.findings {
        let key = (finding.package.ecosystem, finding.package.source.name.as_str());
        by_source.entry(key).or_default().push(finding);
    }
    let mut groups: Vec<_> = by_source
        .into_iter()
        .map(|((ecosystem, source), findings)| group(ecosystem, source, &findings))
        .collect();
    groups.sort_by_cached_key(|group| Reverse((weight(&group.fixed), weight(&group.open))));
    groups
}

fn group<'a>(ecosystem: Ecosystem, source: &'a str, findings: &[&'a Finding]) -> SourceGroup<'a> {
    let versions: BTreeSet<&str> =
        findings.iter().map(|finding| finding.package.source.version.as_str()).collect();
    let packages: BTreeSet<&str> = findings.iter().map(|finding| finding.package.name.as_str()).collect();
    let locations: BTreeSet<&str> =
        findings.iter().map(|finding| finding.package.location.as_str()).collect();
    let owners: BTreeSet<&str> =
        findings.iter().filter_map(|finding| finding.package.owner.as_deref()).collect();
    let layers: BTreeSet<u32> = findings.iter().map(|finding| finding.package.layer).collect();
    let fix = |finding: &&'a Finding| finding.fix.version();
    let upgrade = findings.iter().filter_map(fix).max_by(|a, b| ecosystem.compare(a, b));
    let (fixed, open): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| fix(finding).is_some());
    SourceGroup {
        ecosystem,
        source,
        installed: versions.into_iter().collect(),
        packages: packages.into_iter().collect(),
        layers: layers.into_iter().collect(),
        locations: locations.into_iter().filter(|location| !location.is_empty()).collect(),
        owners: owners.into_iter().collect(),
        inferred: findings.iter().all(|finding| finding.package.evidence == PackageEvidence::Inferred),
        upgrade,
        fixed: worst_first(fixed),
        open: worst_first(open),
    }
}

/// One finding for each id: those that are exploited first, then the worst, then the newest id.
pub(crate) fn worst_first<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<&'a Finding> {
    let mut by_id: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in findings {
        let known = by_id.entry(&finding.id).or_insert(finding);
        if finding.severity > known.severity {
            *known = finding;
        }
    }
    let mut list: Vec<_> = by_id.into_values().collect();
    list.sort_by_cached_key(|finding| {
        let finding: &'a Finding = finding;
        (finding.exploited.is_none(), Reverse(finding.severity), Reverse(id_key(&finding.id)))
    });
    list
}

/// `CVE-2026-10` comes after `CVE-2026-9`: numbers compare as numbers, which longer ones win.
fn id_key(id: &str) -> Vec<(usize, &str)> {
    id.split('-').map(|part| (part.len(), part)).collect()
}

/// How many of each severity, the worst first.
pub(crate) fn by_severity(findings: &[&Finding]) -> Vec<(Severity, usize)> {
    Severity::ALL
        .iter()
        .rev()
        .map(|severity| (*severity, findings.iter().filter(|finding| finding.severity == *severity).count()))
        .collect()
}

/// Groups of greater weight come first: one that is exploited outweighs any number of others, one critical any number of
/// high ones.
fn weight(findings: &[&Finding]) -> Vec<usize> {
    let exploited = findings.iter().filter(|finding| finding.exploited.is_some()).count();
    let rated = by_severity(findings).into_iter().map(|(_, count)| count);
    std::iter::once(exploited).chain(rated).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{finding, package, sample};
    use super::*;

    #[test]
    fn an_upgrade_is_the_furthest_fix_and_counts_each_id_once() {
        let sample = sample();
        let groups = groups(&sample.report());
        let openssl = &groups[0];
        assert_eq!((openssl.source, openssl.upgrade), ("openssl", Some("3.0.9-10")));
        assert_eq!(openssl.packages, ["libssl3", "openssl"]);
        assert_eq!((&openssl.installed[..], &openssl.layers[..]), (&["3.0.9-1"][..], &[0, 1][..]));
        let ids: Vec<&str> = openssl.fixed.iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, ["CVE-2026-1", "CVE-2026-10"]);
        assert!(openssl.open.is_empty());
        assert_eq!((groups[1].source, groups[1].open.len(), groups.len()), ("nginx", 1, 2));
    }

    #[test]
    fn the_worst_comes_first() {
        let mut sample = sample();
        let p = |source| package(source, "1", source, 0);
        sample.findings = vec![
            finding("CVE-2026-1", &p("many"), Some("2"), Severity::High),
            finding("CVE-2026-2", &p("many"), Some("2"), Severity::High),
            finding("CVE-2026-3", &p("worst"), Some("2"), Severity::Critical),
            finding("CVE-2026-4", &p("hopeless"), None, Severity::Critical),
        ];
        let mut exploited = finding("CVE-2026-5", &p("exploited"), Some("2"), Severity::Low);
        exploited.exploited = Some("2026-10-01".to_owned());
        sample.findings.push(exploited);
        let report = sample.report();
        let sources: Vec<&str> = groups(&report).iter().map(|group| group.source).collect();
        assert_eq!(sources, ["exploited", "worst", "many", "hopeless"]);
    }

    #[test]
    fn ids_compare_by_their_numbers() {
        let mut ids = ["CVE-2026-9", "CVE-2026-10", "CVE-2025-70000", "DSA-1"];
        ids.sort_by_key(|id| id_key(id));
        assert_eq!(ids, ["CVE-2025-70000", "CVE-2026-9", "CVE-2026-10", "DSA-1"]);
    }
}
