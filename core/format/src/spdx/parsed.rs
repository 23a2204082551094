//! The part of SPDX 2.2 and 2.3 that Lazaret reads, of any writer: what is absent or `null` is empty.

use serde::Deserialize;

use crate::sbom::or_default;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Document {
    #[serde(deserialize_with = "or_default")]
    pub(super) spdx_version: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) packages: Vec<Package>,
    #[serde(deserialize_with = "or_default")]
    pub(super) annotations: Vec<Annotation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Package {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    pub(super) version_info: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) license_declared: String,
    pub(super) source_info: Option<String>,
    pub(super) description: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) primary_package_purpose: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) checksums: Vec<Checksum>,
    #[serde(deserialize_with = "or_default")]
    pub(super) external_refs: Vec<ExternalRef>,
    #[serde(deserialize_with = "or_default")]
    pub(super) annotations: Vec<Annotation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Checksum {
    #[serde(deserialize_with = "or_default")]
    pub(super) algorithm: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) checksum_value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ExternalRef {
    #[serde(deserialize_with = "or_default")]
    pub(super) reference_type: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) reference_locator: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation {
    #[serde(deserialize_with = "or_default")]
    pub(super) annotator: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) comment: String,
}

impl Annotation {
    /// The fields that Lazaret put there; nothing of what others say.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let is_own = self.annotator.starts_with("Tool: lazaret-");
        is_own.then(|| serde_json::from_str(&self.comment).ok()).flatten().unwrap_or_default()
    }
}

impl Package {
    pub(super) fn purls(&self) -> impl Iterator<Item = &str> {
        self.external_refs
            .iter()
            .filter(|reference| reference.reference_type == "purl")
            .map(|reference| reference.reference_locator.as_str())
    }
}
