//! The readers of packages, as data: what a scan covers is this list.

use std::fmt;

use lazaret_model::{Ecosystem, PackageEvidence};

use crate::files::{File, Files};
use crate::ownership::Owners;
use crate::pattern::Pattern;
use crate::reading::Reading;
use crate::{binary, compiled, javascript, jvm, os, python, scripted};

/// One reader of package databases, of packages' own files, or of lock files.
pub struct Cataloger {
    /// Stable: it stands in reports and options.
    pub name: &'static str,
    /// What it reads, for people, as a noun phrase.
    pub about: &'static str,
    pub ecosystem: Ecosystem,
    /// What its packages rest on. Those that are only declared count in directories, not in images.
    pub evidence: PackageEvidence,
    /// The files that it reads.
    pub patterns: &'static [Pattern],
    pub(crate) read: Read,
    /// For databases of distributions: which package brought a file.
    pub(crate) owners: Option<fn(&Files, &mut Owners<'_>)>,
}

/// How files become packages.
#[derive(Clone, Copy)]
pub(crate) enum Read {
    /// Each file by itself, while it passes by: nothing is kept.
    Each(fn(&File<'_>, &mut Reading<'_>)),
    /// All files together, at the end.
    Together(fn(&Files, &mut Reading<'_>)),
}

const GROUPS: &[&[Cataloger]] = &[
    os::CATALOGERS,
    javascript::CATALOGERS,
    python::CATALOGERS,
    jvm::CATALOGERS,
    compiled::CATALOGERS,
    scripted::CATALOGERS,
    binary::CATALOGERS,
];

/// All catalogers, in a fixed order.
pub fn catalogers() -> impl Iterator<Item = &'static Cataloger> {
    GROUPS.iter().copied().flatten()
}

impl fmt::Debug for Cataloger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cataloger")
            .field("name", &self.name)
            .field("ecosystem", &self.ecosystem)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_everybody_reads_something() {
        let mut names = HashSet::new();
        for cataloger in catalogers() {
            assert!(names.insert(cataloger.name), "{}", cataloger.name);
            assert!(!cataloger.patterns.is_empty() && !cataloger.about.is_empty(), "{}", cataloger.name);
        }
    }
}
