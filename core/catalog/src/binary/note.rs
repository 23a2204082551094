//! Packages of distributions that a program names in an ELF note ("Package Metadata for Executable Files",
//! systemd/UAPI group): what remains where the distribution's own database was thrown away.

use std::collections::HashSet;

use lazaret_model::{Ecosystem, Package, PackageEvidence};
use memchr::memmem;
use serde::Deserialize;

use super::record::{Kind, of_kind};
use crate::files::File;
use crate::reading::Reading;

#[derive(Deserialize)]
struct Note {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    version: String,
    #[serde(default)]
    architecture: Option<String>,
}

pub(crate) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    for json in of_kind(file.bytes, Kind::Note) {
        let note: Note = match serde_json::from_slice(json) {
            Ok(note) => note,
            Err(error) => {
                let detail = format!("the note of its package cannot be read: {error}");
                reading.problems.malformed(file.location(), detail);
                continue;
            }
        };
        let Some(ecosystem) = ecosystem(&note.kind) else {
            let detail = format!("the note of its package is of an unknown type: {}", note.kind);
            reading.problems.unsupported(file.location(), detail);
            continue;
        };
        let package = Package {
            architecture: note.architecture,
            location: file.location(),
            layer: file.layer,
            evidence: PackageEvidence::BuiltIn,
            // Builds write the name of the source; which of its packages brought the file they do not say.
            ..Package::new(ecosystem, note.name, note.version)
        };
        if !reading.package(package) {
            return;
        }
    }
}

/// Drops what the database of the distribution lists, and keeps one of those that many programs of a package say.
pub(crate) fn drop_repeated(packages: &mut Vec<Package>) {
    let is_noted =
        |it: &Package| it.evidence == PackageEvidence::BuiltIn && it.ecosystem.is_of_distribution();
    if !packages.iter().any(is_noted) {
        return;
    }
    let listed: HashSet<(Ecosystem, String)> = packages
        .iter()
        .filter(|it| !is_noted(it) && it.ecosystem.is_of_distribution())
        .flat_map(|it| [&it.name, &it.source.name].map(|name| (it.ecosystem, name.clone())))
        .collect();
    let mut said = HashSet::new();
    packages.retain(|it| {
        !is_noted(it)
            || (!listed.contains(&(it.ecosystem, it.name.clone()))
                && said.insert((it.ecosystem, it.name.clone(), it.version.clone())))
    });
}

fn ecosystem(kind: &str) -> Option<Ecosystem> {
    match kind {
        // What Arch calls alpm, older notes called by the distribution.
        "arch" => Some(Ecosystem::Alpm),
        _ => Ecosystem::from_name(kind).filter(|ecosystem| ecosystem.is_of_distribution()),
    }
}

/// The JSON of the note among others: owner `FDO`, type 0xcafe1a7e.
pub(super) fn find(notes: &[u8], is_big_endian: bool) -> Option<&[u8]> {
    let [mut kind, mut owner_size] = [0xcafe_1a7e_u32.to_le_bytes(), 4_u32.to_le_bytes()];
    if is_big_endian {
        kind.reverse();
        owner_size.reverse();
    }
    let needle = [&kind[..], b"FDO\0"].concat();
    memmem::find_iter(notes, &needle).find_map(|at| {
        let sizes = notes.get(at.checked_sub(8)?..at)?;
        let (owner, size) = sizes.split_first_chunk::<4>()?;
        let size = <[u8; 4]>::try_from(size).ok().filter(|_| *owner == owner_size)?;
        let size = if is_big_endian { u32::from_be_bytes(size) } else { u32::from_le_bytes(size) };
        let text = notes.get(at + needle.len()..)?.get(..usize::try_from(size).ok()?)?;
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        Some(&text[..end])
    })
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;
    use crate::binary::record::Records;

    const JSON: &[u8] = br#"{"type":"rpm","name":"bash","version":"5.2-1.fc39","architecture":"x86_64","osCpe":"cpe:/o:fedoraproject:fedora:39"}"#;

    fn note(json: &[u8], is_big_endian: bool) -> Vec<u8> {
        let number = |number: u32| if is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let size = u32::try_from(json.len() + 1).unwrap();
        [&number(4)[..], &number(size), &number(0xcafe_1a7e), b"FDO\0", json, &[0; 3]].concat()
    }

    fn packages(notes: &[(&str, &[u8])], after: Vec<Package>) -> (Vec<(String, String)>, usize) {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        for (path, json) in notes {
            let mut records = Records::default();
            records.add(Kind::Note, json);
            let bytes = records.into_bytes();
            read(&File { path: path.as_bytes(), layer: 1, bytes: &bytes }, &mut reading);
        }
        for package in after {
            reading.package(package);
        }
        let (mut packages, problems) = reading.into_parts();
        drop_repeated(&mut packages);
        (packages.into_iter().map(|it| (it.name, it.location)).collect(), problems.into_list().len())
    }

    #[test]
    fn is_found_among_others() {
        for is_big_endian in [false, true] {
            let notes = [note(b"x", !is_big_endian), vec![4, 0, 0, 0], note(JSON, is_big_endian)].concat();
            assert_eq!(find(&notes, is_big_endian), Some(JSON));
        }
    }

    #[test]
    fn says_a_package_once_and_not_what_the_database_says() {
        let one = ("bash".to_owned(), "usr/bin/bash".to_owned());
        let notes = [
            ("usr/bin/bash", JSON),
            ("usr/bin/sh", JSON),
            ("usr/bin/x", b"{}"),
            ("usr/bin/y", br#"{"type":"exe","name":"a","version":"1"}"#),
        ];
        assert_eq!(packages(&notes, vec![]), (vec![one], 2));
        let database =
            Package { location: "db".to_owned(), ..Package::new(Ecosystem::Rpm, "bash", "5.2-1.fc39") };
        assert_eq!(packages(&notes[..2], vec![database]), (vec![("bash".to_owned(), "db".to_owned())], 0));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..40), cut in 0..140usize) {
            let notes = [bytes.clone(), note(JSON, false), bytes].concat();
            find(&notes, true);
            find(&notes[..cut.min(notes.len())], false);
        }
    }
}
