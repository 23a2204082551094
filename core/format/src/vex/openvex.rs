//! OpenVEX 0.2.0 and 0.0.1 (openvex.dev/ns): vulnerabilities and products are texts or objects.

use lazaret_model::Problem;
use serde::Deserialize;

use super::{Product, Statement, Status, Vex, VexError, malformed, problem};
use crate::sbom::or_default;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(rename = "@id", deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    author: String,
    timestamp: Option<String>,
    last_updated: Option<String>,
    #[serde(deserialize_with = "or_default")]
    statements: Vec<Told>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    vulnerability: Option<Named>,
    timestamp: Option<String>,
    last_updated: Option<String>,
    #[serde(deserialize_with = "or_default")]
    products: Vec<Named>,
    /// Version 0.0.1: parts of all products.
    #[serde(deserialize_with = "or_default")]
    subcomponents: Vec<Named>,
    #[serde(deserialize_with = "or_default")]
    status: String,
    justification: Option<String>,
    impact_statement: Option<String>,
    status_notes: Option<String>,
    supplier: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Named {
    Text(String),
    Object(Object),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    #[serde(rename = "@id")]
    id: Option<String>,
    name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    aliases: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    identifiers: Identifiers,
    #[serde(deserialize_with = "or_default")]
    hashes: Hashes,
    #[serde(deserialize_with = "or_default")]
    subcomponents: Vec<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Identifiers {
    purl: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hashes {
    #[serde(rename = "sha-256")]
    sha_256: Option<String>,
}

pub(super) fn read(json: &[u8]) -> Result<Vex, VexError> {
    let document: Document = serde_json::from_slice(json).map_err(malformed("OpenVEX"))?;
    let (mut statements, mut problems) = (Vec::new(), Vec::new());
    let at = document.last_updated.or(document.timestamp);
    for told in document.statements {
        match statement(told, &document.author, at.as_deref(), &document.id) {
            Ok(statement) => statements.push(statement),
            Err(problem) => problems.push(problem),
        }
    }
    Ok(Vex { id: document.id, statements, problems })
}

fn statement(told: Told, author: &str, at: Option<&str>, origin: &str) -> Result<Statement, Problem> {
    let ids = match told.vulnerability {
        Some(Named::Text(name)) => vec![name],
        Some(Named::Object(Object { id, name, aliases, .. })) => {
            name.or(id).into_iter().chain(aliases).collect()
        }
        None => Vec::new(),
    };
    let subject = ids.first().cloned().unwrap_or_default();
    let status = Status::from_name(&told.status)
        .ok_or_else(|| problem(&subject, "a statement with a status that OpenVEX does not have"))?;
    if ids.is_empty() || told.products.is_empty() {
        return Err(problem(&subject, "a statement without a vulnerability or without products"));
    }
    let shared: Vec<String> = told.subcomponents.iter().flat_map(names).collect();
    let product = |product: &Named| {
        let mut parts = shared.clone();
        if let Named::Object(object) = product {
            parts.extend(object.subcomponents.iter().flat_map(names));
        }
        // Every name of a product is one that it may be known by.
        names(product)
            .into_iter()
            .map(move |name| Product { name, parts: parts.clone(), platform: None })
            .collect::<Vec<_>>()
    };
    let text = [told.impact_statement, told.status_notes].into_iter().flatten().find(|text| !text.is_empty());
    Ok(Statement {
        products: told.products.iter().flat_map(product).collect(),
        ids,
        status,
        justification: told.justification.filter(|text| !text.is_empty()),
        text: text.unwrap_or_default(),
        author: told.supplier.filter(|text| !text.is_empty()).unwrap_or_else(|| author.to_owned()),
        at: told.last_updated.or(told.timestamp).or_else(|| at.map(str::to_owned)),
        origin: origin.to_owned(),
    })
}

fn names(named: &Named) -> Vec<String> {
    match named {
        Named::Text(text) => vec![text.clone()],
        Named::Object(object) => {
            let digest = object.hashes.sha_256.as_ref().map(|hex| format!("sha256:{hex}"));
            // A hash tells more than a name: it must be the one, whatever the name.
            match digest {
                Some(digest) => vec![digest],
                None => {
                    [&object.identifiers.purl, &object.id].into_iter().flatten().take(1).cloned().collect()
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use lazaret_model::Limits;

    use super::*;

    pub(in super::super) const SAMPLE: &str = r#"{
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://maker.example/vex/1", "author": "Maker",
        "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": [
            { "vulnerability": { "name": "CVE-2026-1", "aliases": ["GHSA-1"] }, "status": "not_affected",
              "justification": "vulnerable_code_not_present", "impact_statement": "only the client",
              "products": [{ "@id": "pkg:oci/shop", "subcomponents": [{ "@id": "pkg:npm/lodash@4.17.4" }] }] },
            { "vulnerability": "CVE-2026-2", "status": "fixed", "products": ["pkg:npm/lodash"], "timestamp": "2026-02-01T00:00:00Z" },
            { "vulnerability": "CVE-2026-3", "status": "harmless", "products": ["pkg:npm/lodash"] },
            { "status": "fixed" }
        ] }"#;

    #[test]
    fn reads_both_versions_and_says_what_it_cannot() {
        let vex = super::super::read(SAMPLE.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(
            (&*vex.id, vex.statements.len(), vex.problems.len()),
            ("https://maker.example/vex/1", 2, 2)
        );
        let [first, second] = &vex.statements[..] else { panic!("{vex:?}") };
        assert_eq!(
            (&first.ids[..], first.status),
            (&["CVE-2026-1".to_owned(), "GHSA-1".to_owned()][..], Status::NotAffected)
        );
        assert_eq!(first.products[0].parts, ["pkg:npm/lodash@4.17.4"]);
        assert_eq!((&*first.text, &*first.author), ("only the client", "Maker"));
        assert_eq!(second.at.as_deref(), Some("2026-02-01T00:00:00Z"));
    }
}
