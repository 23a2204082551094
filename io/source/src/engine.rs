//! Images of a container engine, over its socket (Docker Engine API).
//!
//! What the API tells of an image is enough to open it without exporting it. The export is read
//! while the tree is walked, and nothing is spooled to disk.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_model::{Digest, Image, ImageReference, Layer, Limits};
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use crate::archive::{Bundle, Known, choose, documents};
use crate::bridge;
use crate::cache::Identity;
use crate::error::SourceError;
use crate::image::{self, Container, platform};
use crate::layer::{LayerBytes, Opener};
use crate::open::{OpenedImage, Source};
use crate::problems::SourceFailed;
use crate::registry::reasons;
use crate::tree::LayeredTree;

/// An image as the engine knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineImage {
    /// The engine's image ID: the digest of the configuration or, in engines that store images as
    /// containerd does, of the manifest.
    pub id: Digest,
    pub tags: Vec<String>,
    /// `repository@digest`, for each registry that it was pushed to or pulled from.
    pub repository_digests: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    config: Option<Container>,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    os: String,
    #[serde(default, rename = "RootFS")]
    root_fs: Option<RootFs>,
    /// Only engines with containerd's image store have it.
    #[serde(default)]
    descriptor: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RootFs {
    #[serde(default)]
    layers: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Step {
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    size: i64,
}

/// A container engine.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: PathBuf,
    http: reqwest::Client,
    limits: Limits,
}

impl Engine {
    pub fn new(socket: &Path, limits: &Limits) -> Result<Self, SourceError> {
        let http = reqwest::Client::builder().unix_socket(socket).build().map_err(|error| {
            SourceError::EngineUnreachable {
                socket: socket.to_owned(),
                source: io::Error::other(reasons(&error)),
            }
        })?;
        Ok(Self(Arc::new(Inner { socket: socket.to_owned(), http, limits: limits.clone() })))
    }

    /// Name or ID → what the engine knows of the image.
    pub async fn inspect(&self, name: &str) -> Result<EngineImage, SourceError> {
        let inspected = self.inspected(name).await?;
        Ok(EngineImage {
            id: self.id(&inspected)?,
            tags: inspected.repo_tags.unwrap_or_default(),
            repository_digests: inspected.repo_digests.unwrap_or_default(),
        })
    }

    /// Opens an image. It is exported while the tree is walked, which must not happen on a thread
    /// that drives the runtime.
    pub async fn open(&self, name: &str) -> Result<OpenedImage, SourceError> {
        let limits = &self.0.limits;
        let inspected = self.inspected(name).await?;
        let id = self.id(&inspected)?;
        let subject = format!("the image {name} of the container engine");
        let platform =
            platform(inspected.os.clone(), inspected.architecture.clone(), inspected.variant.clone());
        let export = Export { engine: self.clone(), id, runtime: Handle::current() };
        let reference = pushed_as(name, inspected.repo_digests.as_deref().unwrap_or_default());

        let steps: Vec<Step> = match self.get(&format!("images/{id}/history"), name).await {
            // Podman fails at images whose history has no dates; the export has it too.
            Err(SourceError::EngineFailed { why, .. }) => {
                tracing::debug!("the engine does not tell the history of {name}: {why}");
                Vec::new()
            }
            steps => steps?,
        };
        let mut image = match image_of(inspected, id, &steps) {
            Some(image) => image,
            // The API does not tell which steps brought the layers: the export does.
            None => {
                let (subject, limits, platform) = (subject.clone(), limits.clone(), platform.clone());
                let export = export.clone();
                let read = move || {
                    let members = documents(&export, &subject, &limits)?;
                    let chosen = choose(&members, &subject, None, &platform)?;
                    image::read(&chosen.config, &subject, chosen.manifest, &vec![0; chosen.layers.len()])
                };
                let joined = tokio::task::spawn_blocking(read).await;
                joined.map_err(|error| self.failed("exporting the image", error.to_string()))??
            }
        };
        if let Some(reference) = &reference {
            image.manifest = reference.digest;
        }
        let known = Known::Config(image.config, platform);
        let bundle = Bundle::new(Box::new(export), &subject, known, limits);
        let tree = LayeredTree::new(bundle, limits.clone());
        Ok(OpenedImage {
            identity: Some(Identity::of_engine(&self.0.socket, image.config, tree.sound())),
            tree: Box::new(tree),
            name: name.to_owned(),
            reference,
            source: Source::Engine,
            image: Some(image),
        })
    }

    async fn inspected(&self, name: &str) -> Result<Inspected, SourceError> {
        // The name becomes part of a path: what is no name must not become another path.
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
        if name.is_empty() || name.len() > 1024 || !name.bytes().all(allowed) || name.contains("..") {
            return Err(self.unknown(name));
        }
        self.get(&format!("images/{name}/json"), name).await
    }

    fn id(&self, inspected: &Inspected) -> Result<Digest, SourceError> {
        inspected.id.parse().map_err(|error| self.failed("inspecting an image", format!("{error}")))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, name: &str) -> Result<T, SourceError> {
        let what = format!("GET /{path}");
        let response = self.request(path).await?;
        let status = response.status();
        let most = self.0.limits.document_bytes;
        let body = crate::registry::bounded(response, most).await;
        let body = body
            .map_err(|error| self.failed(&what, reasons(&error)))?
            .ok_or_else(|| self.failed(&what, format!("its answer has more than {most} bytes")))?;
        match status {
            StatusCode::OK => {
                serde_json::from_slice(&body).map_err(|error| self.failed(&what, error.to_string()))
            }
            StatusCode::NOT_FOUND => Err(self.unknown(name)),
            _ => Err(self.failed(&what, message(status, &body))),
        }
    }

    async fn request(&self, path: &str) -> Result<Response, SourceError> {
        let url = Url::parse(&format!("http://engine/{path}"))
            .map_err(|error| self.failed("making a request", error.to_string()))?;
        self.0.http.get(url).send().await.map_err(|error| {
            let mut cause = error.source();
            while let Some(inner) = cause {
                if let Some(io) = inner.downcast_ref::<io::Error>() {
                    let source = io::Error::new(io.kind(), io.to_string());
                    return SourceError::EngineUnreachable { socket: self.0.socket.clone(), source };
                }
                cause = inner.source();
            }
            let source = io::Error::other(reasons(&error));
            SourceError::EngineUnreachable { socket: self.0.socket.clone(), source }
        })
    }

    fn unknown(&self, name: &str) -> SourceError {
        let place = format!("the container engine at {}", self.0.socket.display());
        SourceError::UnknownImage { name: name.to_owned(), place }
    }

    fn failed(&self, what: &str, why: impl Into<String>) -> SourceError {
        SourceError::EngineFailed { socket: self.0.socket.clone(), what: what.to_owned(), why: why.into() }
    }
}

/// The image as far as the API tells; nothing where that leaves doubt.
fn image_of(inspected: Inspected, id: Digest, steps: &[Step]) -> Option<Image> {
    if inspected.descriptor.is_some_and(|descriptor| !descriptor.is_null()) {
        return None;
    }
    let layers = inspected.root_fs.and_then(|root_fs| root_fs.layers).unwrap_or_default();
    // Newest first. A step without bytes may have brought an empty layer or none; a step with bytes
    // brought one.
    let brought: Vec<&Step> = steps.iter().rev().filter(|step| step.size > 0).collect();
    if brought.len() != layers.len() {
        return None;
    }
    let layers = layers.iter().zip(brought).map(|(layer, step)| {
        Some(Layer {
            diff_id: layer.parse().ok()?,
            created_by: image::step(step.created_by.clone(), step.comment.clone()),
            size: step.size.unsigned_abs(),
        })
    });
    Some(Image {
        manifest: None,
        config: id,
        platform: platform(inspected.os, inspected.architecture, inspected.variant),
        created: inspected.created,
        configuration: inspected.config.unwrap_or_default().into(),
        layers: layers.collect::<Option<_>>()?,
    })
}

/// The reference by digest under which the named repository has the image, or the only one that has it.
fn pushed_as(name: &str, digests: &[String]) -> Option<ImageReference> {
    let pushed: Vec<ImageReference> = digests.iter().filter_map(|text| text.parse().ok()).collect();
    let named = name.parse::<ImageReference>().ok();
    let same = named.and_then(|named| pushed.iter().find(|one| one.name() == named.name()));
    match (same, pushed.as_slice()) {
        (Some(same), _) => Some(same.clone()),
        (None, [only]) => Some(only.clone()),
        _ => None,
    }
}

fn message(status: StatusCode, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Answer {
        message: String,
    }
    match serde_json::from_slice::<Answer>(body) {
        Ok(answer) => crate::problems::lossy(answer.message.as_bytes()),
        Err(_) => status.to_string(),
    }
}

/// The export of an image, by its ID: a tag may move meanwhile.
#[derive(Clone)]
struct Export {
    engine: Engine,
    id: Digest,
    runtime: Handle,
}

impl Opener for Export {
    fn open(&self) -> io::Result<LayerBytes> {
        let (writer, reader) = bridge::channel();
        let Self { engine, id, .. } = self.clone();
        self.runtime.spawn(async move {
            let limit = engine.0.limits.time;
            let copied = tokio::time::timeout(limit, copy(&engine, id, &writer)).await;
            let result = copied.unwrap_or_else(|_| Err("the export took longer than is allowed".to_owned()));
            writer.finish(result.map_err(SourceFailed::io)).await;
        });
        Ok(LayerBytes::Stream(Box::new(reader)))
    }
}

async fn copy(engine: &Engine, id: Digest, writer: &bridge::Writer) -> Result<(), String> {
    let mut response =
        engine.request(&format!("images/{id}/get")).await.map_err(|error| error.to_string())?;
    let status = response.status();
    if status != StatusCode::OK {
        let body = crate::registry::bounded(response, 64 << 10).await.ok().flatten().unwrap_or_default();
        return Err(format!("the engine could not export it: {}", message(status, &body)));
    }
    while let Some(chunk) = response.chunk().await.map_err(|error| reasons(&error))? {
        if writer.write(chunk).await.is_err() {
            break;
        }
    }
    Ok(())
}
