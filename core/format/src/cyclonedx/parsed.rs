//! The part of CycloneDX that Lazaret reads, of any version and writer: what is absent or `null` is empty.

use serde::Deserialize;

use crate::sbom::or_default;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Document {
    #[serde(deserialize_with = "or_default")]
    pub(super) bom_format: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) spec_version: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) metadata: Metadata,
    #[serde(deserialize_with = "or_default")]
    pub(super) components: Vec<Component>,
    #[serde(deserialize_with = "or_default")]
    pub(super) compositions: Vec<Composition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    #[serde(deserialize_with = "or_default")]
    pub(super) component: Component,
    #[serde(deserialize_with = "or_default")]
    pub(super) properties: Vec<Property>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Component {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(super) kind: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) description: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) hashes: Vec<Hash>,
    #[serde(deserialize_with = "or_default")]
    pub(super) licenses: Vec<LicenceChoice>,
    pub(super) purl: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) properties: Vec<Property>,
    #[serde(deserialize_with = "or_default")]
    pub(super) evidence: Evidence,
    /// Parts of this one; serde_json bounds how deep they go.
    #[serde(deserialize_with = "or_default")]
    pub(super) components: Vec<Component>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hash {
    #[serde(deserialize_with = "or_default")]
    pub(super) alg: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) content: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LicenceChoice {
    #[serde(deserialize_with = "or_default")]
    pub(super) license: Licence,
    pub(super) expression: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Licence {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Property {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Evidence {
    #[serde(deserialize_with = "or_default")]
    pub(super) occurrences: Vec<Occurrence>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Occurrence {
    #[serde(deserialize_with = "or_default")]
    pub(super) location: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Composition {
    #[serde(deserialize_with = "or_default")]
    pub(super) aggregate: String,
}

impl Component {
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|property| property.name == name).map(|property| property.value.as_str())
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.properties.iter().map(|property| (property.name.as_str(), property.value.as_str()))
    }

    pub(super) fn licences(&self) -> Vec<String> {
        let text = |choice: &LicenceChoice| {
            let Licence { id, name } = &choice.license;
            id.as_ref().or(name.as_ref()).or(choice.expression.as_ref()).cloned()
        };
        self.licenses.iter().filter_map(text).collect()
    }

    pub(super) fn location(&self) -> Option<&str> {
        self.evidence.occurrences.first().map(|occurrence| occurrence.location.as_str())
    }
}
