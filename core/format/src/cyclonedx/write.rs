use std::collections::HashMap;

use lazaret_model::{Digest, Distribution, Finding, Image, ImageReference, Package, Problem};
use sha2::{Digest as _, Sha256};

use super::document::{
    Component, Composition, Document, Evidence, Hash, Metadata, Occurrence, Property, Tools,
};
use super::{property, vulnerability};
use crate::purl;

/// A hostile image can have any number of problems; that there are more is said.
const MOST_PROBLEMS: usize = 100;

/// What goes into a bill of material.
#[derive(Debug, Clone, Copy)]
pub struct Bom<'a> {
    /// What people call the image: `registry/repository`, a path of an archive.
    pub name: &'a str,
    /// Where the image can be fetched, if from a registry.
    pub reference: Option<&'a ImageReference>,
    pub image: &'a Image,
    pub distribution: Option<&'a Distribution>,
    /// Kept in this order: sort them where the order of discovery may differ.
    pub packages: &'a [Package],
    /// May be empty: an inventory stays true for longer than what is known about it.
    pub findings: &'a [Finding],
    /// What the scan could not read.
    pub problems: &'a [Problem],
    /// RFC 3339. Without it the document depends on the image alone.
    pub timestamp: Option<&'a str>,
    /// Version of the program that made the document.
    pub tool_version: &'a str,
}

/// The document in one line, to be signed or stored.
pub fn write(bom: &Bom<'_>) -> String {
    serde_json::to_string(&document(bom)).expect("strings and numbers always serialize")
}

/// The same document for people to read.
pub fn write_pretty(bom: &Bom<'_>) -> String {
    serde_json::to_string_pretty(&document(bom)).expect("strings and numbers always serialize") + "\n"
}

fn document<'a>(bom: &Bom<'a>) -> Document<'a> {
    let config = bom.image.config.to_string();
    let references = References::new(bom);
    let mut components: Vec<Component<'a>> = bom.distribution.into_iter().map(operating_system).collect();
    components
        .extend(bom.packages.iter().zip(&references.in_order).map(|(package, r)| library(bom, package, r)));
    let mut document = Document {
        bom_format: "CycloneDX".into(),
        spec_version: "1.6".into(),
        serial_number: None,
        version: 1,
        metadata: Metadata {
            timestamp: bom.timestamp.map(Into::into),
            tools: Tools { components: vec![tool(bom.tool_version)] },
            component: Some(container(bom, config.clone())),
            properties: problems(bom.problems),
        },
        components,
        compositions: Vec::new(),
        vulnerabilities: vulnerability::vulnerabilities(bom.findings, &references),
    };
    if !bom.problems.is_empty() {
        document
            .compositions
            .push(Composition { aggregate: "incomplete".into(), assemblies: vec![config.into()] });
    }
    let content = serde_json::to_vec(&document).expect("strings and numbers always serialize");
    document.serial_number = Some(serial_number(&content).into());
    document
}

/// A UUID of version 8 (RFC 9562, section 5.8) made of the content's SHA-256: equal documents are one.
fn serial_number(content: &[u8]) -> String {
    let mut bytes: [u8; 32] = Sha256::digest(content).into();
    bytes[6] = 0x80 | bytes[6] & 0x0f;
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    let hex = Digest::from_bytes(bytes).hex();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}

fn tool(version: &str) -> Component<'_> {
    Component {
        kind: "application".into(),
        name: "lazaret".into(),
        version: Some(version.into()),
        ..Component::default()
    }
}

fn container<'a>(bom: &Bom<'a>, config: String) -> Component<'a> {
    let image = bom.image;
    let mut properties = vec![
        Property::new(property::CONFIG, config.clone()),
        Property::new(property::PLATFORM, image.platform.to_string()),
    ];
    properties.extend(image.created.as_deref().map(|created| Property::new(property::CREATED, created)));
    for (at, layer) in image.layers.iter().enumerate() {
        let name = |field: &str| format!("{}{at}:{field}", property::LAYER);
        properties.push(Property::new(name("diffId"), layer.diff_id.to_string()));
        properties.push(Property::new(name("createdBy"), layer.created_by.as_str()));
        properties.push(Property::new(name("size"), layer.size.to_string()));
    }
    let hash = |manifest: Digest| Hash { alg: "SHA-256".into(), content: manifest.hex().into() };
    let purl = bom.reference.zip(image.manifest);
    Component {
        kind: "container".into(),
        version: Some(image.manifest.map_or_else(|| config.clone(), |manifest| manifest.to_string()).into()),
        reference: Some(config.into()),
        name: bom.name.into(),
        hashes: image.manifest.into_iter().map(hash).collect(),
        purl: purl.map(|(reference, manifest)| {
            purl::image(reference, manifest, &image.platform.architecture).into()
        }),
        properties,
        ..Component::default()
    }
}

fn operating_system(distribution: &Distribution) -> Component<'_> {
    let codename = distribution.codename.as_deref();
    Component {
        kind: "operating-system".into(),
        reference: Some(format!("distribution:{}", distribution.key()).into()),
        name: distribution.id.as_str().into(),
        version: distribution.version.as_deref().map(Into::into),
        description: distribution.title.as_deref().map(Into::into),
        properties: codename.into_iter().map(|name| Property::new(property::CODENAME, name)).collect(),
        ..Component::default()
    }
}

fn library<'a>(bom: &Bom<'a>, package: &'a Package, reference: &str) -> Component<'a> {
    let mut properties = vec![Property::new(property::ECOSYSTEM, package.ecosystem.name())];
    properties
        .extend(package.architecture.as_deref().map(|arch| Property::new(property::ARCHITECTURE, arch)));
    properties.push(Property::new(property::SOURCE, package.source.name.as_str()));
    properties.push(Property::new(property::SOURCE_VERSION, package.source.version.as_str()));
    properties.push(Property::new(property::LAYER_INDEX, package.layer.to_string()));
    let layer = usize::try_from(package.layer).ok().and_then(|at| bom.image.layers.get(at));
    properties.extend(layer.map(|layer| Property::new(property::LAYER_DIFF_ID, layer.diff_id.to_string())));
    Component {
        kind: "library".into(),
        reference: Some(reference.to_owned().into()),
        name: package.name.as_str().into(),
        version: Some(package.version.as_str().into()),
        purl: purl::package(package, bom.distribution).map(Into::into),
        properties,
        evidence: Some(Evidence {
            occurrences: vec![Occurrence { location: package.location.as_str().into() }],
        }),
        ..Component::default()
    }
}

fn problems(problems: &[Problem]) -> Vec<Property<'static>> {
    let mut properties: Vec<_> = problems
        .iter()
        .take(MOST_PROBLEMS)
        .map(|problem| Property::new(property::PROBLEM, problem.to_string()))
        .collect();
    if let Some(more) = problems.len().checked_sub(MOST_PROBLEMS).filter(|more| *more > 0) {
        properties.push(Property::new(property::PROBLEM, format!("{more} more things could not be read")));
    }
    properties
}

/// The `bom-ref` of each package: its package URL, numbered where several would share one.
pub(super) struct References<'a> {
    in_order: Vec<String>,
    by_package: HashMap<&'a Package, usize>,
}

impl<'a> References<'a> {
    fn new(bom: &Bom<'a>) -> Self {
        let mut uses: HashMap<String, usize> = HashMap::new();
        let mut references = Self { in_order: Vec::new(), by_package: HashMap::new() };
        for package in bom.packages {
            let purl = purl::package(package, bom.distribution).unwrap_or_else(|| "package".to_owned());
            let number = uses.entry(purl.clone()).and_modify(|uses| *uses += 1).or_insert(1);
            references.by_package.entry(package).or_insert(references.in_order.len());
            // A package URL holds no `#` (there is no subpath), so numbered ones are unique too.
            references.in_order.push(if *number == 1 { purl } else { format!("{purl}#{number}") });
        }
        references
    }

    pub(super) fn of(&self, package: &Package) -> Option<&str> {
        self.by_package.get(package).map(|at| self.in_order[*at].as_str())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::tests::{Sample, sample};

    const GOLDEN: &str = include_str!("../../testdata/cyclonedx-1.6.json");

    pub(in super::super) fn bom<'a>(sample: &'a Sample, reference: &'a ImageReference) -> Bom<'a> {
        Bom {
            name: "127.0.0.1:5055/shop",
            reference: Some(reference),
            image: &sample.image,
            distribution: sample.distribution.as_ref(),
            packages: &sample.packages,
            findings: &sample.findings,
            problems: &sample.problems,
            timestamp: Some("2026-11-02T00:00:00Z"),
            tool_version: "0.1.0",
        }
    }

    #[test]
    fn stays_what_it_was_promised_to_be() {
        let (sample, reference) = (sample(), "127.0.0.1:5055/shop:v1".parse().unwrap());
        let text = write_pretty(&bom(&sample, &reference));
        assert!(text == GOLDEN, "if this is meant, the new document is:\n{text}");
    }

    #[test]
    fn equal_content_has_one_serial_number() {
        let (sample, reference) = (sample(), "127.0.0.1:5055/shop:v1".parse().unwrap());
        let one = bom(&sample, &reference);
        assert_eq!(write(&one), write(&one));
        let serial = |bom: &Bom<'_>| document(bom).serial_number.unwrap().into_owned();
        let other = Bom { timestamp: None, ..one };
        assert_ne!(serial(&one), serial(&other));
        let serial = serial(&one);
        assert_eq!((serial.len(), &serial[..9], &serial[23..24]), (45, "urn:uuid:", "8"), "{serial}");
        assert!(["8", "9", "a", "b"].contains(&&serial[28..29]), "{serial}");
    }

    #[test]
    fn packages_that_share_a_url_have_references_of_their_own() {
        let (mut sample, reference) = (sample(), "127.0.0.1:5055/shop:v1".parse().unwrap());
        let twin = Package { location: "opt/var/lib/dpkg/status".to_owned(), ..sample.packages[0].clone() };
        let nameless = Package { name: String::new(), ..sample.packages[0].clone() };
        sample.packages.extend([twin.clone(), twin, nameless.clone(), nameless]);
        let bom = bom(&sample, &reference);
        let references = References::new(&bom);
        let mut unique = references.in_order.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), sample.packages.len());
        assert!(references.of(&sample.packages[4]).unwrap().ends_with("#2"));
    }

    #[test]
    fn a_heap_of_problems_is_cut_and_said_to_be() {
        let mut sample = sample();
        sample.problems = vec![sample.problems[0].clone(); 103];
        let properties = problems(&sample.problems);
        assert_eq!(properties.len(), 101);
        assert_eq!(properties[100].value, "3 more things could not be read");
    }
}
