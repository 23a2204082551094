//! Which files a distribution's package brought. Of packages of languages: Debian's `python3-requests` holds the
//! `requests` of PyPI, fixed by Debian under a version that PyPI's advisories take for vulnerable. Of programs and
//! libraries: whoever sees them run knows that the package is in use.

use std::collections::HashMap;

use lazaret_model::Package;

use crate::code::{Languages, is_documentation};
use crate::pattern::split;

/// Asks the distributions' databases for the owners of files.
pub(crate) struct Owners<'p> {
    /// Files in question by directory and name: the places of their packages in `waiting`.
    wanted: HashMap<&'p [u8], Names<'p>>,
    /// The numbers of the packages in a file; none once its owner is found.
    waiting: Vec<Vec<usize>>,
    found: Vec<(usize, String)>,
    /// What interpreters read, by package; only if somebody wants to know.
    read: Option<Read>,
}

type Read = HashMap<String, Languages>;
type Names<'p> = HashMap<&'p [u8], usize>;

/// The files in question in one directory.
pub(crate) struct Within<'o, 'p> {
    names: [Option<&'o Names<'p>>; 2],
    waiting: &'o mut [Vec<usize>],
    found: &'o mut Vec<(usize, String)>,
    read: Option<&'o mut Read>,
}

/// What the databases answered.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Numbers of those that asked, and names of packages.
    pub(crate) found: Vec<(usize, String)>,
    /// What interpreters read, by package.
    pub(crate) read: Read,
}

impl<'p> Owners<'p> {
    pub(crate) fn of(packages: &'p [Package]) -> Self {
        let mut owners = Self { wanted: HashMap::new(), waiting: Vec::new(), found: Vec::new(), read: None };
        for (number, package) in packages.iter().enumerate() {
            if !package.ecosystem.is_of_distribution() {
                // What is in an archive is the archive's.
                let file = package.location.split("!/").next().unwrap_or_default();
                owners.want(file.as_bytes(), number);
            }
        }
        owners
    }

    /// Asks for the owner of one more file (relative to the root), and for what interpreters read of all packages.
    pub(crate) fn ask(&mut self, path: &'p [u8], number: usize) {
        self.read.get_or_insert_default();
        self.want(path, number);
    }

    fn want(&mut self, path: &'p [u8], number: usize) {
        let (directory, name) = split(path);
        let place = *self.wanted.entry(directory).or_default().entry(name).or_insert(self.waiting.len());
        match self.waiting.get_mut(place) {
            Some(numbers) => numbers.push(number),
            None => self.waiting.push(vec![number]),
        }
    }

    /// Nobody asks: databases need not be read.
    pub(crate) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// A database says that a package brought a file (relative to the root). The first that says so counts.
    pub(crate) fn owns(&mut self, path: &[u8], package: &str) {
        let (directory, name) = split(path);
        self.within(directory).owns(name, package);
    }

    /// For databases that list files by directory: most hold nothing that anybody asks for.
    pub(crate) fn within(&mut self, directory: &[u8]) -> Within<'_, 'p> {
        // Databases from before the merger of / and /usr say `lib/x` of what lies in `usr/lib/x`.
        let top = directory.split(|&byte| byte == b'/').next().unwrap_or_default();
        let is_merged = [&b"lib"[..], b"bin", b"sbin", b"lib64", b"lib32", b"libx32"].contains(&top);
        let merged = is_merged.then(|| self.wanted.get([b"usr/", directory].concat().as_slice())).flatten();
        Within {
            names: [self.wanted.get(directory), merged],
            waiting: &mut self.waiting,
            found: &mut self.found,
            read: self.read.as_mut().filter(|_| !is_documentation(directory)),
        }
    }

    pub(crate) fn into_answers(self) -> Answers {
        Answers { found: self.found, read: self.read.unwrap_or_default() }
    }

    #[cfg(test)]
    pub(crate) fn into_found(self) -> Vec<(usize, String)> {
        self.found
    }
}

impl Within<'_, '_> {
    pub(crate) fn owns(&mut self, name: &[u8], package: &str) {
        if let Some(read) = &mut self.read
            && let Some(language) = Languages::of(name)
        {
            match read.get_mut(package) {
                Some(known) => *known = known.with(language),
                None => drop(read.insert(package.to_owned(), language)),
            }
        }
        for names in self.names.iter().flatten() {
            let waiting = names.get(name).and_then(|&place| self.waiting.get_mut(place));
            for number in waiting.map(std::mem::take).unwrap_or_default() {
                self.found.push((number, package.to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::Ecosystem;

    use super::*;

    #[test]
    fn owners_are_found_through_archives_and_the_merged_usr() {
        let at = |ecosystem, location: &str| Package {
            location: location.to_owned(),
            ..Package::new(ecosystem, "x", "1")
        };
        let packages = [
            at(Ecosystem::PyPi, "usr/lib/python3/x.dist-info/METADATA"),
            at(Ecosystem::Maven, "usr/share/a.jar!/b.jar"),
            at(Ecosystem::Deb, "var/lib/dpkg/status"),
            at(Ecosystem::Npm, "app/package.json"),
        ];
        let mut owners = Owners::of(&packages);
        owners.owns(b"lib/python3/x.dist-info/METADATA", "python3-x");
        owners.owns(b"usr/share/a.jar", "liba-java");
        owners.owns(b"var/lib/dpkg/status", "no");
        assert_eq!(owners.into_found(), [(0, "python3-x".to_owned()), (1, "liba-java".to_owned())]);
    }
}
