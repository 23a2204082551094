//! `uv.lock` (docs.astral.sh/uv, "Lockfile"). Members of the project say what they need, and apart from that what only
//! their developers need.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Lock, add};
use crate::documents::toml;
use crate::files::File;
use crate::lenient::{List, Pairs, Table, Text};
use crate::reach::Names;
use crate::reading::Reading;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Entry<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    version: Text<'a>,
    source: Table<Source>,
    #[serde(borrow)]
    dependencies: List<Table<Reference<'a>>>,
    /// By the extras that want them.
    #[serde(borrow)]
    optional_dependencies: Pairs<'a, List<Table<Reference<'a>>>>,
}

/// Where the source of a member lies.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    editable: Option<IgnoredAny>,
    r#virtual: Option<IgnoredAny>,
    directory: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    /// Stated where there are several.
    #[serde(borrow)]
    version: Text<'a>,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = toml::<Lock<Entry<'_>>>(file, reading) else { return };
    for (entry, ships) in lock.package.0.iter().zip(lock.shipped()) {
        if !ships || entry.is_own() {
            continue;
        }
        if !add(file, &entry.name, &entry.version, reading) {
            return;
        }
    }
}

impl Lock<Entry<'_>> {
    /// Which packages are reached from the members, without what is for developers.
    fn shipped<'a>(&'a self) -> Vec<bool> {
        let entries = &self.package.0;
        let members =
            entries.iter().enumerate().filter(|(_, entry)| entry.is_own()).map(|(number, _)| number);
        let members: Vec<usize> = members.collect();
        if members.is_empty() {
            return vec![true; entries.len()];
        }
        let name = |entry: &'a Entry<'_>| entry.name.trimmed().unwrap_or_default();
        let names = Names::of(entries.iter().map(name));
        let exact: HashMap<_, usize> = entries
            .iter()
            .enumerate()
            .map(|(number, it)| ((name(it), it.version.trimmed()), number))
            .collect();
        // Where there are several of a name, references state the version.
        let number = |reference: &Reference<'_>| {
            let name = reference.name.trimmed()?;
            exact.get(&(name, reference.version.trimmed())).copied().or_else(|| names.number(name))
        };
        let wants: Vec<Vec<usize>> =
            entries.iter().map(|entry| entry.needs().filter_map(number).collect()).collect();
        names.reached(members, wants)
    }
}

impl<'a> Entry<'a> {
    fn is_own(&self) -> bool {
        let is_there =
            |it: &Source| it.editable.is_some() || it.r#virtual.is_some() || it.directory.is_some();
        self.source.0.as_ref().is_some_and(is_there)
    }

    /// Extras of others are only written down where somebody wants them.
    fn needs(&self) -> impl Iterator<Item = &Reference<'a>> {
        let optional = self.optional_dependencies.0.iter().flat_map(|(_, list)| &list.0);
        self.dependencies.0.iter().chain(optional).filter_map(|reference| reference.0.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_tests::{lines, withstands};

    fn lock(bytes: &[u8]) -> (Vec<String>, usize) {
        lines(read, "uv.lock", bytes)
    }

    const REAL: &str = r#"
version = 1
[[package]]
name = "app"
version = "0.1.0"
source = { editable = "." }
dependencies = [{ name = "httpx", extra = ["socks"] }, { name = "two", version = "2.0" }]
[package.optional-dependencies]
json = [{ name = "orjson" }]
[package.dev-dependencies]
dev = [{ name = "pytest" }]

[[package]]
name = "httpx"
version = "0.28.1"
source = { registry = "https://x" }
[package.optional-dependencies]
socks = [{ name = "socksio" }]

[[package]]
name = "socksio"
version = "1.0.0"

[[package]]
name = "orjson"
version = "3.0.0"

[[package]]
name = "two"
version = "1.0"

[[package]]
name = "two"
version = "2.0"

[[package]]
name = "pytest"
version = "8.0"
dependencies = [{ name = "two", version = "1.0" }]
"#;

    #[test]
    fn follows_what_members_need() {
        let expected =
            ["httpx 0.28.1", "socksio 1.0.0", "orjson 3.0.0", "two 2.0"].map(str::to_owned).to_vec();
        assert_eq!(lock(REAL.as_bytes()), (expected, 0));
        let (lines, _) = lock(REAL.replace("editable", "registry").as_bytes());
        assert_eq!(lines.len(), 7);
        assert_eq!(lock(b"[[package]]\nname = 'a'\n"), (vec![], 1));
        assert_eq!(lock(b"[[package"), (vec![], 1));
    }

    withstands!(lock, REAL);
}
