use lazaret_model::{Digest, Distribution, Ecosystem, Layer, Limits, Package, SourcePackage};

use super::document::{Component, Document, Property};
use super::property;

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
    #[error("the bill of material is {found}, not CycloneDX 1.6")]
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
/// layers, and an index without them would miss findings.
pub fn packages(json: &[u8], limits: &Limits) -> Result<BillOfMaterial, ReadError> {
    if json.len() as u64 > limits.document_bytes {
        return Err(ReadError::TooLarge { bytes: json.len(), limit: limits.document_bytes });
    }
    let document: Document<'_> =
        serde_json::from_slice(json).map_err(|error| ReadError::Malformed(shorten(&error.to_string())))?;
    if document.bom_format != "CycloneDX" || document.spec_version != "1.6" {
        let found = shorten(&format!("{} {}", document.bom_format, document.spec_version));
        return Err(ReadError::Version { found });
    }
    let image = document.metadata.component.unwrap_or_default();
    let config = parsed(&image, property::CONFIG)?;
    let mut packages = Vec::new();
    let mut distribution = None;
    for component in &document.components {
        match &*component.kind {
            "operating-system" => distribution = Some(read_distribution(component)),
            "library" if packages.len() == limits.packages => {
                return Err(ReadError::TooManyPackages(limits.packages));
            }
            "library" => packages.push(read_package(component)?),
            _ => {}
        }
    }
    let manifest = image.hashes.iter().find(|hash| hash.alg == "SHA-256");
    Ok(BillOfMaterial {
        manifest: manifest.and_then(|hash| Digest::from_hex(&hash.content).ok()),
        config,
        distribution,
        packages,
        layers: read_layers(&image)?,
        complete: !document.compositions.iter().any(|composition| composition.aggregate == "incomplete"),
    })
}

fn read_distribution(component: &Component<'_>) -> Distribution {
    Distribution {
        id: component.name.to_string(),
        version: component.version.as_deref().map(str::to_owned),
        codename: find(component, property::CODENAME).map(str::to_owned),
        title: component.description.as_deref().map(str::to_owned),
    }
}

fn read_package(component: &Component<'_>) -> Result<Package, ReadError> {
    let ecosystem = text(component, property::ECOSYSTEM)?;
    let occurrence = component.evidence.as_ref().and_then(|evidence| evidence.occurrences.first());
    Ok(Package {
        ecosystem: Ecosystem::from_name(ecosystem).ok_or_else(|| foreign(component, property::ECOSYSTEM))?,
        name: component.name.to_string(),
        version: component.version.as_deref().ok_or_else(|| foreign(component, "version"))?.to_owned(),
        architecture: find(component, property::ARCHITECTURE).map(str::to_owned),
        source: SourcePackage {
            name: text(component, property::SOURCE)?.to_owned(),
            version: text(component, property::SOURCE_VERSION)?.to_owned(),
        },
        location: occurrence.ok_or_else(|| foreign(component, "evidence.occurrences"))?.location.to_string(),
        layer: parsed(component, property::LAYER_INDEX)?,
        ..Package::new(Ecosystem::Generic, "", "")
    })
}

/// Layers are numbered; each must be complete and in its place.
fn read_layers(image: &Component<'_>) -> Result<Vec<Layer>, ReadError> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut fields = image.properties.iter().filter_map(layer_field).peekable();
    while let Some((number, field, diff_id)) = fields.next() {
        let mut rest =
            |name| fields.next_if(|(at, field, _)| *at == number && *field == name).map(|(.., value)| value);
        let (created_by, size) = (rest("createdBy"), rest("size").map(str::parse));
        match (field, diff_id.parse(), created_by, size) {
            ("diffId", Ok(diff_id), Some(created_by), Some(Ok(size)))
                if number == layers.len().to_string() =>
            {
                layers.push(Layer { diff_id, created_by: created_by.to_owned(), size });
            }
            _ => return Err(foreign(image, property::LAYER)),
        }
    }
    Ok(layers)
}

fn layer_field<'a>(property: &'a Property<'_>) -> Option<(&'a str, &'a str, &'a str)> {
    let (number, field) = property.name.strip_prefix(property::LAYER)?.split_once(':')?;
    Some((number, field, &property.value))
}

fn find<'a>(component: &'a Component<'_>, name: &str) -> Option<&'a str> {
    component.properties.iter().find(|property| property.name == name).map(|property| &*property.value)
}

fn text<'a>(component: &'a Component<'_>, name: &'static str) -> Result<&'a str, ReadError> {
    find(component, name).ok_or_else(|| foreign(component, name))
}

fn parsed<T: std::str::FromStr>(component: &Component<'_>, name: &'static str) -> Result<T, ReadError> {
    text(component, name)?.parse().map_err(|_| foreign(component, name))
}

fn foreign(component: &Component<'_>, property: &'static str) -> ReadError {
    ReadError::Foreign { component: shorten(&component.name), property }
}

/// Error texts quote hostile input: keep them short and in one line.
fn shorten(text: &str) -> String {
    let mut short: String =
        text.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(200).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use lazaret_model::ImageReference;
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
                "\"occurrences\":[{\"location\":\"var/lib/dpkg/status\"}]",
                "\"occurrences\":[]",
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
        assert!(read("{}").contains("not CycloneDX JSON"));
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
            layer in any::<u32>(),
        ) -> Package {
            let mut texts = texts.into_iter();
            let mut next = || texts.next().unwrap_or_default();
            Package {
                architecture,
                source: SourcePackage { name: next(), version: next() },
                location: next(),
                layer,
                ..Package::new(Ecosystem::Deb, next(), next())
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
            prop_assert_eq!(read.packages, sample.packages);
            prop_assert_eq!(read.distribution, sample.distribution);
            prop_assert_eq!(read.layers, sample.image.layers);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let _ = packages(&bytes, &Limits::default());
            let (sample, reference) = (sample(), reference());
            let mut json = write(&bom(&sample, &reference)).into_bytes();
            let at = at.index(json.len());
            json[at] = byte;
            let _ = packages(&json, &Limits::default());
        }
    }
}
