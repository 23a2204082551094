//! How package ecosystems order their versions.
//!
//! One file a scheme. A scheme has a total order over *all* texts, because inventories and feeds hold
//! versions that their own rules forbid and a comparison must still have one answer, and a separate
//! strict check for those who accept versions from outside.
//!
//! This crate stands at the bottom of the house: it depends on nothing and allocates nothing while comparing.

pub mod deb;
pub mod generic;

use std::cmp::Ordering;
use std::fmt;

/// A way to write and order versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// deb-version(7).
    Deb,
    Apk,
    Rpm,
    Semver,
    Npm,
    Pep440,
    Maven,
    Go,
    Gem,
    Nuget,
    Composer,
    Pub,
    Hex,
    Cran,
    Hackage,
    Conda,
    Julia,
    Alpm,
    Portage,
    Bitnami,
    Generic,
}

impl Scheme {
    pub const ALL: &[Self] = &[
        Self::Deb,
        Self::Apk,
        Self::Rpm,
        Self::Semver,
        Self::Npm,
        Self::Pep440,
        Self::Maven,
        Self::Go,
        Self::Gem,
        Self::Nuget,
        Self::Composer,
        Self::Pub,
        Self::Hex,
        Self::Cran,
        Self::Hackage,
        Self::Conda,
        Self::Julia,
        Self::Alpm,
        Self::Portage,
        Self::Bitnami,
        Self::Generic,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Semver => "semver",
            Self::Npm => "npm",
            Self::Pep440 => "pep440",
            Self::Maven => "maven",
            Self::Go => "go",
            Self::Gem => "gem",
            Self::Nuget => "nuget",
            Self::Composer => "composer",
            Self::Pub => "pub",
            Self::Hex => "hex",
            Self::Cran => "cran",
            Self::Hackage => "hackage",
            Self::Conda => "conda",
            Self::Julia => "julia",
            Self::Alpm => "alpm",
            Self::Portage => "portage",
            Self::Bitnami => "bitnami",
            Self::Generic => "generic",
        }
    }
}

/// Orders two versions as the scheme's own tool does. Texts that are no versions have a place too.
pub fn compare(scheme: Scheme, a: &str, b: &str) -> Ordering {
    match scheme {
        Scheme::Deb => deb::compare(a, b),
        _ => generic::compare(a, b),
    }
}

/// Tells whether the scheme's own tool would accept the text as a version.
pub fn check(scheme: Scheme, text: &str) -> Result<(), VersionError> {
    match scheme {
        Scheme::Deb => deb::Version::parse(text).map(drop),
        _ => Ok(()),
    }
}

/// Why a text is not a version. The text itself is left to the caller, who knows where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionError {
    pub scheme: Scheme,
    pub reason: &'static str,
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a {} version: {}", self.scheme.name(), self.reason)
    }
}

impl std::error::Error for VersionError {}
