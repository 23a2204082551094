//! Packages of Portage: Gentoo and its derivatives.
//!
//! The database is a directory for each package, `category/name-version` (Gentoo's Package Manager Specification, chapter
//! 3 for names and versions), with a file for each fact: `CONTENTS` lists its files, `LICENSE` its licences.

use lazaret_model::{Ecosystem, Extracted, Limits, Package, RandomAccess};

use crate::files::Files;
use crate::os::file_list::{FileList, claim};
use crate::os::{small, text};
use crate::ownership::Owners;
use crate::pattern::{Extractor, Name, Pattern, Place, split};
use crate::reading::{Reading, lossy};

const DATABASE: &str = "var/db/pkg";

/// Every package has `CONTENTS`, be it empty.
pub(crate) const PATTERNS: &[Pattern] = &[
    Pattern::extract(Place::Below(DATABASE), Name::Exactly("CONTENTS"), FILES),
    Pattern::content(Place::Below(DATABASE), Name::Exactly("LICENSE")),
];

const FILES: Extractor = Extractor { whole: extract, passing: None, alike: None };

pub(crate) fn read(files: &Files, reading: &mut Reading<'_>) {
    for (path, layer, _) in lists(files) {
        let location = lossy(path);
        let Some((name, version)) = identity(path) else {
            reading.problems.malformed(location, "the directory's name has no version");
            continue;
        };
        let licences = files.content(&[split(path).0, b"/LICENSE"].concat()).and_then(text::line);
        let package = Package {
            licences: licences.into_iter().collect(),
            // Written by this package's installation only.
            layer,
            location,
            ..Package::new(Ecosystem::Portage, name, version)
        };
        if !reading.package(package) {
            return;
        }
    }
}

pub(crate) fn owners(files: &Files, owners: &mut Owners<'_>) {
    for (path, _, list) in lists(files) {
        if let Some((name, _)) = identity(path) {
            claim(list, &name, owners);
        }
    }
}

/// The `CONTENTS` of the packages.
fn lists(files: &Files) -> impl Iterator<Item = (&[u8], u32, &[u8])> {
    files.iter().filter_map(|(path, file)| {
        let (directory, name) = split(path);
        let (category, _) = split(directory);
        let is_meant = name == b"CONTENTS" && split(category).0 == DATABASE.as_bytes();
        Some((path, file.layer, file.content.as_deref()?)).filter(|_| is_meant)
    })
}

/// `category/name` and the version.
fn identity(path: &[u8]) -> Option<(String, String)> {
    let (directory, _) = split(path);
    let (category, package) = split(directory);
    let (_, category) = split(category);
    let package = text::line(package)?;
    // While it is merged its files are there already.
    let package = package.strip_prefix("-MERGING-").unwrap_or(&package);
    let (name, version) = parts(package)?;
    Some((format!("{}/{name}", text::line(category)?), version.to_owned()))
}

/// Name and version of `name-1.2.3b_rc1-r4`. A name may have hyphens and numbers, and does not end in what looks like a
/// version.
fn parts(package: &str) -> Option<(&str, &str)> {
    let (rest, last) = package.rsplit_once('-')?;
    let is_revision = last.strip_prefix('r').is_some_and(is_number);
    match rest.rsplit_once('-') {
        Some((name, version)) if is_revision && is_version(version) && !name.is_empty() => {
            Some((name, &package[name.len() + 1..]))
        }
        _ => (is_version(last) && !rest.is_empty()).then_some((rest, last)),
    }
}

/// Numbers with dots between, perhaps a letter, perhaps suffixes: `_alpha`, `_beta`, `_pre`, `_rc`, `_p`, each with or
/// without a number.
fn is_version(text: &str) -> bool {
    let mut parts = text.split('_');
    let numbers = parts.next().unwrap_or_default();
    let numbers = numbers.strip_suffix(|end: char| end.is_ascii_lowercase()).unwrap_or(numbers);
    let mut suffixes = parts;
    numbers.split('.').all(is_number)
        && suffixes.all(|suffix| {
            let word = suffix.trim_end_matches(|digit: char| digit.is_ascii_digit());
            matches!(word, "alpha" | "beta" | "pre" | "rc" | "p")
        })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The list of files as it is kept: `obj path md5 time` and `sym path -> target time`.
fn extract(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    small::extract(file, path, limits, |content| {
        let mut list = FileList::default();
        for line in content.split(|&byte| byte == b'\n') {
            let path = match line.get(..4) {
                Some(b"obj ") => line[4..].rsplitn(3, |&byte| byte == b' ').nth(2),
                Some(b"sym ") => {
                    let arrow = line.windows(4).position(|four| four == b" -> ");
                    arrow.and_then(|arrow| line.get(4..arrow))
                }
                _ => None,
            };
            let (directory, name) = split(path.and_then(|path| path.strip_prefix(b"/")).unwrap_or_default());
            list.add(directory, name);
        }
        list.into_bytes()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::os::small::Slice;

    fn files(contents: &[u8]) -> Files {
        let mut files = Files::default();
        let list = extract(&mut Slice(contents), b"x", &Limits::default()).bytes;
        files.add(b"var/db/pkg/app-misc/skopeo-1.5.1-r2/CONTENTS", 3, Some(list));
        files.add(b"var/db/pkg/app-misc/skopeo-1.5.1-r2/LICENSE", 3, Some(b"Apache-2.0 BSD\n".to_vec()));
        files.add(b"var/db/pkg/app-misc/nothing/CONTENTS", 0, Some(Vec::new()));
        files.add(b"var/db/pkg/too-1/CONTENTS", 0, Some(Vec::new()));
        files
    }

    #[test]
    fn reads_packages() {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&files(b""), &mut reading);
        let (packages, problems) = reading.into_parts();
        let expected = Package {
            licences: vec!["Apache-2.0 BSD".to_owned()],
            layer: 3,
            location: "var/db/pkg/app-misc/skopeo-1.5.1-r2/CONTENTS".to_owned(),
            ..Package::new(Ecosystem::Portage, "app-misc/skopeo", "1.5.1-r2")
        };
        assert_eq!(packages, [expected]);
        assert_eq!(problems.into_list().len(), 1);
    }

    #[test]
    fn tells_names_from_versions() {
        for (package, expected) in [
            ("skopeo-1.5.1", Some(("skopeo", "1.5.1"))),
            ("gtk+-2.24.33-r3", Some(("gtk+", "2.24.33-r3"))),
            ("font-adobe-100dpi-1.0.3", Some(("font-adobe-100dpi", "1.0.3"))),
            ("openssl-1.1.1w_rc1_p20230911", Some(("openssl", "1.1.1w_rc1_p20230911"))),
            ("linux-6-r1", Some(("linux", "6-r1"))),
            ("a-r1", None),
            ("a-9999", Some(("a", "9999"))),
            ("a-1_x", None),
            ("-1", None),
            ("a", None),
        ] {
            assert_eq!(parts(package), expected, "{package}");
        }
    }

    #[test]
    fn owns_files() {
        let contents =
            "dir /usr/bin\nobj /usr/bin/sko peo 376c02 1649284374\nsym /usr/bin/link -> sko peo 16\n";
        let at = |location: &str| Package {
            location: location.to_owned(),
            ..Package::new(Ecosystem::Go, "x", "1")
        };
        let programs = [at("usr/bin/sko peo"), at("usr/bin/link"), at("usr/bin")];
        let mut asked = Owners::of(&programs);
        owners(&files(contents.as_bytes()), &mut asked);
        let name = "app-misc/skopeo".to_owned();
        assert_eq!(asked.into_found(), [(0, name.clone()), (1, name)]);
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "((obj|sym|dir)? ?/?[a-z >-]{0,6}\n?){0,10}", name in ".{0,20}") {
            owners(&files(text.as_bytes()), &mut Owners::of(&[]));
            let _ = parts(&name);
        }
    }
}
