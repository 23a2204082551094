//! Releases as publishers name them, and their keys: what
//! [`Distribution::key`](lazaret_model::Distribution::key) gives for the os-release of the same release.

use lazaret_model::Ecosystem;

/// Code names of Debian that have a number.
const DEBIAN: &[(&str, &str)] = &[
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
];

/// Code names of Ubuntu's releases with long support, and of the last others.
const UBUNTU: &[(&str, &str)] = &[
    ("trusty", "14.04"),
    ("xenial", "16.04"),
    ("bionic", "18.04"),
    ("focal", "20.04"),
    ("jammy", "22.04"),
    ("lunar", "23.04"),
    ("mantic", "23.10"),
    ("noble", "24.04"),
    ("oracular", "24.10"),
    ("plucky", "25.04"),
    ("questing", "25.10"),
];

/// `bookworm` to `debian:12`. Releases that have no number yet keep their code name.
pub(super) fn debian(codename: &str) -> Option<String> {
    if !is_word(codename) {
        return None;
    }
    let number = DEBIAN.iter().find(|(known, _)| *known == codename).map_or(codename, |(_, number)| number);
    Some(format!("debian:{number}"))
}

/// `v3.18` to `alpine:3.18`.
pub(super) fn alpine(version: &str) -> Option<String> {
    let version = version.strip_prefix('v').unwrap_or(version);
    is_word(version).then(|| format!("alpine:{version}"))
}

/// What a product is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Product {
    /// A release: its packages, and its key.
    Release(Ecosystem, String),
    /// A product of a vendor of distributions that os-release does not tell of.
    Other,
}

/// How much of the words that follow a product's name make the key.
#[derive(Debug, Clone, Copy)]
enum Version {
    Major,
    /// Two numbers: `3.0` of `3`.
    Minor,
    /// As in os-release.
    Whole,
    Ubuntu,
    /// `15 SP5`, perhaps after words that name an edition or a module.
    Suse,
    /// There is none, or it does not matter.
    None,
    /// The product is passed over.
    Other,
}

/// Products by the words they start with; the longest of several comes first.
const PRODUCTS: &[(&str, Ecosystem, &str, Version)] = &[
    ("AlmaLinux", Ecosystem::Rpm, "almalinux", Version::Major),
    ("Amazon Linux AMI", Ecosystem::Rpm, "amzn:1", Version::None),
    ("Amazon Linux", Ecosystem::Rpm, "amzn", Version::Major),
    ("Azure Linux", Ecosystem::Rpm, "azurelinux", Version::Minor),
    ("CBL-Mariner", Ecosystem::Rpm, "mariner", Version::Minor),
    ("Debian GNU/Linux", Ecosystem::Deb, "debian", Version::Major),
    ("Debian", Ecosystem::Deb, "debian", Version::Major),
    ("Fedora EPEL", Ecosystem::Rpm, "", Version::Other),
    ("Fedora", Ecosystem::Rpm, "fedora", Version::Major),
    ("Oracle Linux", Ecosystem::Rpm, "ol", Version::Major),
    ("Photon OS", Ecosystem::Rpm, "photon", Version::Minor),
    ("Photon", Ecosystem::Rpm, "photon", Version::Minor),
    ("Red Hat Enterprise Linux", Ecosystem::Rpm, "rhel", Version::Major),
    ("Red Hat", Ecosystem::Rpm, "", Version::Other),
    ("Rocky Linux", Ecosystem::Rpm, "rocky", Version::Major),
    ("SUSE Linux Enterprise Micro", Ecosystem::Rpm, "sle-micro", Version::Whole),
    ("SUSE Linux Micro", Ecosystem::Rpm, "sl-micro", Version::Whole),
    ("SUSE Linux Enterprise", Ecosystem::Rpm, "sles", Version::Suse),
    ("SUSE", Ecosystem::Rpm, "", Version::Other),
    ("Ubuntu", Ecosystem::Deb, "ubuntu", Version::Ubuntu),
    ("openSUSE Leap Micro", Ecosystem::Rpm, "opensuse-leap-micro", Version::Whole),
    ("openSUSE Leap", Ecosystem::Rpm, "opensuse.leap", Version::Minor),
    ("openSUSE Tumbleweed", Ecosystem::Rpm, "opensuse.tumbleweed", Version::None),
    ("openSUSE", Ecosystem::Rpm, "", Version::Other),
];

/// `Red Hat Enterprise Linux 8` to `rhel:8`. `None`: these are not the words of a product we know.
pub(super) fn product(name: &str) -> Option<Product> {
    let name = name.trim();
    let (words, ecosystem, key, version) = PRODUCTS.iter().find(|(words, ..)| {
        name.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '-']))
    })?;
    let rest = name.get(words.len()..).unwrap_or_default().trim();
    let release = match version {
        Version::None => Some((*key).to_owned()),
        Version::Other => None,
        Version::Suse => suse(key, rest),
        Version::Ubuntu => ubuntu(key, rest),
        Version::Major | Version::Minor | Version::Whole => {
            // `8 (Core)`, `8.4 Extended Update Support`: such lines of support get other fixes than the release.
            let (number, more) = rest.split_once(' ').unwrap_or((rest, ""));
            let of_release = more.is_empty() || more.starts_with('(') || more == "LTS";
            numbers(number, *version).filter(|_| of_release).map(|number| format!("{key}:{number}"))
        }
    };
    Some(release.map_or(Product::Other, |release| Product::Release(*ecosystem, release)))
}

fn numbers(text: &str, version: Version) -> Option<String> {
    let mut parts = text.split('.');
    let first = parts.next().filter(|part| is_number(part))?;
    let second = parts.next();
    if !second.is_none_or(is_number) || !parts.all(is_number) {
        return None;
    }
    match version {
        Version::Major => Some(first.to_owned()),
        Version::Minor => Some(format!("{first}.{}", second.unwrap_or("0"))),
        _ => Some(text.to_owned()),
    }
}

/// Products and modules of one service pack share its packages. What follows the service pack names long-term
/// support, which is for subscribers.
fn suse(key: &str, rest: &str) -> Option<String> {
    let words: Vec<&str> = rest.split(' ').collect();
    match words[..] {
        [.., version, pack] if is_number(version) => {
            let pack = pack.strip_prefix("SP").filter(|pack| is_number(pack))?;
            Some(format!("{key}:{version}.{pack}"))
        }
        [.., version] if is_number(version) => Some(format!("{key}:{version}")),
        _ => None,
    }
}

fn ubuntu(key: &str, rest: &str) -> Option<String> {
    let word = rest.split(' ').next()?;
    let codename = UBUNTU.iter().find(|(codename, _)| *codename == word);
    let number = codename.map_or(word, |(_, number)| number);
    let (year, month) = number.split_once('.')?;
    (is_number(year) && is_number(month)).then(|| format!("{key}:{year}.{month}"))
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
            ("SUSE Manager Server 4.0", "-"),
            ("openSUSE Leap 15.4", "opensuse.leap:15.4"),
            ("openSUSE Tumbleweed", "opensuse.tumbleweed"),
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
