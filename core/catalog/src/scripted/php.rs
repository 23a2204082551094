//! PHP: `composer.lock`, and `vendor/composer/installed.json` that Composer writes beside what it installed.

use lazaret_model::{Ecosystem, Package, PackageEvidence};
use serde::Deserialize;

use crate::documents;
use crate::files::File;
use crate::reading::Reading;
use crate::stated;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    packages: Vec<Locked>,
    #[serde(rename = "packages-dev", default)]
    development: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    #[serde(default)]
    license: Licences,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Licences {
    One(String),
    Several(Vec<String>),
    #[default]
    None,
}

/// Composer 1 wrote a list, Composer 2 an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Installed {
    Two { packages: Vec<Locked> },
    One(Vec<Locked>),
}

pub(super) fn lock(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = documents::json::<Lock>(file, reading) else { return };
    add(file, reading, PackageEvidence::Declared, lock.packages.into_iter().chain(lock.development));
}

pub(super) fn installed(file: &File<'_>, reading: &mut Reading<'_>) {
    let packages = match documents::json::<Installed>(file, reading) {
        Some(Installed::Two { packages } | Installed::One(packages)) => packages,
        None => return,
    };
    add(file, reading, PackageEvidence::Installed, packages.into_iter());
}

fn add(
    file: &File<'_>,
    reading: &mut Reading<'_>,
    evidence: PackageEvidence,
    packages: impl Iterator<Item = Locked>,
) {
    for it in packages {
        let mut licences = match it.license {
            Licences::One(licence) => vec![licence],
            Licences::Several(licences) => licences,
            Licences::None => Vec::new(),
        };
        licences.sort_unstable();
        let package = stated::package(file, Ecosystem::Composer, evidence, it.name, it.version);
        if !reading.package(Package { licences, ..package }) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const LOCK: &str = r#"{"packages": [{"name": "a/b", "version": "v1.0", "license": ["MIT"]}], "packages-dev": [{"name": "c/d", "version": "2.0", "license": "MIT"}]}"#;

    #[test]
    fn reads_locks_and_what_is_installed() {
        let both = || (vec!["a/b v1.0".to_owned(), "c/d 2.0".to_owned()], 0);
        assert_eq!(testing::read(lock, "composer.lock", LOCK), both());
        let list =
            r#"[{"name": "a/b", "version": "v1.0"}, {"name": "c/d", "version": "2.0", "license": null}]"#;
        assert_eq!(testing::read(installed, "vendor/composer/installed.json", list), both());
        let object = format!("{{\"packages\": {list}, \"dev\": true}}");
        assert_eq!(testing::read(installed, "vendor/composer/installed.json", object), both());
        assert_eq!(testing::read(installed, "vendor/composer/installed.json", "{}"), (vec![], 1));
    }

    #[test]
    fn takes_anything() {
        testing::survives(lock, "composer.lock", LOCK);
        testing::survives(installed, "installed.json", LOCK);
    }
}
