//! The parts of the OSV schema that are read. Everything else in a document is passed over.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) id: String,
    #[serde(default)]
    schema_version: Option<String>,
    #[serde(default)]
    pub(super) published: Option<String>,
    #[serde(default)]
    pub(super) modified: Option<String>,
    #[serde(default)]
    pub(super) withdrawn: Option<String>,
    #[serde(default)]
    pub(super) summary: Option<String>,
    #[serde(default)]
    pub(super) details: Option<String>,
    #[serde(default)]
    pub(super) aliases: Option<Vec<String>>,
    #[serde(default)]
    pub(super) upstream: Option<Vec<String>>,
    #[serde(default)]
    pub(super) related: Option<Vec<String>>,
    #[serde(default)]
    pub(super) affected: Option<Vec<Affected>>,
    #[serde(default)]
    pub(super) database_specific: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Affected {
    #[serde(default)]
    pub(super) package: Option<Package>,
    #[serde(default)]
    pub(super) ranges: Option<Vec<Range>>,
    #[serde(default)]
    pub(super) versions: Option<Vec<String>>,
    #[serde(default)]
    pub(super) ecosystem_specific: Option<serde_json::Value>,
    #[serde(default)]
    pub(super) database_specific: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) ecosystem: String,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Range {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) events: Vec<Event>,
}

/// One of the fields is set.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    #[serde(default)]
    pub(super) introduced: Option<String>,
    #[serde(default)]
    pub(super) fixed: Option<String>,
    #[serde(default)]
    pub(super) last_affected: Option<String>,
}

impl Document {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if !is_id(&self.id) {
            return Err("its `id` is not made of 1 to 100 letters, digits and `-._:/+`");
        }
        if self.schema_version.as_ref().is_some_and(|version| !version.starts_with("1.")) {
            return Err("its `schema_version` is newer than the schema 1.x that is understood");
        }
        Ok(())
    }
}

pub(super) fn is_id(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':' | b'/' | b'+'))
}
