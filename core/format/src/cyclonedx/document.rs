//! The part of CycloneDX 1.6 that Lazaret writes and reads (bom-1.6.schema.json).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

type Text<'a> = Cow<'a, str>;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    pub(super) bom_format: Text<'a>,
    pub(super) spec_version: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) serial_number: Option<Text<'a>>,
    #[serde(default)]
    pub(super) version: u64,
    #[serde(default)]
    pub(super) metadata: Metadata<'a>,
    #[serde(default)]
    pub(super) components: Vec<Component<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) compositions: Vec<Composition<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) vulnerabilities: Vec<Vulnerability<'a>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) timestamp: Option<Text<'a>>,
    #[serde(default)]
    pub(super) tools: Tools<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) component: Option<Component<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property<'a>>,
}

/// Only written: foreign documents may have tools in the form of version 1.4, an array.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tools<'a> {
    pub(super) components: Vec<Component<'a>>,
}

impl<'de> Deserialize<'de> for Tools<'_> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self::default())
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Component<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(rename = "bom-ref", default, skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<Text<'a>>,
    pub(super) name: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hash<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<Evidence<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hash<'a> {
    pub(super) alg: Text<'a>,
    pub(super) content: Text<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Property<'a> {
    pub(super) name: Text<'a>,
    #[serde(default)]
    pub(super) value: Text<'a>,
}

impl<'a> Property<'a> {
    pub(super) fn new(name: impl Into<Text<'a>>, value: impl Into<Text<'a>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Evidence<'a> {
    #[serde(default)]
    pub(super) occurrences: Vec<Occurrence<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Occurrence<'a> {
    pub(super) location: Text<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Composition<'a> {
    pub(super) aggregate: Text<'a>,
    #[serde(default)]
    pub(super) assemblies: Vec<Text<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Vulnerability<'a> {
    pub(super) id: Text<'a>,
    pub(super) source: Source<'a>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) references: Vec<Alias<'a>>,
    pub(super) ratings: Vec<Rating<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recommendation: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) published: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) analysis: Option<Analysis<'a>>,
    pub(super) affects: Vec<Affected<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Source<'a> {
    pub(super) name: Text<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Alias<'a> {
    pub(super) id: Text<'a>,
    pub(super) source: Source<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Rating<'a> {
    pub(super) severity: Text<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Analysis<'a> {
    pub(super) response: Vec<Text<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Affected<'a> {
    #[serde(rename = "ref")]
    pub(super) reference: Text<'a>,
}
