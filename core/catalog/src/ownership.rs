//! Which packages of languages a distribution's package brought: Debian's `python3-requests` holds the `requests` of
//! PyPI, fixed by Debian under a version that PyPI's advisories take for vulnerable.

use std::collections::HashMap;

use lazaret_model::Package;

/// Asks the distributions' databases for the owners of files.
pub(crate) struct Owners<'p> {
    /// Locations in question, and the numbers of the packages there.
    wanted: HashMap<&'p [u8], Vec<usize>>,
    found: Vec<(usize, String)>,
}

impl<'p> Owners<'p> {
    pub(crate) fn of(packages: &'p [Package]) -> Self {
        let mut wanted: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (number, package) in packages.iter().enumerate() {
            if !package.ecosystem.is_of_distribution() {
                // What is in an archive is the archive's.
                let file = package.location.split("!/").next().unwrap_or_default();
                wanted.entry(file.as_bytes()).or_default().push(number);
            }
        }
        Self { wanted, found: Vec::new() }
    }

    /// Nobody asks: databases need not be read.
    pub(crate) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// A database says that a package brought a file (relative to the root).
    pub(crate) fn owns(&mut self, path: &[u8], package: &str) {
        let mut own = |path: &[u8]| {
            for number in self.wanted.get(path).into_iter().flatten() {
                self.found.push((*number, package.to_owned()));
            }
        };
        own(path);
        // Databases from before the merger of / and /usr say `lib/x` of what lies in `usr/lib/x`.
        if [&b"lib/"[..], b"bin/", b"sbin/", b"lib64/", b"lib32/", b"libx32/"]
            .iter()
            .any(|start| path.starts_with(start))
        {
            own(&[b"usr/", path].concat());
        }
    }

    pub(crate) fn into_found(self) -> Vec<(usize, String)> {
        self.found
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
