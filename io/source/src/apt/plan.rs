//! What is wanted of what the mirrors offer.

use std::collections::{BTreeMap, BTreeSet};

use lazaret_version::deb;

use super::offers::{Offers, SourceKey, SourceOffer};

/// Which source packages are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Everything that changed in the configured releases since they came out.
    All,
    Sources(Vec<WantedSource>),
}

/// A source package of a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedSource {
    /// [`Distribution::key`](lazaret_model::Distribution::key): `debian:12`.
    pub release: String,
    pub name: String,
    /// The version that is installed. The mirror's package is only fetched if it is newer; without a
    /// version it always is.
    pub version: Option<String>,
}

impl Wanted {
    /// Whether package lists need to be kept for a source.
    pub(super) fn names(&self) -> Option<BTreeSet<SourceKey>> {
        match self {
            Self::All => None,
            Self::Sources(sources) => {
                Some(sources.iter().map(|source| (source.release.clone(), source.name.clone())).collect())
            }
        }
    }
}

/// What to do about each wanted source.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// To be read.
    pub(super) needed: BTreeMap<SourceKey, SourceOffer>,
    /// Installed as new as the mirrors have them.
    pub(super) current: BTreeMap<SourceKey, SourceOffer>,
    /// Not offered by any list of their release.
    pub(super) unknown: Vec<SourceKey>,
    /// Releases that no list belongs to.
    pub(super) unknown_releases: BTreeSet<String>,
}

/// Compares wishes and offers. `releases` are those that lists belong to.
pub(super) fn plan(wanted: &Wanted, mut offers: Offers, releases: &BTreeSet<String>) -> Plan {
    let mut plan = Plan::default();
    match wanted {
        Wanted::All => plan.needed = offers.into_iter().filter(|(_, offer)| offer.is_changed).collect(),
        Wanted::Sources(sources) => {
            let mut lowest: BTreeMap<SourceKey, Option<&str>> = BTreeMap::new();
            for source in sources {
                let key = (source.release.clone(), source.name.clone());
                let version = source.version.as_deref();
                lowest
                    .entry(key)
                    .and_modify(|known| {
                        *known =
                            known.zip(version).map(|(a, b)| if deb::compare(b, a).is_lt() { b } else { a });
                    })
                    .or_insert(version);
            }
            for (key, version) in lowest {
                if !releases.contains(&key.0) {
                    plan.unknown_releases.insert(key.0);
                    continue;
                }
                match offers.remove(&key) {
                    None => plan.unknown.push(key),
                    Some(offer)
                        if version.is_some_and(|version| deb::compare(version, &offer.version).is_ge()) =>
                    {
                        plan.current.insert(key, offer);
                    }
                    Some(offer) => {
                        plan.needed.insert(key, offer);
                    }
                }
            }
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(version: &str, is_changed: bool) -> SourceOffer {
        SourceOffer { version: version.to_owned(), is_changed, candidates: Vec::new() }
    }

    fn key(name: &str) -> SourceKey {
        ("debian:12".to_owned(), name.to_owned())
    }

    fn wanted(name: &str, version: Option<&str>) -> WantedSource {
        WantedSource { release: "debian:12".into(), name: name.into(), version: version.map(str::to_owned) }
    }

    fn offers() -> Offers {
        [(key("old"), offer("1.0-1", false)), (key("new"), offer("1.0-1+deb12u1", true))]
            .into_iter()
            .collect()
    }

    #[test]
    fn only_what_is_newer_is_needed() {
        let releases = BTreeSet::from(["debian:12".to_owned()]);
        let sources = vec![
            wanted("old", Some("1.0-1")),
            wanted("new", Some("1.0-1+deb12u1")),
            wanted("new", Some("1.0-1")),
            wanted("third-party", Some("1")),
            WantedSource { release: "debian:9".into(), ..wanted("old", None) },
        ];
        let plan = plan(&Wanted::Sources(sources), offers(), &releases);
        assert_eq!(plan.needed.keys().collect::<Vec<_>>(), [&key("new")], "the oldest installation decides");
        assert_eq!(plan.current.keys().collect::<Vec<_>>(), [&key("old")]);
        assert_eq!(plan.unknown, [key("third-party")]);
        assert_eq!(plan.unknown_releases, BTreeSet::from(["debian:9".to_owned()]));
    }

    #[test]
    fn without_a_version_everything_is_needed() {
        let releases = BTreeSet::from(["debian:12".to_owned()]);
        let sources = vec![wanted("old", Some("1.0-1")), wanted("old", None)];
        assert_eq!(plan(&Wanted::Sources(sources), offers(), &releases).needed.len(), 1);
        let all = plan(&Wanted::All, offers(), &releases);
        assert_eq!(all.needed.keys().collect::<Vec<_>>(), [&key("new")]);
    }
}
