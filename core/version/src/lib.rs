//! How package ecosystems order their versions, and which versions a range of theirs holds.
//!
//! One file a scheme. A scheme has a total order over *all* texts, because inventories and feeds hold
//! versions that their own rules forbid and a comparison must still have one answer, and a separate
//! strict check for those who accept versions from outside.
//!
//! | scheme | used by | source of the rules |
//! |---|---|---|
//! | `deb` | Debian, Ubuntu | deb-version(7), `dpkg --compare-versions` |
//! | `apk` | Alpine, Wolfi, Chainguard | apk-package(5), apk-tools 3; what apk-tools 2 took is read too |
//! | `rpm` | Red Hat, SUSE, Amazon, Azure Linux, … | rpm-version(7), `rpmvercmp` |
//! | `alpm` | Arch | vercmp(8) of pacman |
//! | `portage` | Gentoo | Package Manager Specification 8, section 3.3 |
//! | `semver` | Cargo, Swift and whoever follows it | semver.org 2.0.0 |
//! | `npm` | npm, yarn, pnpm | node-semver, loose reading |
//! | `hex` | Elixir, Erlang | module `Version` of Elixir |
//! | `pub` | Dart | package `pub_semver` |
//! | `julia` | Julia | `VersionNumber` of Base |
//! | `go` | Go modules and toolchain | golang.org/x/mod/semver, go.dev/ref/mod |
//! | `bitnami` | Bitnami | github.com/bitnami/go-version |
//! | `nuget` | .NET | `NuGet.Versioning` |
//! | `pep440` | Python | packaging.python.org, "Version specifiers" (PEP 440) |
//! | `conda` | conda | `VersionOrder` of conda |
//! | `maven` | Java | Maven's POM reference, `ComparableVersion` of Maven 4, OSV |
//! | `gem` | Ruby | `Gem::Version` |
//! | `composer` | PHP | `VersionParser` of Composer, `version_compare` of PHP |
//! | `cran` | R | `package_version` of base R |
//! | `hackage` | Haskell | Package Versioning Policy |
//! | `generic` | programs found by their files | numbers, then letters; hashicorp/go-version for prereleases |
//!
//! This crate stands at the bottom of the house: it depends on nothing and allocates nothing while
//! comparing. Every function takes time in proportion to the length of its texts.

pub mod alpm;
pub mod apk;
pub mod bitnami;
pub mod composer;
pub mod conda;
pub mod cran;
pub mod dart;
pub mod deb;
pub mod gem;
pub mod generic;
pub mod go;
pub mod hackage;
pub mod hex;
pub mod julia;
pub mod maven;
pub mod npm;
pub mod nuget;
pub mod pep440;
pub mod portage;
pub mod range;
pub mod rpm;
pub mod semver;

mod scheme;
mod text;

use std::fmt;

pub use scheme::{Scheme, check, compare};

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
