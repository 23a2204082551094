//! Java archives, and what is in them.

mod archive;
mod class_packages;
mod file_name;
mod findings;
mod group;
mod identify;
pub(crate) mod inflate;
mod known;
mod locks;
mod manifest;
mod model;
mod pom;
mod project;
mod properties;
pub(crate) mod zip;

use lazaret_model::{Ecosystem, PackageEvidence};

use crate::cataloger::{Cataloger, Read};
use crate::files::File;
use crate::pattern::{Name, Pattern, Place};
use crate::reading::Reading;

pub(crate) const CATALOGERS: &[Cataloger] = &[
    Cataloger {
        name: "java-archive",
        about: "Java archives and those within them, by the files of Maven, else by manifest, name and classes",
        ecosystem: Ecosystem::Maven,
        evidence: PackageEvidence::Installed,
        patterns: ARCHIVES,
        read: Read::Each(findings::read),
        owners: None,
    },
    Cataloger {
        name: "maven-project",
        about: "projects of Maven: themselves and what they want",
        ecosystem: Ecosystem::Maven,
        evidence: PackageEvidence::Declared,
        patterns: project::PATTERNS,
        read: Read::Together(project::read),
        owners: None,
    },
    lock("gradle-lock", "gradle.lockfile", GRADLE, locks::gradle),
    lock("sbt-lock", "build.sbt.lock", SBT, locks::sbt),
];

const GRADLE: &[Pattern] = &[Pattern::content(Place::Anywhere, Name::EndsWith("gradle.lockfile"))];
const SBT: &[Pattern] = &[Pattern::content(Place::Anywhere, Name::EndsWith(".sbt.lock"))];

const fn lock(
    name: &'static str,
    about: &'static str,
    patterns: &'static [Pattern],
    read: fn(&File<'_>, &mut Reading<'_>),
) -> Cataloger {
    Cataloger {
        name,
        about,
        ecosystem: Ecosystem::Maven,
        evidence: PackageEvidence::Declared,
        patterns,
        read: Read::Each(read),
        owners: None,
    }
}

const ARCHIVES: &[Pattern] = &{
    let mut patterns = [Pattern::extract(Place::Anywhere, Name::EndsWith(".jar"), archive::EXTRACTOR);
        archive::ENDINGS.len()];
    let mut number = 0;
    while number < patterns.len() {
        patterns[number].name = Name::EndsWith(archive::ENDINGS[number]);
        number += 1;
    }
    patterns
};
