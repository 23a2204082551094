use lazaret_model::{Digest, Distribution, Image, Limits};

use super::parsed::{Document, Package};
use crate::purl::{self, Purl};
use crate::sbom::{
    Collector, Inventory, ReadError, Restored, property, restore_image, restore_package, restore_problem,
    unknown_image,
};
use crate::words::shorten;

/// Reads SPDX 2.2 or 2.3 JSON of any writer: exactly what was written where that was Lazaret, and of others all
/// packages that a package URL names.
pub fn read(json: &[u8], limits: &Limits) -> Result<Inventory, ReadError> {
    let document: Document = serde_json::from_slice(json)
        .map_err(|error| ReadError::Malformed { format: "SPDX JSON", why: shorten(&error.to_string()) })?;
    inventory(document, unknown_image(json), limits)
}

pub(super) fn inventory(
    document: Document,
    mut image: Image,
    limits: &Limits,
) -> Result<Inventory, ReadError> {
    if !matches!(&*document.spdx_version, "SPDX-2.2" | "SPDX-2.3") {
        return Err(ReadError::Version { found: shorten(&document.spdx_version) });
    }
    let mut collector = Collector::new(limits);
    let (mut stated, mut named) = (None, None);
    for package in &document.packages {
        let fields: Vec<(String, String)> =
            package.annotations.iter().flat_map(|annotation| annotation.fields()).collect();
        let find = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if package.primary_package_purpose == "OPERATING-SYSTEM" {
            stated.get_or_insert_with(|| system(package, find(property::CODENAME)));
        } else if find(property::CONFIG).is_some() {
            let pairs = fields.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            if let Err(field) = restore_image(pairs, &mut image) {
                collector
                    .problem(&package.name, &format!("the annotation {field} is not as Lazaret writes it"));
            }
            let manifest = package.checksums.iter().find(|checksum| checksum.algorithm == "SHA256");
            image.manifest = manifest.and_then(|checksum| Digest::from_hex(&checksum.checksum_value).ok());
        } else if find(property::ECOSYSTEM).is_some() {
            let licences = fields.iter().filter(|(key, _)| key == property::LICENCE);
            let rest = Restored {
                name: package.name.clone(),
                version: package.version_info.clone().unwrap_or_default(),
                location: find(property::LOCATION).unwrap_or_default().to_owned(),
                licences: licences.map(|(_, value)| value.clone()).collect(),
            };
            match restore_package(find, rest) {
                Ok(package) => collector.push(package),
                Err(field) => {
                    let detail = format!("the annotation {field} is missing or not as Lazaret writes it");
                    collector.problem(&package.name, &detail);
                }
            }
        } else if let Some(found) = foreign(package, &mut image, &mut collector) {
            named.get_or_insert(found);
        }
    }
    let (packages, mut problems) = collector.finish();
    let told = document.annotations.iter().flat_map(|annotation| annotation.fields());
    let told = told.filter(|(key, _)| key == property::PROBLEM);
    problems.extend(told.map(|(_, value)| restore_problem(&value)));
    Ok(Inventory { name: document.name, image, distribution: stated.or(named), packages, problems })
}

fn system(package: &Package, codename: Option<&str>) -> Distribution {
    Distribution {
        id: package.name.clone(),
        version: package.version_info.clone(),
        codename: codename.map(str::to_owned),
        title: package.description.clone(),
    }
}

/// A package of another writer's document, and the operating system that its package URL tells.
fn foreign(package: &Package, image: &mut Image, collector: &mut Collector<'_>) -> Option<Distribution> {
    let is_program =
        !matches!(&*package.primary_package_purpose, "CONTAINER" | "FILE" | "SOURCE" | "ARCHIVE");
    let mut problem = is_program.then_some("a package without a package URL".to_owned());
    for text in package.purls() {
        match Purl::parse(text) {
            Ok(purl) if purl.kind == "oci" || purl.kind == "docker" => {
                let digest = purl.version.as_deref().and_then(|version| version.parse().ok());
                image.manifest = image.manifest.or(digest);
                return None;
            }
            Ok(purl) => match purl::named(&purl) {
                Some(named) => {
                    let mut found = named.package;
                    if found.version.is_empty() {
                        found.version = package.version_info.clone().unwrap_or_default();
                        found.source.version.clone_from(&found.version);
                    }
                    found.location = location(package).to_owned();
                    found.licences = licences(&package.license_declared);
                    collector.push(found);
                    return named.distribution;
                }
                None => problem = Some("a package URL of a type without advisories".to_owned()),
            },
            Err(error) => problem = Some(error.to_string()),
        }
    }
    if let Some(problem) = problem {
        collector.problem(&package.name, &problem);
    }
    None
}

/// Syft says it in a sentence, `acquired package info from APK DB: /lib/apk/db/installed`.
fn location(package: &Package) -> &str {
    let told = package.source_info.as_deref().and_then(|text| text.rsplit_once(": /"));
    told.map(|(_, path)| path.split(", ").next().unwrap_or(path)).unwrap_or_default()
}

fn licences(declared: &str) -> Vec<String> {
    match declared {
        "" | "NOASSERTION" | "NONE" => Vec::new(),
        text => vec![text.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Ecosystem, PackageEvidence, SourcePackage};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::report::tests::sample;
    use crate::spdx::write;

    #[test]
    fn gives_back_what_was_written() {
        let sample = sample();
        let inventory = read(write(&sample.report()).as_bytes(), &Limits::default()).unwrap();
        assert_eq!((inventory.packages, inventory.image), (sample.packages, sample.image));
        assert_eq!((inventory.distribution, inventory.problems), (sample.distribution, sample.problems));
    }

    #[test]
    fn reads_what_other_scanners_write() {
        let reference = |locator: &str| json!([{ "referenceType": "purl", "referenceLocator": locator }]);
        let document = json!({ "spdxVersion": "SPDX-2.3", "name": "alpine", "packages": [
            { "name": "musl", "versionInfo": "1.2.3-r4", "licenseDeclared": "MIT",
              "sourceInfo": "acquired package info from APK DB: /lib/apk/db/installed",
              "externalRefs": reference("pkg:apk/alpine/musl@1.2.3-r4?arch=x86_64&distro=alpine-3.16.2") },
            { "name": "image", "externalRefs": reference("pkg:oci/alpine@sha256:aa") },
            { "name": "dark", "versionInfo": "1", "externalRefs": null }
        ] });
        let inventory = read(document.to_string().as_bytes(), &Limits::default()).unwrap();
        assert_eq!((&*inventory.name, inventory.packages.len()), ("alpine", 1));
        assert_eq!(inventory.packages[0].location, "lib/apk/db/installed");
        assert_eq!(inventory.distribution.unwrap().version.as_deref(), Some("3.16.2"));
        assert_eq!(inventory.problems.len(), 1);
    }

    prop_compose! {
        fn any_package()(
            texts in proptest::collection::vec("(?s).{0,12}", 5),
            ecosystem in proptest::sample::select(Ecosystem::ALL),
            evidence in proptest::sample::select(PackageEvidence::ALL),
            owner in proptest::option::of("(?s).{0,8}"),
            licences in proptest::collection::vec("(?s).{0,9}", 0..3),
            layer in any::<u32>(),
        ) -> lazaret_model::Package {
            let mut texts = texts.into_iter();
            let mut next = || texts.next().unwrap_or_default();
            lazaret_model::Package {
                source: SourcePackage { name: next(), version: next() },
                location: next(),
                layer, evidence, owner, licences,
                ..lazaret_model::Package::new(ecosystem, next(), next())
            }
        }
    }

    proptest! {
        #[test]
        fn any_package_survives(packages in proptest::collection::vec(any_package(), 0..5)) {
            let mut sample = sample();
            sample.packages = packages;
            let inventory = read(write(&sample.report()).as_bytes(), &Limits::default()).unwrap();
            prop_assert_eq!(inventory.packages, sample.packages);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let _ = crate::sbom::read(&bytes, &Limits::default());
            let mut json = write(&sample().report()).into_bytes();
            let at = at.index(json.len());
            json[at] = byte;
            let _ = crate::sbom::read(&json, &Limits::default());
        }
    }
}
