//! Packages of Python: wheels, eggs, conda's, and lock files.
//!
//! Of lock files, what only developers need is left out wherever the lock file tells it apart, and so is what lies in
//! the project itself; the reasons are those of JavaScript.

mod conda_environment;
mod conda_meta;
mod metadata;
mod pdm_lock;
mod pipfile_lock;
mod poetry_lock;
mod pylock;
mod requirements;
mod uv_lock;

use lazaret_model::{Ecosystem, Package, PackageEvidence};

use crate::cataloger::{Cataloger, Read};
use crate::files::File;
use crate::lenient::{List, Text};
use crate::pattern::{Name, Pattern, Place};
use crate::reading::Reading;

pub(crate) const CATALOGERS: &[Cataloger] = &[
    Cataloger {
        name: "python",
        about: "installed packages of Python: wheels and eggs, zipped ones too",
        ecosystem: Ecosystem::PyPi,
        evidence: PackageEvidence::Installed,
        patterns: metadata::PATTERNS,
        read: Read::Each(metadata::read),
        owners: None,
    },
    Cataloger {
        name: "conda",
        about: "packages in environments of conda",
        ecosystem: Ecosystem::Conda,
        evidence: PackageEvidence::Installed,
        patterns: &[Pattern::content(Place::InAnyEndingWith("conda-meta"), Name::EndsWith(".json"))],
        read: Read::Each(conda_meta::read),
        owners: None,
    },
    Cataloger {
        ecosystem: Ecosystem::Conda,
        ..declared(
            "conda-environment",
            "pinned packages of conda's environment files",
            &[of_project("environment.yml"), of_project("environment.yaml")],
            Read::Each(conda_environment::read),
        )
    },
    declared(
        "requirements",
        "pinned packages of pip's requirements files",
        requirements::PATTERNS,
        Read::Each(requirements::read),
    ),
    declared(
        "pipfile-lock",
        "lock files of Pipenv",
        &[of_project("Pipfile.lock")],
        Read::Each(pipfile_lock::read),
    ),
    declared(
        "poetry-lock",
        "lock files of Poetry; the project file says what is only for developers",
        &[of_project("poetry.lock"), of_project("pyproject.toml")],
        Read::Together(poetry_lock::read),
    ),
    declared("uv-lock", "lock files of uv", &[of_project("uv.lock")], Read::Each(uv_lock::read)),
    declared("pdm-lock", "lock files of PDM", &[of_project("pdm.lock")], Read::Each(pdm_lock::read)),
    declared(
        "pylock",
        "the standard lock file of Python (PEP 751)",
        &[
            of_project("pylock.toml"),
            Pattern::content(Place::Outside("site-packages"), Name::Around("pylock.", ".toml")),
        ],
        Read::Each(pylock::read),
    ),
];

/// What installed packages carry along speaks of how those were developed.
const fn of_project(name: &'static str) -> Pattern {
    Pattern::content(Place::Outside("site-packages"), Name::Exactly(name))
}

const fn declared(
    name: &'static str,
    about: &'static str,
    patterns: &'static [Pattern],
    read: Read,
) -> Cataloger {
    Cataloger {
        name,
        about,
        ecosystem: Ecosystem::PyPi,
        evidence: PackageEvidence::Declared,
        patterns,
        read,
        owners: None,
    }
}

/// `[[package]]` tables: of these consist the lock files of Poetry, PDM and uv.
#[derive(serde::Deserialize)]
#[serde(bound(deserialize = "E: serde::Deserialize<'de>"))]
struct Lock<E> {
    #[serde(default)]
    package: List<E>,
}

/// Adds a package that a lock file wants; false once there are too many. One without a name or a version is a problem.
fn add(file: &File<'_>, name: &Text<'_>, version: &Text<'_>, reading: &mut Reading<'_>) -> bool {
    let (Some(name), Some(version)) = (name.trimmed(), version.trimmed()) else {
        reading.problems.malformed(file.location(), "a package without a name or a version");
        return true;
    };
    reading.package(wanted(file, name, version))
}

/// A package that a lock file wants.
fn wanted(file: &File<'_>, name: &str, version: &str) -> Package {
    Package {
        evidence: PackageEvidence::Declared,
        layer: file.layer,
        location: file.location(),
        ..Package::new(Ecosystem::PyPi, normalised(name), version)
    }
}

/// Lower case, with one hyphen for any run of `-`, `_` and `.` (PyPA, "Names and normalization"): so advisories and
/// purls spell names.
fn normalised(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        if !matches!(c, '-' | '_' | '.') {
            normal.push(c.to_ascii_lowercase());
        } else if !normal.ends_with('-') {
            normal.push('-');
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normal() {
        for (name, normal) in
            [("Flask", "flask"), ("a.-_b", "a-b"), ("ruamel.yaml.clib", "ruamel-yaml-clib"), ("", "")]
        {
            assert_eq!(normalised(name), normal);
        }
    }
}
