//! Which of the database's releases a distribution is.

use lazaret_model::{Distribution, Ecosystem, NamedPackage};

use crate::database::{Database, DatabaseError, Kind, Release};

/// Distributions that others' advisories speak for: rebuilds of the same sources, with the same versions.
const SPOKEN_FOR: &[(&str, &str)] = &[("centos", "rhel")];

/// Whether a database can say anything of a distribution. That nothing was found means something only if it
/// can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covered {
    /// It has advisories, under this key.
    Release(String),
    /// It has advisories for other releases of the distribution only: this one is too old, too new, or its feed
    /// is missing.
    OtherReleases(Vec<String>),
    /// It has none at all for this distribution.
    Nothing,
}

impl Covered {
    pub const fn is_covered(&self) -> bool {
        matches!(self, Self::Release(_))
    }
}

impl Database {
    /// Whether there are advisories for a distribution's release.
    pub fn covers(&self, distribution: &Distribution) -> Result<Covered, DatabaseError> {
        let known: Vec<String> = self
            .coverage()?
            .into_iter()
            .filter(|coverage| coverage.ecosystem.is_of_distribution())
            .map(|coverage| coverage.release)
            .collect();
        let keys = keys(distribution);
        if let Some(key) = keys.iter().find(|key| known.contains(key)) {
            return Ok(Covered::Release(key.clone()));
        }
        let is_other = |release: &String| keys.iter().any(|key| family(key) == family(release));
        let mut others: Vec<String> = known.into_iter().filter(is_other).collect();
        others.sort_unstable();
        others.dedup();
        Ok(if others.is_empty() { Covered::Nothing } else { Covered::OtherReleases(others) })
    }

    /// Where advisories for the packages of one ecosystem stand, by what they name: in this distribution, or for
    /// languages everywhere.
    pub(super) fn releases(
        &self,
        ecosystem: Ecosystem,
        distribution: Option<&Distribution>,
    ) -> Result<[Option<Release>; 2], DatabaseError> {
        let keys = match distribution {
            _ if !ecosystem.is_of_distribution() => vec![String::new()],
            Some(distribution) => keys(distribution),
            None => Vec::new(),
        };
        let [source, binary] =
            [NamedPackage::Source, NamedPackage::Binary].map(|names| Kind::new(ecosystem, names));
        for key in keys {
            let found = [self.release(source, &key)?, self.release(binary, &key)?];
            if found.iter().any(Option::is_some) {
                return Ok(found);
            }
        }
        Ok([None, None])
    }
}

/// Keys under which advisories for a distribution may stand: its own, and those that speak for it.
fn keys(distribution: &Distribution) -> Vec<String> {
    release_keys(&distribution.key())
}

/// The keys under which advisories may speak of a release that is known by its
/// [key](lazaret_model::Distribution::key) alone: its own, and those of distributions that speak for it.
pub fn release_keys(key: &str) -> Vec<String> {
    let (id, version) = key.split_at(key.find(':').unwrap_or(key.len()));
    let others = SPOKEN_FOR.iter().filter(|(known, _)| *known == id);
    let others = others.map(|(_, other)| format!("{other}{version}"));
    std::iter::once(key.to_owned()).chain(others).collect()
}

/// `debian` of `debian:12`.
fn family(key: &str) -> &str {
    key.split_once(':').map_or(key, |(family, _)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_distribution_and_of_what_speaks_for_it() {
        assert_eq!(keys(&Distribution::of("alpine", "3.18.4")), ["alpine:3.18"]);
        assert_eq!(keys(&Distribution::named("debian", "sid")), ["debian:sid"]);
        assert_eq!(keys(&Distribution::of("centos", "7")), ["centos:7", "rhel:7"]);
        assert_eq!(release_keys("centos"), ["centos", "rhel"]);
        assert_eq!(release_keys(""), [""]);
    }
}
