//! Artifacts that are no images: contents of a kind of their own, under a name in a registry (OCI image
//! specification 1.1, "Guidelines for Artifact Usage").

use std::collections::BTreeMap;
use std::io::Read;

use futures_util::{StreamExt, TryStreamExt, stream};
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
/// Contents that travel at once.
const AT_ONCE: usize = 8;

/// Contents to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Artifact<'a> {
    /// Media type of the artifact as a whole.
    pub kind: &'a str,
    pub contents: &'a [ArtifactContent],
    pub annotations: &'a BTreeMap<String, String>,
}

/// One of an artifact's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactContent {
    pub media_type: String,
    pub bytes: bytes::Bytes,
    pub annotations: BTreeMap<String, String>,
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredArtifact {
    pub manifest: ManifestDescriptor,
    /// Bytes of contents that were not there yet.
    pub sent: u64,
}

/// A document, and by what it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub descriptor: ManifestDescriptor,
    pub bytes: Vec<u8>,
}

/// What a reference leads to; its contents are still in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundArtifact {
    pub manifest: ManifestDescriptor,
    pub contents: Vec<FoundContent>,
    pub annotations: BTreeMap<String, String>,
}

/// A content in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundContent {
    pub media_type: String,
    pub digest: Digest,
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
    layers: Vec<Descriptor>,
    annotations: &'a BTreeMap<String, String>,
}

impl Artifact<'_> {
    /// The manifest that the artifact is stored under.
    pub fn manifest(&self) -> Result<Document, serde_json::Error> {
        let layer = |content: &ArtifactContent| Descriptor {
            annotations: Some(content.annotations.clone()).filter(|it| !it.is_empty()),
            ..descriptor(&content.media_type, sha256(&content.bytes), content.bytes.len())
        };
        let manifest = ArtifactManifest {
            schema_version: 2,
            media_type: OCI_MANIFEST,
            artifact_type: self.kind,
            config: descriptor(EMPTY, sha256(EMPTY_BYTES), EMPTY_BYTES.len()),
            layers: self.contents.iter().map(layer).collect(),
            annotations: self.annotations,
        };
        Ok(Document::manifest(serde_json::to_vec(&manifest)?))
    }
}

impl Document {
    pub(super) fn manifest(bytes: Vec<u8>) -> Self {
        let (digest, size) = (sha256(&bytes), bytes.len() as u64);
        Self { descriptor: ManifestDescriptor { media_type: OCI_MANIFEST.to_owned(), digest, size }, bytes }
    }
}

impl Registry {
    /// Stores an artifact under the reference's tag, `latest` if it has none. What is there already is not sent.
    pub async fn push_artifact(
        &self,
        reference: &ImageReference,
        artifact: &Artifact<'_>,
    ) -> Result<StoredArtifact, SourceError> {
        let repository = &self.repository(reference)?;
        self.push_blob(repository, EMPTY_BYTES).await?;
        let sent = stream::iter(artifact.contents)
            .map(|content| async move {
                let (_, is_new) = self.push_blob_if_new(repository, &content.bytes).await?;
                Ok::<u64, SourceError>(if is_new { content.bytes.len() as u64 } else { 0 })
            })
            .buffer_unordered(AT_ONCE)
            .try_fold(0_u64, async |all, sent| Ok(all.saturating_add(sent)))
            .await?;
        let document = artifact
            .manifest()
            .map_err(|error| repository.failed("writing a manifest", error.to_string()))?;
        let tag = reference.tag.as_deref().unwrap_or("latest");
        self.push_manifest(repository, tag, OCI_MANIFEST, document.bytes).await?;
        Ok(StoredArtifact { manifest: document.descriptor, sent })
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
        let content = |layer: &Descriptor| {
            Ok(FoundContent {
                media_type: layer.media_type.clone(),
                digest: layer.digest().map_err(corrupt)?,
                size: layer.size,
                annotations: layer.annotations.clone().unwrap_or_default(),
            })
        };
        let contents = document.layers.iter().map(content).collect::<Result<_, SourceError>>()?;
        Ok(FoundArtifact { manifest, contents, annotations: document.annotations })
    }

    /// Contents of an artifact, verified against their digests, in the order in which they come; together at most so
    /// many bytes. `take` ends it by giving `false`.
    pub async fn fetch_contents(
        &self,
        reference: &ImageReference,
        contents: &[FoundContent],
        most: u64,
        take: &mut (dyn FnMut(&FoundContent, Vec<u8>) -> bool + Send),
    ) -> Result<(), SourceError> {
        let size = contents.iter().fold(0_u64, |all, content| all.saturating_add(content.size));
        if size > most {
            let why = format!("its content has {size} bytes, more than the {most} allowed");
            return Err(SourceError::TooLarge { subject: reference.to_string(), why });
        }
        let mut coming = stream::iter(contents)
            .map(|content| async move { (content, self.fetch_content(reference, content).await) })
            .buffer_unordered(AT_ONCE);
        while let Some((content, bytes)) = coming.next().await {
            if !take(content, bytes?) {
                break;
            }
        }
        Ok(())
    }

    async fn fetch_content(
        &self,
        reference: &ImageReference,
        content: &FoundContent,
    ) -> Result<Vec<u8>, SourceError> {
        let subject = reference.to_string();
        let repository = self.repository(reference)?;
        let registry = repository.registry.clone();
        let layer = RemoteLayer {
            registry: self.clone(),
            repository,
            digest: content.digest,
            size: content.size,
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
