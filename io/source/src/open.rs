//! The one door: a target → an image and its tree.

use std::path::{Path, PathBuf};

use lazaret_model::{Image, ImageReference, Limits, Platform, Tree};

use crate::archive;
use crate::engine::Engine;
use crate::error::SourceError;
use crate::registry::{Registry, RegistryOptions};
use crate::target::{self, Target};

/// How images are looked for and read.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    pub limits: Limits,
    /// Which image of an index is meant.
    pub platform: Platform,
    pub engine_socket: PathBuf,
    pub registry: RegistryOptions,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            platform: host_platform(),
            engine_socket: PathBuf::from("/var/run/docker.sock"),
            registry: RegistryOptions::default(),
        }
    }
}

impl OpenOptions {
    /// With Docker's own settings: `$DOCKER_HOST` where it is a socket, and its logins.
    pub fn from_environment() -> Self {
        let mut options = Self { registry: RegistryOptions::from_environment(), ..Self::default() };
        if let Some(socket) =
            std::env::var("DOCKER_HOST").ok().as_deref().and_then(|host| host.strip_prefix("unix://"))
        {
            options.engine_socket = PathBuf::from(socket);
        }
        options
    }
}

/// An image that is ready to be walked.
pub struct OpenedImage {
    pub image: Image,
    /// To be walked on a thread that may block: what comes over the network is fetched by the
    /// runtime meanwhile.
    pub tree: Box<dyn Tree + Send>,
    /// What the image was called.
    pub name: String,
    /// The image by digest in a registry, where it is known to be in one.
    pub reference: Option<ImageReference>,
    pub source: Source,
}

/// Where an image came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Engine,
    Archive,
    Registry,
}

impl std::fmt::Debug for OpenedImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenedImage")
            .field("image", &self.image)
            .field("name", &self.name)
            .field("reference", &self.reference)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Opens an image. Nothing of its layers is read before the tree is walked, but the headers of archives.
pub async fn open(target: &Target, options: &OpenOptions) -> Result<OpenedImage, SourceError> {
    match target {
        Target::Docker(name) => Engine::new(&options.engine_socket, &options.limits)?.open(name).await,
        Target::Archive { path, image } => open_archive(path, image.as_deref(), options).await,
        Target::Registry(reference) => {
            Registry::new(options.registry.clone())?.open(reference, &options.platform, &options.limits).await
        }
        Target::Detect(text) => detect(text, options).await,
    }
}

async fn open_archive(
    path: &Path,
    name: Option<&str>,
    options: &OpenOptions,
) -> Result<OpenedImage, SourceError> {
    let (path, name, options) = (path.to_owned(), name.map(str::to_owned), options.clone());
    let shown = path.display().to_string();
    let file_error = |source| SourceError::File { path: path.clone(), source };
    let opening = {
        let path = path.clone();
        move || archive::open(&path, name.as_deref(), &options.platform, &options.limits)
    };
    let opened = tokio::task::spawn_blocking(opening).await;
    let archived = opened.map_err(|error| file_error(std::io::Error::other(error)))??;
    Ok(OpenedImage {
        image: archived.image,
        tree: Box::new(archived.tree),
        name: archived.names.into_iter().next().unwrap_or(shown),
        reference: None,
        source: Source::Archive,
    })
}

/// A file that exists, else an image that the engine knows, else a registry's.
async fn detect(text: &str, options: &OpenOptions) -> Result<OpenedImage, SourceError> {
    if let Target::Archive { path, image } = target::archive(text)
        && path.is_file()
    {
        return open_archive(&path, image.as_deref(), options).await;
    }
    let engine = Engine::new(&options.engine_socket, &options.limits)?;
    let not_here = match engine.open(text).await {
        Ok(opened) => return Ok(opened),
        Err(error @ (SourceError::UnknownImage { .. } | SourceError::EngineUnreachable { .. })) => error,
        Err(error) => return Err(error),
    };
    let reference: ImageReference = text.parse().map_err(|error| SourceError::Target {
        text: text.to_owned(),
        why: format!("there is no such file; {not_here}; {error}"),
    })?;
    tracing::debug!("{not_here}; trying the registry {}", reference.registry);
    Registry::new(options.registry.clone())?.open(&reference, &options.platform, &options.limits).await
}

/// The platform of this machine, in Go's names.
pub fn host_platform() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    };
    Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: None }
}
