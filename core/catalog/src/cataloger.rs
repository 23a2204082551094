//! The readers of package databases, as data: what a scan covers is this list.

use std::fmt;

use lazaret_model::{Ecosystem, Limits, Package};

use crate::catalog::Problems;
use crate::dpkg;
use crate::files::{Files, Pattern};

/// One kind of package database.
pub struct Cataloger {
    pub name: &'static str,
    pub ecosystem: Ecosystem,
    /// The files that it reads.
    pub patterns: &'static [Pattern],
    pub(crate) read: fn(&Files, &Limits, &mut Problems) -> Vec<Package>,
}

/// All catalogers.
pub const CATALOGERS: &[Cataloger] =
    &[Cataloger { name: "dpkg", ecosystem: Ecosystem::Deb, patterns: dpkg::PATTERNS, read: dpkg::read }];

impl fmt::Debug for Cataloger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cataloger")
            .field("name", &self.name)
            .field("ecosystem", &self.ecosystem)
            .finish_non_exhaustive()
    }
}
