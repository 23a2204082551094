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
        if let Some(key) = keys(distribution).into_iter().find(|key| known.contains(key)) {
            return Ok(Covered::Release(key));
        }
        let is_other = |release: &String| {
            let id = release.split_once(':').map_or(release.as_str(), |(id, _)| id);
            ids(distribution).any(|known| known == id)
        };
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

/// The keys under which advisories may speak of a release that is known by its
/// [key](lazaret_model::Distribution::key) alone: its own, and those of distributions that speak for it.
pub fn release_keys(key: &str) -> Vec<String> {
    let (id, version) = key.split_at(key.find(':').unwrap_or(key.len()));
    let others = SPOKEN_FOR.iter().filter(|(known, _)| *known == id);
    let others = others.map(|(_, other)| format!("{other}{version}"));
    std::iter::once(key.to_owned()).chain(others).collect()
}

fn ids(distribution: &Distribution) -> impl Iterator<Item = &str> {
    let spoken_for = SPOKEN_FOR.iter().filter(|(id, _)| *id == distribution.id).map(|(_, other)| *other);
    std::iter::once(distribution.id.as_str()).chain(spoken_for)
}

/// Keys under which advisories for a distribution may stand, the most exact first. Feeds speak of the release
/// line: of Alpine 3.18 and not of 3.18.4, of Rocky Linux 9 and not of 9.3, of Wolfi and not of its date.
fn keys(distribution: &Distribution) -> Vec<String> {
    let mut keys = Vec::new();
    for id in ids(distribution) {
        if let Some(version) = &distribution.version {
            let mut parts = version.match_indices('.').map(|(at, _)| at);
            let major = parts.next();
            keys.push(format!("{id}:{version}"));
            keys.extend(parts.next().map(|end| format!("{id}:{}", &version[..end])));
            keys.extend(major.map(|end| format!("{id}:{}", &version[..end])));
        }
        keys.extend(distribution.codename.as_ref().map(|codename| format!("{id}:{codename}")));
        keys.push(id.to_owned());
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_speak_for_rebuilds() {
        assert_eq!(release_keys("centos:8"), ["centos:8", "rhel:8"]);
        assert_eq!(release_keys("debian:12"), ["debian:12"]);
        assert_eq!(release_keys("centos"), ["centos", "rhel"]);
        assert_eq!(release_keys(""), [""]);
    }

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
    }
}
