//! What programs say about what they were built from.
//!
//! [`extract`] reads a program once, and of most only its headers; each cataloger decodes its own records of what that
//! leaves. Layouts ([`elf`], [`pe`], [`macho`]) say where the parts lie, [`finder`] looks into them.

mod extract;
mod layout;
mod elf;
mod pe;
mod macho;
mod finder;
mod record;

mod build_info;
mod go;
mod ldflags;
mod audit;
mod crates;
pub(crate) mod note;
mod classifier;
mod products;
mod native;

use lazaret_model::{Ecosystem, PackageEvidence};

use crate::cataloger::{Cataloger, Read};
use crate::pattern::{Name, Pattern, Place};

pub(crate) const CATALOGERS: &[Cataloger] = &[
    Cataloger {
        name: "go-program",
        about: "modules and standard library that Go's linker lists in programs",
        ecosystem: Ecosystem::Go,
        evidence: PackageEvidence::BuiltIn,
        patterns: PROGRAMS,
        read: Read::Each(go::read),
        owners: None,
    },
    Cataloger {
        name: "rust-program",
        about: "crates that cargo-auditable lists in programs",
        ecosystem: Ecosystem::Cargo,
        evidence: PackageEvidence::BuiltIn,
        patterns: PROGRAMS,
        read: Read::Each(audit::read),
        owners: None,
    },
    Cataloger {
        name: "rust-paths",
        about: "crates whose paths the compiler left in programs, and its version",
        ecosystem: Ecosystem::Cargo,
        evidence: PackageEvidence::Inferred,
        patterns: PROGRAMS,
        read: Read::Each(crates::read),
        owners: None,
    },
    Cataloger {
        name: "native-program",
        about: "known programs and libraries, by texts with their version",
        ecosystem: Ecosystem::Generic,
        evidence: PackageEvidence::Inferred,
        patterns: &native::PATTERNS,
        read: Read::Each(native::read),
        owners: None,
    },
    Cataloger {
        name: "elf-note",
        about: "packages of distributions that programs name in a note, where no database lists them",
        ecosystem: Ecosystem::Rpm,
        evidence: PackageEvidence::BuiltIn,
        patterns: PROGRAMS,
        read: Read::Each(note::read),
        owners: None,
    },
];

/// Libraries and modules have no executable bit in many images; their versions follow the ending only where a
/// distribution installs them.
const PROGRAMS: &[Pattern] = &[
    Pattern::extract(Place::Anywhere, Name::Executable, extract::PROGRAM),
    Pattern::extract(Place::Anywhere, Name::EndsWith(".so"), extract::PROGRAM),
    Pattern::extract(Place::Anywhere, Name::EndsWith(".node"), extract::PROGRAM),
];
