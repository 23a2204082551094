//! The one spelling of a package's name by which it is looked up.

use std::borrow::Cow;

use crate::Ecosystem;

/// How names of an ecosystem may differ and still mean one package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// Not at all.
    Exact,
    /// In upper and lower case.
    AnyCase,
    /// PEP 503: in case, and in runs of `-`, `_` and `.`.
    Python,
    /// A repository's address: in its scheme, a final `.git`, and case.
    Repository,
}

const fn spelling(ecosystem: Ecosystem) -> Spelling {
    match ecosystem {
        Ecosystem::PyPi => Spelling::Python,
        Ecosystem::Nuget | Ecosystem::Composer | Ecosystem::Conda | Ecosystem::Bitnami => Spelling::AnyCase,
        Ecosystem::Swift => Spelling::Repository,
        Ecosystem::Deb
        | Ecosystem::Apk
        | Ecosystem::Rpm
        | Ecosystem::Alpm
        | Ecosystem::Portage
        | Ecosystem::Nix
        | Ecosystem::Npm
        | Ecosystem::Maven
        | Ecosystem::Go
        | Ecosystem::Cargo
        | Ecosystem::Gem
        | Ecosystem::Hex
        | Ecosystem::Pub
        | Ecosystem::CocoaPods
        | Ecosystem::Conan
        | Ecosystem::Julia
        | Ecosystem::Cran
        | Ecosystem::Hackage
        | Ecosystem::Generic => Spelling::Exact,
    }
}

impl Ecosystem {
    /// The spelling of a package's name under which it is stored and looked up.
    pub fn normalised(self, name: &str) -> Cow<'_, str> {
        match spelling(self) {
            Spelling::Exact => Cow::Borrowed(name),
            Spelling::AnyCase => lower(name),
            Spelling::Python => python(name),
            Spelling::Repository => lower(repository(name)),
        }
    }
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

fn python(name: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte >= 0x80;
    let bytes = name.as_bytes();
    let single =
        |at: usize| bytes[at] == b'-' && at.checked_sub(1).is_none_or(|before| bytes[before] != b'-');
    if (0..bytes.len()).all(|at| is_plain(bytes[at]) || single(at)) {
        return Cow::Borrowed(name);
    }
    let mut plain = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' => {
                if !plain.ends_with('-') {
                    plain.push('-');
                }
            }
            _ => plain.push(character.to_ascii_lowercase()),
        }
    }
    Cow::Owned(plain)
}

fn repository(name: &str) -> &str {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    let name = name.trim_end_matches('/');
    name.strip_suffix(".git").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_one_package_are_one() {
        for (ecosystem, name, expected) in [
            (Ecosystem::PyPi, "Django", "django"),
            (Ecosystem::PyPi, "zope._-interface", "zope-interface"),
            (Ecosystem::PyPi, "ruamel-yaml", "ruamel-yaml"),
            (Ecosystem::PyPi, "a--b", "a-b"),
            (Ecosystem::Npm, "JSONStream", "JSONStream"),
            (Ecosystem::Nuget, "Newtonsoft.Json", "newtonsoft.json"),
            (Ecosystem::Composer, "Symfony/Symfony", "symfony/symfony"),
            (Ecosystem::Go, "github.com/BurntSushi/toml", "github.com/BurntSushi/toml"),
            (Ecosystem::Swift, "https://github.com/Apple/swift-nio.git", "github.com/apple/swift-nio"),
        ] {
            assert_eq!(ecosystem.normalised(name), expected);
            assert_eq!(ecosystem.normalised(expected), expected, "once is enough");
        }
    }
}
