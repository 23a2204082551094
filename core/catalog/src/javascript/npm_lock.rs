//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3 (docs.npmjs.com, package-lock.json).
//!
//! Version 1 nests `dependencies`; version 3 has flat `packages`, by their place on the disk; version 2 has both.

use lazaret_model::Package;
use serde::Deserialize;

use super::licence::Licences;
use super::{alias, is_own, wanted};
use crate::documents::json;
use crate::files::File;
use crate::lenient::{Flag, Pairs, Table, Text};
use crate::reading::Reading;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Lock<'a> {
    #[serde(borrow)]
    packages: Pairs<'a, Table<Entry<'a>>>,
    #[serde(borrow)]
    dependencies: Pairs<'a, Table<Dependency<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    /// Where it is not that of the directory.
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    version: Text<'a>,
    license: Licences,
    dev: Flag,
    link: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Dependency<'a> {
    #[serde(borrow)]
    version: Text<'a>,
    dev: Flag,
    /// Those that lie below it. JSON is not read to depths that could exhaust the stack.
    #[serde(borrow)]
    dependencies: Pairs<'a, Table<Dependency<'a>>>,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = json::<Lock<'_>>(file, reading) else { return };
    if lock.packages.0.is_empty() {
        nested(&lock.dependencies, file, reading);
        return;
    }
    for (place, entry) in lock.packages.0 {
        // What does not lie in a `node_modules` is the project and its workspaces.
        let Some((_, directory)) = place.rsplit_once("node_modules/") else { continue };
        let Some(entry) = entry.0 else { continue };
        let name = entry.name.trimmed().unwrap_or(directory);
        let Some(version) = entry.version.trimmed() else { continue };
        if entry.link.0 || entry.dev.0 || name.is_empty() {
            continue;
        }
        let package = Package { licences: entry.license.sorted(), ..wanted(file, name, version) };
        if !reading.package(package) {
            return;
        }
    }
}

fn nested(dependencies: &Pairs<'_, Table<Dependency<'_>>>, file: &File<'_>, reading: &mut Reading<'_>) {
    for (name, dependency) in &dependencies.0 {
        let Some(dependency) = &dependency.0 else { continue };
        // What lies below a tool of developers is only seen by it.
        if dependency.dev.0 {
            continue;
        }
        if let Some(version) = dependency.version.trimmed()
            && !is_own(version)
        {
            let (name, version) = alias(version).unwrap_or((name, version));
            if !name.is_empty() && !reading.package(wanted(file, name, version)) {
                return;
            }
        }
        nested(&dependency.dependencies, file, reading);
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::PackageEvidence;

    use super::*;
    use crate::in_tests::{packages, withstands};

    fn lock(bytes: &[u8]) -> (Vec<String>, usize) {
        let (packages, problems) = packages(read, "app/package-lock.json", 0, bytes);
        assert!(packages.iter().all(|package| package.evidence == PackageEvidence::Declared));
        let lines = packages.iter().map(|it| format!("{} {} {}", it.name, it.version, it.licences.join(",")));
        (lines.collect(), problems)
    }

    const FLAT: &str = r#"{
  "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": {"name": "app", "version": "1.0.0", "dependencies": {"a": "1"}},
    "node_modules/a": {"version": "1.2.3", "license": "MIT", "resolved": "https://x/a.tgz"},
    "node_modules/a/node_modules/@s/b": {"version": "2.0.0"},
    "node_modules/other": {"name": "real", "version": "3.0.0"},
    "node_modules/test": {"version": "4.0.0", "dev": true},
    "node_modules/perhaps": {"version": "5.0.0", "devOptional": true},
    "node_modules/member": {"resolved": "packages/member", "link": true},
    "packages/member": {"version": "1.0.0"},
    "node_modules/absent": {"optional": true}
  },
  "dependencies": {"a": {"version": "9.9.9"}}
}"#;

    const NESTED: &str = r#"{"lockfileVersion": 1, "dependencies": {
  "a": {"version": "1.2.3", "requires": {"b": "^1"}, "dependencies": {"b": {"version": "1.0.0"}}},
  "test": {"version": "4.0.0", "dev": true, "dependencies": {"b": {"version": "2.0.0"}}},
  "other": {"version": "npm:@s/real@3.0.0"},
  "near": {"version": "file:../near"},
  "far": {"version": "git+ssh://git@x/far.git#0123"}
}}"#;

    #[test]
    fn reads_both_forms() {
        assert_eq!(
            lock(FLAT.as_bytes()),
            (["a 1.2.3 MIT", "@s/b 2.0.0 ", "real 3.0.0 ", "perhaps 5.0.0 "].map(str::to_owned).to_vec(), 0)
        );
        assert_eq!(
            lock(NESTED.as_bytes()),
            (
                ["a 1.2.3 ", "b 1.0.0 ", "@s/real 3.0.0 ", "far git+ssh://git@x/far.git#0123 "]
                    .map(str::to_owned)
                    .to_vec(),
                0
            )
        );
    }

    #[test]
    fn depth_is_a_problem_not_an_end() {
        let deep = r#"{"dependencies":{"a":"#.repeat(100_000);
        assert_eq!(lock(deep.as_bytes()), (vec![], 1));
        assert_eq!(lock(b"{}"), (vec![], 0));
    }

    withstands!(lock, FLAT, NESTED);
}
