//! What distributions install, and what is known of the distribution itself.

mod text;
mod deb822;
mod file_list;
mod dpkg;
mod rpm;
pub(crate) mod apt;
pub(crate) mod distribution;

use lazaret_model::{Ecosystem, PackageEvidence};

use crate::cataloger::{Cataloger, Read};

pub(crate) const CATALOGERS: &[Cataloger] = &[
    Cataloger {
        name: "dpkg",
        about: "packages of dpkg: Debian, Ubuntu, distroless images",
        ecosystem: Ecosystem::Deb,
        evidence: PackageEvidence::Installed,
        patterns: dpkg::PATTERNS,
        read: Read::Together(dpkg::read),
        owners: Some(dpkg::owners),
    },
    Cataloger {
        name: "rpm",
        about: "packages of rpm: Red Hat, SUSE, Amazon, Azure and their kin",
        ecosystem: Ecosystem::Rpm,
        evidence: PackageEvidence::Installed,
        patterns: rpm::PATTERNS,
        read: Read::Together(rpm::read),
        owners: Some(rpm::owners),
    },
];
