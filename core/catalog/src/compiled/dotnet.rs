//! `*.deps.json` beside .NET programs: what is installed with them (.NET runtime, "Runtime configuration files").

use std::collections::BTreeMap;

use lazaret_model::{Ecosystem, PackageEvidence};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::documents;
use crate::files::File;
use crate::reading::Reading;
use crate::stated;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dependencies {
    runtime_target: Option<Target>,
    /// By target, then by `name/version`.
    #[serde(default)]
    targets: BTreeMap<String, BTreeMap<String, Assets>>,
    #[serde(default)]
    libraries: BTreeMap<String, Library>,
}

#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    name: String,
}

/// The files that a library brings.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Assets {
    runtime: BTreeMap<String, IgnoredAny>,
    runtime_targets: BTreeMap<String, IgnoredAny>,
    native: BTreeMap<String, IgnoredAny>,
    resources: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "type", default)]
    kind: String,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(dependencies) = documents::json::<Dependencies>(file, reading) else { return };
    let target = dependencies.runtime_target.and_then(|target| dependencies.targets.get(&target.name));
    for (key, library) in &dependencies.libraries {
        let Some((name, version)) = key.rsplit_once('/') else {
            reading.problems.malformed(file.location(), format!("the library {key} has no version"));
            continue;
        };
        // Packages that only lead to others bring no files.
        let brings = target.and_then(|target| target.get(key)).is_none_or(Assets::any);
        let kind = library.kind.to_ascii_lowercase();
        if !brings || !["package", "project", "runtimepack"].contains(&kind.as_str()) {
            continue;
        }
        let name = name.strip_prefix("runtimepack.").filter(|_| kind == "runtimepack").unwrap_or(name);
        if !reading.package(stated::package(
            file,
            Ecosystem::Nuget,
            PackageEvidence::Installed,
            name,
            version,
        )) {
            return;
        }
    }
}

impl Assets {
    fn any(&self) -> bool {
        [&self.runtime, &self.runtime_targets, &self.native, &self.resources]
            .iter()
            .any(|files| !files.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const TEXT: &str = r#"{"runtimeTarget": {"name": "t"}, "targets": {"t": {"App/1.0": {"runtime": {"App.dll": {}}}, "Meta/1.0": {}, "N/2.0": {"native": {"n.so": {}}}}},
        "libraries": {"App/1.0": {"type": "project"}, "Meta/1.0": {"type": "package"}, "N/2.0": {"type": "package"}, "Unlisted/3.0": {"type": "package"},
        "runtimepack.R/8.0": {"type": "runtimepack"}, "Ref/1": {"type": "reference"}, "bad": {"type": "package"}}}"#;

    #[test]
    fn reads_what_brings_files() {
        let found = ["App 1.0", "N 2.0", "Unlisted 3.0", "R 8.0"].map(str::to_owned).to_vec();
        assert_eq!(testing::read(read, "app.deps.json", TEXT), (found, 1));
    }

    #[test]
    fn takes_anything() {
        testing::survives(read, "app.deps.json", TEXT);
    }
}
