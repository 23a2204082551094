use lazaret_model::{Digest, Distribution, Limits, Problem, ProblemKind};

use super::foreign;
use super::parsed::{Component, Document};
use crate::sbom::{
    Collector, Inventory, ReadError, Restored, property, restore_image, restore_package, restore_problem,
    unknown_image,
};
use crate::words::shorten;

const VERSIONS: &[&str] = &["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];

/// Reads a document of any writer: exactly what was written where that was Lazaret, and of others all packages
/// that a package URL names.
pub fn read(json: &[u8], limits: &Limits) -> Result<Inventory, ReadError> {
    let document: Document = serde_json::from_slice(json).map_err(|error| ReadError::Malformed {
        format: "CycloneDX JSON",
        why: shorten(&error.to_string()),
    })?;
    if document.bom_format != "CycloneDX" || !VERSIONS.contains(&&*document.spec_version) {
        let found = shorten(&format!("{} {}", document.bom_format, document.spec_version));
        return Err(ReadError::Version { found });
    }
    let subject = &document.metadata.component;
    let mut collector = Collector::new(limits);
    let mut image = unknown_image(json);
    if subject.find(property::CONFIG).is_some() {
        let restored = restore_image(subject.fields(), &mut image);
        if let Err(field) = restored {
            collector.problem(&subject.name, &format!("the property {field} is not as Lazaret writes it"));
        }
        image.manifest = manifest(subject);
    } else {
        foreign::subject(subject, &mut image, &mut collector);
    }
    let mut systems = Systems::default();
    components(&document.components, &mut systems, &mut collector);
    components(&subject.components, &mut systems, &mut collector);
    let (packages, mut problems) = collector.finish();
    let told = document.metadata.properties.iter().filter(|told| told.name == property::PROBLEM);
    problems.extend(told.map(|told| restore_problem(&told.value)));
    if problems.is_empty() && document.compositions.iter().any(|part| part.aggregate == "incomplete") {
        let detail = "says of itself that it is incomplete";
        problems.push(Problem::new(ProblemKind::Unsupported, "bill of material", detail));
    }
    Ok(Inventory {
        name: subject.name.clone(),
        image,
        distribution: systems.stated.or(systems.named),
        packages,
        problems,
    })
}

pub(super) fn manifest(subject: &Component) -> Option<Digest> {
    let hash = subject.hashes.iter().find(|hash| hash.alg == "SHA-256");
    hash.and_then(|hash| Digest::from_hex(&hash.content).ok())
}

/// The operating system: as a component of its own, else as the first package URL tells it.
#[derive(Default)]
pub(super) struct Systems {
    stated: Option<Distribution>,
    named: Option<Distribution>,
}

fn components(list: &[Component], systems: &mut Systems, collector: &mut Collector<'_>) {
    for component in list {
        if component.kind == "operating-system" {
            systems.stated.get_or_insert_with(|| distribution(component));
        } else if component.find(property::ECOSYSTEM).is_some() {
            let rest = Restored {
                name: component.name.clone(),
                version: component.version.clone().unwrap_or_default(),
                location: component.location().unwrap_or_default().to_owned(),
                licences: component.licences(),
            };
            match restore_package(|name| component.find(name), rest) {
                Ok(package) => collector.push(package),
                Err(field) => {
                    let detail = format!("the property {field} is missing or not as Lazaret writes it");
                    collector.problem(&component.name, &detail);
                }
            }
        } else if let Some(found) = foreign::component(component, collector) {
            systems.named.get_or_insert(found);
        }
        components(&component.components, systems, collector);
    }
}

pub(super) fn distribution(component: &Component) -> Distribution {
    Distribution {
        id: component.name.clone(),
        version: component.version.clone(),
        codename: component.find(property::CODENAME).map(str::to_owned),
        title: component.description.clone().or(component.find("syft:distro:prettyName").map(str::to_owned)),
    }
}
