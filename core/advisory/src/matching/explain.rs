//! Why a package matched.

use lazaret_model::{Distribution, NamedPackage, Package};

use super::hit::{self, Asked, Hit};
use crate::database::{Database, DatabaseError, Release};

/// One row behind a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MatchReason {
    pub feed: String,
    /// Id of the document in the feed: `DSA-5000-1`, `GHSA-…`.
    pub document: String,
    /// Which name of the package the feed speaks of, and that name.
    pub names: NamedPackage,
    pub package: String,
    /// The version that was held against the range.
    pub version: String,
    /// The stretch of versions that it lies in: `>= 1.0, < 1.2`.
    pub range: String,
}

impl Database {
    /// The rows that make a package a finding of this id, or of one that is an alias of it.
    pub fn explain(
        &self,
        distribution: Option<&Distribution>,
        package: &Package,
        id: &str,
    ) -> Result<Vec<MatchReason>, DatabaseError> {
        let ecosystem = package.ecosystem;
        let releases = self.releases(ecosystem, distribution)?;
        let mut reasons = Vec::new();
        for (release, names) in releases.iter().zip([NamedPackage::Source, NamedPackage::Binary]) {
            let Some(release) = release else { continue };
            let (name, version) = match names {
                NamedPackage::Source if ecosystem.is_of_distribution() => {
                    (&package.source.name, &package.source.version)
                }
                _ => (&package.name, &package.version),
            };
            let name = ecosystem.normalised(name);
            let asked = Asked { ecosystem, version, module: package.module.as_deref() };
            for hit in self.matching(release, &name, &asked)? {
                let is_alias = self.aliases(&hit.note).any(|alias| alias.is_ok_and(|alias| alias == id));
                if hit.is_vulnerable() && (is_alias || self.text(hit.note.id)? == id) {
                    reasons.push(MatchReason {
                        feed: self.feed_name(hit.note.feed)?.to_owned(),
                        document: self.text(hit.note.document)?.to_owned(),
                        names,
                        package: name.clone().into_owned(),
                        version: version.clone(),
                        range: hit::stretch(self, &hit.row)?.to_string(),
                    });
                }
            }
        }
        reasons.sort_unstable();
        Ok(reasons)
    }

    fn matching(&self, release: &Release, name: &str, asked: &Asked<'_>) -> Result<Vec<Hit>, DatabaseError> {
        let mut hits = Vec::new();
        hit::find(self, self.rows_of(release, name)?, asked, &mut hits)?;
        Ok(hits)
    }
}
