//! Which layer brought a package of a database that is rewritten as a whole.
//!
//! The file that survives is of the layer that installed last, whatever it was. What the database said as the layers
//! below left it tells the rest: a package came with the lowest layer from which on no version misses it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use lazaret_model::{Limits, Package};

use crate::files::Files;
use crate::reading::{Reading, lossy};

/// What earlier versions of databases said.
#[derive(Debug, Default)]
pub(crate) struct History(HashMap<String, Past>);

#[derive(Debug)]
struct Past {
    /// The lowest layer known so far from which on each package of the present database is there.
    since: HashMap<Identity, u32>,
    /// The layer of the lowest version seen.
    lowest: u32,
}

/// Name, version, architecture.
type Identity = (String, String, Option<String>);

/// Makes packages of the files of one reader.
type Read = fn(&Files, &mut Reading<'_>);

impl History {
    /// A version that a layer below the present one left. Versions come from the top downwards.
    pub(crate) fn earlier(
        &mut self,
        read: Read,
        present: &Files,
        path: &[u8],
        layer: u32,
        bytes: &[u8],
        limits: &Limits,
    ) {
        let past = match self.0.entry(lossy(path)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let Some(file) = present.get(path) else { return };
                let Some(content) = &file.content else { return };
                let since = identities(read, path, content, limits).map(|package| (package, file.layer));
                new.insert(Past { since: since.collect(), lowest: file.layer })
            }
        };
        for package in identities(read, path, bytes, limits) {
            if let Some(since) = past.since.get_mut(&package).filter(|since| **since == past.lowest) {
                *since = layer;
            }
        }
        past.lowest = layer;
    }

    /// Says of packages which layer brought them.
    pub(crate) fn attribute(&self, packages: &mut [Package]) {
        if self.0.is_empty() {
            return;
        }
        for package in packages.iter_mut().filter(|package| package.ecosystem.is_of_distribution()) {
            let Some(past) = self.0.get(&package.location) else { continue };
            if let Some(since) = past.since.get(&identity(package)) {
                package.layer = *since;
            }
        }
    }
}

/// What one version lists. What is wrong with it is told of the present one only.
fn identities(read: Read, path: &[u8], bytes: &[u8], limits: &Limits) -> impl Iterator<Item = Identity> {
    let mut files = Files::default();
    files.add(path, 0, Some(bytes.to_vec()));
    let mut reading = Reading::new(limits);
    read(&files, &mut reading);
    let (packages, _) = reading.into_parts();
    packages.into_iter().map(|package| (package.name, package.version, package.architecture))
}

fn identity(package: &Package) -> Identity {
    (package.name.clone(), package.version.clone(), package.architecture.clone())
}

#[cfg(test)]
mod tests {
    use lazaret_model::Ecosystem;

    use super::*;

    const PATH: &str = "db";

    /// `name=version` separated by blanks.
    fn words(files: &Files, reading: &mut Reading<'_>) {
        for (path, file) in files.iter() {
            let text = String::from_utf8(file.content.clone().unwrap()).unwrap();
            for (name, version) in text.split(' ').filter_map(|word| word.split_once('=')) {
                let package = Package::new(Ecosystem::Apk, name, version);
                reading.package(Package { location: lossy(path), layer: file.layer, ..package });
            }
        }
    }

    fn layers(present: (u32, &str), earlier: &[(u32, &str)]) -> Vec<(String, u32)> {
        let limits = Limits::default();
        let mut files = Files::default();
        files.add(PATH.as_bytes(), present.0, Some(present.1.into()));
        let mut history = History::default();
        for (layer, text) in earlier {
            history.earlier(words, &files, PATH.as_bytes(), *layer, text.as_bytes(), &limits);
        }
        let mut reading = Reading::new(&limits);
        words(&files, &mut reading);
        let (mut packages, _) = reading.into_parts();
        history.attribute(&mut packages);
        packages.into_iter().map(|package| (package.name, package.layer)).collect()
    }

    #[test]
    fn a_package_is_of_the_layer_from_which_on_it_was_there() {
        let found = layers(
            (7, "base=1 upgraded=2 again=1 new=1"),
            &[(4, "base=1 upgraded=2"), (2, "base=1 upgraded=1 again=1"), (0, "base=1 again=1")],
        );
        let expected = [("base", 0), ("upgraded", 4), ("again", 7), ("new", 7)];
        assert_eq!(found, expected.map(|(name, layer)| (name.to_owned(), layer)));
    }

    #[test]
    fn a_single_version_is_of_its_layer() {
        assert_eq!(layers((3, "a=1"), &[]), [("a".to_owned(), 3)]);
        assert_eq!(layers((3, "a=1"), &[(1, "")]), [("a".to_owned(), 3)]);
    }
}
