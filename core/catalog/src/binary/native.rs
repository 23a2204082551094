//! Programs that no package manager installed, told by their texts.

use lazaret_model::{Ecosystem, Package, PackageEvidence};

use super::extract;
use super::products::OTHERS;
use super::record::{Kind, of_kind};
use crate::files::File;
use crate::pattern::{Name, Pattern, Place};
use crate::reading::{Reading, lossy};

/// What has an executable bit, and what is known by name.
pub(super) const PATTERNS: [Pattern; OTHERS.len() + 1] = {
    let mut patterns =
        [Pattern::extract(Place::Anywhere, Name::Executable, extract::PROGRAM); OTHERS.len() + 1];
    let mut number = 0;
    while number < OTHERS.len() {
        patterns[number + 1] = Pattern::extract(Place::Anywhere, OTHERS[number], extract::PROGRAM);
        number += 1;
    }
    patterns
};

pub(crate) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    for text in of_kind(file.bytes, Kind::Product) {
        let text = lossy(text);
        let Some((name, version)) = text.split_once(' ') else { continue };
        let package = Package {
            location: file.location(),
            layer: file.layer,
            evidence: PackageEvidence::Inferred,
            ..Package::new(Ecosystem::Generic, name, version)
        };
        if !reading.package(package) {
            return;
        }
    }
}
