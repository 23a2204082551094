//! Ranges of versions in the languages that package managers and advisories write them in.
//!
//! Every language is read into the same few terms: alternatives, of which one must hold, each a list of
//! terms that must all hold. [`Language`] names the languages; each has a file, which states its source.
//!
//! A range answers for every text. Where a language holds no prereleases or no odd versions, its
//! [`Language`] says so.

mod apk;
mod cargo;
mod composer;
mod constraint;
mod gem;
mod interval;
mod lexer;
mod maven;
mod npm;
mod nuget;
mod partial;
mod pep440;
mod simple;
mod term;

use std::fmt;

use crate::{Scheme, semver};
use term::Term;

/// Asking takes time in proportion to the terms and to the version: neither writer may decide both.
const MOST_TERMS: usize = 4096;

/// A set of versions, as a text of some language describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    scheme: Scheme,
    /// An empty list of terms holds for every version.
    alternatives: Vec<Vec<Term>>,
    admission: Admission,
}

impl Range {
    /// Reads a range in the language that the scheme's own tool has.
    pub fn parse(scheme: Scheme, text: &str) -> Result<Self, RangeError> {
        Self::parse_as(Language::of(scheme), scheme, text)
    }

    /// Reads a range in a language whose versions are ordered by a scheme.
    pub fn parse_as(language: Language, scheme: Scheme, text: &str) -> Result<Self, RangeError> {
        let alternatives = match language {
            Language::Simple => simple::parse(text),
            Language::Constraint => constraint::parse(text),
            Language::Npm => npm::parse(text, npm::Mode::Strict),
            Language::NpmLoose => npm::parse(text, npm::Mode::Loose),
            Language::NpmWithPrereleases => npm::parse(text, npm::Mode::WithPrereleases),
            Language::Cargo => cargo::parse(text),
            Language::Pep440 => pep440::parse(text),
            Language::Gem => gem::parse(text),
            Language::Composer => composer::parse(text),
            Language::Nuget => nuget::parse(text),
            Language::Maven => maven::parse(text),
            Language::Apk => apk::parse(text),
        }
        .and_then(|alternatives| {
            let terms: usize = alternatives.iter().map(|terms| terms.len().max(1)).sum();
            if terms > MOST_TERMS { Err("it has more than 4096 terms") } else { Ok(alternatives) }
        })
        .map_err(|reason| RangeError { language, reason })?;
        let admission = match language {
            Language::Npm | Language::NpmLoose | Language::Cargo => Admission::NamedPrereleases,
            Language::NpmWithPrereleases => Admission::Versions,
            _ => Admission::All,
        };
        Ok(Self { scheme, alternatives, admission })
    }

    pub fn contains(&self, version: &str) -> bool {
        let holds = |terms: &&Vec<Term>| terms.iter().all(|term| term.holds(self.scheme, version));
        self.alternatives.iter().filter(holds).any(|terms| self.admission.admits(terms, version))
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// A way to write ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// `>=1.2, <2.0 || =3.1`: comparisons only, in any scheme. Most feeds of advisories.
    Simple,
    /// [`Simple`](Self::Simple), and `^1.2`, `~1.2`, `~> 1.2`, `1.x`: hashicorp, Aqua, Masterminds, Hex, Dart.
    Constraint,
    /// node-semver: a prerelease is only in a range that names a prerelease of the same version.
    Npm,
    /// [`Npm`](Self::Npm) where an alternative that cannot be read is left out.
    NpmLoose,
    /// [`Npm`](Self::Npm) as `npm audit` asks: prereleases are versions like others.
    NpmWithPrereleases,
    /// Requirements of Cargo: `1.2` means `^1.2`; prereleases as in npm.
    Cargo,
    /// Version specifiers of Python.
    Pep440,
    /// Requirements of RubyGems.
    Gem,
    /// Constraints of Composer.
    Composer,
    /// `[1.0,2.0)`, where `1.0` means at least 1.0; or comparisons.
    Nuget,
    /// `[1.0,2.0),[3.0]`, where `1.0` means just that; or comparisons.
    Maven,
    /// Dependencies of apk: comparisons and `~1.2` for a series.
    Apk,
}

impl Language {
    /// The language of a scheme's own tool.
    pub const fn of(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Npm => Self::Npm,
            Scheme::Pep440 => Self::Pep440,
            Scheme::Gem => Self::Gem,
            Scheme::Composer => Self::Composer,
            Scheme::Nuget => Self::Nuget,
            Scheme::Maven => Self::Maven,
            Scheme::Apk => Self::Apk,
            Scheme::Semver
            | Scheme::Go
            | Scheme::Pub
            | Scheme::Hex
            | Scheme::Julia
            | Scheme::Bitnami
            | Scheme::Generic => Self::Constraint,
            Scheme::Deb
            | Scheme::Rpm
            | Scheme::Cran
            | Scheme::Hackage
            | Scheme::Conda
            | Scheme::Alpm
            | Scheme::Portage => Self::Simple,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Constraint => "constraint",
            Self::Npm => "npm",
            Self::NpmLoose => "npm (loose)",
            Self::NpmWithPrereleases => "npm (with prereleases)",
            Self::Cargo => "cargo",
            Self::Pep440 => "pep440",
            Self::Gem => "gem",
            Self::Composer => "composer",
            Self::Nuget => "nuget",
            Self::Maven => "maven",
            Self::Apk => "apk",
        }
    }
}

/// Which versions may be in a range at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    All,
    /// Texts that have numbers.
    Versions,
    /// Versions, but prereleases only where a term names one of the same numbers.
    NamedPrereleases,
}

impl Admission {
    fn admits(self, terms: &[Term], version: &str) -> bool {
        let parts = semver::Parts::split(version);
        match self {
            Self::All => true,
            Self::Versions => !parts.core.is_empty(),
            Self::NamedPrereleases => {
                let named = || terms.iter().any(|term| term.names_prerelease_of(parts.core));
                !parts.core.is_empty() && (parts.prerelease.is_none() || named())
            }
        }
    }
}

/// Why a text is no range. The text itself is left to the caller, who knows where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeError {
    pub language: Language,
    pub reason: &'static str,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a {} range of versions: {}", self.language.name(), self.reason)
    }
}

impl std::error::Error for RangeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_limits() {
        let longest = vec!["<1"; MOST_TERMS].join(" || ");
        assert!(Range::parse(Scheme::Rpm, &longest).unwrap().contains("0.9"));
        let error = Range::parse(Scheme::Rpm, &format!("{longest} || <1")).unwrap_err();
        assert_eq!(error.to_string(), "not a simple range of versions: it has more than 4096 terms");
    }

    #[test]
    fn every_scheme_has_a_language() {
        for scheme in Scheme::ALL {
            let range =
                Range::parse(*scheme, ">=1.2.3, <2.0.0").or_else(|_| Range::parse(*scheme, ">=1.2.3 <2.0.0"));
            let range = range.unwrap();
            assert!(range.contains("1.10.0") && !range.contains("2.0.0"), "{}", scheme.name());
            assert_eq!(range.scheme(), *scheme);
        }
    }
}
