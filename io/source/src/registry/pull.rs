//! A reference → the image and its layers.

use lazaret_model::{Digest, ImageReference};
use reqwest::{Method, StatusCode};
use tokio::runtime::Handle;

use super::blob::RemoteLayer;
use super::client::{Request, explain};
use super::token::Access;
use super::{ManifestDescriptor, Mirror, Registry};
use crate::archive::label_layers;
use crate::cache::Identity;
use crate::error::SourceError;
use crate::image;
use crate::manifest::{DOCKER_LIST, DOCKER_MANIFEST, Manifest, OCI_INDEX, OCI_MANIFEST, select};
use crate::open::{OpenOptions, OpenedImage, Source};
use crate::tree::{Layer, LayeredTree, SeparateLayers};

const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

/// Indexes within indexes end somewhere.
const DEEPEST: usize = 4;

impl Registry {
    /// The manifest or index that a reference leads to, verified.
    pub async fn manifest(
        &self,
        reference: &ImageReference,
    ) -> Result<(ManifestDescriptor, Vec<u8>), SourceError> {
        let repository = self.repository(reference)?;
        let named = match (&reference.digest, &reference.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        };
        let what = format!("{}:{named}", repository.path);
        let request = Request {
            accept: ACCEPT,
            ..Request::new(Method::GET, repository.url(&format!("manifests/{named}"))?, Access::Pull, &what)
        };
        let response = self.send(&repository, &request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(SourceError::UnknownImage {
                    name: reference.to_string(),
                    place: format!("the registry {}", repository.registry),
                });
            }
            _ => return Err(repository.failed(&what, explain(response).await)),
        }
        let served = response.headers().get(reqwest::header::CONTENT_TYPE);
        let served = served.and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
        let served = served.unwrap_or_default().trim().to_owned();
        let bytes = self.document(&repository, response, "a manifest").await?;
        let digest = image::sha256(&bytes);
        if reference.digest.is_some_and(|wanted| wanted != digest) {
            return Err(SourceError::Corrupt {
                subject: reference.to_string(),
                why: "the registry gave a manifest of another digest".to_owned(),
            });
        }
        let media_type = match served.as_str() {
            OCI_MANIFEST | OCI_INDEX | DOCKER_MANIFEST | DOCKER_LIST => served,
            _ => match Manifest::read(&bytes, &reference.to_string())? {
                Manifest::Image(manifest) => manifest.media_type,
                Manifest::Index(_) => OCI_INDEX.to_owned(),
            },
        };
        Ok((ManifestDescriptor { media_type, digest, size: bytes.len() as u64 }, bytes))
    }

    /// Opens an image, from a mirror that has it or from its registry. Its layers are fetched while the
    /// tree is walked, which must not happen on a thread that drives the runtime.
    pub async fn open(
        &self,
        reference: &ImageReference,
        options: &OpenOptions,
    ) -> Result<OpenedImage, SourceError> {
        for mirror in self.0.options.mirrors.iter().filter(|mirror| mirror.of == reference.registry) {
            match self.open_at(&mirrored(reference, mirror), options).await {
                // It is known by the name that was asked for.
                Ok(opened) => {
                    let manifest = opened.image.as_ref().and_then(|image| image.manifest);
                    let named = manifest.map(|digest| reference.with_digest(digest));
                    return Ok(OpenedImage { name: reference.to_string(), reference: named, ..opened });
                }
                Err(error) => tracing::debug!("the mirror {} was of no use: {error}", mirror.address),
            }
        }
        self.open_at(reference, options).await
    }

    async fn open_at(
        &self,
        reference: &ImageReference,
        options: &OpenOptions,
    ) -> Result<OpenedImage, SourceError> {
        let subject = reference.to_string();
        let repository = self.repository(reference)?;
        let mut reference = reference.clone();
        for _ in 0..DEEPEST {
            let (descriptor, bytes) = self.manifest(&reference).await?;
            let corrupt = |why: String| SourceError::Corrupt { subject: subject.clone(), why };
            let manifest = match Manifest::read(&bytes, &subject)? {
                Manifest::Index(entries) => {
                    let entry = select(&entries, &options.platform, &subject)?;
                    reference = reference.with_digest(entry.digest().map_err(corrupt)?);
                    continue;
                }
                Manifest::Image(manifest) => manifest,
            };
            if let Some(kind) = manifest.artifact_type {
                return Err(corrupt(format!("it is no image but an artifact of type {kind}")));
            }
            let config =
                self.small_blob(&repository, &manifest.config, "the configuration of an image").await?;
            let sizes: Vec<u64> = manifest.layers.iter().map(|layer| layer.size).collect();
            let image = image::read(&config, &subject, Some(descriptor.digest), &sizes)?;
            let digests: Vec<Digest> = manifest
                .layers
                .iter()
                .map(|layer| layer.digest().map_err(corrupt))
                .collect::<Result<_, _>>()?;
            let layers = label_layers(&image)
                .zip(digests.iter().zip(&sizes))
                .map(|(label, (&digest, &size))| {
                    let (registry, repository, runtime) =
                        (self.clone(), repository.clone(), Handle::current());
                    Layer {
                        label,
                        opener: Box::new(RemoteLayer { registry, repository, digest, size, runtime }),
                        digest: Some(digest),
                    }
                })
                .collect();
            let tree = LayeredTree::new(SeparateLayers::new(layers), options.limits.clone());
            return Ok(OpenedImage {
                identity: Some(Identity::of_blobs(image.config, &digests, tree.sound())),
                tree: Box::new(tree.remembering(options.cache.as_ref())),
                name: subject,
                reference: Some(reference.with_digest(descriptor.digest)),
                source: Source::Registry,
                image: Some(image),
            });
        }
        Err(SourceError::Corrupt { subject, why: "its indexes are nested too deeply".to_owned() })
    }
}

/// The same image under a mirror's name.
fn mirrored(reference: &ImageReference, mirror: &Mirror) -> ImageReference {
    let (host, path) = mirror.address.split_once('/').unwrap_or((&mirror.address, ""));
    let repository = match path.trim_matches('/') {
        "" => reference.repository.clone(),
        path => format!("{path}/{}", reference.repository),
    };
    ImageReference { registry: host.to_owned(), repository, ..reference.clone() }
}
