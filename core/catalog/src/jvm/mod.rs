//! Java archives, and what is in them.

mod archive;
mod class_packages;
mod file_name;
mod findings;
mod group;
mod identify;
mod inflate;
mod known;
mod manifest;
mod pom;
mod properties;
mod zip;

use lazaret_model::{Ecosystem, PackageEvidence};

use crate::cataloger::{Cataloger, Read};
use crate::pattern::{Name, Pattern, Place};

pub(crate) const CATALOGERS: &[Cataloger] = &[Cataloger {
    name: "java-archive",
    about: "Java archives and those within them, by the files of Maven, else by manifest, name and classes",
    ecosystem: Ecosystem::Maven,
    evidence: PackageEvidence::Installed,
    patterns: ARCHIVES,
    read: Read::Each(findings::read),
    owners: None,
}];

const ARCHIVES: &[Pattern] = &{
    let mut patterns = [Pattern::extract(Place::Anywhere, Name::EndsWith(".jar"), archive::EXTRACTOR); archive::ENDINGS.len()];
    let mut number = 0;
    while number < patterns.len() {
        patterns[number].name = Name::EndsWith(archive::ENDINGS[number]);
        number += 1;
    }
    patterns
};
