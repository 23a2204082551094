//! Ignore files: findings that a team takes as they are, for a time, beside the code that they are in.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use lazaret_model::{Finding, Package};

use crate::pattern::Pattern;

/// A list of entries, read without a mistake with [`IgnoreFile::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreFile {
    /// Its name, for reports.
    pub(crate) name: String,
    pub(crate) entries: Vec<Ignore>,
}

/// One vulnerability that is accepted, everywhere or in some packages, until a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore {
    /// `CVE-2026-1234`, `GHSA-…`: any name of the vulnerability.
    pub id: String,
    pub(crate) package: Option<Pattern>,
    pub(crate) purl: Option<Pattern>,
    pub(crate) path: Option<Pattern>,
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Its last day.
    pub expires: Date,
    /// Where it stands in the file, from 1.
    pub line: usize,
}

/// Findings by what an ignore file says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored<'i> {
    /// Those that count.
    pub open: Vec<Finding>,
    /// Those that do not, each with the first entry that says so.
    pub accepted: Vec<(Finding, &'i Ignore)>,
    /// Entries that would take out findings, had they not expired; those count.
    pub expired: Vec<&'i Ignore>,
    /// Entries that no finding met: what they were about is gone.
    pub unused: Vec<&'i Ignore>,
}

impl IgnoreFile {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn entries(&self) -> &[Ignore] {
        &self.entries
    }

    /// Splits findings. `purl` names a package as documents do; the order of the findings is kept.
    pub fn apply(
        &self,
        findings: Vec<Finding>,
        purl: impl Fn(&Package) -> Option<String>,
        now: Timestamp,
    ) -> Ignored<'_> {
        let today = Offset::UTC.to_datetime(now).date();
        let mut met = vec![false; self.entries.len()];
        let (mut open, mut accepted) = (Vec::with_capacity(findings.len()), Vec::new());
        for finding in findings {
            let mut by = None;
            for (entry, met) in self.entries.iter().zip(&mut met) {
                if entry.covers(&finding, &purl) {
                    *met = true;
                    by = by.or((entry.expires >= today).then_some(entry));
                }
            }
            match by {
                Some(entry) => accepted.push((finding, entry)),
                None => open.push(finding),
            }
        }
        let entries = || self.entries.iter().zip(&met);
        let expired = entries().filter(|(entry, met)| **met && entry.expires < today);
        let unused = entries().filter(|(_, met)| !**met);
        Ignored {
            open,
            accepted,
            expired: expired.map(|(entry, _)| entry).collect(),
            unused: unused.map(|(entry, _)| entry).collect(),
        }
    }
}

impl Ignore {
    fn covers(&self, finding: &Finding, purl: impl Fn(&Package) -> Option<String>) -> bool {
        let package = &finding.package;
        let is_it = |name: &String| name.eq_ignore_ascii_case(&self.id);
        let names = |pattern: &Pattern| crate::judge::names(pattern, package);
        let is_at = |pattern: &Pattern| pattern.matches(&package.location);
        // Who writes no qualifiers means any.
        let is_named = |pattern: &Pattern| {
            purl(package).is_some_and(|text| {
                let bare = text.split(['?', '#']).next().unwrap_or_default();
                pattern.matches(&text) || pattern.matches(bare)
            })
        };
        (is_it(&finding.id) || finding.aliases.iter().any(is_it))
            && self.package.as_ref().is_none_or(names)
            && self.path.as_ref().is_none_or(is_at)
            && self.purl.as_ref().is_none_or(is_named)
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::Ecosystem;

    use super::*;

    fn findings() -> Vec<Finding> {
        let package = |name: &str, location: &str| Package {
            location: location.to_owned(),
            ..Package::new(Ecosystem::Npm, name, "1.0")
        };
        let mut alias = Finding::new("GHSA-1", package("lodash", "app/package-lock.json"));
        alias.aliases = vec!["CVE-2026-1".to_owned()];
        vec![
            alias,
            Finding::new("CVE-2026-1", package("ws", "srv/yarn.lock")),
            Finding::new("CVE-2026-2", package("ws", "srv/yarn.lock")),
        ]
    }

    fn apply(text: &str) -> (usize, usize, usize, usize) {
        let file = IgnoreFile::parse(text, "ignore.yaml").unwrap_or_else(|error| panic!("{error}"));
        let purl = |package: &Package| Some(format!("pkg:npm/{}@{}?arch=any", package.name, package.version));
        let now = "2026-06-15T12:00:00Z".parse().unwrap();
        let Ignored { open, accepted, expired, unused } = file.apply(findings(), purl, now);
        (open.len(), accepted.len(), expired.len(), unused.len())
    }

    #[test]
    fn takes_out_what_is_named_until_its_last_day() {
        let rest = "reason: not reachable, expires: 2026-06-15";
        assert_eq!(apply(""), (3, 0, 0, 0));
        assert_eq!(apply(&format!("- {{id: cve-2026-1, {rest}}}")), (1, 2, 0, 0));
        assert_eq!(apply(&format!("- {{id: CVE-2026-1, package: lod*, {rest}}}")), (2, 1, 0, 0));
        assert_eq!(apply(&format!("- {{id: CVE-2026-1, path: srv/*, {rest}}}")), (2, 1, 0, 0));
        assert_eq!(apply(&format!("- {{id: CVE-2026-1, purl: 'pkg:npm/ws@1.0', {rest}}}")), (2, 1, 0, 0));
        assert_eq!(apply(&format!("- {{id: CVE-2026-1, purl: 'pkg:npm/ws@2*', {rest}}}")), (3, 0, 0, 1));
        assert_eq!(apply("- {id: CVE-2026-1, reason: x, expires: 2026-06-14}"), (3, 0, 1, 0));
        assert_eq!(apply(&format!("- {{id: CVE-2026-9, {rest}}}")), (3, 0, 0, 1));
        // An expired entry does not undo one that holds.
        let both = format!("- {{id: CVE-2026-1, reason: x, expires: 2026-06-14}}\n- {{id: GHSA-1, {rest}}}");
        assert_eq!(apply(&both), (2, 1, 1, 0));
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        let error = IgnoreFile::parse(
            "- id: CVE-2026-1\n  expires: soon\n  pakage: x\n- id: bad id\n  reason: y\n",
            "i.yaml",
        )
        .unwrap_err()
        .to_string();
        for part in [
            "i.yaml:1:3: `reason` is missing",
            "i.yaml:2:12: `soon` is not a date",
            "i.yaml:3:3: unknown key `pakage`",
            "did you mean `package`?",
            "i.yaml:4:3: `expires` is missing",
            "i.yaml:4:7: `bad id` is not the name of a vulnerability",
        ] {
            assert!(error.contains(part), "{part}\n{error}");
        }
        let error = IgnoreFile::parse("CVE-2026-1\n", "i.yaml").unwrap_err().to_string();
        assert!(error.contains("i.yaml:1:1: expected a list"), "{error}");
    }
}
