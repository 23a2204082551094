//! What distributions install, and what is known of the distribution itself.

mod text;
pub(crate) mod small;
pub(crate) mod file_list;
mod deb822;
mod dpkg;
mod opkg;
mod apk;
mod rpm;
mod pacman;
mod portage;
mod nix;
mod bitnami;
pub(crate) mod apt;
pub(crate) mod distribution;
pub(crate) mod repositories;

use lazaret_model::Ecosystem::{Alpm, Apk, Deb, Portage, Rpm};
use lazaret_model::{Ecosystem, PackageEvidence};

use crate::cataloger::{Cataloger, Read};
use crate::files::Files;
use crate::ownership::Owners;
use crate::pattern::Pattern;
use crate::reading::Reading;

#[rustfmt::skip]
pub(crate) const CATALOGERS: &[Cataloger] = &[
    database("dpkg", "packages of dpkg: Debian, Ubuntu, distroless images", Deb, dpkg::PATTERNS, dpkg::read, dpkg::owners),
    database("opkg", "packages of opkg: OpenWrt, Yocto", Deb, opkg::PATTERNS, opkg::read, opkg::owners),
    database("apk", "packages of apk: Alpine, Wolfi, Chainguard", Apk, apk::PATTERNS, apk::read, apk::owners),
    database("rpm", "packages of rpm: Red Hat, SUSE, Amazon, Azure and their kin", Rpm, rpm::PATTERNS, rpm::read, rpm::owners),
    database("pacman", "packages of pacman: Arch", Alpm, pacman::PATTERNS, pacman::read, pacman::owners),
    database("portage", "packages of Portage: Gentoo", Portage, portage::PATTERNS, portage::read, portage::owners),
    Cataloger {
        name: "nix",
        about: "packages in the store of Nix",
        ecosystem: Ecosystem::Nix,
        evidence: PackageEvidence::Installed,
        patterns: nix::PATTERNS,
        read: Read::Together(nix::read),
        owners: None,
    },
    Cataloger {
        name: "bitnami",
        about: "applications of Bitnami's images",
        ecosystem: Ecosystem::Bitnami,
        evidence: PackageEvidence::Installed,
        patterns: bitnami::PATTERNS,
        read: Read::Each(bitnami::read),
        owners: None,
    },
];

const fn database(
    name: &'static str,
    about: &'static str,
    ecosystem: Ecosystem,
    patterns: &'static [Pattern],
    read: fn(&Files, &mut Reading<'_>),
    owners: fn(&Files, &mut Owners<'_>),
) -> Cataloger {
    let (evidence, read, owners) = (PackageEvidence::Installed, Read::Together(read), Some(owners));
    Cataloger { name, about, ecosystem, evidence, patterns, read, owners }
}
