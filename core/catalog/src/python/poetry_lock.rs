//! `poetry.lock` (python-poetry.org, "Basic usage").
//!
//! What only developers need: versions before 1.5 say `category = "dev"`, from 2.0 on `groups` lacks `main`. In
//! between, the lock file does not say; the `pyproject.toml` beside it names what the project needs.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Lock, add, normalised};
use crate::documents::toml;
use crate::files::{File, Files};
use crate::lenient::{List, Pairs, Table, Text};
use crate::reach::Names;
use crate::reading::Reading;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    version: Text<'a>,
    #[serde(borrow)]
    category: Text<'a>,
    #[serde(borrow)]
    groups: List<Text<'a>>,
    #[serde(borrow)]
    dependencies: Pairs<'a, IgnoredAny>,
    #[serde(borrow)]
    source: Table<Source<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
}

/// The parts of `pyproject.toml` that say what a project needs.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest<'a> {
    #[serde(borrow)]
    project: Table<Project<'a>>,
    #[serde(borrow)]
    tool: Table<Tool<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Project<'a> {
    #[serde(borrow)]
    dependencies: List<Text<'a>>,
    #[serde(borrow)]
    optional_dependencies: Pairs<'a, List<Text<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tool<'a> {
    #[serde(borrow)]
    poetry: Table<Poetry<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Poetry<'a> {
    #[serde(borrow)]
    dependencies: Pairs<'a, IgnoredAny>,
}

pub(super) fn read(files: &Files, reading: &mut Reading<'_>) {
    for (path, kept) in files.iter() {
        let (Some(bytes), Some(directory)) = (kept.content.as_deref(), path.strip_suffix(b"poetry.lock"))
        else {
            continue;
        };
        let file = File { path, layer: kept.layer, bytes };
        let Some(lock) = toml::<Lock<Entry<'_>>>(&file, reading) else { continue };
        let manifest_path = [directory, b"pyproject.toml"].concat();
        let manifest = files
            .content(&manifest_path)
            .and_then(|bytes| toml::<Manifest<'_>>(&File { path: &manifest_path, bytes, ..file }, reading));
        let reached = lock.reached_from(&manifest.unwrap_or_default());
        for (number, entry) in lock.package.0.iter().enumerate() {
            if !entry.ships().unwrap_or_else(|| reached.as_ref().is_none_or(|reached| reached[number]))
                || entry.is_own()
            {
                continue;
            }
            if !add(&file, &entry.name, &entry.version, reading) {
                return;
            }
        }
    }
}

impl Entry<'_> {
    /// None: the lock file does not say.
    fn ships(&self) -> Option<bool> {
        if !self.groups.0.is_empty() {
            return Some(self.groups.0.iter().any(|group| group.trimmed() == Some("main")));
        }
        self.category.trimmed().map(|category| category != "dev")
    }

    fn is_own(&self) -> bool {
        self.source.0.as_ref().and_then(|source| source.r#type.trimmed()) == Some("directory")
    }
}

impl Lock<Entry<'_>> {
    /// Which packages a project needs, directly or not. None: it is not known what it needs.
    fn reached_from(&self, manifest: &Manifest<'_>) -> Option<Vec<bool>> {
        let needs = manifest.needs()?;
        let entries = &self.package.0;
        let names =
            Names::of(entries.iter().map(|entry| normalised(entry.name.trimmed().unwrap_or_default())));
        let number = |name: &str| names.number(normalised(name).as_str());
        let wants: Vec<Vec<usize>> = entries
            .iter()
            .map(|entry| entry.dependencies.0.iter().filter_map(|(name, _)| number(name)).collect())
            .collect();
        let roots: Vec<usize> = needs.into_iter().filter_map(number).collect();
        Some(names.reached(roots, wants))
    }
}

impl Manifest<'_> {
    fn needs(&self) -> Option<Vec<&str>> {
        let poetry = self.tool.0.as_ref().and_then(|tool| tool.poetry.0.as_ref());
        let project = self.project.0.as_ref();
        if poetry.is_none() && project.is_none() {
            return None;
        }
        let tables =
            poetry.into_iter().flat_map(|poetry| poetry.dependencies.0.iter().map(|(name, _)| &**name));
        let lists = project.into_iter().flat_map(|project| {
            let optional = project.optional_dependencies.0.iter().flat_map(|(_, list)| &list.0);
            project.dependencies.0.iter().chain(optional).filter_map(|text| text.trimmed().map(leading_name))
        });
        Some(tables.chain(lists).collect())
    }
}

/// The name at the start of a requirement (PEP 508).
fn leading_name(requirement: &str) -> &str {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    &requirement[..end.unwrap_or(requirement.len())]
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;

    fn lock(lock: &[u8], manifest: Option<&[u8]>) -> (Vec<String>, usize) {
        let mut files = Files::default();
        files.add(b"app/poetry.lock", 0, Some(lock.to_vec()));
        if let Some(manifest) = manifest {
            files.add(b"app/pyproject.toml", 0, Some(manifest.to_vec()));
        }
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&files, &mut reading);
        let (packages, problems) = reading.into_parts();
        let lines = packages.iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        (lines, problems.into_list().len())
    }

    const REAL: &str = r#"
[[package]]
name = "flask"
version = "1.0.3"
optional = false
[package.dependencies]
Jinja2 = ">=2.10"
click = {version = "*", markers = "x"}

[[package]]
name = "jinja2"
version = "3.1.5"

[[package]]
name = "click"
version = "8.1.8"

[[package]]
name = "pytest"
version = "5.4.3"
[package.dependencies]
click = [{version = "1"}, {version = "2"}]

[[package]]
name = "near"
version = "0.1.0"
[package.source]
type = "directory"
url = "../near"
"#;

    const MANIFEST: &str = "[tool.poetry.dependencies]\npython = '^3'\nFlask = '^1'\n[tool.poetry.group.dev.dependencies]\npytest = '5'\n";

    #[test]
    fn the_project_says_what_ships() {
        let ships = ["flask 1.0.3", "jinja2 3.1.5", "click 8.1.8"].map(str::to_owned).to_vec();
        assert_eq!(lock(REAL.as_bytes(), Some(MANIFEST.as_bytes())), (ships.clone(), 0));
        let new =
            b"[project]\ndependencies = ['Flask (==1.0.3)']\n[project.optional-dependencies]\nx = ['none']\n";
        assert_eq!(lock(REAL.as_bytes(), Some(new)), (ships, 0));
        for manifest in [None, Some(&b"[build-system]\n"[..])] {
            let (lines, problems) = lock(REAL.as_bytes(), manifest);
            assert_eq!((lines.len(), problems), (4, 0));
        }
        let (lines, problems) = lock(REAL.as_bytes(), Some(b"["));
        assert_eq!((lines.len(), problems), (4, 1));
    }

    #[test]
    fn the_lock_says_what_ships() {
        let entry =
            |name: &str, extra: &str| format!("[[package]]\nname = '{name}'\nversion = '1'\n{extra}\n");
        let text = [
            entry("a", "category = 'main'"),
            entry("b", "category = 'dev'"),
            entry("c", "groups = ['main', 'dev']"),
            entry("d", "groups = ['dev']"),
        ];
        let manifest = b"[tool.poetry]\n";
        assert_eq!(lock(text.concat().as_bytes(), Some(manifest)).0, ["a 1", "c 1"]);
        assert_eq!(lock(b"[[package]]\nname = 'a'\n", None), (vec![], 1));
        assert_eq!(lock(b"", None), (vec![], 0));
        assert_eq!(lock(b"\xff", None), (vec![], 1));
    }

    #[test]
    fn many_of_one_name_cost_their_sum() {
        let text: String = (0..20_000)
            .map(|n| format!("[[package]]\nname='a'\nversion='{n}'\ndependencies={{a='x'}}\n"))
            .collect();
        let (lines, _) = lock(text.as_bytes(), Some(b"project.dependencies = ['a']"));
        assert_eq!(lines.len(), 20_000);
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            lock(&bytes, Some(&bytes));
        }

        #[test]
        fn takes_spoiled_locks(place in 0..REAL.len(), there in 0..MANIFEST.len(), byte: u8) {
            let mut bytes = REAL.as_bytes().to_vec();
            let mut manifest = MANIFEST.as_bytes().to_vec();
            bytes[place] = byte;
            manifest[there] = byte;
            lock(&bytes, Some(&manifest));
        }
    }
}
