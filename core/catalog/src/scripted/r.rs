//! R: the `DESCRIPTION` of installed packages (Writing R Extensions, 1.1.1), and `renv.lock`.

use std::collections::BTreeMap;

use lazaret_model::{Ecosystem, Package, PackageEvidence};
use serde::Deserialize;

use crate::documents;
use crate::files::File;
use crate::pattern::split;
use crate::reading::Reading;
use crate::stated;

#[derive(Deserialize)]
struct Lock {
    #[serde(rename = "Packages", default)]
    packages: BTreeMap<String, Locked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Locked {
    package: Option<String>,
    version: Option<String>,
}

pub(super) fn lock(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = documents::json::<Lock>(file, reading) else { return };
    let all = lock.packages.into_iter();
    let packages = all.filter_map(|(name, it)| Some((it.package.unwrap_or(name), it.version?)));
    stated::declare(file, reading, Ecosystem::Cran, packages);
}

/// R adds the field `Built` when it installs a package: a description without it is of a source, or of something else,
/// unless it lies in a library.
pub(super) fn description(file: &File<'_>, reading: &mut Reading<'_>) {
    let text = String::from_utf8_lossy(file.bytes);
    let field = |name: &str| {
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        values.next().map(str::trim).filter(|value| !value.is_empty())
    };
    let (library, _) = split(split(file.path).0);
    let is_installed = library.ends_with(b"library") || field("Built").is_some();
    let Some(name) = field("Package").filter(|_| is_installed) else { return };
    let Some(version) = field("Version") else {
        return reading.problems.malformed(file.location(), "the package has no version");
    };
    let licences =
        field("License").map(|licence| licence.split('|').map(|one| one.trim().to_owned()).collect());
    let mut licences: Vec<String> = licences.unwrap_or_default();
    licences.sort_unstable();
    let installed = PackageEvidence::Installed;
    reading.package(Package { licences, ..stated::package(file, Ecosystem::Cran, installed, name, version) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const LOCK: &str = r#"{"R": {"Version": "4.3.1"}, "Packages": {"R6": {"Package": "R6", "Version": "2.5.1", "Source": "Repository"}, "x": {"Package": "x"}}}"#;
    const DESCRIPTION: &str = "Package: R6\nTitle: Encapsulated Classes\n  with Version: 9\nVersion: 2.5.1\nLicense: MIT + file LICENSE | GPL-2\nBuilt: R 4.3.1; ; 2023-06-20; unix\n";

    #[test]
    fn reads_locks_and_descriptions() {
        assert_eq!(testing::read(lock, "renv.lock", LOCK), (vec!["R6 2.5.1".to_owned()], 0));
        let read = |text: &str| testing::read(description, "src/R6/DESCRIPTION", text);
        assert_eq!(read(DESCRIPTION), (vec!["R6 2.5.1".to_owned()], 0));
        assert_eq!(read("Package: R6\nVersion: 2.5.1\n"), (vec![], 0));
        assert_eq!(read("Package: R6\nBuilt: R 4\n"), (vec![], 1));
        let path = "usr/local/lib/R/site-library/R6/DESCRIPTION";
        assert_eq!(testing::read(description, path, "Package: R6\nVersion: 2.5.1\n").0, ["R6 2.5.1"]);
    }

    #[test]
    fn takes_anything() {
        testing::survives(lock, "renv.lock", LOCK);
        testing::survives(description, "DESCRIPTION", DESCRIPTION);
    }
}
