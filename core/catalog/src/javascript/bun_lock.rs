//! `bun.lock` (bun.sh, "Lockfile"): workspaces, and packages as lists whose first element is `name@version`.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::{is_own, jsonc, split_reference, wanted};
use crate::documents::{json, unmarked};
use crate::files::File;
use crate::lenient::{Pairs, Table, Text};
use crate::reach::reached;
use crate::reading::Reading;

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Lock<'a> {
    #[serde(borrow)]
    workspaces: Pairs<'a, Table<Needs<'a>>>,
    /// By the place where they are installed: `a`, or `a/b` for the `b` that only `a` sees.
    #[serde(borrow)]
    packages: Pairs<'a, Entry<'a>>,
}

/// What a package needs to run.
#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Needs<'a> {
    /// Of a workspace.
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    dependencies: Pairs<'a, IgnoredAny>,
    #[serde(borrow)]
    optional_dependencies: Pairs<'a, IgnoredAny>,
    #[serde(borrow)]
    peer_dependencies: Pairs<'a, IgnoredAny>,
}

#[derive(Default)]
struct Entry<'a> {
    name_and_version: Text<'a>,
    needs: Needs<'a>,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    if file.path.ends_with(b".lockb") {
        let detail = "bun's binary lock file is not read: let bun write the text form, bun.lock";
        reading.problems.unsupported(file.location(), detail);
        return;
    }
    let plain = jsonc::plain(unmarked(file.bytes));
    let Some(lock) = json::<Lock<'_>>(&File { bytes: &plain, ..*file }, reading) else { return };
    let ships = shipped(&lock);
    for ((_, entry), ships) in lock.packages.0.iter().zip(ships) {
        let Some(text) = entry.name_and_version.trimmed() else { continue };
        let Some((name, version)) = split_reference(text) else {
            reading.problems.malformed(file.location(), "a package without a version");
            continue;
        };
        let version = version.strip_prefix("npm:").unwrap_or(version);
        if ships && !is_own(version) && !version.is_empty() && !reading.package(wanted(file, name, version)) {
            return;
        }
    }
}

/// Which packages are reached without passing by `devDependencies`.
fn shipped(lock: &Lock<'_>) -> Vec<bool> {
    let packages = &lock.packages.0;
    if lock.workspaces.0.is_empty() {
        return vec![true; packages.len()];
    }
    let places: HashMap<&str, usize> =
        packages.iter().enumerate().map(|(number, (place, _))| (&**place, number)).collect();
    let wants: Vec<Vec<usize>> = packages
        .iter()
        .map(|(place, entry)| {
            entry.needs.names().filter_map(|name| seen_from(place, name, &places)).collect()
        })
        .collect();
    let workspaces = lock.workspaces.0.iter().filter_map(|(_, workspace)| workspace.0.as_ref());
    let roots = workspaces.flat_map(|workspace| {
        let own = workspace.name.trimmed().unwrap_or_default();
        workspace.names().filter_map(|name| seen_from(own, name, &places)).collect::<Vec<_>>()
    });
    reached(roots, &wants)
}

/// Deeper and longer places than these see what the uppermost one sees: every step upwards costs a place's length.
const MOST_LEVELS: usize = 64;
const LONGEST: usize = 4096;

/// The package of a name that one at a place sees: its own first, then those of the places above.
fn seen_from(place: &str, name: &str, places: &HashMap<&str, usize>) -> Option<usize> {
    let mut place = if place.len() > LONGEST { "" } else { place };
    for _ in 0..MOST_LEVELS {
        if place.is_empty() {
            break;
        }
        if let Some(number) = places.get(format!("{place}/{name}").as_str()) {
            return Some(*number);
        }
        place = place.rsplit_once('/').map_or("", |(above, _)| above);
    }
    places.get(name).copied()
}

impl Needs<'_> {
    fn names(&self) -> impl Iterator<Item = &str> {
        let all = [&self.dependencies, &self.optional_dependencies, &self.peer_dependencies];
        all.into_iter().flat_map(|pairs| pairs.0.iter().map(|(name, _)| &**name))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a package as a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entry<'de>, A::Error> {
        let mut entry = Entry::default();
        if let Some(first) = list.next_element()? {
            entry.name_and_version = first;
        }
        // Where it came from is left out in some kinds of packages; digests follow.
        while let Some(Table(needs)) = list.next_element::<Table<Needs<'de>>>()? {
            if let Some(needs) = needs {
                entry.needs = needs;
            }
        }
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_tests::{lines, withstands};

    const LOCK: &str = r#"{
  // written by bun
  "lockfileVersion": 1,
  "workspaces": {
    "": {"name": "shop", "dependencies": {"a": "^1"}, "devDependencies": {"test": "1"},},
    "packages/one": {"name": "one", "optionalDependencies": {"b": "2"}},
  },
  "packages": {
    "a": ["a@1.0.0", "", {"dependencies": {"b": "^1", "@s/c": "*"}}, "sha512-x"],
    "a/b": ["b@1.5.0", "", {}, "sha512-x"],
    "a/b/d": ["d@7.0.0"],
    "@s/c": ["@s/c@https://x/c.tgz", {"peerDependencies": {"d": "1"}}],
    "b": ["b@9.0.0", "", {}, "sha512-x"],
    "d": ["real@npm:1.0.0"],
    "one/b": ["b@2.0.0"],
    "one": ["one@workspace:packages/one"],
    "test": ["test@4.0.0", "", {"dependencies": {"b": "^9"}}, "sha512-x"],
  },
}"#;

    fn lock(path: &str, bytes: &[u8]) -> (Vec<String>, usize) {
        lines(read, path, bytes)
    }

    #[test]
    fn follows_what_workspaces_need() {
        let (lines, problems) = lock("bun.lock", LOCK.as_bytes());
        assert_eq!(lines, ["a 1.0.0", "b 1.5.0", "@s/c https://x/c.tgz", "real 1.0.0", "b 2.0.0"]);
        assert_eq!(problems, 0);
    }

    #[test]
    fn without_workspaces_all_ship() {
        let (lines, _) =
            lock("bun.lock", br#"{"packages": {"a": ["a@1"], "b": ["b@2"], "c": ["c"], "d": []}}"#);
        assert_eq!(lines, ["a 1", "b 2"]);
    }

    #[test]
    fn what_is_not_read_is_a_problem() {
        assert_eq!(lock("bun.lockb", b"#!/usr/bin/env bun\n"), (vec![], 1));
        assert_eq!(lock("bun.lock", b"{"), (vec![], 1));
    }

    #[test]
    fn long_places_take_no_long_time() {
        let deep = "a/".repeat(1_000_000);
        let needs: String = (0..500).map(|n| format!(r#""x{n}": "1","#)).collect();
        let text = format!(
            r#"{{"workspaces": {{"": {{}}}}, "packages": {{"{deep}": ["a@1", {{"dependencies": {{{needs}}}}}]}}}}"#
        );
        assert_eq!(lock("bun.lock", text.as_bytes()), (vec![], 0));
    }

    withstands!((|bytes: &[u8]| lock("bun.lock", bytes)), LOCK);
}
