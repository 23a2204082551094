//! Applications of Bitnami's images: an SPDX document beside each (SPDX 2.3, as JSON or in the tag-value format of
//! annex "Format" of the specification).

use std::borrow::Cow;

use lazaret_model::{Ecosystem, Package};
use serde::Deserialize;

use crate::files::File;
use crate::os::text;
use crate::pattern::{Name, Pattern, Place};
use crate::reading::Reading;

pub(crate) const PATTERNS: &[Pattern] =
    &[Pattern::content(Place::Below("opt/bitnami"), Name::Around(".spdx-", ".spdx"))];

/// Those of other ecosystems (what was linked into a program) are found where they are.
const OURS: &str = "pkg:bitnami/";

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    packages: Vec<Listed<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version_info: Option<Cow<'a, str>>,
    #[serde(borrow)]
    license_declared: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    external_refs: Vec<Reference<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference<'a> {
    #[serde(borrow)]
    reference_locator: Option<Cow<'a, str>>,
}

pub(crate) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    if file.bytes.len() as u64 > reading.limits.document_bytes {
        return reading.problems.limit(file.location(), "a larger document than any");
    }
    let is_json = file.bytes.trim_ascii_start().starts_with(b"{");
    let listed = if is_json {
        match serde_json::from_slice::<Document<'_>>(file.bytes) {
            Ok(document) => document.packages,
            Err(error) => return reading.problems.malformed(file.location(), error.to_string()),
        }
    } else {
        tag_values(file.bytes)
    };
    if listed.is_empty() {
        return reading.problems.malformed(file.location(), "a document without packages");
    }
    for listed in listed {
        let location = file.location();
        let Some(purl) = listed.purl() else { continue };
        let shown =
            |value: &Option<Cow<'_, str>>| value.as_deref().and_then(|value| text::line(value.as_bytes()));
        let (Some(name), Some(version)) = (shown(&listed.name), shown(&listed.version_info)) else {
            reading.problems.malformed(location, "a package without a name or a version");
            continue;
        };
        let licence = shown(&listed.license_declared);
        let package = Package {
            architecture: architecture(purl).and_then(|value| text::line(value.as_bytes())),
            licences: licence.into_iter().filter(|it| it != "NOASSERTION" && it != "NONE").collect(),
            layer: file.layer,
            location,
            ..Package::new(Ecosystem::Bitnami, name, version)
        };
        if !reading.package(package) {
            return;
        }
    }
}

impl Listed<'_> {
    fn purl(&self) -> Option<&str> {
        let locators = self.external_refs.iter().filter_map(|it| it.reference_locator.as_deref());
        locators.into_iter().find(|locator| locator.starts_with(OURS))
    }
}

/// The qualifier `arch` of a package URL.
fn architecture(purl: &str) -> Option<&str> {
    let (_, qualifiers) = purl.split_once('?')?;
    qualifiers.split(['&', '#']).find_map(|qualifier| qualifier.strip_prefix("arch="))
}

/// Lines `Tag: value`; a name begins a package.
fn tag_values(bytes: &[u8]) -> Vec<Listed<'_>> {
    let mut packages: Vec<Listed<'_>> = Vec::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        let Some((tag, value)) = line.iter().position(|&byte| byte == b':').map(|at| line.split_at(at))
        else {
            continue;
        };
        let value = String::from_utf8_lossy(value[1..].trim_ascii());
        match (tag, packages.last_mut()) {
            (b"PackageName", _) => packages.push(Listed { name: Some(value), ..Listed::default() }),
            (b"PackageVersion", Some(package)) => package.version_info = Some(value),
            (b"PackageLicenseDeclared", Some(package)) => package.license_declared = Some(value),
            (b"ExternalRef", Some(package)) => {
                // Category, type, locator.
                let locator = value.split_whitespace().nth(2).map(|locator| Cow::Owned(locator.to_owned()));
                package.external_refs.push(Reference { reference_locator: locator });
            }
            _ => {}
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Limits, Problem};
    use proptest::prelude::*;

    use super::*;

    fn packages(text: &str) -> (Vec<Package>, Vec<Problem>) {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        let path = &b"opt/bitnami/redis/.spdx-redis.spdx"[..];
        read(&File { path, layer: 4, mode: 0o644, bytes: text.as_bytes() }, &mut reading);
        let (packages, problems) = reading.into_parts();
        (packages, problems.into_list())
    }

    fn expected() -> Package {
        Package {
            architecture: Some("arm64".to_owned()),
            licences: vec!["RSALv2".to_owned()],
            layer: 4,
            location: "opt/bitnami/redis/.spdx-redis.spdx".to_owned(),
            ..Package::new(Ecosystem::Bitnami, "redis", "7.4.0-0")
        }
    }

    #[test]
    fn reads_both_forms() {
        let json = r#"{"spdxVersion": "SPDX-2.3", "packages": [
            {"name": "redis", "versionInfo": "7.4.0-0", "licenseDeclared": "RSALv2", "externalRefs": [
                {"referenceLocator": "cpe:2.3:*:redis:redis:7.4.0:*:*:*:*:*:*:*"},
                {"referenceLocator": "pkg:bitnami/redis@7.4.0-0?arch=arm64&distro=debian-12"}]},
            {"name": "stdlib", "versionInfo": "1.22", "externalRefs": [{"referenceLocator": "pkg:golang/stdlib@1.22"}]}]}"#;
        assert_eq!(packages(json), (vec![expected()], vec![]));
        let tags = "SPDXVersion: SPDX-2.3\n\nPackageName: redis\nPackageVersion: 7.4.0-0\nPackageLicenseDeclared: RSALv2\n\
            ExternalRef: PACKAGE-MANAGER purl pkg:bitnami/redis@7.4.0-0?arch=arm64&distro=debian-12\n\
            PackageName: other\nPackageVersion: 1\n";
        assert_eq!(packages(tags), (vec![expected()], vec![]));
    }

    #[test]
    fn other_documents_are_problems() {
        for text in [
            "",
            "{",
            "{}",
            "{\"packages\": []}",
            r#"{"packages": [{"name": "x", "externalRefs": [{"referenceLocator": "pkg:bitnami/x"}]}]}"#,
        ] {
            let (packages, problems) = packages(text);
            assert_eq!((packages.len(), problems.len()), (0, 1), "{text}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "(\\{|Package(Name|Version):|ExternalRef: a b pkg:bitnami/|[\"a-z:,\n]{0,4}){0,20}") {
            packages(&text);
        }
    }
}
