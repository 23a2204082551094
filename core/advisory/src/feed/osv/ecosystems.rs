//! The names that OSV gives to ecosystems (its schema, "affected[].package field": defined ecosystems), and where
//! the advisories for them stand with us.

use lazaret_model::{Ecosystem, NamedPackage};

use crate::feed::releases::{Product, product};

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
    // The feed of the Kubernetes project, in versions of Kubernetes.
    ("kubernetes", Ecosystem::Go),
    ("Maven", Ecosystem::Maven),
    ("npm", Ecosystem::Npm),
    ("NuGet", Ecosystem::Nuget),
    ("Packagist", Ecosystem::Composer),
    ("Pub", Ecosystem::Pub),
    ("PyPI", Ecosystem::PyPi),
    ("RubyGems", Ecosystem::Gem),
    ("SwiftURL", Ecosystem::Swift),
];

/// Parts of Kubernetes that are built from one Go module and have its version. Their own modules count otherwise.
const OF_KUBERNETES: &[&str] = &[
    "k8s.io/apiserver",
    "k8s.io/controller-manager",
    "k8s.io/kube-proxy",
    "k8s.io/kube-scheduler",
    "k8s.io/kubectl",
    "k8s.io/kubelet",
];

/// What a package is called in its place.
pub(super) fn package<'n>(ecosystem: &str, name: &'n str) -> &'n str {
    if ecosystem == "kubernetes" && OF_KUBERNETES.contains(&name) { "k8s.io/kubernetes" } else { name }
}

/// Distributions, and what packages are named by.
const DISTRIBUTIONS: &[(&str, NamedPackage)] = &[
    ("AlmaLinux", NamedPackage::Binary),
    ("Alpaquita", NamedPackage::Source),
    ("Alpine", NamedPackage::Source),
    ("Azure Linux", NamedPackage::Source),
    ("Chainguard", NamedPackage::Source),
    ("Debian", NamedPackage::Source),
    ("Echo", NamedPackage::Source),
    ("Mageia", NamedPackage::Source),
    ("MinimOS", NamedPackage::Source),
    ("Photon OS", NamedPackage::Source),
    ("Red Hat", NamedPackage::Binary),
    ("Rocky Linux", NamedPackage::Source),
    ("SUSE", NamedPackage::Source),
    ("Ubuntu", NamedPackage::Source),
    ("Wolfi", NamedPackage::Source),
    ("openSUSE", NamedPackage::Source),
];

/// `Debian:12` to `debian:12`. A distribution that is told by its releases says nothing without one.
pub(super) fn place(name: &str) -> Option<Place> {
    let (family, release) = name.split_once(':').unwrap_or((name, ""));
    if let Some((_, ecosystem)) = LANGUAGES.iter().find(|(known, _)| *known == family) {
        return Some(Place { ecosystem: *ecosystem, release: String::new(), names: NamedPackage::Source });
    }
    let (_, names) = DISTRIBUTIONS.iter().find(|(known, _)| *known == family)?;
    let words = match family {
        // `enterprise_linux:9::appstream`. os-release does not tell other products apart.
        "Red Hat" => {
            let version = release.strip_prefix("enterprise_linux:")?.split(':').next()?;
            format!("Red Hat Enterprise Linux {version}")
        }
        // `22.04:LTS`; `Pro:18.04:LTS` is for subscribers.
        _ => format!("{family} {}", release.replace(':', " ")),
    };
    match product(&words)? {
        Product::Release(ecosystem, release) => Some(Place { ecosystem, release, names: *names }),
        Product::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_kubernetes_are_one_module() {
        assert_eq!(package("kubernetes", "k8s.io/kubelet"), "k8s.io/kubernetes");
        assert_eq!(package("kubernetes", "k8s.io/client-go"), "k8s.io/client-go");
        assert_eq!(package("Go", "k8s.io/kubelet"), "k8s.io/kubelet");
    }

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
            ("Azure Linux:2", Some("rpm mariner:2.0")),
            ("Azure Linux:3", Some("rpm azurelinux:3.0")),
            ("Packagist:https://packages.drupal.org/8", Some("composer ")),
            ("npm", Some("npm ")),
            ("kubernetes", Some("golang ")),
            ("GitHub Actions", None),
            ("Seal:PyPI", None),
            ("Debian:\u{7}", None),
        ] {
            let found = place(name).map(|place| format!("{} {}", place.ecosystem, place.release));
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }
}
