use lazaret_model::{Digest, Distribution, Layer, Limits, Package};

use super::parsed::{Component, Document};
use super::read::{distribution, manifest};
use crate::sbom::{Restored, restore_image, restore_package, unknown_image};
use crate::words::shorten;

/// What Lazaret's own documents say of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillOfMaterial {
    pub manifest: Option<Digest>,
    pub config: Digest,
    pub distribution: Option<Distribution>,
    pub packages: Vec<Package>,
    /// Lowest layer first.
    pub layers: Vec<Layer>,
    /// Whether the scan could read everything.
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the bill of material is {bytes} bytes long, more than the {limit} that are read")]
    TooLarge { bytes: usize, limit: u64 },
    #[error("the bill of material is not CycloneDX JSON: {0}")]
    Malformed(String),
    #[error("the bill of material is {found}, not CycloneDX 1.6 or 1.7")]
    Version { found: String },
    #[error(
        "the bill of material was not written by Lazaret: `{component}` lacks a valid property `{property}`"
    )]
    Foreign { component: String, property: &'static str },
    #[error("the bill of material lists more than {0} packages")]
    TooManyPackages(usize),
}

/// Reads a document that [`write`](super::write) wrote: the same packages, in the same order.
///
/// Documents of other tools are refused rather than half understood: they do not tell source packages and
/// layers, and an index without them would miss findings. [`read`](super::read) takes them.
pub fn packages(json: &[u8], limits: &Limits) -> Result<BillOfMaterial, ReadError> {
    if json.len() as u64 > limits.document_bytes {
        return Err(ReadError::TooLarge { bytes: json.len(), limit: limits.document_bytes });
    }
    let document: Document =
        serde_json::from_slice(json).map_err(|error| ReadError::Malformed(shorten(&error.to_string())))?;
    if document.bom_format != "CycloneDX" || !matches!(&*document.spec_version, "1.6" | "1.7") {
        let found = shorten(&format!("{} {}", document.bom_format, document.spec_version));
        return Err(ReadError::Version { found });
    }
    let subject = &document.metadata.component;
    let mut image = unknown_image(&[]);
    restore_image(subject.fields(), &mut image).map_err(|property| foreign(subject, property))?;
    let mut packages = Vec::new();
    let mut system = None;
    for component in &document.components {
        match &*component.kind {
            "operating-system" => system = Some(distribution(component)),
            "library" | "application" if packages.len() == limits.packages => {
                return Err(ReadError::TooManyPackages(limits.packages));
            }
            "library" | "application" => packages.push(package(component)?),
            _ => {}
        }
    }
    Ok(BillOfMaterial {
        manifest: manifest(subject),
        config: image.config,
        distribution: system,
        packages,
        layers: image.layers,
        complete: !document.compositions.iter().any(|composition| composition.aggregate == "incomplete"),
    })
}

fn package(component: &Component) -> Result<Package, ReadError> {
    let rest = Restored {
        name: component.name.clone(),
        version: component.version.clone().ok_or_else(|| foreign(component, "version"))?,
        location: component.location().ok_or_else(|| foreign(component, "evidence.occurrences"))?.to_owned(),
        licences: component.licences(),
    };
    restore_package(|name| component.find(name), rest).map_err(|property| foreign(component, property))
}

fn foreign(component: &Component, property: &'static str) -> ReadError {
    ReadError::Foreign { component: shorten(&component.name), property }
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Ecosystem, ImageReference, PackageEvidence, SourcePackage};
    use proptest::prelude::*;

    use super::super::write::tests::bom;
    use super::super::{Bom, write, write_pretty};
    use super::*;
    use crate::report::tests::sample;

    fn reference() -> ImageReference {
        "127.0.0.1:5055/shop:v1".parse().unwrap()
    }

    #[test]
    fn gives_back_what_was_written() {
        let (sample, reference) = (sample(), reference());
        let bom = bom(&sample, &reference);
        for json in [write(&bom), write_pretty(&bom)] {
            let read = packages(json.as_bytes(), &Limits::default()).unwrap();
            assert_eq!((read.manifest, read.config), (sample.image.manifest, sample.image.config));
            assert_eq!((&read.packages, &read.layers), (&sample.packages, &sample.image.layers));
            assert_eq!(read.distribution, sample.distribution);
            assert!(!read.complete);
        }
        let bare = Bom { distribution: None, packages: &[], problems: &[], ..bom };
        let read = packages(write(&bare).as_bytes(), &Limits::default()).unwrap();
        assert!(read.complete && read.packages.is_empty() && read.distribution.is_none());
    }

    #[test]
    fn refuses_what_is_not_its_own() {
        let (sample, reference) = (sample(), reference());
        let good = write(&bom(&sample, &reference));
        let read = |json: &str| packages(json.as_bytes(), &Limits::default()).unwrap_err().to_string();
        for (from, to, word) in [
            ("\"specVersion\":\"1.6\"", "\"specVersion\":\"1.4\"", "CycloneDX 1.4, not"),
            (
                "lazaret:package:source\"",
                "syft:source\"",
                "`bash` lacks a valid property `lazaret:package:source`",
            ),
            (
                "lazaret:layer:index\",\"value\":\"0\"",
                "lazaret:layer:index\",\"value\":\"-1\"",
                "lazaret:layer:index",
            ),
            ("ecosystem\",\"value\":\"deb\"", "ecosystem\",\"value\":\"cpm\"", "lazaret:package:ecosystem"),
            ("lazaret:layer:1:diffId", "lazaret:layer:2:diffId", "`lazaret:layer:`"),
            ("lazaret:layer:1:size", "lazaret:layer:1:extent", "`lazaret:layer:`"),
            (
                "\"occurrences\":[{\"location\":",
                "\"occurrences\":[],\"x\":[{\"location\":",
                "evidence.occurrences",
            ),
            ("lazaret:image:config", "image:config", "lazaret:image:config"),
            ("\"components\":[", "\"components\":{", "not CycloneDX JSON"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            let error = read(&bad);
            assert!(error.contains(word), "{from}: {error}");
        }
        assert!(read("{}").contains("not CycloneDX 1.6"));
        // The array of tools of version 1.4 is not what a document fails on.
        let tools = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"tools":[{"name":"x"}]}}"#;
        assert!(read(tools).contains("CycloneDX 1.5, not"));
    }

    #[test]
    fn keeps_to_its_limits() {
        let (sample, reference) = (sample(), reference());
        let json = write(&bom(&sample, &reference));
        let limits = Limits { packages: 3, ..Limits::default() };
        assert_eq!(packages(json.as_bytes(), &limits), Err(ReadError::TooManyPackages(3)));
        let limits = Limits { document_bytes: 100, ..Limits::default() };
        assert!(matches!(packages(json.as_bytes(), &limits), Err(ReadError::TooLarge { limit: 100, .. })));
    }

    prop_compose! {
        fn any_package()(
            texts in proptest::collection::vec("(?s).{0,12}", 5),
            architecture in proptest::option::of("(?s).{0,8}"),
            ecosystem in proptest::sample::select(Ecosystem::ALL),
            evidence in proptest::sample::select(PackageEvidence::ALL),
            owner in proptest::option::of("(?s).{0,8}"),
            module in proptest::option::of("[a-z]{1,5}:[0-9]{1,5}"),
            licences in proptest::collection::vec(prop_oneof!["(?s).{0,9}", Just("MIT".to_owned()), Just("MIT OR Zlib".to_owned())], 0..3),
            layer in any::<u32>(),
        ) -> Package {
            let mut texts = texts.into_iter();
            let mut next = || texts.next().unwrap_or_default();
            Package {
                architecture,
                source: SourcePackage { name: next(), version: next() },
                location: next(),
                layer,
                evidence,
                owner,
                module,
                licences,
                ..Package::new(ecosystem, next(), next())
            }
        }
    }

    proptest! {
        #[test]
        fn any_package_survives(
            packages_in in proptest::collection::vec(any_package(), 0..6),
            distribution in proptest::option::of(("(?s).{0,9}", proptest::option::of("(?s).{0,9}"), proptest::option::of("(?s).{0,9}"), proptest::option::of("(?s).{0,9}"))),
            created_by in "(?s).{0,40}",
            size in any::<u64>(),
        ) {
            let (mut sample, reference) = (sample(), reference());
            sample.packages = packages_in;
            sample.distribution = distribution.map(|(id, version, codename, title)| Distribution { id, version, codename, title });
            sample.image.layers[0] = Layer { created_by, size, ..sample.image.layers[0].clone() };
            let read = packages(write(&bom(&sample, &reference)).as_bytes(), &Limits::default()).unwrap();
            prop_assert_eq!(&read.packages, &sample.packages);
            prop_assert_eq!(&read.distribution, &sample.distribution);
            prop_assert_eq!(&read.layers, &sample.image.layers);
            // The reader of everybody's documents agrees.
            let inventory = crate::sbom::read(write(&bom(&sample, &reference)).as_bytes(), &Limits::default()).unwrap();
            prop_assert_eq!(inventory.packages, sample.packages);
            prop_assert_eq!(inventory.distribution, sample.distribution);
            prop_assert_eq!(inventory.image, sample.image);
            prop_assert_eq!(inventory.problems, sample.problems);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let _ = packages(&bytes, &Limits::default());
            let (sample, reference) = (sample(), reference());
            let mut json = write(&bom(&sample, &reference)).into_bytes();
            let at = at.index(json.len());
            json[at] = byte;
            let _ = packages(&json, &Limits::default());
            let _ = crate::sbom::read(&json, &Limits::default());
            let _ = crate::sbom::read(&bytes, &Limits::default());
        }
    }
}
