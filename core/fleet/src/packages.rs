use std::collections::HashMap;

use lazaret_model::{Advisory, Ecosystem, NamedPackage, Package, SourcePackage};
use roaring::RoaringBitmap;

/// A package of one release (or of a language), whatever its version: what an advisory may be about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PackageName {
    pub(crate) ecosystem: Ecosystem,
    /// Empty for ecosystems that are no distribution's.
    pub(crate) release: Box<str>,
    pub(crate) names: NamedPackage,
    /// As its ecosystem normalises it.
    pub(crate) name: Box<str>,
}

impl PackageName {
    pub(crate) fn of_advisory(advisory: &Advisory) -> Self {
        Self::new(advisory.ecosystem, &advisory.release, advisory.names, &advisory.package)
    }

    fn new(ecosystem: Ecosystem, release: &str, names: NamedPackage, name: &str) -> Self {
        let is_of_distribution = ecosystem.is_of_distribution();
        Self {
            ecosystem,
            release: if is_of_distribution { release.into() } else { "".into() },
            // Only distributions have sources.
            names: if is_of_distribution { names } else { NamedPackage::Source },
            name: ecosystem.normalised(name).into(),
        }
    }
}

/// Under which names and versions an advisory may speak of a package in an image of this release: as its source, and
/// as itself. What a package of a distribution brought is spoken for by that.
pub(crate) fn subjects<'p>(
    package: &'p Package,
    release: &str,
) -> impl Iterator<Item = (PackageName, &'p str)> + use<'p> {
    let name = |names, name| PackageName::new(package.ecosystem, release, names, name);
    let is_spoken_for = package.owner.is_some() || package.version.is_empty();
    let source = (!is_spoken_for)
        .then(|| (name(NamedPackage::Source, &package.source.name), package.source.version.as_str()));
    let binary = (!is_spoken_for && package.ecosystem.is_of_distribution())
        .then(|| (name(NamedPackage::Binary, &package.name), package.version.as_str()));
    source.into_iter().chain(binary)
}

/// One version of a source package and the images that have it.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) name: u32,
    pub(crate) source: SourcePackage,
    /// The module stream that it is of: advisories speak of one of them, or of packages of none.
    pub(crate) module: Option<Box<str>>,
    pub(crate) images: RoaringBitmap,
}

/// Package name → versions → images.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    names: HashMap<PackageName, u32>,
    /// By number of the name: the name itself and its versions.
    by_name: Vec<(PackageName, Vec<u32>)>,
    versions: Vec<Version>,
}

impl Packages {
    /// Number of this version of a package, new where it was never seen.
    pub(crate) fn version(&mut self, name: PackageName, version: &str, module: Option<&str>) -> u32 {
        let name = match self.names.get(&name) {
            Some(number) => *number,
            None => {
                let number = number(self.by_name.len());
                self.by_name.push((name.clone(), Vec::new()));
                self.names.insert(name, number);
                number
            }
        };
        let (package, known) = &mut self.by_name[name as usize];
        let is_same = |known: &Version| known.source.version == version && known.module.as_deref() == module;
        let same = known.iter().find(|number| is_same(&self.versions[**number as usize]));
        if let Some(number) = same {
            return *number;
        }
        let number = number(self.versions.len());
        known.push(number);
        let source = SourcePackage { name: package.name.to_string(), version: version.to_owned() };
        let module = module.map(Into::into);
        self.versions.push(Version { name, source, module, images: RoaringBitmap::new() });
        number
    }

    pub(crate) fn get(&self, version: u32) -> &Version {
        &self.versions[version as usize]
    }

    pub(crate) fn get_mut(&mut self, version: u32) -> &mut Version {
        &mut self.versions[version as usize]
    }

    pub(crate) fn name_of(&self, version: u32) -> &PackageName {
        &self.by_name[self.get(version).name as usize].0
    }

    /// All versions of a package that some image has or had.
    pub(crate) fn versions_of(&self, name: &PackageName) -> impl Iterator<Item = &Version> {
        let numbers = self.names.get(name).map(|number| self.by_name[*number as usize].1.as_slice());
        numbers.unwrap_or_default().iter().map(|number| self.get(*number))
    }

    pub(crate) fn len(&self) -> usize {
        self.versions.len()
    }
}

/// Dense numbers end at four thousand million: more images, versions or containers than one server has
/// memory for.
pub(crate) fn number(length: usize) -> u32 {
    u32::try_from(length).expect("fewer than 2^32 things fit into memory")
}
