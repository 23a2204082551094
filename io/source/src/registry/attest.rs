//! Attestations beside an image: each DSSE envelope is an artifact manifest whose subject is the image.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use lazaret_model::{Digest, ImageReference, Problem, ProblemKind};
use serde::Serialize;

use super::artifact::Document;
use super::client::{Repository, Request, explain};
use super::token::Access;
use super::{ManifestDescriptor, Registry};
use crate::error::SourceError;
use crate::image::sha256;
use crate::manifest::{Descriptor, Manifest, OCI_INDEX, OCI_MANIFEST};

const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_BYTES: &[u8] = b"{}";
const PREDICATE: &str = "in-toto.io/predicate-type";
/// Attestations of one image that are read.
const MOST: usize = 1_000;
const AT_ONCE: usize = 8;

/// An envelope to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// The DSSE envelope, as JSON.
    pub envelope: &'a [u8],
    pub predicate_type: &'a str,
}

/// An envelope that was found. Nothing of it is verified but that it is the content of its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Digest of the envelope's bytes.
    pub digest: Digest,
    pub envelope: Vec<u8>,
    /// What the registry says the predicate is; the envelope's own word counts.
    pub predicate_type: Option<String>,
}

/// An artifact manifest. Its bytes depend on nothing but what is attached: attaching twice is once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    schema_version: u32,
    media_type: &'static str,
    artifact_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
    subject: Descriptor,
    annotations: BTreeMap<String, String>,
}

impl Attachment<'_> {
    /// The manifest that it is stored under, and its entry in the list of what is about the subject.
    fn manifest(&self, subject: &ManifestDescriptor) -> Result<(Document, Descriptor), serde_json::Error> {
        let annotations = BTreeMap::from([(PREDICATE.to_owned(), self.predicate_type.to_owned())]);
        let artifact = Artifact {
            schema_version: 2,
            media_type: OCI_MANIFEST,
            artifact_type: ENVELOPE,
            config: descriptor(EMPTY, sha256(EMPTY_BYTES), EMPTY_BYTES.len()),
            layers: [descriptor(ENVELOPE, sha256(self.envelope), self.envelope.len())],
            subject: Descriptor { size: subject.size, ..descriptor(&subject.media_type, subject.digest, 0) },
            annotations: annotations.clone(),
        };
        let document = Document::manifest(serde_json::to_vec(&artifact)?);
        let entry = Descriptor {
            artifact_type: Some(ENVELOPE.to_owned()),
            annotations: Some(annotations),
            ..descriptor(OCI_MANIFEST, document.descriptor.digest, document.bytes.len())
        };
        Ok((document, entry))
    }
}

/// What a registry with the referrers API answers about a subject with these attachments: their manifests, and the
/// index of them.
pub fn referrers(
    subject: &ManifestDescriptor,
    attachments: &[Attachment<'_>],
) -> Result<(Vec<Document>, Vec<u8>), serde_json::Error> {
    let (mut documents, mut entries) = (Vec::new(), Vec::new());
    for attachment in attachments {
        let (document, entry) = attachment.manifest(subject)?;
        documents.push(document);
        entries.push(entry);
    }
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
    Ok((documents, serde_json::to_vec(&index)?))
}

impl Registry {
    /// Stores envelopes beside an image; gives their digests. What is there already is not stored again.
    pub async fn attach(
        &self,
        image: &ImageReference,
        subject: &ManifestDescriptor,
        attachments: &[Attachment<'_>],
    ) -> Result<Vec<Digest>, SourceError> {
        let repository = self.repository(image)?;
        self.push_blob(&repository, EMPTY_BYTES).await?;
        let mut digests = Vec::new();
        let mut unlisted = Vec::new();
        for attachment in attachments {
            let envelope = self.push_blob(&repository, attachment.envelope).await?;
            let (document, entry) = attachment
                .manifest(subject)
                .map_err(|error| repository.failed("writing a manifest", error.to_string()))?;
            let (digest, bytes) = (document.descriptor.digest, document.bytes);
            let headers = self.push_manifest(&repository, &digest.to_string(), OCI_MANIFEST, bytes).await?;
            // A registry with the referrers API says that it understood.
            if !headers.contains_key("oci-subject") {
                unlisted.push(entry);
            }
            digests.push(envelope);
        }
        if !unlisted.is_empty() {
            self.add_to_index(&repository, subject.digest, &unlisted).await?;
        }
        Ok(digests)
    }

    /// All envelopes beside an image, in the order of their digests, and what could not be read.
    pub async fn attached(
        &self,
        image: &ImageReference,
    ) -> Result<(Vec<Attached>, Vec<Problem>), SourceError> {
        let repository = self.repository(image)?;
        let subject = match image.digest {
            Some(digest) => digest,
            None => self.describe(image).await?.digest,
        };
        let mut entries = self.referrers(&repository, subject).await?;
        entries.retain(|entry| {
            entry.artifact_type.as_deref().is_none_or(|kind| kind == ENVELOPE || kind.is_empty())
        });
        entries.sort_by(|one, other| one.digest.cmp(&other.digest));
        entries.dedup_by(|one, other| one.digest == other.digest);
        let mut problems = Vec::new();
        if entries.len() > MOST {
            let detail = format!("{} attestations, of which {MOST} are read", entries.len());
            problems.push(Problem::new(ProblemKind::Limit, subject.to_string(), detail));
            entries.truncate(MOST);
        }
        let repository = &repository;
        let read = stream::iter(&entries)
            .map(|entry| async move { (entry, self.read_attached(repository, subject, entry).await) })
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let mut found = Vec::new();
        for (entry, result) in read {
            match result {
                Ok(attached) => found.extend(attached),
                // A registry that went away is no property of the attestation.
                Err(error @ (SourceError::RegistryUnreachable { .. } | SourceError::Unauthorized { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    let subject = format!("attestation {}", entry.digest);
                    problems.push(Problem::new(ProblemKind::Unreadable, subject, error.to_string()));
                }
            }
        }
        found.sort_by_key(|attached| attached.digest);
        found.dedup_by_key(|attached| attached.digest);
        Ok((found, problems))
    }

    /// One envelope; nothing if the entry is an artifact of another kind.
    async fn read_attached(
        &self,
        repository: &Repository,
        subject: Digest,
        entry: &Descriptor,
    ) -> Result<Option<Attached>, SourceError> {
        let what = "an attestation";
        let corrupt = |why: &str| SourceError::Corrupt { subject: entry.digest.clone(), why: why.to_owned() };
        let digest = entry.digest().map_err(|why| corrupt(&why))?;
        let request = Request {
            accept: OCI_MANIFEST,
            ..Request::new(
                reqwest::Method::GET,
                repository.url(&format!("manifests/{digest}"))?,
                Access::Pull,
                what,
            )
        };
        let response = self.send(repository, &request).await?;
        if !response.status().is_success() {
            return Err(repository.failed(what, explain(response).await));
        }
        let bytes = self.document(repository, response, what).await?;
        if sha256(&bytes) != digest {
            return Err(corrupt("the registry gave a manifest of another digest"));
        }
        let Manifest::Image(manifest) = Manifest::read(&bytes, what)? else { return Ok(None) };
        if manifest.artifact_type.as_deref() != Some(ENVELOPE) {
            return Ok(None);
        }
        if manifest.subject.as_ref().and_then(|about| about.digest().ok()) != Some(subject) {
            return Err(corrupt("it is about another image"));
        }
        let [layer] = manifest.layers.as_slice() else { return Err(corrupt("it does not have one layer")) };
        Ok(Some(Attached {
            digest: layer.digest().map_err(|why| corrupt(&why))?,
            envelope: self.small_blob(repository, layer, what).await?,
            predicate_type: manifest.annotations.get(PREDICATE).cloned(),
        }))
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
