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
        let line = |release: &str| release.split(':').next().map(str::to_owned);
        let is_other = |release: &String| keys.iter().any(|key| line(key) == line(release));
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

fn ids(distribution: &Distribution) -> impl Iterator<Item = &str> {
    let spoken_for = SPOKEN_FOR.iter().filter(|(id, _)| *id == distribution.id).map(|(_, other)| *other);
    std::iter::once(distribution.id.as_str()).chain(spoken_for)
}

/// Keys under which advisories for a distribution may stand, the most exact first. Feeds speak of the release
/// line: of Alpine 3.18 and not of 3.18.4, of Rocky Linux 9 and not of 9.3, of Wolfi and not of its date. What they
/// call it where that is no part of the version, [`Distribution::key`] knows: Amazon Linux 1 says 2018.03 of itself.
fn keys(distribution: &Distribution) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    let mut add = |key: String| {
        if !keys.contains(&key) {
            keys.push(key);
        }
    };
    for id in ids(distribution) {
        let version = distribution.version.as_deref().unwrap_or_default();
        let mut parts = version.match_indices('.').map(|(at, _)| &version[..at]);
        let (major, minor) = (parts.next(), parts.next());
        let filed = Distribution { id: id.to_owned(), ..distribution.clone() }.key();
        distribution.version.iter().for_each(|version| add(format!("{id}:{version}")));
        add(filed);
        let lines = [minor, major, distribution.codename.as_deref()].into_iter().flatten();
        lines.for_each(|line| add(format!("{id}:{line}")));
        add(id.to_owned());
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_key_comes_first() {
        let of = |id: &str, version: Option<&str>, codename: Option<&str>| {
            let text = |text: Option<&str>| text.map(str::to_owned);
            keys(&Distribution {
                id: id.into(),
                version: text(version),
                codename: text(codename),
                title: None,
            })
        };
        assert_eq!(
            of("alpine", Some("3.18.4"), None),
            ["alpine:3.18.4", "alpine:3.18", "alpine:3", "alpine"]
        );
        assert_eq!(of("debian", Some("12"), Some("bookworm")), ["debian:12", "debian:bookworm", "debian"]);
        assert_eq!(of("debian", None, Some("sid")), ["debian:sid", "debian"]);
        assert_eq!(of("centos", Some("7"), None), ["centos:7", "centos", "rhel:7", "rhel"]);
        for (id, version, key) in [
            ("amzn", "2018.03", "amzn:1"),
            ("alpine", "3.21_alpha20240923", "alpine:edge"),
            ("sles_sap", "15.4", "sles:15.4"),
            ("opensuse-leap", "15.1", "opensuse.leap:15.1"),
        ] {
            assert_eq!(of(id, Some(version), None)[1], key);
        }
    }
}
