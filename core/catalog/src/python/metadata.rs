//! What an installed distribution says of itself: `METADATA` of wheels, `PKG-INFO` of eggs (PyPA, "Core metadata
//! specifications"): headers as in e-mail, then perhaps a text.

use std::borrow::Cow;

use lazaret_model::{Ecosystem, Extracted, Limits, Package, RandomAccess};

use super::normalised;
use crate::documents::unmarked;
use crate::files::File;
use crate::pattern::{Extractor, Name, Pattern, Place};
use crate::reading::Reading;
use crate::zipped;

pub(super) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::InAnyEndingWith("dist-info"), Name::Exactly("METADATA")),
    Pattern::content(Place::InAnyEndingWith("DIST-INFO"), Name::Exactly("METADATA")),
    Pattern::content(Place::InAnyEndingWith("egg-info"), Name::Exactly("PKG-INFO")),
    Pattern::content(Place::InAnyEndingWith("EGG-INFO"), Name::Exactly("PKG-INFO")),
    Pattern::extract(Place::Anywhere, Name::EndsWith(".egg"), EGG),
    // distutils wrote the file itself in the place of the directory.
    Pattern::content(Place::Anywhere, Name::EndsWith(".egg-info")),
];

/// An egg that nobody unpacked: Python imports from it where it lies.
const EGG: Extractor = Extractor { whole: egg, passing: None, alike: None };

fn egg(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    zipped::document(file, path, limits, |name| name == b"EGG-INFO/PKG-INFO")
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    // What ends as eggs do and holds no metadata is none.
    if file.bytes.is_empty() && file.path.ends_with(b".egg") {
        return;
    }
    let headers = Headers::of(unmarked(file.bytes));
    let (Some(name), Some(version)) = (&headers.name, &headers.version) else {
        reading.problems.malformed(file.location(), "the metadata name no package or no version");
        return;
    };
    reading.package(Package {
        layer: file.layer,
        location: file.location(),
        licences: headers.licences(),
        ..Package::new(Ecosystem::PyPi, normalised(name), version.clone())
    });
}

#[derive(Debug, Default)]
struct Headers<'a> {
    name: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
    expression: Option<Cow<'a, str>>,
    /// Free text: a name, or a whole licence.
    licence: Option<Cow<'a, str>>,
    licence_is_long: bool,
    /// What follows `License ::` in classifiers.
    classified: Vec<Cow<'a, str>>,
}

impl<'a> Headers<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let mut headers = Self::default();
        let mut in_licence = false;
        for line in bytes.split(|&byte| byte == b'\n') {
            match line.first() {
                // The text begins.
                None | Some(b'\r') => break,
                Some(b' ' | b'\t') => {
                    headers.licence_is_long |= in_licence && !line.trim_ascii().is_empty();
                    continue;
                }
                Some(_) => in_licence = false,
            }
            let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
            let value = line[colon + 1..].trim_ascii();
            let name = &line[..colon];
            let field = match name.len() {
                4 if name.eq_ignore_ascii_case(b"Name") => &mut headers.name,
                7 if name.eq_ignore_ascii_case(b"Version") => &mut headers.version,
                7 if name.eq_ignore_ascii_case(b"License") => {
                    in_licence = true;
                    &mut headers.licence
                }
                18 if name.eq_ignore_ascii_case(b"License-Expression") => &mut headers.expression,
                10 if name.eq_ignore_ascii_case(b"Classifier") => {
                    if let Some(licence) = value.strip_prefix(b"License ::") {
                        headers.classified.push(String::from_utf8_lossy(licence));
                    }
                    continue;
                }
                _ => continue,
            };
            if field.is_none() && !value.is_empty() {
                *field = Some(String::from_utf8_lossy(value));
            }
        }
        headers
    }

    /// The expression; without it the classifiers, which are of a list; without those the text, if it is a name.
    fn licences(&self) -> Vec<String> {
        if let Some(expression) = &self.expression {
            return vec![expression.clone().into_owned()];
        }
        let mut licences: Vec<String> = self
            .classified
            .iter()
            .filter_map(|path| path.rsplit("::").next().map(str::trim))
            .filter(|name| !name.is_empty() && *name != "OSI Approved")
            .map(str::to_owned)
            .collect();
        if let Some(licence) = self.licence.as_deref()
            && licences.is_empty()
            && !self.licence_is_long
            && licence != "UNKNOWN"
        {
            licences.push(licence.to_owned());
        }
        licences.sort_unstable();
        licences.dedup();
        licences
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::in_tests::packages;

    fn one(bytes: &[u8]) -> (Vec<Package>, usize) {
        packages(read, "lib/x-1.dist-info/METADATA", 1, bytes)
    }

    const REAL: &str = "Metadata-Version: 2.1\nName: Zope.Interface_x\nVersion: 5.4.0\nSummary: \u{e9}\n\
        License: ZPL 2.1\nClassifier: License :: OSI Approved :: Zope Public License\nClassifier: Topic :: X\n\n\
        Name: other\nVersion: 9\n";

    #[test]
    fn reads_headers() {
        let (packages, problems) = one(REAL.as_bytes());
        let package = &packages[0];
        assert_eq!((package.name.as_str(), package.version.as_str()), ("zope-interface-x", "5.4.0"));
        assert_eq!(package.licences, ["Zope Public License"]);
        assert_eq!((package.layer, problems), (1, 0));
        let (packages, _) = one(b"\xef\xbb\xbfname: a\r\nVERSION:1\r\nDescription: \xff\r\n\r\nName: b\r\n");
        assert_eq!((packages[0].name.as_str(), packages[0].version.as_str()), ("a", "1"));
    }

    #[test]
    fn reads_licences() {
        for (lines, expected) in [
            (
                "License-Expression: MIT OR X\nLicense: Y\nClassifier: License :: OSI Approved :: Z\n",
                &["MIT OR X"][..],
            ),
            ("Classifier: License :: OSI Approved :: B\nClassifier: License :: A\nLicense: Y\n", &["A", "B"]),
            ("Classifier: License :: OSI Approved\nLicense: Y\n", &["Y"]),
            ("License: UNKNOWN\n", &[]),
            ("License: \n", &[]),
            ("License: Copyright (c)\n        and so on\n", &[]),
            ("License: BSD\nSummary: x\n  y\n", &["BSD"]),
            ("", &[]),
        ] {
            let (packages, _) = one(format!("Name: a\nVersion: 1\n{lines}").as_bytes());
            assert_eq!(packages[0].licences, expected, "{lines}");
        }
    }

    #[test]
    fn without_name_or_version_it_is_a_problem() {
        for text in ["", "Name: a\n", "Version: 1\n", "Name:\nVersion: 1\n", "\nName: a\nVersion: 1\n"] {
            assert_eq!(one(text.as_bytes()), (vec![], 1), "{text}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            one(&bytes);
        }

        #[test]
        fn takes_spoiled_metadata(place in 0..REAL.len(), byte: u8) {
            let mut bytes = REAL.as_bytes().to_vec();
            bytes[place] = byte;
            let (packages, problems) = one(&bytes);
            prop_assert_eq!(packages.len() + problems, 1);
        }
    }
}
