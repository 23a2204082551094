use std::borrow::Cow;
use std::collections::BTreeMap;

use lazaret_model::{Distribution, Package as Found};

use super::document::{
    Annotation, Checksum, CreationInfo, Document, ExternalRef, ExtractedLicence, Package, Relationship,
};
use crate::cyclonedx::uuid_of;
use crate::report::ScanReport;
use crate::sbom::{Fields, image_fields, layer_names, package_fields, problem_fields, property};
use crate::{json, licence, purl, words};

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
const SYSTEM: &str = "SPDXRef-OperatingSystem";
const NOT_STATED: &str = "NOASSERTION";

/// The packages of a scan as SPDX 2.3 JSON. SPDX has no place for vulnerabilities of version 2.3's time.
pub fn write(report: &ScanReport<'_>) -> String {
    let mut document = document(report);
    // The namespace must be another for another content.
    let content = json::digest(&document).expect("strings and numbers always serialize");
    document.document_namespace = format!("urn:uuid:{}", uuid_of(content));
    serde_json::to_string_pretty(&document).expect("strings and numbers always serialize") + "\n"
}

fn document<'a>(report: &ScanReport<'a>) -> Document<'a> {
    let layers = layer_names(report.image);
    let mut writer = Writer {
        layers: &layers,
        created: words::time(report.timestamp, report.image),
        licences: BTreeMap::new(),
        report,
    };
    let mut packages = vec![writer.image()];
    let mut relationships = vec![relation(DOCUMENT, "DESCRIBES", IMAGE)];
    if let Some(distribution) = report.distribution {
        packages.push(writer.system(distribution));
        relationships.push(relation(IMAGE, "CONTAINS", SYSTEM));
    }
    for (at, found) in report.packages.iter().enumerate() {
        let package = writer.package(found, at);
        relationships.push(relation(IMAGE, "CONTAINS", &package.id));
        packages.push(package);
    }
    let problems = problem_fields(report.problems);
    Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: report.target.into(),
        document_namespace: String::new(),
        comment: (!problems.is_empty())
            .then(|| "The scan could not read everything: see the annotations.".into()),
        annotations: problems.into_iter().map(|problem| writer.annotation(&vec![problem])).collect(),
        creation_info: CreationInfo { creators: vec![writer.tool()], created: writer.created },
        packages,
        has_extracted_licensing_infos: writer
            .licences
            .into_iter()
            .map(|(text, id)| ExtractedLicence { license_id: id, name: text.clone(), extracted_text: text })
            .collect(),
        relationships,
    }
}

fn relation(from: &str, kind: &'static str, to: &str) -> Relationship {
    Relationship {
        spdx_element_id: from.to_owned(),
        relationship_type: kind,
        related_spdx_element: to.to_owned(),
    }
}

struct Writer<'r, 'a> {
    layers: &'r [String],
    report: &'r ScanReport<'a>,
    created: String,
    /// Licences that are no SPDX expression, with the name each was given.
    licences: BTreeMap<String, String>,
}

impl<'a> Writer<'_, 'a> {
    fn tool(&self) -> String {
        format!("Tool: lazaret-{}", self.report.tool_version)
    }

    fn annotation(&self, fields: &Fields<'_>) -> Annotation {
        Annotation {
            annotation_date: self.created.clone(),
            annotation_type: "OTHER",
            annotator: self.tool(),
            comment: serde_json::to_string(fields).expect("strings always serialize"),
        }
    }

    fn image(&self) -> Package<'a> {
        let ScanReport { image, reference, target, .. } = *self.report;
        let locator = reference
            .zip(image.manifest)
            .map(|(reference, manifest)| purl::image(reference, manifest, &image.platform.architecture));
        let digest = image.manifest.unwrap_or(image.config);
        Package {
            version_info: Some(digest.to_string().into()),
            checksums: image
                .manifest
                .into_iter()
                .map(|digest| Checksum { algorithm: "SHA256", checksum_value: digest.hex() })
                .collect(),
            external_refs: locator.into_iter().map(external).collect(),
            annotations: vec![self.annotation(&image_fields(image))],
            ..bare(IMAGE.to_owned(), target.into(), "CONTAINER")
        }
    }

    fn system(&self, distribution: &'a Distribution) -> Package<'a> {
        let codename = distribution.codename.as_deref();
        let fields: Fields<'_> =
            codename.map(|codename| (property::CODENAME.into(), codename.into())).into_iter().collect();
        Package {
            version_info: distribution.version.as_deref().map(Cow::from),
            description: distribution.title.as_deref().map(Cow::from),
            annotations: if fields.is_empty() { Vec::new() } else { vec![self.annotation(&fields)] },
            ..bare(SYSTEM.to_owned(), distribution.id.as_str().into(), "OPERATING-SYSTEM")
        }
    }

    fn package(&mut self, found: &'a Found, at: usize) -> Package<'a> {
        let mut fields = package_fields(found, self.layers);
        fields.push((property::LOCATION.into(), found.location.as_str().into()));
        fields.extend(found.licences.iter().map(|text| (property::LICENCE.into(), text.as_str().into())));
        let known = &mut self.licences;
        let declared = licence::expression(&found.licences, |text| {
            let number = known.len() + 1;
            known.entry(text.to_owned()).or_insert_with(|| format!("LicenseRef-{number}")).clone()
        });
        let source = &found.source;
        let is_built = source.name != found.name || source.version != found.version;
        Package {
            version_info: (!found.version.is_empty()).then(|| found.version.as_str().into()),
            source_info: is_built.then(|| format!("built from: {} {}", source.name, source.version)),
            license_declared: declared.unwrap_or_else(|| NOT_STATED.to_owned()),
            external_refs: self.report.purl(found).into_iter().map(external).collect(),
            annotations: vec![self.annotation(&fields)],
            ..bare(format!("SPDXRef-Package-{}", at + 1), found.name.as_str().into(), "LIBRARY")
        }
    }
}

fn bare<'a>(id: String, name: Cow<'a, str>, purpose: &'static str) -> Package<'a> {
    Package {
        id,
        name,
        version_info: None,
        supplier: NOT_STATED,
        download_location: NOT_STATED,
        files_analyzed: false,
        checksums: Vec::new(),
        source_info: None,
        license_concluded: NOT_STATED,
        license_declared: NOT_STATED.to_owned(),
        copyright_text: NOT_STATED,
        description: None,
        primary_package_purpose: purpose,
        external_refs: Vec::new(),
        annotations: Vec::new(),
    }
}

fn external(locator: String) -> ExternalRef {
    ExternalRef { reference_category: "PACKAGE-MANAGER", reference_type: "purl", reference_locator: locator }
}
