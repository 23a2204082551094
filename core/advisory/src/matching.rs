//! From packages to findings.

use std::collections::BTreeMap;

use lazaret_model::{
    Advisory, AdvisoryStatus, Distribution, Ecosystem, Finding, FixState, Package, SourcePackage,
};
use lazaret_version::{Scheme, compare, deb};

use crate::database::{Database, DatabaseError};

/// Whether an advisory speaks of this version of this source package in this release
/// ([`Distribution::key`]).
pub fn affects(advisory: &Advisory, release: &str, source: &SourcePackage) -> bool {
    advisory.release == release
        && advisory.package == source.name
        && is_within(
            advisory.ecosystem.scheme(),
            advisory.introduced.as_deref(),
            advisory.fixed.as_deref(),
            &source.version,
        )
}

fn is_within(scheme: Scheme, introduced: Option<&str>, fixed: Option<&str>, version: &str) -> bool {
    introduced.is_none_or(|introduced| compare(scheme, version, introduced).is_ge())
        && fixed.is_none_or(|fixed| {
            compare(scheme, version, fixed).is_lt() && !has_all_of(scheme, version, fixed)
        })
}

/// Whether a version has what a version above it has.
fn has_all_of(scheme: Scheme, version: &str, higher: &str) -> bool {
    match scheme {
        Scheme::Deb => deb::is_rebuild_of(version, higher),
        _ => false,
    }
}

impl Database {
    /// The findings of packages that belong to one distribution, sorted; one for each vulnerability and
    /// binary package. Without a distribution there are none: its packages are those of no release.
    ///
    /// Fails only on a damaged database, and never on one that [`verify`](Self::verify) accepted.
    pub fn findings(
        &self,
        distribution: Option<&Distribution>,
        packages: &[Package],
    ) -> Result<Vec<Finding>, DatabaseError> {
        let Some(release) = distribution.map(Distribution::key) else { return Ok(Vec::new()) };
        let mut findings = Vec::new();
        // Many binary packages come from one source.
        let mut known: BTreeMap<(Ecosystem, &SourcePackage), Vec<Advisory>> = BTreeMap::new();
        for package in packages {
            let key = (package.ecosystem, &package.source);
            let advisories = match known.get(&key) {
                Some(advisories) => advisories,
                None => {
                    let advisories = self.affecting(package.ecosystem, &release, &package.source)?;
                    known.entry(key).or_insert(advisories)
                }
            };
            findings.extend(advisories.iter().map(|advisory| finding(advisory, package)));
        }
        findings.sort_unstable();
        findings.dedup();
        Ok(findings)
    }

    /// The advisories that affect a source package, one for each vulnerability.
    fn affecting(
        &self,
        ecosystem: Ecosystem,
        release: &str,
        source: &SourcePackage,
    ) -> Result<Vec<Advisory>, DatabaseError> {
        let mut advisories = Vec::new();
        for at in self.rows_of(ecosystem, release, &source.name)? {
            let row = self.row(at)?;
            let text = |number: Option<u32>| number.map(|number| self.text(number)).transpose();
            if is_within(ecosystem.scheme(), text(row.introduced)?, text(row.fixed)?, &source.version) {
                advisories.push(self.advisory(&row)?);
            }
        }
        Ok(group(advisories))
    }
}

/// One advisory for each vulnerability: those under an id that is another one's alias are taken into it.
///
/// Two CVE ids are always two vulnerabilities: an advisory of a distribution covers several.
fn group(advisories: Vec<Advisory>) -> Vec<Advisory> {
    let (mut kept, others): (Vec<_>, Vec<_>) =
        advisories.into_iter().partition(|advisory| advisory.id.starts_with("CVE-"));
    for other in others {
        let is_same = |known: &&mut Advisory| {
            known.id == other.id || known.aliases.contains(&other.id) || other.aliases.contains(&known.id)
        };
        let mut is_taken = false;
        for known in kept.iter_mut().filter(|known| is_same(known)) {
            let named = std::iter::once(&other.id).chain(&other.aliases);
            let new: Vec<String> =
                named.filter(|id| **id != known.id && !id.starts_with("CVE-")).cloned().collect();
            known.aliases.extend(new);
            known.aliases.sort();
            known.aliases.dedup();
            is_taken = true;
        }
        if !is_taken {
            kept.push(other);
        }
    }
    kept.sort_unstable();
    kept
}

fn finding(advisory: &Advisory, package: &Package) -> Finding {
    Finding {
        aliases: advisory.aliases.clone(),
        fix: match (&advisory.fixed, advisory.status) {
            (Some(version), _) => FixState::Fixed { version: version.clone() },
            (None, AdvisoryStatus::WillNotFix) => FixState::WillNotFix,
            (None, AdvisoryStatus::EndOfLife) => FixState::EndOfLife,
            (None, _) => FixState::NotFixed,
        },
        disputed: advisory.status == AdvisoryStatus::Disputed,
        severity: advisory.severity,
        summary: advisory.summary.clone(),
        published: advisory.published.clone(),
        feed: advisory.feed.clone(),
        ..Finding::new(advisory.id.clone(), package.clone())
    }
}
