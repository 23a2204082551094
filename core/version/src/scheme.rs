//! The schemes by name, and what each does.

use std::cmp::Ordering;

use crate::{
    VersionError, alpm, apk, bitnami, composer, conda, cran, dart, deb, gem, generic, go, hackage, hex,
    julia, maven, npm, nuget, pep440, portage, rpm, semver,
};

/// A way to write and order versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
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

    /// The name in our own files and output.
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

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scheme| scheme.name() == name)
    }
}

/// Orders two versions as the scheme's own tool does. Texts that are no versions have a place too.
pub fn compare(scheme: Scheme, a: &str, b: &str) -> Ordering {
    match scheme {
        Scheme::Deb => deb::compare(a, b),
        Scheme::Apk => apk::compare(a, b),
        Scheme::Rpm => rpm::compare(a, b),
        Scheme::Semver => semver::compare(a, b),
        Scheme::Npm => npm::compare(a, b),
        Scheme::Pep440 => pep440::compare(a, b),
        Scheme::Maven => maven::compare(a, b),
        Scheme::Go => go::compare(a, b),
        Scheme::Gem => gem::compare(a, b),
        Scheme::Nuget => nuget::compare(a, b),
        Scheme::Composer => composer::compare(a, b),
        Scheme::Pub => dart::compare(a, b),
        Scheme::Hex => hex::compare(a, b),
        Scheme::Cran => cran::compare(a, b),
        Scheme::Hackage => hackage::compare(a, b),
        Scheme::Conda => conda::compare(a, b),
        Scheme::Julia => julia::compare(a, b),
        Scheme::Alpm => alpm::compare(a, b),
        Scheme::Portage => portage::compare(a, b),
        Scheme::Bitnami => bitnami::compare(a, b),
        Scheme::Generic => generic::compare(a, b),
    }
}

/// Tells whether the scheme's own tool would accept the text as a version.
pub fn check(scheme: Scheme, text: &str) -> Result<(), VersionError> {
    match scheme {
        Scheme::Deb => deb::Version::parse(text).map(drop),
        Scheme::Apk => apk::check(text),
        Scheme::Rpm => rpm::check(text),
        Scheme::Semver => semver::check(text),
        Scheme::Npm => npm::check(text),
        Scheme::Pep440 => pep440::check(text),
        Scheme::Maven => maven::check(text),
        Scheme::Go => go::check(text),
        Scheme::Gem => gem::check(text),
        Scheme::Nuget => nuget::check(text),
        Scheme::Composer => composer::check(text),
        Scheme::Pub => dart::check(text),
        Scheme::Hex => hex::check(text),
        Scheme::Cran => cran::check(text),
        Scheme::Hackage => hackage::check(text),
        Scheme::Conda => conda::check(text),
        Scheme::Julia => julia::check(text),
        Scheme::Alpm => alpm::check(text),
        Scheme::Portage => portage::check(text),
        Scheme::Bitnami => bitnami::check(text),
        Scheme::Generic => generic::check(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for scheme in Scheme::ALL {
            assert_eq!(Scheme::from_name(scheme.name()), Some(*scheme));
            assert_eq!(compare(*scheme, "1.2.3", "1.10.0"), Ordering::Less, "{}", scheme.name());
            let plain = if *scheme == Scheme::Go { "v1.2.3" } else { "1.2.3" };
            assert_eq!(check(*scheme, plain), Ok(()), "{}", scheme.name());
        }
        assert_eq!(Scheme::from_name("pypi"), None);
    }
}
