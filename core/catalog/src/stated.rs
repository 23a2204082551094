//! Packages that a file states, most often only wants.

use crate::documents::unmarked;
use crate::files::File;
use crate::reading::Reading;
use lazaret_model::{Ecosystem, Package, PackageEvidence};

/// A text, without the mark that some editors put before it.
pub(crate) fn text<'a>(file: &File<'a>, reading: &mut Reading<'_>) -> Option<&'a str> {
    let read = str::from_utf8(unmarked(file.bytes));
    read.map_err(|error| reading.problems.malformed(file.location(), error.to_string())).ok()
}

/// A package that a file states.
pub(crate) fn package(
    file: &File<'_>,
    ecosystem: Ecosystem,
    evidence: PackageEvidence,
    name: impl Into<String>,
    version: impl Into<String>,
) -> Package {
    Package {
        location: file.location(),
        layer: file.layer,
        evidence,
        ..Package::new(ecosystem, name, version)
    }
}

/// Adds packages that a file only wants, up to the limit.
pub(crate) fn declare(
    file: &File<'_>,
    reading: &mut Reading<'_>,
    ecosystem: Ecosystem,
    packages: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
) {
    for (name, version) in packages {
        if !reading.package(package(file, ecosystem, PackageEvidence::Declared, name, version)) {
            return;
        }
    }
}

/// What tests of readers need.
#[cfg(test)]
pub(crate) mod testing {
    use lazaret_model::Limits;

    use super::*;

    /// Names and versions that a reader finds, in the order of finding, and the number of problems.
    pub(crate) fn read(
        read: fn(&File<'_>, &mut Reading<'_>),
        path: &str,
        bytes: impl AsRef<[u8]>,
    ) -> (Vec<String>, usize) {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&File { path: path.as_bytes(), layer: 0, bytes: bytes.as_ref() }, &mut reading);
        let (packages, problems) = reading.into_parts();
        let lines = packages.iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        (lines, problems.into_list().len())
    }

    /// Reads arbitrary bytes and damaged copies of a real text: nothing may panic.
    pub(crate) fn survives(reader: fn(&File<'_>, &mut Reading<'_>), path: &str, real: &str) {
        use proptest::prelude::*;
        let damage = (0..=real.len(), 0..12usize, proptest::collection::vec(any::<u8>(), 0..6));
        let config = ProptestConfig::with_cases(128);
        proptest!(config, |(noise in proptest::collection::vec(any::<u8>(), 0..80), (at, cut, new) in damage)| {
            read(reader, path, &noise);
            let mut bytes = real.as_bytes().to_vec();
            bytes.splice(at..(at + cut).min(real.len()), new);
            read(reader, path, &bytes);
        });
    }
}
