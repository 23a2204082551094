use std::fmt;

use lazaret_version::Scheme;

/// A family of packages with one naming and one version order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    /// Packages of dpkg: Debian and its derivatives.
    Deb,
    /// Packages of apk: Alpine, Wolfi, Chainguard.
    Apk,
    /// Packages of rpm: Red Hat, SUSE, Amazon and all their kin.
    Rpm,
    /// Packages of pacman: Arch.
    Alpm,
    /// Packages of Portage: Gentoo.
    Portage,
    Nix,
    Npm,
    /// Python.
    PyPi,
    /// Java and what else runs on its machine.
    Maven,
    Go,
    /// Rust.
    Cargo,
    /// Ruby.
    Gem,
    /// PHP.
    Composer,
    /// .NET.
    Nuget,
    /// Elixir and Erlang.
    Hex,
    /// Dart.
    Pub,
    Swift,
    CocoaPods,
    /// C and C++.
    Conan,
    Conda,
    Julia,
    /// R.
    Cran,
    /// Haskell.
    Hackage,
    Bitnami,
    /// Programs that no package manager installed, told by what they contain.
    Generic,
}

/// Everything that is said of an ecosystem, one line each: name (which is also the purl type) and version order.
const TABLE: &[(Ecosystem, &str, Scheme)] = &[
    (Ecosystem::Deb, "deb", Scheme::Deb),
    (Ecosystem::Apk, "apk", Scheme::Apk),
    (Ecosystem::Rpm, "rpm", Scheme::Rpm),
    (Ecosystem::Alpm, "alpm", Scheme::Alpm),
    (Ecosystem::Portage, "ebuild", Scheme::Portage),
    (Ecosystem::Nix, "nix", Scheme::Generic),
    (Ecosystem::Npm, "npm", Scheme::Npm),
    (Ecosystem::PyPi, "pypi", Scheme::Pep440),
    (Ecosystem::Maven, "maven", Scheme::Maven),
    (Ecosystem::Go, "golang", Scheme::Go),
    (Ecosystem::Cargo, "cargo", Scheme::Semver),
    (Ecosystem::Gem, "gem", Scheme::Gem),
    (Ecosystem::Composer, "composer", Scheme::Composer),
    (Ecosystem::Nuget, "nuget", Scheme::Nuget),
    (Ecosystem::Hex, "hex", Scheme::Hex),
    (Ecosystem::Pub, "pub", Scheme::Pub),
    (Ecosystem::Swift, "swift", Scheme::Semver),
    (Ecosystem::CocoaPods, "cocoapods", Scheme::Gem),
    (Ecosystem::Conan, "conan", Scheme::Semver),
    (Ecosystem::Conda, "conda", Scheme::Conda),
    (Ecosystem::Julia, "julia", Scheme::Julia),
    (Ecosystem::Cran, "cran", Scheme::Cran),
    (Ecosystem::Hackage, "hackage", Scheme::Hackage),
    (Ecosystem::Bitnami, "bitnami", Scheme::Bitnami),
    (Ecosystem::Generic, "generic", Scheme::Generic),
];

impl Ecosystem {
    pub const ALL: &[Self] = {
        const ALL: [Ecosystem; TABLE.len()] = {
            let mut all = [Ecosystem::Deb; TABLE.len()];
            let mut number = 0;
            while number < all.len() {
                // The lines stand in the order of the variants, so that a variant finds its own.
                assert!(TABLE[number].0 as usize == number);
                all[number] = TABLE[number].0;
                number += 1;
            }
            all
        };
        &ALL
    };

    /// The name in our own files and output, which is also the purl type.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|ecosystem| ecosystem.name() == name)
    }

    /// How its package manager orders versions.
    pub const fn scheme(self) -> Scheme {
        TABLE[self as usize].2
    }

    pub fn compare(self, a: &str, b: &str) -> std::cmp::Ordering {
        lazaret_version::compare(self.scheme(), a, b)
    }

    /// Whether its packages are those of a distribution: advisories then speak of one release, and of source
    /// packages.
    pub const fn is_of_distribution(self) -> bool {
        matches!(self, Self::Deb | Self::Apk | Self::Rpm | Self::Alpm | Self::Portage)
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for ecosystem in Ecosystem::ALL {
            assert_eq!(Ecosystem::from_name(ecosystem.name()), Some(*ecosystem));
        }
    }
}
