//! The part of CycloneDX 1.6 and 1.7 that Lazaret writes (bom-1.6.schema.json, bom-1.7.schema.json).

use std::borrow::Cow;

use serde::Serialize;

type Text<'a> = Cow<'a, str>;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a, C> {
    pub(super) bom_format: Text<'a>,
    pub(super) spec_version: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) serial_number: Option<Text<'a>>,
    pub(super) version: u64,
    pub(super) metadata: Metadata<'a>,
    /// Made one after the other while they are written.
    pub(super) components: C,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) compositions: Vec<Composition<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) vulnerabilities: Vec<Vulnerability<'a>>,
}

impl<'a, C> Document<'a, C> {
    /// The same with something else in the place of the components.
    pub(super) fn with<D>(self, components: D) -> Document<'a, D> {
        let Self {
            bom_format,
            spec_version,
            serial_number,
            version,
            metadata,
            compositions,
            vulnerabilities,
            ..
        } = self;
        Document {
            bom_format,
            spec_version,
            serial_number,
            version,
            metadata,
            components,
            compositions,
            vulnerabilities,
        }
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timestamp: Option<Text<'a>>,
    pub(super) tools: Tools<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) component: Option<Component<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property<'a>>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Tools<'a> {
    pub(super) components: Vec<Component<'a>>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Component<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<Text<'a>>,
    pub(super) name: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hash<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) licenses: Vec<LicenceChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<Evidence<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Hash<'a> {
    pub(super) alg: Text<'a>,
    pub(super) content: Text<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LicenceChoice<'a> {
    License(Licence<'a>),
    Expression(Text<'a>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Licence<'a> {
    Id(Text<'a>),
    Name(Text<'a>),
}

#[derive(Debug, Serialize)]
pub(super) struct Property<'a> {
    pub(super) name: Text<'a>,
    pub(super) value: Text<'a>,
}

impl<'a> Property<'a> {
    pub(super) fn new(name: impl Into<Text<'a>>, value: impl Into<Text<'a>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Evidence<'a> {
    pub(super) identity: Vec<Identity>,
    pub(super) occurrences: Vec<Occurrence<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Identity {
    pub(super) field: &'static str,
    pub(super) confidence: f64,
    pub(super) methods: Vec<Method>,
}

#[derive(Debug, Serialize)]
pub(super) struct Method {
    pub(super) technique: &'static str,
    pub(super) confidence: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Occurrence<'a> {
    pub(super) location: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_context: Option<Text<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Composition<'a> {
    pub(super) aggregate: Text<'a>,
    pub(super) assemblies: Vec<Text<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Vulnerability<'a> {
    pub(super) id: Text<'a>,
    pub(super) source: Source<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) references: Vec<Alias<'a>>,
    pub(super) ratings: Vec<Rating<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recommendation: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) published: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) analysis: Option<Analysis<'a>>,
    pub(super) affects: Vec<Affected<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Source<'a> {
    pub(super) name: Text<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Alias<'a> {
    pub(super) id: Text<'a>,
    pub(super) source: Source<'a>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Rating<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<Source<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) severity: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vector: Option<Text<'a>>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Analysis<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) justification: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) response: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<Text<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Affected<'a> {
    #[serde(rename = "ref")]
    pub(super) reference: Text<'a>,
}
