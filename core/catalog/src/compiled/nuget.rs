//! What .NET projects want of NuGet: `packages.lock.json`, `packages.config`, central versions in `Packages.props`
//! (NuGet documentation, "Reproducible builds", "packages.config", "Central package management"), and `paket.lock`.

use std::collections::{BTreeMap, BTreeSet};

use lazaret_model::Ecosystem;
use serde::Deserialize;

use crate::documents;
use crate::files::File;
use crate::reading::Reading;
use crate::stated;
use crate::xml::{self, Node};

#[derive(Deserialize)]
struct Lock {
    /// By framework, then by name.
    #[serde(default)]
    dependencies: BTreeMap<String, BTreeMap<String, Locked>>,
}

#[derive(Deserialize)]
struct Locked {
    /// Projects have none.
    resolved: Option<String>,
}

pub(super) fn lock(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = documents::json::<Lock>(file, reading) else { return };
    let all = lock.dependencies.into_values().flatten();
    // Most packages are the same for all frameworks.
    let packages: BTreeSet<_> = all.filter_map(|(name, it)| Some((name, it.resolved?))).collect();
    stated::declare(file, reading, Ecosystem::Nuget, packages);
}

pub(super) fn config(file: &File<'_>, reading: &mut Reading<'_>) {
    elements(file, reading, |path, attributes| {
        let is_meant =
            path == "packages/package" && attributes.get("developmentDependency").as_deref() != Some("true");
        is_meant.then(|| Some((attributes.get("id")?, attributes.get("version")?)))?
    });
}

pub(super) fn props(file: &File<'_>, reading: &mut Reading<'_>) {
    elements(file, reading, |path, attributes| {
        let mut parts = path.rsplit('/');
        let is_meant =
            matches!(parts.next(), Some("PackageReference" | "PackageVersion" | "GlobalPackageReference"))
                && matches!(parts.next(), Some("ItemGroup"));
        let name = || attributes.get("Include").or_else(|| attributes.get("Update"));
        is_meant.then(|| Some((name()?, attributes.get("Version")?)))?
    });
}

/// Packages in the attributes of elements; what properties would fill in is left out.
fn elements(
    file: &File<'_>,
    reading: &mut Reading<'_>,
    mut find: impl FnMut(&str, &xml::Attributes<'_>) -> Option<(String, String)>,
) {
    let Some(text) = stated::text(file, reading) else { return };
    let mut found = Vec::new();
    let whole = xml::walk(text, |path, node| {
        if let Node::Open(attributes) = node {
            found.extend(find(path, &attributes));
        }
    });
    if let Err(detail) = whole {
        reading.problems.malformed(file.location(), detail);
    }
    let is_said = |text: &String| !text.is_empty() && !text.contains("$(");
    found.retain(|(name, version)| is_said(name) && is_said(version));
    stated::declare(file, reading, Ecosystem::Nuget, found);
}

/// In the sections `NUGET`, packages stand four spaces deep: `    Name (1.0)`.
pub(super) fn paket(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(text) = stated::text(file, reading) else { return };
    let mut section = "";
    let packages = text.lines().filter_map(|line| {
        if !line.starts_with(' ') {
            section = line.trim();
        }
        let line = line.strip_prefix("    ").filter(|line| section == "NUGET" && !line.starts_with(' '))?;
        let (name, rest) = line.split_once(" (")?;
        Some((name, rest.split(')').next()?))
    });
    stated::declare(file, reading, Ecosystem::Nuget, packages);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const LOCK: &str = r#"{"version": 1, "dependencies": {"net6.0": {"A": {"type": "Direct", "resolved": "1.0"}, "own": {"type": "Project"}}, "net8.0": {"A": {"resolved": "1.0"}, "B": {"resolved": "2.0"}}}}"#;
    const PROPS: &str = "<Project><ItemGroup Condition=\"x\"><PackageVersion Include=\"A\" Version=\" 1.0\"/><PackageVersion Include=\"B\" Version=\"$(V)\"/>
        <PackageReference Update=\"C\" Version=\"2.0\"></PackageReference><Other Include=\"D\" Version=\"1\"/></ItemGroup><PackageVersion Include=\"E\" Version=\"1\"/></Project>";
    const PAKET: &str = "STORAGE: NONE\nNUGET\n  remote: https://example.org/index.json\n    A (1.0)\n      B (>= 1.0)\n    B (2.0) - restriction: >= net45\nGITHUB\n  remote: x/y\n    f.fs (abc)\n";

    #[test]
    fn reads_what_projects_want() {
        let ab = || (vec!["A 1.0".to_owned(), "B 2.0".to_owned()], 0);
        assert_eq!(testing::read(lock, "packages.lock.json", LOCK), ab());
        let config_text = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><packages><package id=\"A\" version=\"1.0\"/><package id=\"X\" version=\"1\" developmentDependency=\"true\"/><package id=\"B\" version=\"2.0\" /></packages>";
        assert_eq!(testing::read(config, "packages.config", config_text), ab());
        assert_eq!(
            testing::read(props, "Packages.props", PROPS),
            (vec!["A 1.0".to_owned(), "C 2.0".to_owned()], 0)
        );
        assert_eq!(testing::read(paket, "paket.lock", PAKET), ab());
        assert_eq!(
            testing::read(config, "packages.config", "<packages><package id='A' version='1'/>"),
            (vec!["A 1".to_owned()], 1)
        );
    }

    #[test]
    fn takes_anything() {
        testing::survives(lock, "packages.lock.json", LOCK);
        testing::survives(props, "Packages.props", PROPS);
        testing::survives(config, "packages.config", PROPS);
        testing::survives(paket, "paket.lock", PAKET);
    }
}
