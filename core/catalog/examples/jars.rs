//! How many Java archives are known by anything but the files of Maven in them.
//!
//! `cargo run --release -p lazaret-catalog --example jars -- FOLDER`, where FOLDER holds archives as they are
//! published. What its files of Maven state of the artifact and version in an archive's name is the truth (they state what
//! was copied in, too); the archive is then read with these files out of sight.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement reads files and prints")]

#[path = "../tests/it/memory.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod memory;

use std::error::Error;
use std::fs;

use lazaret_catalog::{Options, catalog};
use lazaret_model::{Limits, PackageEvidence};

use crate::memory::Memory;

/// `group:artifact version`, as it is read from an archive.
struct Told {
    own: Option<String>,
    /// Whether it is Maven's own word.
    stated: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: jars FOLDER")?;
    let mut archives: Vec<_> = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    archives.sort_by_key(fs::DirEntry::file_name);
    let (mut same, mut all, mut silent, mut named) = (0, 0, 0, 0);
    for archive in archives {
        let name = archive.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".jar") {
            continue;
        }
        let bytes = fs::read(archive.path())?;
        let hidden = without_maven(bytes.clone());
        let (truth, found) = (read(&name, bytes.clone()), read(&name, hidden.clone()));
        if hidden == bytes || !truth.stated {
            silent += 1;
            named += usize::from(found.own.is_some());
            continue;
        }
        all += 1;
        if found.own == truth.own {
            same += 1;
        } else {
            let text = |told: Told| told.own.unwrap_or_else(|| "nothing".to_owned());
            println!("{name}: {} is {}", text(truth), text(found));
        }
    }
    println!("{same} of {all} archives are what their files of Maven say, read without them");
    println!("{named} of {silent} archives that have none, or another's, are called something");
    Ok(())
}

fn read(name: &str, bytes: Vec<u8>) -> Told {
    let mut tree = Memory::default().file(name, 0, bytes);
    let found = catalog(&mut tree, &Limits::default(), Options::default());
    let is_own = |artifact: &str, version: &str| name.starts_with(&format!("{artifact}-{version}"));
    let own = found.packages.iter().find(|package| {
        package.location == name
            && package.name.rsplit(':').next().is_some_and(|artifact| is_own(artifact, &package.version))
    });
    Told {
        own: own.map(|package| format!("{} {}", package.name, package.version)),
        stated: own.is_some_and(|package| package.evidence == PackageEvidence::Installed),
    }
}

/// The same archive, whose files of Maven are called something else: names stand in it as they are.
fn without_maven(mut bytes: Vec<u8>) -> Vec<u8> {
    for (name, other) in [(&b"/pom.properties"[..], &b"/not.properties"[..]), (b"/pom.xml", b"/not.xml")] {
        let places: Vec<usize> = bytes
            .windows(name.len())
            .enumerate()
            .filter(|(_, part)| *part == name)
            .map(|(at, _)| at)
            .collect();
        for at in places {
            bytes[at..at + name.len()].copy_from_slice(other);
        }
    }
    bytes
}
