//! The names that OSV gives to ecosystems (its schema, "affected[].package field": defined ecosystems), and where
//! the advisories for them stand with us.

use lazaret_model::{Ecosystem, NamedPackage};

/// Where rows for an ecosystem go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) ecosystem: Ecosystem,
    /// As [`Distribution::key`](lazaret_model::Distribution::key), of the release line; empty for languages.
    pub(super) release: String,
    pub(super) names: NamedPackage,
}

/// Languages: what follows a colon is the registry that the packages come from.
const LANGUAGES: &[(&str, Ecosystem)] = &[
    ("Bitnami", Ecosystem::Bitnami),
    ("bitnami", Ecosystem::Bitnami),
    ("ConanCenter", Ecosystem::Conan),
    ("CRAN", Ecosystem::Cran),
    ("crates.io", Ecosystem::Cargo),
    ("Go", Ecosystem::Go),
    ("Hackage", Ecosystem::Hackage),
    ("Hex", Ecosystem::Hex),
    ("Julia", Ecosystem::Julia),
    ("Maven", Ecosystem::Maven),
    ("npm", Ecosystem::Npm),
    ("NuGet", Ecosystem::Nuget),
    ("Packagist", Ecosystem::Composer),
    ("Pub", Ecosystem::Pub),
    ("PyPI", Ecosystem::PyPi),
    ("RubyGems", Ecosystem::Gem),
    ("SwiftURL", Ecosystem::Swift),
];

/// How the release is written behind the colon.
#[derive(Debug, Clone, Copy)]
enum Releases {
    /// As in os-release.
    Plain,
    /// `v3.18`, and `edge`.
    Alpine,
    /// `22.04`, `22.04:LTS`. What stands behind `Pro:` is for subscribers.
    Ubuntu,
    /// `enterprise_linux:9::appstream`. Other products are not told apart by os-release.
    RedHat,
    /// `Leap 15.5`, `Tumbleweed`.
    OpenSuse,
    /// `Linux Enterprise Server 15 SP5`, `Linux Enterprise Module for Basesystem 15 SP5`.
    Suse,
    /// `2` and before were of another name.
    Azure,
    /// None: there is one line only.
    Rolling,
}

/// Distributions: name, ecosystem, id in os-release, shape of releases, and what packages are named by.
const DISTRIBUTIONS: &[(&str, Ecosystem, &str, Releases, NamedPackage)] = &[
    ("AlmaLinux", Ecosystem::Rpm, "almalinux", Releases::Plain, NamedPackage::Binary),
    ("Alpaquita", Ecosystem::Apk, "alpaquita", Releases::Plain, NamedPackage::Source),
    ("Alpine", Ecosystem::Apk, "alpine", Releases::Alpine, NamedPackage::Source),
    ("Azure Linux", Ecosystem::Rpm, "azurelinux", Releases::Azure, NamedPackage::Source),
    ("Chainguard", Ecosystem::Apk, "chainguard", Releases::Rolling, NamedPackage::Source),
    ("Debian", Ecosystem::Deb, "debian", Releases::Plain, NamedPackage::Source),
    ("Echo", Ecosystem::Deb, "echo", Releases::Rolling, NamedPackage::Source),
    ("Mageia", Ecosystem::Rpm, "mageia", Releases::Plain, NamedPackage::Source),
    ("MinimOS", Ecosystem::Apk, "minimos", Releases::Rolling, NamedPackage::Source),
    ("openSUSE", Ecosystem::Rpm, "opensuse", Releases::OpenSuse, NamedPackage::Source),
    ("Photon OS", Ecosystem::Rpm, "photon", Releases::Plain, NamedPackage::Source),
    ("Red Hat", Ecosystem::Rpm, "rhel", Releases::RedHat, NamedPackage::Binary),
    ("Rocky Linux", Ecosystem::Rpm, "rocky", Releases::Plain, NamedPackage::Source),
    ("SUSE", Ecosystem::Rpm, "sles", Releases::Suse, NamedPackage::Source),
    ("Ubuntu", Ecosystem::Deb, "ubuntu", Releases::Ubuntu, NamedPackage::Source),
    ("Wolfi", Ecosystem::Apk, "wolfi", Releases::Rolling, NamedPackage::Source),
];

/// `Debian:12` to `debian:12`. A distribution that is told by its releases says nothing without one.
pub(super) fn place(name: &str) -> Option<Place> {
    let (family, release) = name.split_once(':').map_or((name, None), |(family, rest)| (family, Some(rest)));
    if let Some((_, ecosystem)) = LANGUAGES.iter().find(|(known, _)| *known == family) {
        return Some(Place { ecosystem: *ecosystem, release: String::new(), names: NamedPackage::Source });
    }
    let (_, ecosystem, id, releases, names) = DISTRIBUTIONS.iter().find(|(known, ..)| *known == family)?;
    let release = key(id, *releases, release)?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'.' | b'-' | b'_');
    let is_short = release.len() <= 60 && release.bytes().all(is_plain);
    is_short.then_some(Place { ecosystem: *ecosystem, release, names: *names })
}

fn key(id: &str, releases: Releases, release: Option<&str>) -> Option<String> {
    let with = |release: &str| (!release.is_empty()).then(|| format!("{id}:{release}"));
    match (releases, release) {
        (Releases::Rolling, _) => Some(id.to_owned()),
        (_, None) => None,
        (Releases::Plain, Some(release)) => with(release),
        (Releases::Alpine, Some(release)) => with(release.strip_prefix('v').unwrap_or(release)),
        (Releases::Ubuntu, Some(release)) => match release.split_once(':') {
            None => with(release),
            Some((release, "LTS")) => with(release),
            Some(_) => None,
        },
        (Releases::RedHat, Some(release)) => {
            let version = release.strip_prefix("enterprise_linux:")?;
            with(version.split(':').next()?.split('.').next()?)
        }
        (Releases::OpenSuse, Some("Tumbleweed")) => Some(format!("{id}-tumbleweed")),
        (Releases::OpenSuse, Some(release)) => match release.strip_prefix("Leap ")?.split_once(' ') {
            None => Some(format!("{id}-leap:{}", release.strip_prefix("Leap ")?)),
            Some(("Micro", version)) => Some(format!("{id}-leap-micro:{version}")),
            Some(_) => None,
        },
        (Releases::Suse, Some(release)) => suse(release),
        (Releases::Azure, Some(release)) => {
            let major = release.split('.').next()?;
            Some(format!("{}:{major}", if matches!(major, "1" | "2") { "mariner" } else { id }))
        }
    }
}

/// Products and modules of one service pack share its packages.
fn suse(product: &str) -> Option<String> {
    let words: Vec<&str> = product.strip_prefix("Linux ")?.split(' ').collect();
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if let ["Micro", version] | ["Enterprise", "Micro", version] = words[..] {
        let id = if words[0] == "Micro" { "sl-micro" } else { "sle-micro" };
        return is_number(version).then(|| format!("{id}:{version}"));
    }
    // What follows the service pack names long-term support, which is for subscribers.
    match words[..] {
        ["Enterprise", .., version, pack] if is_number(version) => {
            let pack = pack.strip_prefix("SP").filter(|pack| is_number(pack))?;
            Some(format!("sles:{version}.{pack}"))
        }
        ["Enterprise", .., version] if is_number(version) => Some(format!("sles:{version}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_get_the_keys_of_os_release() {
        for (name, expected) in [
            ("Debian:12", Some("deb debian:12")),
            ("Debian", None),
            ("Ubuntu:22.04:LTS", Some("deb ubuntu:22.04")),
            ("Ubuntu:25.10", Some("deb ubuntu:25.10")),
            ("Ubuntu:Pro:18.04:LTS", None),
            ("Alpine:v3.18", Some("apk alpine:3.18")),
            ("Rocky Linux:9", Some("rpm rocky:9")),
            ("AlmaLinux:8", Some("rpm almalinux:8")),
            ("Red Hat:enterprise_linux:9::appstream", Some("rpm rhel:9")),
            ("Red Hat:enterprise_linux:10.1", Some("rpm rhel:10")),
            ("Red Hat:rhel_aus:8.4::appstream", None),
            ("openSUSE:Leap 15.5", Some("rpm opensuse-leap:15.5")),
            ("openSUSE:Leap Micro 5.4", Some("rpm opensuse-leap-micro:5.4")),
            ("openSUSE:Tumbleweed", Some("rpm opensuse-tumbleweed")),
            ("SUSE:Linux Enterprise Module for Basesystem 15 SP5", Some("rpm sles:15.5")),
            ("SUSE:Linux Enterprise Server 12 SP5-LTSS", None),
            ("SUSE:Linux Enterprise Micro 5.3", Some("rpm sle-micro:5.3")),
            ("Wolfi", Some("apk wolfi")),
            ("Azure Linux:2", Some("rpm mariner:2")),
            ("Azure Linux:3", Some("rpm azurelinux:3")),
            ("Packagist:https://packages.drupal.org/8", Some("composer ")),
            ("npm", Some("npm ")),
            ("GitHub Actions", None),
            ("Seal:PyPI", None),
            ("Debian:\u{7}", None),
        ] {
            let found = place(name).map(|place| format!("{} {}", place.ecosystem, place.release));
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }
}
