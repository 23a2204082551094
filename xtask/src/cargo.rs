//! What cargo says about the workspace.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Our own crates, as `cargo metadata` shows them.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) crates: Vec<Crate>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Crate {
    pub(crate) package: String,
    /// Relative to the root: `core/model`.
    pub(crate) folder: String,
    pub(crate) description: String,
    pub(crate) licence: String,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Dependency {
    pub(crate) package: String,
    /// Folder relative to the root for our own crates.
    pub(crate) folder: Option<String>,
    pub(crate) development: bool,
    pub(crate) git: bool,
}

/// A crate that is really linked (features resolved) into one of our programs or tests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Linked {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) licence: String,
    /// From a path inside the workspace.
    pub(crate) own: bool,
}

pub(crate) fn workspace(root: &Path) -> Result<Workspace, String> {
    let text = cargo(root, &["metadata", "--format-version=1", "--no-deps", "--locked"])?;
    let value =
        serde_json::from_str(&text).map_err(|error| format!("cannot read `cargo metadata`: {error}"))?;
    parse_metadata(&value, root)
}

pub(crate) fn linked(root: &Path) -> Result<Vec<Linked>, String> {
    // `cargo metadata` lists optional dependencies that no feature switches on; `cargo tree` does not.
    let edges = "--edges=normal,build";
    let text = cargo(root, &["tree", "--workspace", "--locked", edges, "--prefix=none", "--format={p}|{l}"])?;
    Ok(parse_tree(&text))
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`cargo {}` failed: {}", arguments.join(" "), said.trim()));
    }
    String::from_utf8(output.stdout).map_err(|_| "cargo printed something that is not UTF-8".to_owned())
}

pub(crate) fn parse_metadata(value: &Value, root: &Path) -> Result<Workspace, String> {
    let packages = value["packages"].as_array().ok_or("`cargo metadata` has no packages")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let folder = |path: &str| {
        let path = Path::new(path);
        path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
    };
    let crates = packages.iter().map(|package| {
        let manifest = text(&package["manifest_path"]);
        let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        Crate {
            package: text(&package["name"]),
            folder: folder(manifest.trim_end_matches("/Cargo.toml")),
            description: text(&package["description"]),
            licence: text(&package["license"]),
            dependencies: dependencies
                .iter()
                .map(|dependency| Dependency {
                    package: text(&dependency["name"]),
                    folder: dependency["path"].as_str().map(folder),
                    development: dependency["kind"].as_str() == Some("dev"),
                    git: dependency["source"].as_str().is_some_and(|source| source.starts_with("git+")),
                })
                .collect(),
        }
    });
    Ok(Workspace { crates: crates.collect() })
}

/// Lines are `name vVERSION (path or proc-macro)|LICENCE`, repeated subtrees end in ` (*)`.
fn parse_tree(text: &str) -> Vec<Linked> {
    let mut linked = BTreeSet::new();
    for line in text.lines() {
        let Some((crate_, licence)) = line.split_once('|') else { continue };
        let mut words = crate_.split_whitespace();
        let (Some(package), Some(version)) = (words.next(), words.next()) else { continue };
        linked.insert(Linked {
            package: package.to_owned(),
            version: version.trim_start_matches('v').to_owned(),
            licence: licence.trim_end_matches(" (*)").trim().to_owned(),
            own: words.any(|word| word.starts_with("(/")),
        });
    }
    linked.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_tree() {
        let text = "lazaret-cli v0.1.0 (/home/x/app/cli)|Apache-2.0\n\
                    serde v1.0.229|MIT OR Apache-2.0\n\
                    serde_derive v1.0.229 (proc-macro)|MIT OR Apache-2.0\n\
                    serde v1.0.229|MIT OR Apache-2.0 (*)\n\n";
        let linked = parse_tree(text);
        assert_eq!(linked.len(), 3);
        assert!(linked[0].own && !linked[1].own && !linked[2].own);
        assert_eq!((linked[1].package.as_str(), linked[1].version.as_str()), ("serde", "1.0.229"));
        assert_eq!(linked[1].licence, "MIT OR Apache-2.0");
    }
}
