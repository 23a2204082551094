//! SPDX as tags and values (SPDX specification 2.3, clause 6 and "tag-value format"): `PackageName: musl`.

use lazaret_model::Limits;

use super::parsed::{Annotation, Checksum, Document, ExternalRef, Package};
use super::read::inventory;
use crate::sbom::{Inventory, ReadError, unknown_image};

/// Whether the text begins as such documents do, comments aside.
pub(crate) fn is_tag_value(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines
        .find(|line| !line.is_empty() && !line.starts_with(b"#"))
        .is_some_and(|line| line.starts_with(b"SPDXVersion:"))
}

/// Reads what [`read`](super::read()) reads of JSON: the packages that package URLs name.
pub fn read(text: &[u8], limits: &Limits) -> Result<Inventory, ReadError> {
    let image = unknown_image(text);
    let text = String::from_utf8_lossy(text);
    let mut document = Document::default();
    let mut reader = Tags { rest: &text, endless: false };
    while let Some((tag, value)) = reader.next() {
        let last = document.packages.last_mut();
        match (tag, last) {
            ("SPDXVersion", _) => document.spdx_version = value.to_owned(),
            ("DocumentName", _) => document.name = value.to_owned(),
            ("PackageName", _) => {
                document.packages.push(Package { name: value.to_owned(), ..Package::default() });
            }
            ("PackageVersion", Some(package)) => package.version_info = Some(value.to_owned()),
            ("PackageSourceInfo", Some(package)) => package.source_info = Some(value.to_owned()),
            ("PackageDescription", Some(package)) => package.description = Some(value.to_owned()),
            ("PackageLicenseDeclared", Some(package)) => package.license_declared = value.to_owned(),
            ("PrimaryPackagePurpose", Some(package)) => package.primary_package_purpose = value.to_owned(),
            ("PackageChecksum", Some(package)) => package.checksums.extend(checksum(value)),
            ("ExternalRef", Some(package)) => package.external_refs.extend(external(value)),
            ("Annotator", _) => {
                document.annotations.push(Annotation { annotator: value.to_owned(), comment: String::new() });
            }
            ("AnnotationComment", _) => {
                if let Some(annotation) = document.annotations.last_mut() {
                    value.clone_into(&mut annotation.comment);
                }
            }
            _ => {}
        }
    }
    inventory(document, image, limits)
}

fn checksum(value: &str) -> Option<Checksum> {
    let (algorithm, value) = value.split_once(':')?;
    Some(Checksum { algorithm: algorithm.trim().to_owned(), checksum_value: value.trim().to_owned() })
}

/// `PACKAGE-MANAGER purl pkg:apk/alpine/musl@1`
fn external(value: &str) -> Option<ExternalRef> {
    let mut parts = value.split_whitespace().skip(1);
    Some(ExternalRef {
        reference_type: parts.next()?.to_owned(),
        reference_locator: parts.next()?.to_owned(),
    })
}

/// Pairs of a tag and a value, which `<text>` and `</text>` stretch over lines.
struct Tags<'t> {
    rest: &'t str,
    /// No text ends any more.
    endless: bool,
}

impl<'t> Tags<'t> {
    fn line(&mut self) -> Option<&'t str> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(line)
    }

    fn next(&mut self) -> Option<(&'t str, &'t str)> {
        loop {
            let before = self.rest;
            let line = self.line()?;
            let Some((tag, value)) = line.split_once(':') else { continue };
            if line.trim_start().starts_with('#') {
                continue;
            }
            let value = value.trim();
            let Some(inner) = value.strip_prefix("<text>") else { return Some((tag.trim(), value)) };
            // The text goes on behind the line's end; where none ends any more, no later one need be looked for.
            let from = line.trim_end().len() - inner.len();
            let ended = if self.endless { None } else { before[from..].split_once("</text>") };
            let Some((text, rest)) = ended else {
                self.endless = true;
                return Some((tag.trim(), inner));
            };
            self.rest = rest;
            return Some((tag.trim(), text));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: &str = "# made by hand\nSPDXVersion: SPDX-2.3\nDocumentName: shop\n\nPackageName: musl\n\
        PackageVersion: 1.2.3-r4\nPackageDescription: <text>a C\nPackageName: library</text>\n\
        ExternalRef: PACKAGE-MANAGER purl pkg:apk/alpine/musl@1.2.3-r4?distro=alpine-3.16\nPackageLicenseDeclared: MIT\n";

    #[test]
    fn reads_tags_and_texts() {
        let inventory = crate::sbom::read(SAMPLE.as_bytes(), &Limits::default()).unwrap();
        assert_eq!((&*inventory.name, inventory.packages.len()), ("shop", 1));
        assert_eq!(inventory.packages[0].licences, ["MIT"]);
        assert_eq!(inventory.distribution.unwrap().key(), "alpine:3.16");
        let open = SAMPLE.replace("</text>", "");
        assert!(crate::sbom::read(open.as_bytes(), &Limits::default()).is_ok());
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s)(SPDXVersion: SPDX-2.3\n)?([A-Za-z#: <>/\n]|<text>|</text>|PackageName:){0,40}") {
            let _ = crate::sbom::read(text.as_bytes(), &Limits::default());
        }
    }
}
