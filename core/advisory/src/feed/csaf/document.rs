//! The parts of a CSAF document that are read.

use std::collections::HashMap;

use lazaret_model::{AdvisoryStatus, Severity};
use serde::Deserialize;

use super::super::words;

#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) document: Header,
    #[serde(default)]
    pub(super) product_tree: Tree,
    #[serde(default)]
    pub(super) vulnerabilities: Vec<Subject>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Header {
    #[serde(default)]
    pub(super) title: String,
    pub(super) tracking: Tracking,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tracking {
    pub(super) id: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Tree {
    #[serde(default)]
    pub(super) branches: Vec<Branch>,
    #[serde(default)]
    pub(super) full_product_names: Vec<Product>,
    #[serde(default)]
    pub(super) relationships: Vec<Relationship>,
}

/// The parser of JSON bounds how deep branches lie.
#[derive(Debug, Deserialize)]
pub(super) struct Branch {
    #[serde(default)]
    pub(super) branches: Vec<Branch>,
    pub(super) product: Option<Product>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Product {
    #[serde(default)]
    pub(super) name: String,
    pub(super) product_id: String,
    #[serde(default)]
    pub(super) product_identification_helper: Helper,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Helper {
    pub(super) cpe: Option<String>,
    pub(super) purl: Option<String>,
}

/// `product_reference` in `relates_to_product_reference` is the new product.
#[derive(Debug, Deserialize)]
pub(super) struct Relationship {
    pub(super) full_product_name: Product,
    pub(super) product_reference: String,
    pub(super) relates_to_product_reference: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Subject {
    pub(super) cve: Option<String>,
    #[serde(default)]
    pub(super) ids: Vec<Id>,
    pub(super) title: Option<String>,
    pub(super) release_date: Option<String>,
    #[serde(default)]
    pub(super) product_status: Statuses,
    #[serde(default)]
    remediations: Vec<Remediation>,
    #[serde(default)]
    pub(super) scores: Vec<Score>,
    #[serde(default)]
    threats: Vec<Threat>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Id {
    pub(super) text: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Statuses {
    #[serde(default)]
    pub(super) fixed: Vec<String>,
    #[serde(default)]
    pub(super) known_affected: Vec<String>,
    #[serde(default)]
    pub(super) known_not_affected: Vec<String>,
    #[serde(default)]
    pub(super) under_investigation: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Remediation {
    category: String,
    details: Option<String>,
    url: Option<String>,
    #[serde(default)]
    product_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Score {
    pub(super) cvss_v3: Option<Cvss>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cvss {
    #[serde(rename = "vectorString")]
    pub(super) vector: String,
}

#[derive(Debug, Deserialize)]
struct Threat {
    category: String,
    details: Option<String>,
    #[serde(default)]
    product_ids: Vec<String>,
}

/// What is done about a product.
#[derive(Debug, Default)]
pub(super) struct Remedy {
    /// Where there is no fix: whether there will be one.
    pub(super) status: Option<AdvisoryStatus>,
    /// The vendor's announcement of the fix: `RHSA-2024:0001`.
    pub(super) announcement: Option<String>,
}

impl Subject {
    pub(super) fn remedies(&self) -> HashMap<&str, Remedy> {
        let mut found: HashMap<&str, Remedy> = HashMap::new();
        for remediation in &self.remediations {
            let details = remediation.details.as_deref().unwrap_or_default();
            let status = match remediation.category.as_str() {
                _ if details.starts_with("Out of support scope") => Some(AdvisoryStatus::EndOfLife),
                "no_fix_planned" => Some(AdvisoryStatus::WillNotFix),
                "none_available" => Some(AdvisoryStatus::Affected),
                _ => None,
            };
            let announcement = remediation
                .url
                .as_deref()
                .filter(|_| remediation.category == "vendor_fix")
                .and_then(|url| url.rsplit('/').next())
                .filter(|id| words::is_id(id) && id.contains('-'));
            for product in &remediation.product_ids {
                let remedy = found.entry(product).or_default();
                remedy.status = remedy.status.or(status);
                remedy.announcement = remedy.announcement.take().or_else(|| announcement.map(str::to_owned));
            }
        }
        found
    }

    /// The vendor's own ratings.
    pub(super) fn ratings(&self) -> HashMap<&str, Severity> {
        let impacts = self.threats.iter().filter(|threat| threat.category == "impact");
        impacts
            .flat_map(|threat| {
                let severity = words::severity(threat.details.as_deref().unwrap_or_default());
                threat.product_ids.iter().map(move |product| (product.as_str(), severity))
            })
            .collect()
    }
}
