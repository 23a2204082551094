//! The parts of the OSV schema that are read. Everything else in a document is passed over.

use serde::Deserialize;

use super::specific::Specific;
use crate::feed::text::Text;

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
pub(super) struct Document<'d> {
    pub(super) id: Text<'d>,
    schema_version: Option<Text<'d>>,
    pub(super) published: Option<Text<'d>>,
    pub(super) modified: Option<Text<'d>>,
    pub(super) withdrawn: Option<Text<'d>>,
    pub(super) summary: Option<Text<'d>>,
    pub(super) details: Option<Text<'d>>,
    pub(super) aliases: Option<Vec<Text<'d>>>,
    pub(super) upstream: Option<Vec<Text<'d>>>,
    pub(super) related: Option<Vec<Text<'d>>>,
    pub(super) severity: Option<Vec<Rating<'d>>>,
    pub(super) affected: Option<Vec<Affected<'d>>>,
    pub(super) database_specific: Option<Specific<'d>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
pub(super) struct Affected<'d> {
    pub(super) package: Option<Package<'d>>,
    pub(super) severity: Option<Vec<Rating<'d>>>,
    pub(super) ranges: Option<Vec<Range<'d>>>,
    pub(super) versions: Option<Vec<Text<'d>>>,
    pub(super) ecosystem_specific: Option<Specific<'d>>,
    pub(super) database_specific: Option<Specific<'d>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
pub(super) struct Package<'d> {
    pub(super) ecosystem: Text<'d>,
    pub(super) name: Text<'d>,
}

/// `type` is a version of CVSS or, with a word instead of a vector, the name of a publisher.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
pub(super) struct Rating<'d> {
    #[serde(rename = "type")]
    pub(super) kind: Text<'d>,
    pub(super) score: Text<'d>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
pub(super) struct Range<'d> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'d>>,
    #[serde(default)]
    pub(super) events: Vec<Event<'d>>,
}

/// One of the fields is set.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
pub(super) struct Event<'d> {
    pub(super) introduced: Option<Text<'d>>,
    pub(super) fixed: Option<Text<'d>>,
    pub(super) last_affected: Option<Text<'d>>,
}

impl Document<'_> {
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
