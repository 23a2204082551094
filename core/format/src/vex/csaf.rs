//! CSAF 2.0 and 2.1 (OASIS): products in a tree, and relations that put a component into a platform.

use std::collections::HashMap;

use lazaret_model::Problem;
use serde::Deserialize;

use super::{Platform, Product, Statement, Status, Vex, VexError, malformed, problem};
use crate::sbom::or_default;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(deserialize_with = "or_default")]
    document: Head,
    #[serde(deserialize_with = "or_default")]
    product_tree: Tree,
    #[serde(deserialize_with = "or_default")]
    vulnerabilities: Vec<Told>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    #[serde(deserialize_with = "or_default")]
    publisher: Publisher,
    #[serde(deserialize_with = "or_default")]
    tracking: Tracking,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Publisher {
    #[serde(deserialize_with = "or_default")]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tracking {
    #[serde(deserialize_with = "or_default")]
    id: String,
    current_release_date: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tree {
    #[serde(deserialize_with = "or_default")]
    branches: Vec<Branch>,
    #[serde(deserialize_with = "or_default")]
    full_product_names: Vec<Full>,
    #[serde(deserialize_with = "or_default")]
    relationships: Vec<Relation>,
}

/// serde_json bounds how deep they go.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Branch {
    #[serde(deserialize_with = "or_default")]
    branches: Vec<Branch>,
    product: Option<Full>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Full {
    #[serde(deserialize_with = "or_default")]
    product_id: String,
    #[serde(deserialize_with = "or_default")]
    product_identification_helper: Helper,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Helper {
    purl: Option<String>,
    /// Version 2.1 has several.
    #[serde(deserialize_with = "or_default")]
    purls: Vec<String>,
    cpe: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Relation {
    #[serde(deserialize_with = "or_default")]
    full_product_name: Full,
    #[serde(deserialize_with = "or_default")]
    product_reference: String,
    #[serde(deserialize_with = "or_default")]
    relates_to_product_reference: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    cve: Option<String>,
    #[serde(deserialize_with = "or_default")]
    ids: Vec<Id>,
    #[serde(deserialize_with = "or_default")]
    product_status: HashMap<String, Vec<String>>,
    #[serde(deserialize_with = "or_default")]
    flags: Vec<Flag>,
    #[serde(deserialize_with = "or_default")]
    threats: Vec<Threat>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Id {
    #[serde(deserialize_with = "or_default")]
    text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Flag {
    #[serde(deserialize_with = "or_default")]
    label: String,
    #[serde(deserialize_with = "or_default")]
    product_ids: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Threat {
    #[serde(deserialize_with = "or_default")]
    category: String,
    #[serde(deserialize_with = "or_default")]
    details: String,
    #[serde(deserialize_with = "or_default")]
    product_ids: Vec<String>,
}

/// What each list of `product_status` says; what is recommended says nothing.
const STATUSES: &[(&str, Status)] = &[
    ("known_not_affected", Status::NotAffected),
    ("fixed", Status::Fixed),
    ("first_fixed", Status::Fixed),
    ("known_affected", Status::Affected),
    ("first_affected", Status::Affected),
    ("last_affected", Status::Affected),
    ("under_investigation", Status::UnderInvestigation),
];

pub(super) fn read(json: &[u8]) -> Result<Vex, VexError> {
    let document: Document = serde_json::from_slice(json).map_err(malformed("CSAF"))?;
    let products = Products::new(&document.product_tree);
    let (mut statements, mut problems) = (Vec::new(), Vec::new());
    for told in &document.vulnerabilities {
        tell(told, &document.document, &products, &mut statements, &mut problems);
    }
    Ok(Vex { id: document.document.tracking.id, statements, problems })
}

fn tell(
    told: &Told,
    head: &Head,
    products: &Products<'_>,
    statements: &mut Vec<Statement>,
    problems: &mut Vec<Problem>,
) {
    let ids: Vec<String> = told.cve.iter().chain(told.ids.iter().map(|id| &id.text)).cloned().collect();
    let subject = ids.first().cloned().unwrap_or_default();
    let reasons = Reasons::new(told);
    let mut unknown = 0usize;
    for (list, status) in STATUSES {
        // Products with the same reasons make one statement.
        let mut by_reason: HashMap<(Option<&str>, &str), usize> = HashMap::new();
        for id in told.product_status.get(*list).into_iter().flatten() {
            let found = products.named(id);
            if found.is_empty() {
                unknown += 1;
                continue;
            }
            let reason = reasons.of(id);
            let at = *by_reason.entry(reason).or_insert_with(|| {
                statements.push(Statement {
                    ids: ids.clone(),
                    products: Vec::new(),
                    status: *status,
                    justification: reason.0.map(str::to_owned),
                    text: reason.1.to_owned(),
                    author: head.publisher.name.clone(),
                    at: head.tracking.current_release_date.clone(),
                    origin: head.tracking.id.clone(),
                });
                statements.len() - 1
            });
            statements[at].products.extend(found);
        }
    }
    if unknown > 0 {
        let detail =
            format!("{unknown} products without a package URL, or on a platform without a known CPE");
        problems.push(problem(&subject, &detail));
    }
}

/// The tree, flat.
struct Products<'d> {
    helpers: HashMap<&'d str, &'d Helper>,
    relations: HashMap<&'d str, &'d Relation>,
}

impl<'d> Products<'d> {
    fn new(tree: &'d Tree) -> Self {
        let mut products = Self { helpers: HashMap::new(), relations: HashMap::new() };
        products.branches(&tree.branches);
        tree.full_product_names.iter().for_each(|full| products.add(full));
        for relation in &tree.relationships {
            products.add(&relation.full_product_name);
            products.relations.insert(&relation.full_product_name.product_id, relation);
        }
        products
    }

    fn branches(&mut self, branches: &'d [Branch]) {
        for branch in branches {
            if let Some(full) = &branch.product {
                self.add(full);
            }
            self.branches(&branch.branches);
        }
    }

    fn add(&mut self, full: &'d Full) {
        self.helpers.insert(&full.product_id, &full.product_identification_helper);
    }

    fn purls(&self, id: &str) -> impl Iterator<Item = &'d String> + use<'d> {
        let helper = self.helpers.get(id).copied();
        helper.into_iter().flat_map(|helper| helper.purl.iter().chain(&helper.purls))
    }

    /// What a product id stands for: a package, or a package that is part of an image or of one release.
    fn named(&self, id: &str) -> Vec<Product> {
        let Some(relation) = self.relations.get(id) else {
            return self.purls(id).map(Product::named).collect();
        };
        let mut part = relation.product_reference.as_str();
        let whole = relation.relates_to_product_reference.as_str();
        // A component of a module of a platform: the component is at the end of the chain. Bounded, for it may be a ring.
        for _ in 0..8 {
            match self.relations.get(part) {
                Some(inner) => part = &inner.product_reference,
                None => break,
            }
        }
        let parts: Vec<String> = self.purls(part).cloned().collect();
        if parts.is_empty() {
            return Vec::new();
        }
        let images: Vec<Product> = self
            .purls(whole)
            .map(|name| Product { name: name.clone(), parts: parts.clone(), platform: None })
            .collect();
        if !images.is_empty() {
            return images;
        }
        let platform = self.helpers.get(whole).and_then(|helper| helper.cpe.as_ref());
        let on = |platform: &String| {
            let named = |name| Product {
                name,
                parts: Vec::new(),
                platform: Some(Platform { name: platform.clone() }),
            };
            parts.into_iter().map(named).collect()
        };
        // Without a platform that can be told, it would speak of the component everywhere.
        platform.map(on).unwrap_or_default()
    }
}

/// Why the products of one vulnerability are not affected.
struct Reasons<'d> {
    flags: HashMap<&'d str, &'d str>,
    impacts: HashMap<&'d str, &'d str>,
    /// Of all products that none of `impacts` speaks of.
    impact: &'d str,
}

impl<'d> Reasons<'d> {
    fn new(told: &'d Told) -> Self {
        let mut reasons = Self { flags: HashMap::new(), impacts: HashMap::new(), impact: "" };
        for flag in &told.flags {
            reasons.flags.extend(flag.product_ids.iter().map(|id| (id.as_str(), flag.label.as_str())));
        }
        for threat in told.threats.iter().filter(|threat| threat.category == "impact") {
            if threat.product_ids.is_empty() {
                reasons.impact = &threat.details;
            }
            reasons
                .impacts
                .extend(threat.product_ids.iter().map(|id| (id.as_str(), threat.details.as_str())));
        }
        reasons
    }

    fn of(&self, id: &str) -> (Option<&'d str>, &'d str) {
        (self.flags.get(id).copied(), self.impacts.get(id).copied().unwrap_or(self.impact))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use lazaret_model::Limits;

    use super::*;

    pub(in super::super) const SAMPLE: &str = r#"{
        "document": { "category": "csaf_vex", "csaf_version": "2.0", "publisher": { "name": "Maker" },
            "tracking": { "id": "maker-1", "current_release_date": "2026-01-01T00:00:00Z" } },
        "product_tree": {
            "branches": [{ "branches": [
                { "product": { "product_id": "RHEL-9", "product_identification_helper": { "cpe": "cpe:/o:redhat:enterprise_linux:9" } } },
                { "product": { "product_id": "openssl", "product_identification_helper": { "purl": "pkg:rpm/redhat/openssl@3.0.7-18?arch=src" } } },
                { "product": { "product_id": "nameless" } }
            ] }],
            "full_product_names": [{ "product_id": "lib", "product_identification_helper": { "purl": "pkg:npm/lib@1" } }],
            "relationships": [
                { "full_product_name": { "product_id": "RHEL-9:openssl" }, "product_reference": "openssl", "relates_to_product_reference": "RHEL-9" },
                { "full_product_name": { "product_id": "ring" }, "product_reference": "ring", "relates_to_product_reference": "ring" }
            ] },
        "vulnerabilities": [{ "cve": "CVE-2026-1",
            "product_status": { "known_not_affected": ["RHEL-9:openssl", "lib", "nameless", "ring"], "known_affected": ["lib"] },
            "flags": [{ "label": "component_not_present", "product_ids": ["lib"] }],
            "threats": [{ "category": "impact", "details": "no harm", "product_ids": ["lib"] }] }] }"#;

    #[test]
    fn reads_products_and_platforms() {
        let vex = super::super::read(SAMPLE.as_bytes(), &Limits::default()).unwrap();
        let told: Vec<_> =
            vex.statements.iter().map(|told| (told.status, &*told.products[0].name, &*told.text)).collect();
        assert_eq!(
            told,
            [
                (Status::NotAffected, "pkg:rpm/redhat/openssl@3.0.7-18?arch=src", ""),
                (Status::NotAffected, "pkg:npm/lib@1", "no harm"),
                (Status::Affected, "pkg:npm/lib@1", "no harm"),
            ]
        );
        let platform = vex.statements[0].products[0].platform.as_ref().unwrap();
        assert_eq!(platform.name, "cpe:/o:redhat:enterprise_linux:9");
        assert_eq!(vex.statements[1].justification.as_deref(), Some("component_not_present"));
        assert_eq!((&*vex.id, vex.problems.len()), ("maker-1", 1));
    }
}
