//! What distributions install, and what is known of the distribution itself.

mod deb822;
mod dpkg;
pub(crate) mod apt;
pub(crate) mod distribution;

use lazaret_model::{Ecosystem, PackageEvidence};

use crate::cataloger::{Cataloger, Read};

pub(crate) const CATALOGERS: &[Cataloger] = &[Cataloger {
    name: "dpkg",
    about: "packages of dpkg: Debian, Ubuntu, distroless images",
    ecosystem: Ecosystem::Deb,
    evidence: PackageEvidence::Installed,
    patterns: dpkg::PATTERNS,
    read: Read::Together(dpkg::read),
    owners: Some(dpkg::owners),
}];
