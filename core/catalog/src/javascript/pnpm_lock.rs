//! `pnpm-lock.yaml`, versions 5, 6 and 9 (pnpm/spec, "lockfile").
//!
//! Keys of packages are `/name/version` (5), `/name@version` (6) or `name@version` (9), followed by what peers were
//! chosen. Up to 6 each package says whether only developers need it; in 9 that follows from `snapshots`.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{is_own, split_reference, wanted};
use crate::documents::yaml;
use crate::files::File;
use crate::lenient::{Flag, Pairs, Table, Text};
use crate::reach::reached;
use crate::reading::Reading;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Lock<'a> {
    #[serde(borrow)]
    importers: Pairs<'a, Table<Importer<'a>>>,
    #[serde(borrow)]
    packages: Pairs<'a, Table<Entry<'a>>>,
    #[serde(borrow)]
    snapshots: Pairs<'a, Table<Snapshot<'a>>>,
}

/// A workspace.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Importer<'a> {
    #[serde(borrow)]
    dependencies: Pairs<'a, Table<Chosen<'a>>>,
    #[serde(borrow)]
    optional_dependencies: Pairs<'a, Table<Chosen<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chosen<'a> {
    #[serde(borrow)]
    version: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    /// Stated where the key does not.
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    version: Text<'a>,
    dev: Flag,
    resolution: Table<Resolution>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resolution {
    directory: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Snapshot<'a> {
    #[serde(borrow)]
    dependencies: Pairs<'a, Text<'a>>,
    #[serde(borrow)]
    optional_dependencies: Pairs<'a, Text<'a>>,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    // The first of two documents is pnpm's own: which pnpm is to be used.
    for lock in yaml::<Lock<'_>>(file, reading).unwrap_or_default() {
        let ships = lock.shipped();
        for (key, entry) in &lock.packages.0 {
            let nothing = Entry::default();
            let entry = entry.0.as_ref().unwrap_or(&nothing);
            if entry.dev.0 || entry.resolution.0.as_ref().is_some_and(|it| it.directory.is_some()) {
                continue;
            }
            let key = without_peers(key);
            if ships.as_ref().is_some_and(|ships| !ships.contains_key(key)) {
                continue;
            }
            let stated = named(key);
            let name = entry.name.trimmed().or(stated.map(|(name, _)| name));
            let version = entry.version.trimmed().or(stated.map(|(_, version)| version));
            let (Some(name), Some(version)) = (name, version) else {
                reading.problems.malformed(file.location(), "a package without a name or a version");
                continue;
            };
            if !is_own(version) && !reading.package(wanted(file, name, version)) {
                return;
            }
        }
    }
}

impl Lock<'_> {
    /// The keys of packages that are reached without passing by `devDependencies`; none where the packages say it
    /// themselves.
    fn shipped(&self) -> Option<HashMap<&str, ()>> {
        if self.snapshots.0.is_empty() || self.importers.0.is_empty() {
            return None;
        }
        let numbers: HashMap<&str, usize> =
            self.snapshots.0.iter().enumerate().map(|(number, (key, _))| (&**key, number)).collect();
        // A dependency says the version, or under another name the whole key.
        let number = |name: &str, reference: &Text<'_>| {
            let reference = reference.trimmed()?;
            numbers.get(format!("{name}@{reference}").as_str()).or_else(|| numbers.get(reference)).copied()
        };
        let wants: Vec<Vec<usize>> = self
            .snapshots
            .0
            .iter()
            .map(|(_, it)| {
                let Some(it) = &it.0 else { return Vec::new() };
                let all = it.dependencies.0.iter().chain(&it.optional_dependencies.0);
                all.filter_map(|(name, reference)| number(name, reference)).collect()
            })
            .collect();
        let importers = self.importers.0.iter().filter_map(|(_, it)| it.0.as_ref());
        let roots = importers.flat_map(|it| {
            let all = it.dependencies.0.iter().chain(&it.optional_dependencies.0);
            all.filter_map(|(name, chosen)| number(name, &chosen.0.as_ref()?.version))
        });
        let ships = reached(roots, &wants);
        let keys = self.snapshots.0.iter().zip(ships).filter(|(_, ships)| *ships);
        Some(keys.map(|((key, _), _)| (without_peers(key), ())).collect())
    }
}

/// `name@1.0.0(peer@2.0.0)`: in versions 6 and 9.
fn without_peers(key: &str) -> &str {
    key.split_once('(').map_or(key, |(key, _)| key)
}

/// Name and version, from a key without peers in brackets.
fn named(key: &str) -> Option<(&str, &str)> {
    let relative = key.strip_prefix('/');
    let rest = relative.unwrap_or(key);
    let length = name_length(rest);
    let (name, behind) = (&rest[..length], rest.get(length + 1..).unwrap_or_default());
    if let Some((name, start)) = split_reference(name) {
        // What follows may have slashes: `name@https://…`.
        let version = &rest[rest.len() - behind.len() - start.len() - usize::from(rest.len() > length)..];
        return (!version.is_empty()).then_some((name, version));
    }
    match relative {
        Some(_) => {
            // `1.0.0_peer@2.0.0` or, earlier, `1.0.0/peer@2.0.0`.
            let version = behind.split(['/', '_']).next().unwrap_or_default();
            (!name.is_empty() && version.starts_with(|c: char| c.is_ascii_digit())).then_some((name, version))
        }
        // `registry.example.com/name/1.0.0`
        None => {
            let (_, path) = key.split_once('/')?;
            let length = name_length(path);
            let version = path.get(length + 1..)?.split(['/', '_']).next()?;
            version.starts_with(|c: char| c.is_ascii_digit()).then_some((&path[..length], version))
        }
    }
}

/// The first component, or the first two of a name in a scope.
fn name_length(path: &str) -> usize {
    let mut slashes = path.match_indices('/').map(|(place, _)| place);
    let end = if path.starts_with('@') { slashes.nth(1) } else { slashes.next() };
    end.unwrap_or(path.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::in_tests::lines;

    fn lock(bytes: &[u8]) -> (Vec<String>, usize) {
        lines(read, "pnpm-lock.yaml", bytes)
    }

    #[test]
    fn keys() {
        for (key, expected) in [
            ("/a/1.0.0", Some(("a", "1.0.0"))),
            ("/@s/a/1.0.0", Some(("@s/a", "1.0.0"))),
            ("/a/1.0.0_b@2.0.0", Some(("a", "1.0.0"))),
            ("/a/1.0.0/b@2.0.0", Some(("a", "1.0.0"))),
            ("/a/1.0.0_hash", Some(("a", "1.0.0"))),
            ("/a@1.0.0", Some(("a", "1.0.0"))),
            ("/@s/a@1.0.0-rc.1", Some(("@s/a", "1.0.0-rc.1"))),
            ("@s/a@1.0.0", Some(("@s/a", "1.0.0"))),
            ("a@https://x.com/a/1", Some(("a", "https://x.com/a/1"))),
            ("@s/a@https://x.com/a/1", Some(("@s/a", "https://x.com/a/1"))),
            ("registry.x.com/a/1.0.0_b@2", Some(("a", "1.0.0"))),
            ("registry.x.com/@s/a/1.0.0", Some(("@s/a", "1.0.0"))),
            ("github.com/user/repo/0a1b2c", None),
            ("/a", None),
            ("a@", None),
            ("@", None),
            ("", None),
        ] {
            assert_eq!(named(key), expected, "{key}");
        }
    }

    const FIVE: &str = "lockfileVersion: 5.3\ndependencies:\n  a: 1.0.0\npackages:\n\n  \
/a/1.0.0:\n    resolution: {integrity: sha1-x}\n    dev: false\n\n  \
/test/2.0.0_a@1.0.0:\n    resolution: {integrity: sha1-x}\n    dev: true\n\n  \
github.com/u/far/0123:\n    name: far\n    version: 3.0.0\n\n  \
file:near:\n    resolution: {directory: near, type: directory}\n    name: near\n    version: 1.0.0\n\n  \
file:packed.tgz:\n    resolution: {tarball: file:packed.tgz}\n    name: packed\n    version: 0.1.0\n\n  \
strange:\n    dev: false\n";

    const NINE: &str = "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: ^1\n        version: 1.0.0(b@2.0.0)\n      \
alias:\n        specifier: npm:real@3\n        version: real@3.0.0\n      near:\n        specifier: link:../x\n        version: link:../x\n    \
devDependencies:\n      test:\n        specifier: '1'\n        version: 1.0.0\npackages:\n  \
a@1.0.0:\n    resolution: {integrity: x}\n  b@2.0.0:\n    resolution: {integrity: x}\n  real@3.0.0:\n    resolution: {integrity: x}\n  \
test@1.0.0:\n    resolution: {integrity: x}\n  far@https://x/far:\n    resolution: {tarball: https://x/far}\n    version: 4.0.0\nsnapshots:\n  \
a@1.0.0(b@2.0.0):\n    dependencies:\n      b: 2.0.0\n      far: https://x/far\n  b@2.0.0: {}\n  real@3.0.0: {}\n  far@https://x/far: {}\n  \
test@1.0.0:\n    dependencies:\n      b: 2.0.0\n";

    #[test]
    fn reads_what_ships() {
        assert_eq!(
            lock(FIVE.as_bytes()),
            (["a 1.0.0", "far 3.0.0", "packed 0.1.0"].map(str::to_owned).to_vec(), 1)
        );
        assert_eq!(
            lock(NINE.as_bytes()),
            (["a 1.0.0", "b 2.0.0", "real 3.0.0", "far 4.0.0"].map(str::to_owned).to_vec(), 0)
        );
        let own = "importers:\n  .:\n    packageManagerDependencies: {}\npackages:\n  p@1.0.0: {}\nsnapshots:\n  p@1.0.0: {}\n";
        let both = format!("---\n{own}\n---\n{NINE}");
        assert_eq!(lock(both.as_bytes()), lock(NINE.as_bytes()));
    }

    #[test]
    fn what_is_not_read_is_a_problem() {
        assert_eq!(lock(b"packages: [").1, 1);
        assert_eq!(lock(b""), (vec![], 0));
        assert_eq!(lock(b"packages:\n  /a/1.0.0:\n"), (vec!["a 1.0.0".to_owned()], 0));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            lock(&bytes);
        }

        #[test]
        fn takes_any_key(key in "[/@a1._(:]{0,12}") {
            named(without_peers(&key));
        }

        #[test]
        fn takes_spoiled_locks(nine: bool, place: prop::sample::Index, byte: u8) {
            let mut bytes = if nine { NINE } else { FIVE }.as_bytes().to_vec();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            lock(&bytes);
        }
    }
}
