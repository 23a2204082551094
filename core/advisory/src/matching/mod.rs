//! From packages to findings.

mod explain;
mod group;
mod hit;
mod range;
mod rating;
mod release;

use std::collections::HashMap;

use lazaret_model::{Distribution, Ecosystem, Finding, NamedPackage, Package};

use crate::database::{Database, DatabaseError, Release};
use group::{Group, group};
use hit::{Asked, Hit};
use rating::Ratings;

pub use explain::MatchReason;
pub use range::{affects_version, speaks_of_version};
pub use release::{Covered, release_keys};

impl Database {
    /// The findings of packages, sorted; one for each vulnerability and package.
    ///
    /// Packages of a distribution are held against the advisories of its release ([`covers`](Self::covers) tells
    /// whether there are any; without a distribution they are packages of no release), by the name of their
    /// source or by their own, whichever a feed names. Packages of languages are held against those of their
    /// ecosystem, unless they [belong](Package::owner) to a package of a distribution that has advisories: then
    /// those speak for them. Packages without a version match nothing.
    ///
    /// Fails only on a damaged database, and never on one that [`verify`](Self::verify) accepted.
    pub fn findings(
        &self,
        distribution: Option<&Distribution>,
        packages: &[Package],
    ) -> Result<Vec<Finding>, DatabaseError> {
        let mut matching = Matching::new(self, distribution)?;
        let mut findings = Vec::new();
        for package in packages {
            matching.add(package, &mut findings)?;
        }
        Ok(sorted(findings))
    }
}

/// Sorted and without repetitions. A finding is large: it is moved once.
fn sorted(findings: Vec<Finding>) -> Vec<Finding> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_unstable_by(|a, b| findings[*a].cmp(&findings[*b]));
    order.dedup_by(|a, b| findings[*a] == findings[*b]);
    let mut findings: Vec<Option<Finding>> = findings.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| findings[at].take()).collect()
}

/// One run over the packages of an image.
struct Matching<'d> {
    database: &'d Database,
    distribution: Option<&'d Distribution>,
    /// Whether the distribution's own advisories speak for what its packages brought.
    speaks: bool,
    /// By ecosystem: where its advisories stand, those that name sources before those that name packages.
    releases: Vec<Option<[Option<Release>; 2]>>,
    /// Many packages come from one source: hits by first row, version and module, where they took long.
    known: HashMap<(usize, String, Option<String>), Vec<Hit>>,
    ratings: Ratings<'d>,
}

/// Rows of a package from which on what they gave is remembered.
const MANY: usize = 64;

impl<'d> Matching<'d> {
    fn new(database: &'d Database, distribution: Option<&'d Distribution>) -> Result<Self, DatabaseError> {
        let speaks = match distribution {
            Some(distribution) => database.covers(distribution)?.is_covered(),
            None => false,
        };
        Ok(Self {
            database,
            distribution,
            speaks,
            releases: vec![None; Ecosystem::ALL.len()],
            known: HashMap::new(),
            ratings: Ratings::new(database),
        })
    }

    fn add(&mut self, package: &Package, findings: &mut Vec<Finding>) -> Result<(), DatabaseError> {
        let hits = self.hits(package)?;
        if hits.is_empty() {
            return Ok(());
        }
        for group in group(self.database, hits)? {
            if let Some(finding) = self.finding(&group, package)? {
                findings.push(finding);
            }
        }
        Ok(())
    }

    /// The rows that say that a package is vulnerable.
    fn hits(&mut self, package: &Package) -> Result<Vec<Hit>, DatabaseError> {
        let ecosystem = package.ecosystem;
        if self.speaks && package.owner.is_some() && !ecosystem.is_of_distribution() {
            return Ok(Vec::new());
        }
        let at = Ecosystem::ALL.iter().position(|known| *known == ecosystem).unwrap_or_default();
        if self.releases[at].is_none() {
            self.releases[at] = Some(self.database.releases(ecosystem, self.distribution)?);
        }
        let mut hits = Vec::new();
        for (number, names) in [NamedPackage::Source, NamedPackage::Binary].into_iter().enumerate() {
            let Some(release) = self.releases[at].as_ref().and_then(|both| both[number].as_ref()) else {
                continue;
            };
            let (name, version) = match names {
                NamedPackage::Source if ecosystem.is_of_distribution() => {
                    (package.source.name.as_str(), package.source.version.as_str())
                }
                _ => (package.name.as_str(), package.version.as_str()),
            };
            if version.is_empty() {
                continue;
            }
            let rows = self.database.rows_of(release, &ecosystem.normalised(name))?;
            if rows.is_empty() {
                continue;
            }
            let asked = Asked { ecosystem, version, module: package.module.as_deref() };
            if rows.len() < MANY {
                hit::find(self.database, rows, &asked, &mut hits)?;
                continue;
            }
            let key = (rows.start, version.to_owned(), package.module.clone());
            let found = match self.known.get(&key) {
                Some(found) => found,
                None => {
                    let mut found = Vec::new();
                    hit::find(self.database, rows, &asked, &mut found)?;
                    self.known.entry(key).or_insert(found)
                }
            };
            hits.extend_from_slice(found);
        }
        if hits.iter().any(|hit| !hit.is_vulnerable()) {
            hits = hit::without_denied(self.database, hits)?;
        }
        Ok(hits)
    }

    /// What a group of hits says together; nothing if the vulnerability was taken back.
    fn finding(&mut self, group: &Group<'d>, package: &Package) -> Result<Option<Finding>, DatabaseError> {
        let rating = self.ratings.of(group)?;
        if rating.withdrawn {
            return Ok(None);
        }
        let stated = group.hits.iter().map(|hit| hit.note.severity).max().unwrap_or(rating.severity);
        let decisive = hit::decisive(self.database, package.ecosystem, &group.hits)?;
        let mut summary = self.database.text(decisive.hit.note.summary)?;
        for hit in &group.hits {
            if summary.is_empty() {
                summary = self.database.text(hit.note.summary)?;
            }
        }
        Ok(Some(Finding {
            aliases: group.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            fix: decisive.fix,
            severity: rating.severity_after(stated),
            cvss_vector: rating.vector.map(|(vector, _)| vector.to_owned()),
            cvss_score: rating.vector.map(|(_, score)| score.tenths),
            epss: rating.epss,
            exploited: rating.exploited.map(str::to_owned),
            disputed: decisive.disputed,
            summary: if summary.is_empty() { rating.summary } else { summary }.to_owned(),
            published: self.database.optional_text(decisive.hit.note.published)?.map(str::to_owned),
            feed: self.database.feed_name(decisive.hit.note.feed)?.to_owned(),
            ..Finding::new(group.id, package.clone())
        }))
    }
}
