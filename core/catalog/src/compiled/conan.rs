//! Lock files of Conan, for C and C++ (Conan documentation, "Lockfiles": 0.4 of Conan 1, 0.5 of Conan 2), and
//! `conanfile.txt`.

use std::collections::BTreeMap;

use lazaret_model::Ecosystem;
use serde::Deserialize;

use crate::documents;
use crate::files::File;
use crate::reading::Reading;
use crate::stated;

#[derive(Deserialize)]
struct Lock {
    graph_lock: Option<Graph>,
    /// What is only needed to build stands apart.
    #[serde(default)]
    requires: Vec<String>,
}

#[derive(Deserialize)]
struct Graph {
    #[serde(default)]
    nodes: BTreeMap<String, Node>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(rename = "ref")]
    reference: Option<String>,
    context: Option<String>,
}

pub(super) fn lock(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = documents::json::<Lock>(file, reading) else { return };
    let nodes = lock.graph_lock.into_iter().flat_map(|graph| graph.nodes.into_values());
    let hosts = nodes.filter(|node| node.context.as_deref() != Some("build"));
    let references: Vec<String> = hosts.filter_map(|node| node.reference).chain(lock.requires).collect();
    stated::declare(file, reading, Ecosystem::Conan, references.iter().filter_map(|text| reference(text)));
}

/// The section `[requires]`, as far as it states versions and not ranges of them.
pub(super) fn manifest(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(text) = stated::text(file, reading) else { return };
    let mut section = "";
    let required =
        text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| {
            if line.starts_with('[') {
                section = line;
            }
            section == "[requires]"
        });
    stated::declare(file, reading, Ecosystem::Conan, required.filter_map(reference));
}

/// `name/version@user/channel#revision%time`
fn reference(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('/')?;
    let version = rest.split(['@', '#', '%', ':']).next()?;
    (!name.is_empty() && !version.is_empty() && !version.starts_with('[')).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const ONE: &str = r#"{"graph_lock": {"nodes": {"0": {"path": "conanfile.txt"}, "1": {"ref": "zlib/1.2.12#a1", "context": "host"},
        "2": {"ref": "cmake/3.1", "context": "build"}, "3": {"ref": "own"}}}, "version": "0.4"}"#;

    #[test]
    fn reads_both_formats() {
        assert_eq!(testing::read(lock, "conan.lock", ONE), (vec!["zlib 1.2.12".to_owned()], 0));
        let two =
            r#"{"version": "0.5", "requires": ["a/1.0@u/c#83d4%1675278904.07"], "build_requires": ["b/1"]}"#;
        assert_eq!(testing::read(lock, "conan.lock", two), (vec!["a 1.0".to_owned()], 0));
        assert_eq!(testing::read(lock, "conan.lock", "["), (vec![], 1));
    }

    #[test]
    fn reads_manifests() {
        let text = "[requires]\na/1.0 # why\nb/[>1.0]\nc/2@u/c\n\n[generators]\nd/1\n";
        assert_eq!(
            testing::read(manifest, "conanfile.txt", text),
            (vec!["a 1.0".to_owned(), "c 2".to_owned()], 0)
        );
    }

    #[test]
    fn takes_anything() {
        testing::survives(lock, "conan.lock", ONE);
        testing::survives(manifest, "conanfile.txt", "[requires]\na/1.0\n");
    }
}
