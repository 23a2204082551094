//! Whose a program or library is.

use std::collections::HashMap;

use lazaret_model::{Ecosystem, Package, PackageEvidence};

use super::wheel::wheels;
use super::{Code, CodeFile, Collector, Languages, absolute};
use crate::files::Files;
use crate::pattern::split;
use crate::reading::lossy;

/// What the package databases said.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// For each collected file the name of the distribution's package that has it.
    pub(crate) owners: HashMap<usize, String>,
    /// What interpreters read, by package.
    pub(crate) read: HashMap<String, Languages>,
}

/// Places of packages.
type Places = Vec<u32>;

/// By what a file leads to its package.
#[derive(Debug, Default)]
struct Ways<'p> {
    /// Of packages of the distribution: their names. One name may be installed for several architectures.
    names: HashMap<&'p str, Places>,
    /// Of what was linked into a program: its path.
    programs: HashMap<&'p str, Places>,
    /// Of what has a directory of its own: that directory.
    directories: HashMap<&'p str, Places>,
    /// Of wheels: the `.dist-info` directory.
    wheels: HashMap<&'p str, Places>,
}

impl<'p> Ways<'p> {
    fn of(packages: &'p [Package]) -> Self {
        let mut ways = Self::default();
        for (place, package) in (0..).zip(packages) {
            let location = package.location.as_str();
            let way = match package.evidence {
                PackageEvidence::Declared => continue,
                PackageEvidence::BuiltIn | PackageEvidence::Inferred => {
                    Some((&mut ways.programs, location.split("!/").next().unwrap_or_default()))
                }
                PackageEvidence::Installed if package.ecosystem.is_of_distribution() => {
                    Some((&mut ways.names, package.name.as_str()))
                }
                PackageEvidence::Installed => match package.ecosystem {
                    Ecosystem::PyPi => location
                        .rsplit_once('/')
                        .filter(|(directory, _)| directory.ends_with(".dist-info"))
                        .map(|(directory, _)| (&mut ways.wheels, directory)),
                    Ecosystem::Npm => location
                        .strip_suffix("/package.json")
                        .map(|directory| (&mut ways.directories, directory)),
                    _ => None,
                },
            };
            if let Some((way, key)) = way {
                way.entry(key).or_default().push(place);
            }
        }
        ways
    }

    /// The innermost directory that is a package's own.
    fn around(&self, path: &str) -> Option<&Places> {
        if self.directories.is_empty() {
            return None;
        }
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        // Steps are bounded by the length of a path.
        above.rev().find_map(|directory| self.directories.get(directory))
    }
}

/// Tells the packages of all files; `records` are those of wheels.
pub(crate) fn attribute(collector: &Collector, known: &Known, packages: &[Package], records: &Files) -> Code {
    let ways = Ways::of(packages);
    let mut of_wheels: HashMap<&[u8], Places> = HashMap::new();
    if !ways.wheels.is_empty() {
        for (directory, paths) in wheels(records) {
            let Some(places) = ways.wheels.get(lossy(directory).as_str()) else { continue };
            paths.for_each(|path| of_wheels.entry(path).or_default().extend(places));
        }
    }
    let names = collector.names();
    let mut files: Vec<CodeFile> = Vec::with_capacity(collector.files().len());
    for (number, (file, names)) in collector.files().iter().zip(names).enumerate() {
        let path = lossy(&file.path);
        let owner = known.owners.get(&number).and_then(|owner| ways.names.get(owner.as_str()));
        let found = [
            owner,
            ways.programs.get(path.as_str()),
            of_wheels.get(file.path.as_slice()),
            ways.around(&path),
        ];
        let mut places: Places = found.into_iter().flatten().flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        files.push(CodeFile { path: absolute(&file.path), names, packages: places });
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files.dedup_by(|one, other| one.path == other.path);
    let mut read: Vec<(u32, Vec<String>)> = Vec::new();
    for (name, languages) in &known.read {
        let places = ways.names.get(name.as_str()).into_iter().flatten();
        read.extend(places.map(|place| (*place, languages.names().map(str::to_owned).collect())));
    }
    read.sort_unstable();
    Code { files, read }
}

/// Manuals and examples are not what a program reads.
pub(crate) fn is_documentation(directory: &[u8]) -> bool {
    directory.starts_with(b"usr/share/doc") || split(directory).1 == b"examples"
}
