//! OCI manifests and indexes and their Docker forefathers, read tolerantly where that is harmless.

use std::collections::BTreeMap;

use lazaret_model::{Digest, Platform};
use serde::{Deserialize, Serialize};

use crate::error::SourceError;
use crate::image;

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Content by digest (OCI image specification, "Descriptors").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) digest: String,
    #[serde(default)]
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<PlatformDocument>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlatformDocument {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
}

impl Descriptor {
    pub(crate) fn digest(&self) -> Result<Digest, String> {
        self.digest.parse().map_err(|error| format!("{error}"))
    }

    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(name).map(String::as_str)
    }

    pub(crate) fn platform(&self) -> Option<Platform> {
        let platform = self.platform.clone()?;
        Some(image::platform(platform.os, platform.architecture, platform.variant))
    }
}

/// What a reference leads to.
#[derive(Debug)]
pub(crate) enum Manifest {
    Image(Box<ImageManifest>),
    Index(Vec<Descriptor>),
}

#[derive(Debug)]
pub(crate) struct ImageManifest {
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    /// What the image or artifact is about.
    pub(crate) subject: Option<Descriptor>,
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u64,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    pub(crate) fn read(bytes: &[u8], subject: &str) -> Result<Self, SourceError> {
        let corrupt = |why: String| SourceError::Corrupt { subject: subject.to_owned(), why };
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| corrupt(format!("its manifest is malformed ({error})")))?;
        if document.schema_version != 2 {
            return Err(corrupt(format!("its manifest has the unknown version {}", document.schema_version)));
        }
        let said = document.media_type.unwrap_or_default();
        match (document.config, document.layers, document.manifests) {
            (Some(config), Some(layers), None) if !matches!(said.as_str(), OCI_INDEX | DOCKER_LIST) => {
                Ok(Self::Image(Box::new(ImageManifest {
                    media_type: if said.is_empty() { OCI_MANIFEST.to_owned() } else { said },
                    artifact_type: document.artifact_type.filter(|kind| !kind.is_empty()),
                    config,
                    layers,
                    subject: document.subject,
                    annotations: document.annotations.unwrap_or_default(),
                })))
            }
            (None, None, Some(manifests)) if !matches!(said.as_str(), OCI_MANIFEST | DOCKER_MANIFEST) => {
                Ok(Self::Index(manifests))
            }
            // Readers differ on what such a document is.
            _ => Err(corrupt("its manifest is neither clearly an image's nor clearly an index".to_owned())),
        }
    }
}

/// The entry of an index for a platform.
pub(crate) fn select<'a>(
    entries: &'a [Descriptor],
    wanted: &Platform,
    subject: &str,
) -> Result<&'a Descriptor, SourceError> {
    let images: Vec<&Descriptor> = entries.iter().filter(|entry| is_image(entry)).collect();
    let fits = |entry: &&&Descriptor| {
        entry.platform().is_some_and(|platform| {
            platform.os == wanted.os
                && platform.architecture == wanted.architecture
                && (wanted.variant.is_none()
                    || platform.variant.is_none()
                    || platform.variant == wanted.variant)
        })
    };
    match (images.iter().find(fits), images.as_slice()) {
        (Some(entry), _) => Ok(entry),
        // Nothing says what it is for, and nothing else is there.
        (None, [only]) if only.platform.is_none() => Ok(only),
        _ => Err(SourceError::NoPlatform {
            subject: subject.to_owned(),
            wanted: wanted.clone(),
            available: images
                .iter()
                .map(|entry| {
                    entry.platform().map_or_else(|| "an unnamed one".to_owned(), |it| it.to_string())
                })
                .collect(),
        }),
    }
}

/// Indexes list attestations and other artifacts among the images.
pub(crate) fn is_image(entry: &Descriptor) -> bool {
    let manifest =
        matches!(entry.media_type.as_str(), "" | OCI_MANIFEST | DOCKER_MANIFEST | OCI_INDEX | DOCKER_LIST);
    manifest
        && entry.artifact_type.as_ref().is_none_or(String::is_empty)
        && entry.annotation("vnd.docker.reference.type").is_none()
        && entry.platform.as_ref().is_none_or(|platform| platform.os != "unknown")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(os: &str, architecture: &str, variant: Option<&str>) -> Descriptor {
        Descriptor {
            media_type: OCI_MANIFEST.to_owned(),
            digest: format!("sha256:{}", "0".repeat(64)),
            size: 1,
            artifact_type: None,
            annotations: None,
            platform: Some(PlatformDocument {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
                variant: variant.map(str::to_owned),
            }),
        }
    }

    #[test]
    fn selects_the_platform() {
        let platform = |architecture: &str| Platform {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: None,
        };
        let entries = [
            entry("unknown", "unknown", None),
            entry("windows", "amd64", None),
            entry("linux", "arm64", Some("v8")),
        ];
        assert_eq!(select(&entries, &platform("arm64"), "x").unwrap(), &entries[2]);
        let error = select(&entries, &platform("s390x"), "x").unwrap_err().to_string();
        assert_eq!(error, "x has no image for linux/s390x, only for windows/amd64, linux/arm64/v8");
        let mut unnamed = entry("", "", None);
        unnamed.platform = None;
        assert!(select(&[unnamed], &platform("arm64"), "x").is_ok());
    }

    #[test]
    fn refuses_documents_of_two_kinds() {
        for text in [
            r#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{"digest":"x"}}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","layers":[],"config":{"digest":"x"}}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#,
            r#"{"schemaVersion":1,"manifests":[]}"#,
            r#"{"schemaVersion":2}"#,
            "[]",
        ] {
            assert!(Manifest::read(text.as_bytes(), "x").is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::read(&bytes, "x");
        }
    }
}
