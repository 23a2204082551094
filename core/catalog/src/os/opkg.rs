//! Packages of opkg: OpenWrt until 23.05, Yocto and other small systems. Its database has the form of dpkg's.

use crate::files::Files;
use crate::os::dpkg::lists::{Diversions, LIST, owners_by_lists};
use crate::os::dpkg::{Database, read_status};
use crate::ownership::Owners;
use crate::pattern::{Name, Pattern, Place};
use crate::reading::Reading;

const PLACES: [Database; 2] = [
    Database { directory: "usr/lib/opkg", info: "usr/lib/opkg/info" },
    Database { directory: "var/lib/opkg", info: "var/lib/opkg/info" },
];

pub(crate) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::In(PLACES[0].directory), Name::Exactly("status")),
    Pattern::content(Place::In(PLACES[1].directory), Name::Exactly("status")),
    Pattern::extract(Place::In(PLACES[0].info), Name::EndsWith(".list"), LIST),
    Pattern::extract(Place::In(PLACES[1].info), Name::EndsWith(".list"), LIST),
];

pub(crate) fn read(files: &Files, reading: &mut Reading<'_>) {
    for database in &PLACES {
        read_status(files, database, reading);
    }
}

pub(crate) fn owners(files: &Files, owners: &mut Owners<'_>) {
    for database in &PLACES {
        owners_by_lists(files, database.info, &Diversions::default(), owners);
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;

    use super::*;

    #[test]
    fn reads_packages() {
        let mut files = Files::default();
        let status = "Package: dropbear\nVersion: 2024.85-r0\nDepends: libc\nStatus: install user installed\n\
            Architecture: x86_64\nLicense: MIT\n\nPackage: gone\nVersion: 1\nStatus: deinstall ok not-installed\n";
        files.add(b"usr/lib/opkg/status", 0, Some(status.as_bytes().to_vec()));
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&files, &mut reading);
        let (packages, problems) = reading.into_parts();
        assert_eq!(packages.len(), 1);
        assert_eq!((packages[0].name.as_str(), packages[0].version.as_str()), ("dropbear", "2024.85-r0"));
        assert_eq!(packages[0].licences, ["MIT"]);
        assert_eq!(problems.into_list(), []);
    }
}
