//! Packages of apk: Alpine, Wolfi, Chainguard, OpenWrt from 24.10 on.
//!
//! The database is one text (apk-tools' wiki page "Apk spec", section "Installed database V2"): a paragraph for each
//! package, lines of a letter, a colon and a value. `P` name, `V` version, `A` architecture, `L` licence, `o` the package
//! whose recipe built it; then its files: `F` a directory, `R` a file in the last directory.

use lazaret_model::{Ecosystem, Package, SourcePackage};

use crate::files::Files;
use crate::os::text;
use crate::ownership::Owners;
use crate::pattern::{Name, Pattern, Place};
use crate::reading::{Reading, lossy};

/// Where `/lib` is a part of `/usr`, newer versions say so.
const PLACES: [&str; 2] = ["lib/apk/db", "usr/lib/apk/db"];

pub(crate) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::In(PLACES[0]), Name::Exactly("installed")).rewritten(),
    Pattern::content(Place::In(PLACES[1]), Name::Exactly("installed")).rewritten(),
];

/// One paragraph as it is read.
#[derive(Default)]
struct Fields<'a> {
    name: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    architecture: Option<&'a [u8]>,
    origin: Option<&'a [u8]>,
    licence: Option<&'a [u8]>,
    bad_lines: usize,
}

pub(crate) fn read(files: &Files, reading: &mut Reading<'_>) {
    for (path, layer, database) in databases(files) {
        let location = lossy(path);
        let mut fields = Fields::default();
        // An empty line at the end closes the last paragraph.
        for (number, line) in (1..).zip(database.split(|&byte| byte == b'\n').chain([&b""[..]])) {
            if !line.trim_ascii().is_empty() {
                // A second name without an empty line between: neither must hide the other.
                if line.starts_with(b"P:") && fields.name.is_some() {
                    reading
                        .problems
                        .malformed(format!("{location}, line {number}"), "a package has two names");
                    if !close(&std::mem::take(&mut fields), number, layer, &location, reading) {
                        return;
                    }
                }
                fields.add(line);
            } else if !close(&std::mem::take(&mut fields), number, layer, &location, reading) {
                return;
            }
        }
    }
}

/// The end of a paragraph; false once there are enough packages.
fn close(fields: &Fields<'_>, line: usize, layer: u32, location: &str, reading: &mut Reading<'_>) -> bool {
    let subject = || format!("{location}, before line {line}");
    if fields.bad_lines > 0 {
        reading.problems.malformed(subject(), format!("{} lines that are no fields", fields.bad_lines));
    }
    let shown = |field: Option<&[u8]>| field.and_then(text::line);
    match (shown(fields.name), shown(fields.version)) {
        (Some(name), Some(version)) => {
            // What is built from one recipe has one version.
            let source = SourcePackage {
                name: shown(fields.origin).unwrap_or_else(|| name.clone()),
                version: version.clone(),
            };
            reading.package(Package {
                source,
                architecture: shown(fields.architecture),
                licences: shown(fields.licence).into_iter().collect(),
                // Of the last installation: earlier versions of the database say which layer it really was.
                layer,
                location: location.to_owned(),
                ..Package::new(Ecosystem::Apk, name, version)
            })
        }
        (None, None) => true,
        (Some(name), None) => {
            reading.problems.malformed(subject(), format!("the record of {name} has no version"));
            true
        }
        (None, Some(_)) => {
            reading.problems.malformed(subject(), "a record without a name");
            true
        }
    }
}

impl<'a> Fields<'a> {
    fn add(&mut self, line: &'a [u8]) {
        let [letter, b':', value @ ..] = line else {
            self.bad_lines += 1;
            return;
        };
        let field = match letter {
            b'P' => &mut self.name,
            b'V' => &mut self.version,
            b'A' => &mut self.architecture,
            b'o' => &mut self.origin,
            b'L' => &mut self.licence,
            _ => return,
        };
        *field = Some(value);
    }
}

pub(crate) fn owners(files: &Files, owners: &mut Owners<'_>) {
    for (_, _, database) in databases(files) {
        let mut package = String::new();
        let mut directory: &[u8] = b"";
        for line in database.split(|&byte| byte == b'\n') {
            match line {
                [b'P', b':', name @ ..] => {
                    package = lossy(name);
                    directory = b"";
                }
                [b'F', b':', path @ ..] => directory = path,
                [b'R', b':', name @ ..] => owners.within(directory).owns(name, &package),
                _ => {}
            }
        }
    }
}

fn databases(files: &Files) -> impl Iterator<Item = (&[u8], u32, &[u8])> {
    PLACES.iter().flat_map(|place| files.within(place))
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;

    fn files(text: &[u8]) -> Files {
        let mut files = Files::default();
        files.add(b"lib/apk/db/installed", 2, Some(text.to_vec()));
        files
    }

    fn packages(text: &str) -> (Vec<Package>, usize) {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&files(text.as_bytes()), &mut reading);
        let (packages, problems) = reading.into_parts();
        (packages, problems.into_list().len())
    }

    const DATABASE: &str = "C:Q1pcfTfDNEbNKQc2s1tia7da05M8Q=\nP:busybox-binsh\nV:1.36.1-r15\nA:x86_64\nL:GPL-2.0-only\n\
        o:busybox\nF:bin\nR:sh\na:0:0:777\nZ:Q1=\n\nP:musl\nV:1.2.4-r4\nF:\nR:top\nF:lib\nR:ld-musl.so\n";

    #[test]
    fn reads_packages() {
        let expected = Package {
            source: SourcePackage { name: "busybox".to_owned(), version: "1.36.1-r15".to_owned() },
            architecture: Some("x86_64".to_owned()),
            licences: vec!["GPL-2.0-only".to_owned()],
            layer: 2,
            location: "lib/apk/db/installed".to_owned(),
            ..Package::new(Ecosystem::Apk, "busybox-binsh", "1.36.1-r15")
        };
        let (packages, problems) = packages(DATABASE);
        assert_eq!((packages.len(), problems), (2, 0));
        assert_eq!(packages[0], expected);
        assert_eq!(packages[1].source.name, "musl");
    }

    #[test]
    fn what_is_wrong_is_a_problem_and_the_rest_is_read() {
        for (text, found) in [
            ("nonsense\n\nP:a\nV:1\n", 1),
            ("P:a\n\nP:b\nV:1\n", 1),
            ("V:1\n\nP:b\nV:1\n", 1),
            ("P:a\nV:1\nP:b\nV:2\n", 2),
            ("P:a\nV:1\nnonsense\n", 1),
        ] {
            let (packages, problems) = packages(text);
            assert_eq!((packages.len(), problems), (found, 1), "{text}");
        }
    }

    #[test]
    fn owns_files() {
        let at = |location: &str| Package {
            location: location.to_owned(),
            ..Package::new(Ecosystem::Go, "x", "1")
        };
        let programs = [at("bin/sh"), at("usr/lib/ld-musl.so"), at("top"), at("lib/top")];
        let mut asked = Owners::of(&programs);
        owners(&files(DATABASE.as_bytes()), &mut asked);
        let owned = [(0, "busybox-binsh"), (2, "musl"), (1, "musl")];
        assert_eq!(asked.into_found(), owned.map(|(number, name)| (number, name.to_owned())));
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "([PVAFRo]:?[a-c.]{0,3}\n|\n|x){0,40}") {
            let (packages, _) = packages(&text);
            owners(&files(text.as_bytes()), &mut Owners::of(&packages));
        }

        #[test]
        fn no_package_is_lost(names in proptest::collection::vec("[a-z]{1,8}", 0..20)) {
            let text: String = names.iter().map(|name| format!("P:{name}\nV:1\nF:\nR:{name}\n\n")).collect();
            let (packages, problems) = packages(&text);
            prop_assert_eq!((packages.len(), problems), (names.len(), 0));
        }
    }
}
