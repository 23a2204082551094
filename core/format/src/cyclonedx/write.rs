use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use lazaret_model::{
    Digest, Distribution, Finding, Image, ImageReference, Package, PackageEvidence, Problem,
};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::document::{
    Component, Composition, Document, Evidence, Hash, Identity, Licence, LicenceChoice, Metadata, Method,
    Occurrence, Property, Tools,
};
use super::{property, vulnerability};
use crate::report::{ScanReport, Suppressed};
use crate::sbom::{Fields, image_fields, layer_name, layer_names, package_fields, problem_fields};
use crate::{content, json, licence, purl};

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

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SpecVersion {
    #[default]
    V1_6,
    V1_7,
}

impl SpecVersion {
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
        }
    }
}

/// The document in one line, to be signed or stored; CycloneDX 1.6.
pub fn write(bom: &Bom<'_>) -> String {
    let parts = Parts::new(bom);
    let document = document(&parts, &[], SpecVersion::V1_6);
    serde_json::to_string(&document).expect("strings and numbers always serialize")
}

/// The same document for people to read.
pub fn write_pretty(bom: &Bom<'_>) -> String {
    write_pretty_as(bom, SpecVersion::V1_6)
}

/// As [`write_pretty`], of the version asked for.
pub fn write_pretty_as(bom: &Bom<'_>, version: SpecVersion) -> String {
    text(|out| write_to(bom, &[], version, out))
}

/// A whole scan: packages, vulnerabilities, and those that statements take out with their analysis.
pub fn report(report: &ScanReport<'_>, version: SpecVersion) -> String {
    text(|out| write_report(report, version, out))
}

/// As [`report()`], to a writer: the document is nowhere in memory as a whole. Fails only as the writer does.
pub fn write_report(report: &ScanReport<'_>, version: SpecVersion, out: &mut dyn Write) -> io::Result<()> {
    let bom = Bom {
        name: report.target,
        reference: report.reference,
        image: report.image,
        distribution: report.distribution,
        packages: report.packages,
        findings: report.findings,
        problems: report.problems,
        timestamp: report.timestamp,
        tool_version: report.tool_version,
    };
    write_to(&bom, report.suppressed, version, out)
}

fn write_to(
    bom: &Bom<'_>,
    suppressed: &[Suppressed],
    version: SpecVersion,
    out: &mut dyn Write,
) -> io::Result<()> {
    let parts = Parts::new(bom);
    json::write_pretty(&document(&parts, suppressed, version), out)
}

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut text = Vec::new();
    write(&mut text).expect("memory takes everything, and strings and numbers always serialize");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// What a document is made of, and what is asked for again and again while it is written.
struct Parts<'a> {
    bom: Bom<'a>,
    config: String,
    references: References<'a>,
    layers: Vec<String>,
}

impl<'a> Parts<'a> {
    fn new(bom: &Bom<'a>) -> Self {
        Self {
            bom: *bom,
            config: bom.image.config.to_string(),
            references: References::new(bom),
            layers: layer_names(bom.image),
        }
    }
}

/// The distribution and the packages, each made when it is written.
struct Components<'p, 'a>(&'p Parts<'a>);

impl Serialize for Components<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.0;
        let libraries =
            parts.bom.packages.iter().enumerate().map(|(at, package)| library(parts, at, package));
        serializer.collect_seq(parts.bom.distribution.into_iter().map(operating_system).chain(libraries))
    }
}

fn document<'p, 'a>(
    parts: &'p Parts<'a>,
    suppressed: &'p [Suppressed],
    version: SpecVersion,
) -> Document<'p, Components<'p, 'a>> {
    let Parts { bom, config, references, .. } = parts;
    let mut vulnerabilities = vulnerability::open(bom.findings, references);
    vulnerabilities.extend(vulnerability::suppressed(suppressed, references));
    let packages = content::of_packages(bom.packages).hex();
    let mut document = Document {
        bom_format: "CycloneDX".into(),
        spec_version: version.name().into(),
        serial_number: None,
        version: 1,
        metadata: Metadata {
            timestamp: bom.timestamp.map(Into::into),
            tools: Tools { components: vec![tool(bom.tool_version)] },
            component: Some(container(bom, config)),
            properties: properties(problem_fields(bom.problems)),
        },
        // All that the components are made of: they would be written twice otherwise.
        components: (packages, bom.distribution.map(operating_system), &parts.layers),
        compositions: Vec::new(),
        vulnerabilities,
    };
    if !bom.problems.is_empty() {
        document
            .compositions
            .push(Composition { aggregate: "incomplete".into(), assemblies: vec![config.into()] });
    }
    let content = json::digest(&document).expect("strings and numbers always serialize");
    document.serial_number = Some(format!("urn:uuid:{}", uuid_of(content)).into());
    document.with(Components(parts))
}

/// [`uuid_of`] the content's SHA-256: equal contents are one.
pub(crate) fn uuid(content: &[u8]) -> String {
    uuid_of(Sha256::digest(content).into())
}

/// A UUID of version 8 (RFC 9562, section 5.8) made of a SHA-256.
pub(crate) fn uuid_of(mut digest: [u8; 32]) -> String {
    digest[6] = 0x80 | digest[6] & 0x0f;
    digest[8] = 0x80 | digest[8] & 0x3f;
    let hex = Digest::from_bytes(digest).hex();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}

fn tool(version: &str) -> Component<'_> {
    Component {
        kind: "application".into(),
        name: "lazaret".into(),
        version: Some(version.into()),
        ..Component::default()
    }
}

fn container<'a>(bom: &Bom<'a>, config: &'a str) -> Component<'a> {
    let image = bom.image;
    let hash = |manifest: Digest| Hash { alg: "SHA-256".into(), content: manifest.hex().into() };
    let purl = bom.reference.zip(image.manifest);
    Component {
        kind: "container".into(),
        version: Some(image.manifest.map_or_else(|| config.into(), |manifest| manifest.to_string().into())),
        reference: Some(config.into()),
        name: bom.name.into(),
        hashes: image.manifest.into_iter().map(hash).collect(),
        purl: purl.map(|(reference, manifest)| {
            purl::image(reference, manifest, &image.platform.architecture).into()
        }),
        properties: properties(image_fields(image)),
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

fn library<'p>(parts: &'p Parts<'_>, at: usize, package: &'p Package) -> Component<'p> {
    let layer = layer_name(package, &parts.layers);
    Component {
        kind: "library".into(),
        reference: Some(parts.references.at(at)),
        name: package.name.as_str().into(),
        version: Some(package.version.as_str().into()),
        licenses: licences(&package.licences),
        purl: parts.references.purl(at).map(Into::into),
        properties: properties(package_fields(package, &parts.layers)),
        evidence: Some(Evidence {
            identity: vec![identity(package.evidence)],
            occurrences: vec![Occurrence {
                location: package.location.as_str().into(),
                additional_context: layer.map(|layer| format!("layer {layer}").into()),
            }],
        }),
        ..Component::default()
    }
}

/// How sure a version is, in the standard's words.
fn identity(evidence: PackageEvidence) -> Identity {
    let (technique, confidence) = match evidence {
        PackageEvidence::Installed => ("manifest-analysis", 1.0),
        PackageEvidence::BuiltIn => ("binary-analysis", 1.0),
        PackageEvidence::Declared => ("manifest-analysis", 0.8),
        PackageEvidence::Inferred => ("binary-analysis", 0.5),
    };
    Identity { field: "version", confidence, methods: vec![Method { technique, confidence }] }
}

/// The standard has either one expression, or a list of which each is a licence.
fn licences(stated: &[String]) -> Vec<LicenceChoice<'_>> {
    if let [one] = stated
        && !licence::is_id(one)
        && licence::is_expression(one)
    {
        return vec![LicenceChoice::Expression(one.as_str().into())];
    }
    let each = |text: &str| if licence::is_id(text) { Licence::Id } else { Licence::Name };
    stated.iter().map(|text| LicenceChoice::License(each(text)(text.as_str().into()))).collect()
}

fn properties(fields: Fields<'_>) -> Vec<Property<'_>> {
    fields.into_iter().map(|(name, value)| Property::new(name, value)).collect()
}

/// The `bom-ref` of each package: its package URL, numbered where several would share one.
pub(super) struct References<'a> {
    /// In the order of the packages, as are the numbers.
    purls: Vec<Option<String>>,
    numbers: Vec<usize>,
    packages: &'a [Package],
    /// Where each package first stands; made when findings ask for it.
    places: OnceCell<HashMap<&'a Package, usize>>,
}

/// What stands for the package URL of a package that has none.
const NAMELESS: &str = "package";

impl<'a> References<'a> {
    fn new(bom: &Bom<'a>) -> Self {
        let purls: Vec<_> =
            bom.packages.iter().map(|package| purl::package(package, bom.distribution)).collect();
        let mut numbers = Vec::with_capacity(purls.len());
        let mut uses = HashMap::<&str, usize>::with_capacity(purls.len());
        let mut taken = HashSet::<Cow<'_, str>>::with_capacity(purls.len());
        for purl in &purls {
            let purl = purl.as_deref().unwrap_or(NAMELESS);
            let number = uses.entry(purl).or_default();
            loop {
                *number += 1;
                // A hostile package may be named as another one's second.
                if taken.insert(numbered(purl, *number)) {
                    break;
                }
            }
            numbers.push(*number);
        }
        Self { packages: bom.packages, purls, numbers, places: OnceCell::new() }
    }

    /// The package URL of the package at this place.
    fn purl(&self, at: usize) -> Option<&str> {
        self.purls[at].as_deref()
    }

    fn at(&self, at: usize) -> Cow<'_, str> {
        numbered(self.purl(at).unwrap_or(NAMELESS), self.numbers[at])
    }

    pub(super) fn of(&self, package: &Package) -> Option<Cow<'_, str>> {
        let places = self.places.get_or_init(|| {
            // The first one counts: of two the later is put in first.
            self.packages.iter().enumerate().rev().map(|(at, package)| (package, at)).collect()
        });
        places.get(package).map(|at| self.at(*at))
    }
}

fn numbered(purl: &str, number: usize) -> Cow<'_, str> {
    if number == 1 { purl.into() } else { format!("{purl}#{number}").into() }
}

#[cfg(test)]
pub(super) mod tests {
    use lazaret_model::Limits;

    use super::*;
    use crate::report::tests::{Sample, sample};

    const OLD: &str = include_str!("../../testdata/cyclonedx-1.6-0.1.json");

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

    /// Documents of earlier releases are read as before.
    #[test]
    fn old_documents_are_read() {
        let sample = sample();
        let inventory = crate::sbom::read(OLD.as_bytes(), &Limits::default()).unwrap();
        assert_eq!((inventory.packages, inventory.image), (sample.packages, sample.image));
        let own = super::super::packages(OLD.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(own.packages.len(), 4);
    }

    #[test]
    fn equal_content_has_one_serial_number() {
        let (sample, reference) = (sample(), "127.0.0.1:5055/shop:v1".parse().unwrap());
        let one = bom(&sample, &reference);
        assert_eq!(write(&one), write(&one));
        let serial = |bom: &Bom<'_>| {
            document(&Parts::new(bom), &[], SpecVersion::V1_6).serial_number.unwrap().into_owned()
        };
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
        let mut unique: Vec<_> = (0..sample.packages.len()).map(|at| references.at(at)).collect();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), sample.packages.len());
        assert!(references.of(&sample.packages[4]).unwrap().ends_with("#2"));
    }
}
