//! What applications for Apple's systems want: `Package.resolved` of Swift's package manager (formats 1 to 3) and
//! `Podfile.lock` of CocoaPods.

use std::collections::BTreeMap;

use lazaret_model::Ecosystem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::documents;
use crate::files::File;
use crate::reading::Reading;
use crate::stated;

#[derive(Deserialize)]
struct Resolved {
    /// Format 1.
    object: Option<Pins>,
    #[serde(default)]
    pins: Vec<Pin>,
}

#[derive(Deserialize)]
struct Pins {
    #[serde(default)]
    pins: Vec<Pin>,
}

#[derive(Deserialize)]
struct Pin {
    #[serde(alias = "repositoryURL", default)]
    location: String,
    #[serde(alias = "package", default)]
    identity: String,
    state: State,
}

#[derive(Deserialize)]
struct State {
    version: Option<String>,
    branch: Option<String>,
    revision: Option<String>,
}

/// Packages are named by their repositories, as advisories name them.
pub(super) fn resolved(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(resolved) = documents::json::<Resolved>(file, reading) else { return };
    let pins = resolved.object.into_iter().flat_map(|object| object.pins).chain(resolved.pins);
    let packages = pins.filter_map(|pin| {
        let name = if pin.location.is_empty() { pin.identity } else { repository(&pin.location) };
        let state = pin.state;
        Some((name, state.version.or(state.branch).or(state.revision)?))
    });
    stated::declare(file, reading, Ecosystem::Swift, packages);
}

/// `https://github.com/apple/swift-nio.git` and `git@github.com:apple/swift-nio.git` are one.
fn repository(location: &str) -> String {
    let plain = location.split_once("://").map_or(location, |(_, rest)| rest);
    let plain = plain.strip_suffix(".git").unwrap_or(plain).trim_end_matches('/');
    match plain.split_once('@') {
        Some((user, rest)) if !user.contains('/') => rest.replacen(':', "/", 1),
        _ => plain.to_owned(),
    }
}

#[derive(Deserialize)]
struct Pods {
    #[serde(rename = "PODS", default)]
    pods: Vec<Pod>,
}

/// `Name (1.0)`, alone or with what it wants.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pod {
    Alone(String),
    Wanting(BTreeMap<String, IgnoredAny>),
}

pub(super) fn pods(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(locks) = documents::yaml::<Pods>(file, reading) else { return };
    let lines = locks.into_iter().flat_map(|lock| lock.pods).flat_map(|pod| match pod {
        Pod::Alone(line) => vec![line],
        Pod::Wanting(lines) => lines.into_keys().collect(),
    });
    let packages = lines.filter_map(|line| {
        let (name, version) = line.split_once(" (")?;
        Some((name.to_owned(), version.strip_suffix(')')?.to_owned()))
    });
    stated::declare(file, reading, Ecosystem::CocoaPods, packages);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const ONE: &str = r#"{"object": {"pins": [{"package": "NIO", "repositoryURL": "https://github.com/apple/swift-nio.git",
        "state": {"branch": null, "revision": "c93f", "version": "2.1.0"}}]}, "version": 1}"#;
    const PODS: &str = "PODS:\n  - A (4.2.0):\n    - A/Core (= 4.2.0)\n  - A/Core (4.2.0)\n  - \"B+C (1.0)\"\n\nCOCOAPODS: 1.11.2\n";

    #[test]
    fn reads_pins() {
        let swift_nio = || (vec!["github.com/apple/swift-nio 2.1.0".to_owned()], 0);
        assert_eq!(testing::read(resolved, "Package.resolved", ONE), swift_nio());
        let three = r#"{"pins": [{"identity": "swift-nio", "kind": "remoteSourceControl", "location": "git@github.com:apple/swift-nio.git",
            "state": {"revision": "c93f", "version": "2.1.0"}}], "version": 3}"#;
        assert_eq!(testing::read(resolved, "Package.resolved", three), swift_nio());
        let branch = r#"{"pins": [{"identity": "mona.list", "location": "", "state": {"branch": "main"}}]}"#;
        assert_eq!(testing::read(resolved, "Package.resolved", branch).0, ["mona.list main"]);
    }

    #[test]
    fn reads_pods() {
        let found = ["A 4.2.0", "A/Core 4.2.0", "B+C 1.0"].map(str::to_owned).to_vec();
        assert_eq!(testing::read(pods, "Podfile.lock", PODS), (found, 0));
        assert_eq!(testing::read(pods, "Podfile.lock", "PODS: [").1, 1);
    }

    #[test]
    fn takes_anything() {
        testing::survives(resolved, "Package.resolved", ONE);
        testing::survives(pods, "Podfile.lock", PODS);
    }
}
