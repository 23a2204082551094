//! Packages of pacman: Arch and its derivatives.
//!
//! The database is a directory for each package, `name-version-release`, with the texts `desc` and `files` (libalpm's
//! `lib/libalpm/be_local.c`): a line `%FIELD%`, its values on a line each, an empty line.

use lazaret_model::{Ecosystem, Extracted, Limits, Package, RandomAccess, SourcePackage};

use crate::files::Files;
use crate::os::file_list::{FileList, claim};
use crate::os::{small, text};
use crate::ownership::Owners;
use crate::pattern::{Extractor, Name, Pattern, Place, split};
use crate::reading::{Reading, lossy};

const DATABASE: &str = "var/lib/pacman/local";

pub(crate) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::Below(DATABASE), Name::Exactly("desc")),
    Pattern::extract(Place::Below(DATABASE), Name::Exactly("files"), FILES),
];

const FILES: Extractor = Extractor { whole: extract, passing: None, alike: None };

pub(crate) fn read(files: &Files, reading: &mut Reading<'_>) {
    for (path, layer, description) in named(files, b"desc") {
        let location = lossy(path);
        let first = |field: &str| values(description, field).next().and_then(text::line);
        let (Some(name), Some(version)) = (first("NAME"), first("VERSION")) else {
            reading.problems.malformed(location, "a package without a name or a version");
            continue;
        };
        let mut licences: Vec<String> = values(description, "LICENSE").filter_map(text::line).collect();
        licences.sort_unstable();
        licences.dedup();
        let package = Package {
            source: SourcePackage {
                name: first("BASE").unwrap_or_else(|| name.clone()),
                version: version.clone(),
            },
            architecture: first("ARCH"),
            licences,
            // Written by this package's installation only.
            layer,
            location,
            ..Package::new(Ecosystem::Alpm, name, version)
        };
        if !reading.package(package) {
            return;
        }
    }
}

pub(crate) fn owners(files: &Files, owners: &mut Owners<'_>) {
    for (path, _, list) in named(files, b"files") {
        let description = files.content(&[split(path).0, b"/desc"].concat());
        let name =
            description.and_then(|description| values(description, "NAME").next().and_then(text::line));
        if let Some(name) = name {
            claim(list, &name, owners);
        }
    }
}

/// Files of this name in the directories of the packages.
fn named<'a>(files: &'a Files, wanted: &'a [u8]) -> impl Iterator<Item = (&'a [u8], u32, &'a [u8])> {
    files.iter().filter_map(move |(path, file)| {
        let (directory, name) = split(path);
        let is_meant = name == wanted && split(directory).0 == DATABASE.as_bytes();
        Some((path, file.layer, file.content.as_deref()?)).filter(|_| is_meant)
    })
}

/// The values of a field.
fn values<'a>(text: &'a [u8], field: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let field = format!("%{field}%").into_bytes();
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
    lines.skip_while(move |line| *line != field).skip(1).take_while(|line| !line.is_empty())
}

/// The list of files as it is kept. Directories end with a slash.
fn extract(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    small::extract(file, path, limits, |content| {
        let mut list = FileList::default();
        for path in values(content, "FILES").filter(|path| !path.ends_with(b"/")) {
            let (directory, name) = split(path);
            list.add(directory, name);
        }
        list.into_bytes()
    })
}

#[cfg(test)]
mod tests {
    use lazaret_model::Problem;
    use proptest::prelude::*;

    use super::*;
    use crate::os::small::Slice;

    const DESCRIPTION: &str = "%NAME%\ngcc-libs\n\n%VERSION%\n1:13.2.1-3\n\n%BASE%\ngcc\n\n%ARCH%\nx86_64\n\n\
        %LICENSE%\nLGPL\nGPL3\n\n%DEPENDS%\nglibc>=2.27\n\n";
    const LIST: &str = "%FILES%\nusr/\nusr/lib/\nusr/lib/libgcc_s.so.1\n\n%BACKUP%\netc/x\tsum\n";

    fn files(description: &[u8], list: &[u8]) -> Files {
        let mut files = Files::default();
        let list = extract(&mut Slice(list), b"x", &Limits::default()).bytes;
        files.add(b"var/lib/pacman/local/gcc-libs-13-3/desc", 1, Some(description.to_vec()));
        files.add(b"var/lib/pacman/local/gcc-libs-13-3/files", 1, Some(list));
        files.add(b"var/lib/pacman/local/deeper/than/desc", 1, Some(description.to_vec()));
        files
    }

    fn packages(files: &Files) -> (Vec<Package>, Vec<Problem>) {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(files, &mut reading);
        let (packages, problems) = reading.into_parts();
        (packages, problems.into_list())
    }

    #[test]
    fn reads_packages() {
        let expected = Package {
            source: SourcePackage { name: "gcc".to_owned(), version: "1:13.2.1-3".to_owned() },
            architecture: Some("x86_64".to_owned()),
            licences: vec!["GPL3".to_owned(), "LGPL".to_owned()],
            layer: 1,
            location: "var/lib/pacman/local/gcc-libs-13-3/desc".to_owned(),
            ..Package::new(Ecosystem::Alpm, "gcc-libs", "1:13.2.1-3")
        };
        assert_eq!(packages(&files(DESCRIPTION.as_bytes(), b"")), (vec![expected], vec![]));
        assert_eq!(packages(&files(b"%NAME%\nx\n", b"")).1.len(), 1);
    }

    #[test]
    fn owns_files() {
        let at = |location: &str| Package {
            location: location.to_owned(),
            ..Package::new(Ecosystem::Generic, "x", "1")
        };
        let asked = [at("usr/lib/libgcc_s.so.1"), at("usr/lib"), at("etc/x")];
        let mut asked = Owners::of(&asked);
        owners(&files(DESCRIPTION.as_bytes(), LIST.as_bytes()), &mut asked);
        assert_eq!(asked.into_found(), [(0, "gcc-libs".to_owned())]);
    }

    proptest! {
        #[test]
        fn takes_any_text(one in "(%(NAME|VERSION|FILES)%|[a-z/]{0,4}|\n){0,20}", two in "(%FILES%|[a-z/]{0,4}|\n){0,20}") {
            let files = files(one.as_bytes(), two.as_bytes());
            owners(&files, &mut Owners::of(&packages(&files).0));
        }
    }
}
