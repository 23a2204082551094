use std::collections::HashMap;

use lazaret_model::Advisory;

use crate::packages::{PackageName, number};

/// Advisories, found by any of their names and by the package that they are about.
#[derive(Debug, Default)]
pub struct Knowledge {
    advisories: Vec<Option<Advisory>>,
    free: Vec<u32>,
    /// Lower case: people type names as they like.
    by_name: HashMap<String, Vec<u32>>,
    by_package: HashMap<PackageName, Vec<u32>>,
}

impl Knowledge {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn insert(&mut self, advisory: Advisory) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.advisories.push(None);
            number(self.advisories.len() - 1)
        });
        for name in names(&advisory) {
            self.by_name.entry(name).or_default().push(place);
        }
        self.by_package.entry(PackageName::of_advisory(&advisory)).or_default().push(place);
        self.advisories[place as usize] = Some(advisory);
    }

    /// Forgets what the same feed said of the same vulnerability in the same package before.
    pub fn remove_like(&mut self, new: &Advisory) {
        let about = self.by_name.get(&new.id.to_ascii_lowercase()).cloned().unwrap_or_default();
        let same = |known: &mut Advisory| {
            known.id == new.id
                && known.feed == new.feed
                && PackageName::of_advisory(known) == PackageName::of_advisory(new)
        };
        for place in about {
            let Some(advisory) = self.advisories[place as usize].take_if(same) else { continue };
            for name in names(&advisory) {
                forget(&mut self.by_name, &name, place);
            }
            forget(&mut self.by_package, &PackageName::of_advisory(&advisory), place);
            self.free.push(place);
        }
    }

    /// Advisories with this id or alias, in the order in which they came.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Advisory> {
        self.at(self.by_name.get(&name.to_ascii_lowercase()))
    }

    pub(crate) fn of_package(&self, name: &PackageName) -> impl Iterator<Item = &Advisory> {
        self.at(self.by_package.get(name))
    }

    pub fn len(&self) -> usize {
        self.advisories.len() - self.free.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn at<'a>(&'a self, places: Option<&'a Vec<u32>>) -> impl Iterator<Item = &'a Advisory> {
        places.into_iter().flatten().filter_map(|place| self.advisories[*place as usize].as_ref())
    }
}

/// Id and aliases, each once.
fn names(advisory: &Advisory) -> Vec<String> {
    let all = advisory.aliases.iter().chain([&advisory.id]);
    let mut names: Vec<String> = all.map(|name| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn forget<K: Eq + std::hash::Hash>(places: &mut HashMap<K, Vec<u32>>, key: &K, place: u32) {
    if let Some(list) = places.get_mut(key) {
        list.retain(|other| *other != place);
        if list.is_empty() {
            places.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::Ecosystem;

    use super::*;

    fn advisory(id: &str, alias: &str, feed: &str) -> Advisory {
        Advisory {
            aliases: vec![alias.to_owned(), id.to_owned()],
            feed: feed.to_owned(),
            ..Advisory::new(id, Ecosystem::Deb, "debian:12", "openssl")
        }
    }

    #[test]
    fn names_and_packages_lead_to_advisories() {
        let mut knowledge = Knowledge::new();
        knowledge.insert(advisory("CVE-1", "DSA-1", "a"));
        knowledge.insert(advisory("CVE-1", "DSA-2", "b"));
        knowledge.insert(advisory("CVE-2", "DSA-1", "a"));
        assert_eq!(knowledge.named("cve-1").count(), 2);
        assert_eq!(knowledge.named("DSA-1").count(), 2);
        assert_eq!(knowledge.of_package(&PackageName::of_advisory(&advisory("", "", ""))).count(), 3);

        knowledge.remove_like(&advisory("CVE-1", "", "a"));
        assert_eq!(knowledge.len(), 2);
        assert_eq!(
            knowledge.named("CVE-1").map(|advisory| advisory.feed.as_str()).collect::<Vec<_>>(),
            ["b"]
        );
        assert_eq!(
            knowledge.named("DSA-1").map(|advisory| advisory.id.as_str()).collect::<Vec<_>>(),
            ["CVE-2"]
        );
        knowledge.remove_like(&advisory("DSA-1", "", "a"));
        assert_eq!(knowledge.len(), 2, "an alias is not an id");
        knowledge.remove_like(&Advisory { release: "debian:13".to_owned(), ..advisory("CVE-2", "", "a") });
        assert_eq!(knowledge.len(), 2, "another release is another statement");

        knowledge.insert(advisory("CVE-3", "DSA-3", "a"));
        assert_eq!(knowledge.advisories.len(), 3, "the place was given again");
        knowledge.remove_like(&advisory("CVE-1", "", "b"));
        knowledge.remove_like(&advisory("CVE-2", "", "a"));
        knowledge.remove_like(&advisory("CVE-3", "", "a"));
        assert!(knowledge.is_empty() && knowledge.by_name.is_empty() && knowledge.by_package.is_empty());
    }
}
