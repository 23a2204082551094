//! Releases as publishers name them, and their keys: what
//! [`Distribution::key`](lazaret_model::Distribution::key) gives for the os-release of the same release.
//!
//! Publishers' words become `ID` and `VERSION_ID` of os-release here, and nothing else; the key of those is told in
//! one place, for what is read and for what is scanned.

use lazaret_model::{Distribution, Ecosystem};

/// `bookworm` to `debian:12`. Releases that have no number yet keep their code name.
pub(super) fn debian(codename: &str) -> Option<String> {
    is_word(codename).then(|| Distribution::named("debian", codename).key())
}

/// `v3.18` to `alpine:3.18`.
pub(super) fn alpine(version: &str) -> Option<String> {
    let version = version.strip_prefix('v').unwrap_or(version);
    is_word(version).then(|| key("alpine", version))
}

/// The key of a distribution that has no releases.
pub(super) fn rolling(id: &str) -> String {
    Distribution { id: id.to_owned(), version: None, codename: None, title: None }.key()
}

/// The key of a release by what its os-release says.
pub(super) fn key(id: &str, version: &str) -> String {
    Distribution::of(id, version).key()
}

/// What a product is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Product {
    /// A release: its packages, and its key.
    Release(Ecosystem, String),
    /// A product of a vendor of distributions that os-release does not tell of.
    Other,
}

/// What the words behind a product's name tell of its release.
#[derive(Debug, Clone, Copy)]
enum Version {
    /// `8`, `8.4`.
    Number,
    /// A word, after a `v` perhaps: `v3.18`, `edge`, `stream`.
    Word,
    /// `2` and before were of another name.
    Azure,
    /// `22.04 LTS`, `jammy`.
    Ubuntu,
    /// `15 SP5`, perhaps after words that name an edition or a module.
    Suse,
    /// There is one release of this name.
    Always(&'static str),
    /// There are no releases.
    Rolling,
    /// The product is passed over.
    Other,
}

/// Products by the words they start with, with `ID` in os-release; the longest of several comes first.
const PRODUCTS: &[(&str, Ecosystem, &str, Version)] = &[
    ("AlmaLinux", Ecosystem::Rpm, "almalinux", Version::Number),
    ("Alpaquita", Ecosystem::Apk, "alpaquita", Version::Word),
    ("Alpine", Ecosystem::Apk, "alpine", Version::Word),
    ("Amazon Linux AMI", Ecosystem::Rpm, "amzn", Version::Always("2018.03")),
    ("Amazon Linux", Ecosystem::Rpm, "amzn", Version::Number),
    ("Arch Linux", Ecosystem::Alpm, "arch", Version::Rolling),
    ("Azure Linux", Ecosystem::Rpm, "azurelinux", Version::Azure),
    ("CBL-Mariner", Ecosystem::Rpm, "mariner", Version::Number),
    ("CentOS Stream", Ecosystem::Rpm, "centos", Version::Number),
    ("Chainguard", Ecosystem::Apk, "chainguard", Version::Rolling),
    ("Debian GNU/Linux", Ecosystem::Deb, "debian", Version::Number),
    ("Debian", Ecosystem::Deb, "debian", Version::Number),
    ("Echo", Ecosystem::Deb, "echo", Version::Rolling),
    ("Fedora EPEL", Ecosystem::Rpm, "", Version::Other),
    ("Fedora", Ecosystem::Rpm, "fedora", Version::Number),
    ("Mageia", Ecosystem::Rpm, "mageia", Version::Number),
    ("MinimOS", Ecosystem::Apk, "minimos", Version::Rolling),
    ("Oracle Linux", Ecosystem::Rpm, "ol", Version::Number),
    ("Photon OS", Ecosystem::Rpm, "photon", Version::Number),
    ("Photon", Ecosystem::Rpm, "photon", Version::Number),
    ("Red Hat Enterprise Linux", Ecosystem::Rpm, "rhel", Version::Number),
    ("Red Hat", Ecosystem::Rpm, "", Version::Other),
    ("Rocky Linux", Ecosystem::Rpm, "rocky", Version::Number),
    ("SUSE Linux Enterprise Micro", Ecosystem::Rpm, "sle-micro", Version::Number),
    ("SUSE Linux Micro", Ecosystem::Rpm, "sl-micro", Version::Number),
    ("SUSE Linux Enterprise", Ecosystem::Rpm, "sles", Version::Suse),
    ("SUSE", Ecosystem::Rpm, "", Version::Other),
    ("Ubuntu", Ecosystem::Deb, "ubuntu", Version::Ubuntu),
    ("Wolfi", Ecosystem::Apk, "wolfi", Version::Rolling),
    ("openSUSE Leap Micro", Ecosystem::Rpm, "opensuse-leap-micro", Version::Number),
    ("openSUSE Leap", Ecosystem::Rpm, "opensuse-leap", Version::Number),
    ("openSUSE Tumbleweed", Ecosystem::Rpm, "opensuse-tumbleweed", Version::Rolling),
    ("openSUSE", Ecosystem::Rpm, "", Version::Other),
];

/// `Red Hat Enterprise Linux 8` to `rhel:8`. `None`: these are not the words of a product we know.
pub(super) fn product(name: &str) -> Option<Product> {
    let name = name.trim();
    let (words, ecosystem, id, version) = PRODUCTS.iter().find(|(words, ..)| {
        name.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '-']))
    })?;
    let rest = name.get(words.len()..).unwrap_or_default().trim();
    let of = |version: &str| key(id, version);
    let release = match version {
        Version::Always(version) => Some(of(version)),
        Version::Rolling => Some(rolling(id)),
        Version::Other => None,
        Version::Suse => suse(rest).map(|version| of(&version)),
        Version::Ubuntu => ubuntu(rest).map(|known| known.key()),
        Version::Azure => numbers(rest).map(|version| {
            let is_older = matches!(version.split('.').next(), Some("1" | "2"));
            key(if is_older { "mariner" } else { id }, version)
        }),
        Version::Word => {
            let word = rest.strip_prefix('v').unwrap_or(rest);
            is_word(word).then(|| of(word))
        }
        Version::Number => numbers(rest).map(of),
    };
    Some(release.map_or(Product::Other, |release| Product::Release(*ecosystem, release)))
}

/// `8 (Core)`, `8.4`, and not `8.4 Extended Update Support`: such lines of support get other fixes than the release.
fn numbers(text: &str) -> Option<&str> {
    let (number, more) = text.split_once(' ').unwrap_or((text, ""));
    let of_release = more.is_empty() || more.starts_with('(') || more == "LTS";
    (of_release && is_version(number)).then_some(number)
}

/// Products and modules of one service pack share its packages. What follows the service pack names long-term
/// support, which is for subscribers.
fn suse(rest: &str) -> Option<String> {
    let words: Vec<&str> = rest.split(' ').collect();
    match words[..] {
        [.., version, pack] if is_number(version) => {
            let pack = pack.strip_prefix("SP").filter(|pack| is_number(pack))?;
            Some(format!("{version}.{pack}"))
        }
        [.., version] if is_version(version) => Some(version.to_owned()),
        _ => None,
    }
}

fn ubuntu(rest: &str) -> Option<Distribution> {
    let word = rest.split(' ').next()?;
    let (year, month) = match word.split_once('.') {
        Some(both) => both,
        None => {
            let named = Distribution::named("ubuntu", word);
            return named.key().contains('.').then_some(named);
        }
    };
    (is_number(year) && is_number(month)).then(|| Distribution::of("ubuntu", word))
}

fn is_version(text: &str) -> bool {
    text.split('.').all(is_number)
}

fn is_number(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_have_the_keys_of_os_release() {
        for (name, expected) in [
            ("Red Hat Enterprise Linux 8", "rhel:8"),
            ("Red Hat Enterprise Linux 8.4 Extended Update Support", "-"),
            ("Red Hat CoreOS 4", "-"),
            ("Oracle Linux 5", "ol:5"),
            ("Debian GNU/Linux 12", "debian:12"),
            ("Ubuntu 22.04 LTS (jammy)", "ubuntu:22.04"),
            ("Ubuntu 22.04 LTS", "ubuntu:22.04"),
            ("SUSE Linux Enterprise Module for Basesystem 15 SP1", "sles:15.1"),
            ("SUSE Linux Enterprise Server 15", "sles:15"),
            ("SUSE Linux Enterprise Server 12 SP5-LTSS", "-"),
            ("SUSE Linux Enterprise Micro 5.3", "sle-micro:5.3"),
            ("SUSE Linux Enterprise Server 16.0", "sles:16.0"),
            ("SUSE Manager Server 4.0", "-"),
            ("Ubuntu jammy", "ubuntu:22.04"),
            ("Ubuntu warty", "-"),
            ("Azure Linux 2", "mariner:2.0"),
            ("Arch Linux", "arch"),
            ("openSUSE Leap 15.4", "opensuse-leap:15.4"),
            ("openSUSE Tumbleweed", "opensuse-tumbleweed"),
            ("CBL-Mariner 2", "mariner:2.0"),
            ("Azure Linux 3.0", "azurelinux:3.0"),
            ("Photon OS 3", "photon:3.0"),
            ("Amazon Linux 2023", "amzn:2023"),
            ("Amazon Linux AMI 2018.03", "amzn:1"),
            ("Fedora 40", "fedora:40"),
            ("Rocky Linux 9.2", "rocky:9"),
            ("SUSEfoo 1", ""),
            ("kernel-default-4.1", ""),
        ] {
            let found = match product(name) {
                Some(Product::Release(_, key)) => key,
                Some(Product::Other) => "-".to_owned(),
                None => String::new(),
            };
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(debian("sid").as_deref(), Some("debian:sid"));
        assert_eq!(debian("a b"), None);
        assert_eq!(alpine("v3.18").as_deref(), Some("alpine:3.18"));
    }
}
