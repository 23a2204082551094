//! Artifacts that are no images: one content of a kind of its own, under a name in a registry (OCI image
//! specification 1.1, "Guidelines for Artifact Usage").

use std::collections::BTreeMap;
use std::io::Read;

use lazaret_model::{Digest, ImageReference};
use serde::Serialize;
use tokio::runtime::Handle;

use super::blob::RemoteLayer;
use super::{ManifestDescriptor, Registry};
use crate::error::SourceError;
use crate::image::sha256;
use crate::layer::{LayerBytes, Opener};
use crate::manifest::{Descriptor, Manifest, OCI_MANIFEST};

const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_BYTES: &[u8] = b"{}";

/// A content to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Artifact<'a> {
    /// Media type of the artifact as a whole.
    pub kind: &'a str,
    /// Media type of its content.
    pub media_type: &'a str,
    pub content: &'a [u8],
    pub annotations: &'a BTreeMap<String, String>,
}

/// What a reference leads to; its content is still in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundArtifact {
    pub manifest: ManifestDescriptor,
    /// Media type of the content.
    pub media_type: String,
    pub content: Digest,
    /// Bytes of the content.
    pub size: u64,
    pub annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactManifest<'a> {
    schema_version: u32,
    media_type: &'static str,
    artifact_type: &'a str,
    config: Descriptor,
    layers: [Descriptor; 1],
    annotations: &'a BTreeMap<String, String>,
}

impl Registry {
    /// Stores an artifact under the reference's tag, `latest` if it has none.
    pub async fn push_artifact(
        &self,
        reference: &ImageReference,
        artifact: &Artifact<'_>,
    ) -> Result<ManifestDescriptor, SourceError> {
        let repository = self.repository(reference)?;
        let config = self.push_blob(&repository, EMPTY_BYTES).await?;
        let content = self.push_blob(&repository, artifact.content).await?;
        let manifest = ArtifactManifest {
            schema_version: 2,
            media_type: OCI_MANIFEST,
            artifact_type: artifact.kind,
            config: descriptor(EMPTY, config, EMPTY_BYTES.len()),
            layers: [descriptor(artifact.media_type, content, artifact.content.len())],
            annotations: artifact.annotations,
        };
        let bytes = serde_json::to_vec(&manifest)
            .map_err(|error| repository.failed("writing a manifest", error.to_string()))?;
        let described = ManifestDescriptor {
            media_type: OCI_MANIFEST.to_owned(),
            digest: sha256(&bytes),
            size: bytes.len() as u64,
        };
        let tag = reference.tag.as_deref().unwrap_or("latest");
        self.push_manifest(&repository, tag, OCI_MANIFEST, bytes).await?;
        Ok(described)
    }

    /// The artifact of a kind that a reference leads to. Fetches the manifest alone.
    pub async fn find_artifact(
        &self,
        reference: &ImageReference,
        kind: &str,
    ) -> Result<FoundArtifact, SourceError> {
        let (manifest, bytes) = self.manifest(reference).await?;
        let subject = reference.to_string();
        let corrupt = |why: String| SourceError::Corrupt { subject: subject.clone(), why };
        let Manifest::Image(document) = Manifest::read(&bytes, &subject)? else {
            return Err(corrupt(format!("it is an index, not an artifact of type {kind}")));
        };
        match document.artifact_type.as_deref() {
            Some(found) if found == kind => {}
            Some(other) => return Err(corrupt(format!("it is an artifact of type {other}, not {kind}"))),
            None => return Err(corrupt(format!("it is an image, not an artifact of type {kind}"))),
        }
        let [layer] = document.layers.as_slice() else {
            return Err(corrupt("it does not have one content".to_owned()));
        };
        Ok(FoundArtifact {
            manifest,
            media_type: layer.media_type.clone(),
            content: layer.digest().map_err(corrupt)?,
            size: layer.size,
            annotations: document.annotations,
        })
    }

    /// The content of an artifact, verified against its digest; at most so many bytes of it.
    pub async fn fetch_artifact(
        &self,
        reference: &ImageReference,
        found: &FoundArtifact,
        most: u64,
    ) -> Result<Vec<u8>, SourceError> {
        let subject = reference.to_string();
        if found.size > most {
            let why = format!("its content has {} bytes, more than the {most} allowed", found.size);
            return Err(SourceError::TooLarge { subject, why });
        }
        let repository = self.repository(reference)?;
        let registry = repository.registry.clone();
        let layer = RemoteLayer {
            registry: self.clone(),
            repository,
            digest: found.content,
            size: found.size,
            runtime: Handle::current(),
        };
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            match layer.open()? {
                LayerBytes::Stream(mut stream) => stream.read_to_end(&mut bytes)?,
                LayerBytes::Window(_) => 0,
            };
            Ok(bytes)
        });
        let read = read.await.map_err(std::io::Error::other).and_then(|read: std::io::Result<_>| read);
        read.map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => SourceError::Corrupt { subject, why: error.to_string() },
            _ => SourceError::RegistryFailed { registry, what: subject, why: error.to_string() },
        })
    }
}

fn descriptor(media_type: &str, digest: Digest, size: usize) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: digest.to_string(),
        size: size as u64,
        artifact_type: None,
        annotations: None,
        platform: None,
    }
}
