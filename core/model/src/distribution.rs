use std::borrow::Cow;
use std::fmt;

/// The operating system of a tree, from `os-release` (os-release(5)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Distribution {
    /// `ID`: `debian`.
    pub id: String,
    /// `VERSION_ID`: `12`. Rolling releases have none, or the day on which they were made.
    pub version: Option<String>,
    /// `VERSION_CODENAME`: `bookworm`.
    pub codename: Option<String>,
    /// `PRETTY_NAME`, for people.
    pub title: Option<String>,
}

/// How much of a version names the release.
#[derive(Debug, Clone, Copy)]
enum Release {
    /// All of it.
    Whole,
    /// The first number: `8` of `8.9`.
    Major,
    /// The first two numbers: `3.18` of `3.18.4`.
    Minor,
    /// As [`Self::Minor`], and `2.0` of `2`, which os-release never says and publishers of advisories do.
    Pair,
    /// As [`Self::Minor`], and `edge` between releases.
    Alpine,
    /// The year, and `1` for what came before `2` and was named after months: `2018.03`.
    Amazon,
    /// There are no releases.
    Rolling,
}

/// What the key of a distribution is, by `ID`; the others keep all of their version.
const KEYS: &[(&str, &str, Release)] = &[
    ("almalinux", "almalinux", Release::Major),
    ("alpine", "alpine", Release::Alpine),
    ("amzn", "amzn", Release::Amazon),
    ("arch", "arch", Release::Rolling),
    ("archarm", "arch", Release::Rolling),
    ("azurelinux", "azurelinux", Release::Pair),
    ("centos", "centos", Release::Major),
    ("chainguard", "chainguard", Release::Rolling),
    ("debian", "debian", Release::Major),
    ("echo", "echo", Release::Rolling),
    ("eurolinux", "eurolinux", Release::Major),
    ("fedora", "fedora", Release::Major),
    ("gentoo", "gentoo", Release::Rolling),
    ("mageia", "mageia", Release::Major),
    ("mariner", "mariner", Release::Pair),
    ("minimos", "minimos", Release::Rolling),
    ("ol", "ol", Release::Major),
    ("opensuse", "opensuse-leap", Release::Minor),
    ("opensuse-leap", "opensuse-leap", Release::Minor),
    ("opensuse-leap-micro", "opensuse-leap-micro", Release::Minor),
    ("opensuse-tumbleweed", "opensuse-tumbleweed", Release::Rolling),
    ("photon", "photon", Release::Pair),
    ("rhel", "rhel", Release::Major),
    ("rocky", "rocky", Release::Major),
    ("scientific", "scientific", Release::Major),
    ("secureos", "secureos", Release::Rolling),
    ("sl-micro", "sl-micro", Release::Minor),
    ("sle-micro", "sle-micro", Release::Minor),
    ("sled", "sles", Release::Minor),
    ("sles", "sles", Release::Minor),
    ("sles_sap", "sles", Release::Minor),
    ("suse-microos", "sle-micro", Release::Minor),
    ("ubuntu", "ubuntu", Release::Minor),
    ("wolfi", "wolfi", Release::Rolling),
];

/// Releases by the code names that publishers call them by, and that os-release gives where it has no number yet.
const CODENAMES: &[(&str, &[(&str, &str)])] = &[
    (
        "debian",
        &[
            ("wheezy", "7"),
            ("jessie", "8"),
            ("stretch", "9"),
            ("buster", "10"),
            ("bullseye", "11"),
            ("bookworm", "12"),
            ("trixie", "13"),
            ("forky", "14"),
            ("duke", "15"),
        ],
    ),
    (
        "ubuntu",
        &[
            ("precise", "12.04"),
            ("trusty", "14.04"),
            ("xenial", "16.04"),
            ("bionic", "18.04"),
            ("focal", "20.04"),
            ("jammy", "22.04"),
            ("kinetic", "22.10"),
            ("lunar", "23.04"),
            ("mantic", "23.10"),
            ("noble", "24.04"),
            ("oracular", "24.10"),
            ("plucky", "25.04"),
            ("questing", "25.10"),
        ],
    ),
];

impl Distribution {
    /// A release by its `ID` and `VERSION_ID`.
    pub fn of(id: impl Into<String>, version: impl Into<String>) -> Self {
        Self { id: id.into(), version: Some(version.into()), codename: None, title: None }
    }

    /// A release by its `ID` and `VERSION_CODENAME`.
    pub fn named(id: impl Into<String>, codename: impl Into<String>) -> Self {
        Self { id: id.into(), version: None, codename: Some(codename.into()), title: None }
    }

    /// The key under which advisories for this release are stored: its publisher files them for all of a major
    /// version, for a service pack, or for a distribution that has no releases.
    ///
    /// What scans a system and what reads a publisher's words both ask here, so that they never differ.
    ///
    /// | `ID` | `VERSION_ID` | key |
    /// |---|---|---|
    /// | `debian`, `fedora`, `mageia` | `12`, `40`, `9` | `debian:12`, `fedora:40`, `mageia:9` |
    /// | `debian` without a number yet | – (`VERSION_CODENAME=forky`) | `debian:14` |
    /// | `ubuntu` | `22.04` | `ubuntu:22.04` |
    /// | `alpine` | `3.18.4`; between releases `3.21_alpha20240923` | `alpine:3.18`; `alpine:edge` |
    /// | `rhel`, `centos`, `rocky`, `almalinux`, `ol`, `scientific`, `eurolinux` | `8.9` | `rhel:8`, `centos:8`, `rocky:8`, … |
    /// | `amzn` | `2`, `2023`; `2018.03` | `amzn:2`, `amzn:2023`; `amzn:1` |
    /// | `sles`, `sles_sap`, `sled` | `15.4` | `sles:15.4` |
    /// | `sle-micro`, `sl-micro` | `5.3`, `6.0` | `sle-micro:5.3`, `sl-micro:6.0` |
    /// | `opensuse-leap` | `15.4` | `opensuse-leap:15.4` |
    /// | `opensuse-tumbleweed` | `20240923` | `opensuse-tumbleweed` |
    /// | `photon`, `mariner`, `azurelinux` | `5.0`, `2.0.20240112`, `3.0` | `photon:5.0`, `mariner:2.0`, `azurelinux:3.0` |
    /// | `wolfi`, `chainguard`, `minimos`, `secureos`, `echo`, `arch`, `gentoo` | any | the `ID` |
    /// | any other | any | `ID:VERSION_ID`, else `ID:VERSION_CODENAME`, else `ID` |
    pub fn key(&self) -> String {
        let known = KEYS.iter().find(|(id, ..)| *id == self.id);
        let (name, release) =
            known.map_or((self.id.as_str(), Release::Whole), |(_, key, release)| (key, *release));
        let version =
            self.version.as_deref().or_else(|| self.codename.as_deref().map(|name| self.numbered(name)));
        match version.and_then(|version| release.of(version)) {
            Some(release) => format!("{name}:{release}"),
            None => name.to_owned(),
        }
    }

    /// The number of a code name, as far as it is known.
    fn numbered<'c>(&self, codename: &'c str) -> &'c str {
        let names = CODENAMES.iter().filter(|(id, _)| *id == self.id).flat_map(|(_, names)| *names);
        names.clone().find(|(name, _)| *name == codename).map_or(codename, |(_, number)| number)
    }
}

impl Release {
    fn of(self, version: &str) -> Option<Cow<'_, str>> {
        let first = |parts: usize| {
            let end = version.match_indices('.').nth(parts - 1).map_or(version.len(), |(at, _)| at);
            &version[..end]
        };
        Some(Cow::Borrowed(match self {
            Self::Whole => version,
            Self::Major => first(1),
            Self::Pair if !version.contains('.') => return Some(Cow::Owned(format!("{version}.0"))),
            Self::Minor | Self::Pair => first(2),
            Self::Alpine if version.contains("_alpha") => "edge",
            Self::Alpine => first(2),
            Self::Amazon if version.contains('.') && first(1).len() == 4 && first(1) < "2022" => "1",
            Self::Amazon => first(1),
            Self::Rolling => return None,
        }))
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.title {
            Some(title) => f.write_str(title),
            None => f.write_str(&self.key()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_advisories_are_filed_under() {
        for (id, version, key) in [
            ("debian", "12", "debian:12"),
            ("debian", "12.5", "debian:12"),
            ("debian", "", "debian:14"),
            ("ubuntu", "22.04", "ubuntu:22.04"),
            ("alpine", "3.18.4", "alpine:3.18"),
            ("alpine", "3.18", "alpine:3.18"),
            ("alpine", "3.21.0_alpha20240923", "alpine:edge"),
            ("alpine", "3.21_alpha20240923", "alpine:edge"),
            ("rhel", "9.4", "rhel:9"),
            ("rhel", "8", "rhel:8"),
            ("centos", "7", "centos:7"),
            ("rocky", "8.9", "rocky:8"),
            ("almalinux", "10.0", "almalinux:10"),
            ("ol", "8.4", "ol:8"),
            ("fedora", "40", "fedora:40"),
            ("amzn", "2", "amzn:2"),
            ("amzn", "2023", "amzn:2023"),
            ("amzn", "2023.4", "amzn:2023"),
            ("amzn", "2018.03", "amzn:1"),
            ("sles", "15.4", "sles:15.4"),
            ("sles", "15", "sles:15"),
            ("sles_sap", "15.4", "sles:15.4"),
            ("opensuse-leap", "15.4", "opensuse-leap:15.4"),
            ("opensuse-tumbleweed", "20240923", "opensuse-tumbleweed"),
            ("photon", "5.0", "photon:5.0"),
            ("opensuse", "42.3", "opensuse-leap:42.3"),
            ("opensuse-leap-micro", "5.4", "opensuse-leap-micro:5.4"),
            ("sle-micro", "5.3", "sle-micro:5.3"),
            ("sl-micro", "6.0", "sl-micro:6.0"),
            ("photon", "5", "photon:5.0"),
            ("mariner", "2.0.20240112", "mariner:2.0"),
            ("azurelinux", "3.0", "azurelinux:3.0"),
            ("wolfi", "20230201", "wolfi"),
            ("chainguard", "20230214", "chainguard"),
            ("arch", "20240101.0.204074", "arch"),
            ("gentoo", "2.14", "gentoo"),
            ("openwrt", "23.05.3", "openwrt:23.05.3"),
        ] {
            let distribution = Distribution {
                id: id.to_owned(),
                version: Some(version.to_owned()).filter(|version| !version.is_empty()),
                codename: Some("forky".to_owned()),
                title: None,
            };
            assert_eq!(distribution.key(), key);
        }
        let bare = Distribution { id: "linux".to_owned(), version: None, codename: None, title: None };
        assert_eq!(bare.key(), "linux");
        assert_eq!(Distribution::named("debian", "sid").key(), "debian:sid");
        assert_eq!(Distribution::named("ubuntu", "jammy").key(), "ubuntu:22.04");
        assert_eq!(Distribution::of("azurelinux", "3").key(), "azurelinux:3.0");
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(KEYS.is_sorted_by(|one, other| one.0 < other.0));
    }
}
