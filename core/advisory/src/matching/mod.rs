//! From packages to findings.

mod explain;
mod group;
mod hit;
mod range;
mod rating;
mod release;

use std::collections::HashMap;
use std::sync::Arc;

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
        // Most packages have no findings: only those that do are put in order, each once.
        let mut vulnerable: Vec<(&Package, Vec<Hit>)> = Vec::new();
        for package in packages {
            let hits = matching.hits(package)?;
            if !hits.is_empty() {
                vulnerable.push((package, hits));
            }
        }
        vulnerable.sort_by(|one, other| one.0.cmp(other.0));
        vulnerable.dedup_by(|one, other| one.0 == other.0);
        let mut groups = Vec::with_capacity(vulnerable.iter().map(|(_, hits)| hits.len()).sum());
        let mut shared = Vec::with_capacity(vulnerable.len());
        for (at, (package, hits)) in vulnerable.into_iter().enumerate() {
            groups.extend(group(self, hits)?.into_iter().map(|group| (at, group)));
            shared.push(Arc::new(package.clone()));
        }
        let mut findings = Vec::with_capacity(groups.len());
        for (at, group) in in_order(&groups) {
            findings.extend(matching.finding(group, &shared[*at])?);
        }
        // Documents of one package that end up under one name, which hardly ever happens, are told apart by the rest.
        if !findings.is_sorted_by(|one, other| one < other) {
            findings.sort_unstable();
            findings.dedup();
        }
        Ok(findings)
    }
}

/// Groups by packages, which are in order, in the order of the findings that they become. Mostly the beginnings of
/// ids tell two of them apart.
fn in_order<'g, 'd>(groups: &'g [(usize, Group<'d>)]) -> impl Iterator<Item = &'g (usize, Group<'d>)> {
    let mut order: Vec<(u128, &(usize, Group<'d>))> =
        groups.iter().map(|group| (beginning(group.1.id), group)).collect();
    order.sort_by(|(one, (at, a)), (other, (of, b))| {
        let rest = || (a.id, &a.aliases, at).cmp(&(b.id, &b.aliases, of));
        one.cmp(other).then_with(rest)
    });
    order.into_iter().map(|(_, group)| group)
}

/// The first sixteen bytes of a text, as a number that orders as they do.
fn beginning(text: &str) -> u128 {
    let mut bytes = [0; 16];
    for (place, byte) in bytes.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
    u128::from_be_bytes(bytes)
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
    known: HashMap<(usize, &'d str, Option<&'d str>), Vec<Hit>>,
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

    /// The rows that say that a package is vulnerable.
    fn hits(&mut self, package: &'d Package) -> Result<Vec<Hit>, DatabaseError> {
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
            let key = (rows.start, version, asked.module);
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
    fn finding(
        &mut self,
        group: &Group<'d>,
        package: &Arc<Package>,
    ) -> Result<Option<Finding>, DatabaseError> {
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
            ssvc: rating.ssvc,
            disputed: decisive.disputed,
            summary: if summary.is_empty() { rating.summary } else { summary }.to_owned(),
            published: self.database.optional_text(decisive.hit.note.published)?.map(str::to_owned),
            feed: self.database.feed_name(decisive.hit.note.feed)?.to_owned(),
            ..Finding::new(group.id, Arc::clone(package))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_in_the_order_of_their_findings() {
        let names = [
            ("CVE-2024-1", &["b"][..]),
            ("CVE-2024-10", &[]),
            ("GHSA-aaaa-bbbb-cccc", &[]),
            ("GHSA-aaaa-bbbb-cccd", &[]),
            ("CVE-2024-1", &["a", "z"]),
            ("", &[]),
            ("ä", &[]),
        ];
        let packages = ["a", "b"].map(|name| Package::new(Ecosystem::Npm, name, "1"));
        let group = |(at, (id, aliases)): (usize, &(&'static str, &[&'static str]))| {
            (at, Group { id, aliases: aliases.to_vec(), hits: Vec::new() })
        };
        let groups: Vec<_> = names
            .iter()
            .rev()
            .map(|name| (1, name))
            .chain(names.iter().map(|name| (0, name)))
            .map(group)
            .collect();
        let finding = |(at, group): &(usize, Group<'_>)| Finding {
            aliases: group.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            ..Finding::new(group.id, packages[*at].clone())
        };
        let mut expected: Vec<Finding> = groups.iter().map(finding).collect();
        expected.sort_unstable();
        let found: Vec<Finding> = in_order(&groups).map(finding).collect();
        assert_eq!(found, expected);
    }
}
