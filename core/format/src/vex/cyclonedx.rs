//! CycloneDX as VEX: vulnerabilities with an analysis, which refer to components here or in another document.

use std::collections::HashMap;

use lazaret_model::Problem;
use serde::Deserialize;

use super::{Product, Statement, Status, Vex, VexError, malformed, problem};
use crate::purl::{self, Purl};
use crate::sbom::or_default;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    #[serde(deserialize_with = "or_default")]
    serial_number: String,
    #[serde(deserialize_with = "or_default")]
    metadata: Metadata,
    #[serde(deserialize_with = "or_default")]
    components: Vec<Component>,
    #[serde(deserialize_with = "or_default")]
    vulnerabilities: Vec<Told>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    timestamp: Option<String>,
    #[serde(deserialize_with = "or_default")]
    component: Component,
    #[serde(deserialize_with = "or_default")]
    supplier: Named,
    #[serde(deserialize_with = "or_default")]
    authors: Vec<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    #[serde(deserialize_with = "or_default")]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Component {
    #[serde(rename = "bom-ref", deserialize_with = "or_default")]
    reference: String,
    purl: Option<String>,
    #[serde(deserialize_with = "or_default")]
    components: Vec<Component>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    references: Vec<Alias>,
    #[serde(deserialize_with = "or_default")]
    analysis: Analysis,
    #[serde(deserialize_with = "or_default")]
    affects: Vec<Affected>,
    updated: Option<String>,
    published: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Alias {
    #[serde(deserialize_with = "or_default")]
    id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Analysis {
    state: Option<String>,
    justification: Option<String>,
    #[serde(deserialize_with = "or_default")]
    detail: String,
    last_updated: Option<String>,
    first_issued: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Affected {
    #[serde(rename = "ref", deserialize_with = "or_default")]
    reference: String,
    #[serde(deserialize_with = "or_default")]
    versions: Vec<Version>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Version {
    version: Option<String>,
    status: Option<String>,
}

pub(super) fn read(json: &[u8]) -> Result<Vex, VexError> {
    let document: Document = serde_json::from_slice(json).map_err(malformed("CycloneDX"))?;
    let mut purls = HashMap::new();
    collect(std::slice::from_ref(&document.metadata.component), &mut purls);
    collect(&document.components, &mut purls);
    let author = [&document.metadata.supplier].into_iter().chain(&document.metadata.authors);
    let author = author.map(|named| named.name.as_str()).find(|name| !name.is_empty()).unwrap_or_default();
    let (mut statements, mut problems) = (Vec::new(), Vec::new());
    for told in &document.vulnerabilities {
        // Without a state it tells that there is something, not whether it matters.
        let Some(state) = &told.analysis.state else { continue };
        let Some(status) = status(state) else {
            problems.push(problem(&told.id, "an analysis with a state that CycloneDX does not have"));
            continue;
        };
        let analysis = &told.analysis;
        let times = [
            &analysis.last_updated,
            &analysis.first_issued,
            &told.updated,
            &told.published,
            &document.metadata.timestamp,
        ];
        let statement = Statement {
            ids: std::iter::once(&told.id)
                .chain(told.references.iter().map(|alias| &alias.id))
                .cloned()
                .collect(),
            products: Vec::new(),
            status,
            justification: analysis.justification.clone(),
            text: analysis.detail.clone(),
            author: author.to_owned(),
            at: times.into_iter().flatten().next().cloned(),
            origin: document.serial_number.clone(),
        };
        for (status, products) in products(told, status, &purls, &mut problems) {
            statements.push(Statement { products, status, ..statement.clone() });
        }
    }
    Ok(Vex { id: document.serial_number, statements, problems })
}

fn collect<'d>(components: &'d [Component], purls: &mut HashMap<&'d str, &'d str>) {
    for component in components {
        if let Some(purl) = component.purl.as_deref().filter(|_| !component.reference.is_empty()) {
            purls.insert(&component.reference, purl);
        }
        collect(&component.components, purls);
    }
}

fn status(state: &str) -> Option<Status> {
    Some(match state {
        "resolved" | "resolved_with_pedigree" => Status::Fixed,
        "not_affected" | "false_positive" => Status::NotAffected,
        "exploitable" => Status::Affected,
        "in_triage" => Status::UnderInvestigation,
        _ => return None,
    })
}

/// Products by what is said of them: single versions may be said to be otherwise than the whole.
fn products(
    told: &Told,
    status: Status,
    purls: &HashMap<&str, &str>,
    problems: &mut Vec<Problem>,
) -> Vec<(Status, Vec<Product>)> {
    let (mut plain, mut affected, mut unaffected) = (Vec::new(), Vec::new(), Vec::new());
    for product in &told.affects {
        let name = resolve(&product.reference, purls);
        if product.versions.is_empty() {
            plain.push(Product::named(name));
            continue;
        }
        for version in &product.versions {
            let Some(name) = version.version.as_deref().and_then(|version| with_version(&name, version))
            else {
                problems.push(problem(
                    &told.id,
                    "a statement about a range of versions, or about no package URL",
                ));
                continue;
            };
            match version.status.as_deref() {
                Some("unaffected") => unaffected.push(Product::named(name)),
                Some("unknown") => {}
                // The default is `affected`, which takes nothing out whatever the state.
                _ => affected.push(Product::named(name)),
            }
        }
    }
    let open = if status == Status::UnderInvestigation { status } else { Status::Affected };
    let safe = if status == Status::Fixed { status } else { Status::NotAffected };
    [(status, plain), (open, affected), (safe, unaffected)]
        .into_iter()
        .filter(|(_, products)| !products.is_empty())
        .collect()
}

/// The package URL of a component of this document; of another (`urn:cdx:…/1#pkg%3Anpm…`) the reference itself,
/// which is a package URL more often than not.
fn resolve(reference: &str, purls: &HashMap<&str, &str>) -> String {
    if let Some(purl) = purls.get(reference) {
        return (*purl).to_owned();
    }
    let is_link = reference.starts_with("urn:cdx:");
    let Some((_, rest)) = reference.split_once('#').filter(|_| is_link) else { return reference.to_owned() };
    if rest.starts_with("pkg:") { rest.to_owned() } else { purl::decode(rest).into_owned() }
}

fn with_version(name: &str, version: &str) -> Option<String> {
    let mut purl = Purl::parse(name).ok()?;
    purl.version = Some(version.into());
    Some(purl.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use lazaret_model::Limits;

    use super::*;

    pub(in super::super) const SAMPLE: &str = r#"{
        "bomFormat": "CycloneDX", "specVersion": "1.4", "serialNumber": "urn:uuid:1", "version": 1,
        "metadata": { "timestamp": "2026-01-01T00:00:00Z", "supplier": { "name": "Maker" } },
        "components": [{ "type": "library", "name": "lodash", "bom-ref": "a", "purl": "pkg:npm/lodash@4.17.4" }],
        "vulnerabilities": [
            { "id": "CVE-2026-1", "references": [{ "id": "GHSA-1" }],
              "analysis": { "state": "not_affected", "justification": "code_not_reachable", "detail": "never called" },
              "affects": [{ "ref": "a" }, { "ref": "urn:cdx:3e67-89/1#pkg%3Anpm%2Fx%401" }] },
            { "id": "CVE-2026-2", "analysis": { "state": "resolved" },
              "affects": [{ "ref": "a", "versions": [
                  { "version": "4.17.21", "status": "unaffected" }, { "version": "4.17.4" }, { "range": "vers:npm/<4" }
              ] }] },
            { "id": "CVE-2026-3", "affects": [{ "ref": "a" }] },
            { "id": "CVE-2026-4", "analysis": { "state": "odd" }, "affects": [{ "ref": "a" }] }
        ] }"#;

    #[test]
    fn reads_states_of_components_and_of_versions() {
        let vex = super::super::read(SAMPLE.as_bytes(), &Limits::default()).unwrap();
        let told: Vec<_> = vex
            .statements
            .iter()
            .map(|statement| {
                let names: Vec<&str> =
                    statement.products.iter().map(|product| product.name.as_str()).collect();
                (statement.ids[0].as_str(), statement.status, names.join(" "))
            })
            .collect();
        assert_eq!(
            told,
            [
                ("CVE-2026-1", Status::NotAffected, "pkg:npm/lodash@4.17.4 pkg:npm/x@1".to_owned()),
                ("CVE-2026-2", Status::Affected, "pkg:npm/lodash@4.17.4".to_owned()),
                ("CVE-2026-2", Status::Fixed, "pkg:npm/lodash@4.17.21".to_owned()),
            ]
        );
        assert_eq!((&*vex.statements[0].author, vex.statements[0].ids.len()), ("Maker", 2));
        assert_eq!(vex.problems.len(), 2);
    }
}
