//! Which packages of languages a distribution's package brought: Debian's `python3-requests` holds the `requests` of
//! PyPI, fixed by Debian under a version that PyPI's advisories take for vulnerable.

use std::collections::HashMap;

use lazaret_model::Package;

use crate::pattern::split;

/// Asks the distributions' databases for the owners of files.
pub(crate) struct Owners<'p> {
    /// Files in question by directory and name: the places of their packages in `waiting`.
    wanted: HashMap<&'p [u8], Names<'p>>,
    /// The numbers of the packages in a file; none once its owner is found.
    waiting: Vec<Vec<usize>>,
    found: Vec<(usize, String)>,
}

type Names<'p> = HashMap<&'p [u8], usize>;

/// The files in question in one directory.
pub(crate) struct Within<'o, 'p> {
    names: [Option<&'o Names<'p>>; 2],
    waiting: &'o mut [Vec<usize>],
    found: &'o mut Vec<(usize, String)>,
}

impl<'p> Owners<'p> {
    pub(crate) fn of(packages: &'p [Package]) -> Self {
        let mut wanted: HashMap<&[u8], Names<'p>> = HashMap::new();
        let mut waiting: Vec<Vec<usize>> = Vec::new();
        for (number, package) in packages.iter().enumerate() {
            if !package.ecosystem.is_of_distribution() {
                // What is in an archive is the archive's.
                let file = package.location.split("!/").next().unwrap_or_default();
                let (directory, name) = split(file.as_bytes());
                let place = *wanted.entry(directory).or_default().entry(name).or_insert(waiting.len());
                match waiting.get_mut(place) {
                    Some(numbers) => numbers.push(number),
                    None => waiting.push(vec![number]),
                }
            }
        }
        Self { wanted, waiting, found: Vec::new() }
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
        }
    }

    pub(crate) fn into_found(self) -> Vec<(usize, String)> {
        self.found
    }
}

impl Within<'_, '_> {
    pub(crate) fn owns(&mut self, name: &[u8], package: &str) {
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
