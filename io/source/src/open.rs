//! The one door: a target → an image or directory and its tree.

use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use lazaret_model::{Image, ImageReference, Limits, Platform, Tree};

use crate::archive::{self, Archived};
use crate::cache::{Cache, Identity};
use crate::containerd::{self, ContainerdOptions};
use crate::directory::{DirectoryTree, Scope};
use crate::engine::Engine;
use crate::error::SourceError;
use crate::registry::{Registry, RegistryOptions};
use crate::target::Target;

/// How images are looked for and read.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    pub limits: Limits,
    /// Which image of an index is meant.
    pub platform: Platform,
    pub engine_socket: PathBuf,
    /// Where Podman may listen: the first that exists counts.
    pub podman_sockets: Vec<PathBuf>,
    pub containerd: ContainerdOptions,
    pub registry: RegistryOptions,
    /// Layers that were read before are taken from here, and those that are read are kept here.
    pub cache: Option<Cache>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            platform: host_platform(),
            engine_socket: PathBuf::from("/var/run/docker.sock"),
            podman_sockets: vec![PathBuf::from("/run/podman/podman.sock")],
            containerd: ContainerdOptions::default(),
            registry: RegistryOptions::default(),
            cache: None,
        }
    }
}

impl OpenOptions {
    /// With the settings of other programs: `$DOCKER_HOST` where it is a socket, the user's own Podman,
    /// the logins of both, `$CONTAINERD_ADDRESS` and `$CONTAINERD_NAMESPACE`.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let socket = |name: &str| Some(PathBuf::from(variable(name)?.strip_prefix("unix://")?));
        let mut options = Self { registry: RegistryOptions::from_environment(), ..Self::default() };
        if let Some(socket) = socket("DOCKER_HOST") {
            options.engine_socket = socket;
        }
        if let Some(directory) = variable("XDG_RUNTIME_DIR") {
            options.podman_sockets.insert(0, Path::new(&directory).join("podman/podman.sock"));
        }
        if let Some(socket) = socket("CONTAINER_HOST") {
            options.podman_sockets.insert(0, socket);
        }
        if let Some(address) = variable("CONTAINERD_ADDRESS") {
            options.containerd.socket = address.into();
        }
        if let Some(namespace) = variable("CONTAINERD_NAMESPACE") {
            options.containerd.namespace = namespace;
        }
        options
    }
}

/// An image or directory that is ready to be walked.
pub struct OpenedImage {
    /// None for a directory: it has no configuration, and is one layer.
    pub image: Option<Image>,
    /// To be walked on a thread that may block: what comes over the network is fetched by the
    /// runtime meanwhile.
    pub tree: Box<dyn Tree + Send>,
    /// What the image was called, or the path.
    pub name: String,
    /// The image by digest in a registry, where it is known to be in one.
    pub reference: Option<ImageReference>,
    pub source: Source,
    /// Names what is to be read, where that is known beforehand.
    pub identity: Option<Identity>,
}

/// Where a tree came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Docker, Podman or containerd.
    Engine,
    Archive,
    Layout,
    Registry,
    Directory,
    RootFileSystem,
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

/// Opens what a target names. Nothing of an image's layers is read before the tree is walked, but the
/// headers of archives.
pub fn open<'a>(
    target: &'a Target,
    options: &'a OpenOptions,
) -> BoxFuture<'a, Result<OpenedImage, SourceError>> {
    // What is boxed is compiled here; the body of an `async fn` is compiled by every program that awaits it.
    Box::pin(open_any(target, options))
}

async fn open_any(target: &Target, options: &OpenOptions) -> Result<OpenedImage, SourceError> {
    let existing = match target {
        Target::Detect(text) => Target::existing(text),
        _ => None,
    };
    match existing.as_ref().unwrap_or(target) {
        Target::Docker(name) => Engine::new(&options.engine_socket, &options.limits)?.open(name).await,
        Target::Podman(name) => Engine::new(&podman_socket(options), &options.limits)?.open(name).await,
        Target::Containerd(name) => containerd::open(name, options).await,
        Target::Registry(reference) => open_remote(reference, options).await,
        Target::Archive { path, image } => {
            open_archived(path, image.as_deref(), options, Source::Archive, archive::open).await
        }
        Target::Layout { path, image } => {
            open_archived(path, image.as_deref(), options, Source::Layout, archive::open_layout).await
        }
        Target::Directory(path) => open_directory(path, Scope::Directory, options),
        Target::RootFileSystem(path) => open_directory(path, Scope::RootFileSystem, options),
        Target::Detect(text) => search(text, options).await,
    }
}

type OpenArchive = fn(&Path, Option<&str>, &Platform, &Limits) -> Result<Archived, SourceError>;

async fn open_archived(
    path: &Path,
    name: Option<&str>,
    options: &OpenOptions,
    source: Source,
    open: OpenArchive,
) -> Result<OpenedImage, SourceError> {
    let (path, name, options) = (path.to_owned(), name.map(str::to_owned), options.clone());
    let (shown, cache) = (path.display().to_string(), options.cache.clone());
    let failed_path = path.clone();
    let opening = move || open(&path, name.as_deref(), &options.platform, &options.limits);
    let opened = tokio::task::spawn_blocking(opening).await;
    let archived = opened
        .map_err(|error| SourceError::File { path: failed_path, source: std::io::Error::other(error) })??;
    Ok(OpenedImage {
        image: Some(archived.image),
        tree: Box::new(archived.tree.remembering(cache.as_ref())),
        identity: archived.identity,
        name: archived.names.into_iter().next().unwrap_or(shown),
        reference: None,
        source,
    })
}

fn open_directory(path: &Path, scope: Scope, options: &OpenOptions) -> Result<OpenedImage, SourceError> {
    Ok(OpenedImage {
        image: None,
        tree: Box::new(DirectoryTree::open(path, scope, &options.limits)?),
        name: path.display().to_string(),
        reference: None,
        source: match scope {
            Scope::Directory => Source::Directory,
            Scope::RootFileSystem => Source::RootFileSystem,
        },
        identity: None,
    })
}

async fn open_remote(reference: &ImageReference, options: &OpenOptions) -> Result<OpenedImage, SourceError> {
    Registry::new(options.registry.clone())?.open(reference, options).await
}

/// The first of Podman's sockets that exists, else the one that it should have.
fn podman_socket(options: &OpenOptions) -> PathBuf {
    let sockets = &options.podman_sockets;
    sockets.iter().find(|path| path.exists()).or(sockets.first()).cloned().unwrap_or_default()
}

/// An image that an engine knows, else a registry's.
async fn search(text: &str, options: &OpenOptions) -> Result<OpenedImage, SourceError> {
    let mut sockets = vec![options.engine_socket.clone()];
    sockets.extend(Some(podman_socket(options)).filter(|socket| socket.exists()));
    let mut not_here = Vec::new();
    for socket in sockets {
        match Engine::new(&socket, &options.limits)?.open(text).await {
            Err(error @ (SourceError::UnknownImage { .. } | SourceError::EngineUnreachable { .. })) => {
                not_here.push(error.to_string());
            }
            result => return result,
        }
    }
    let not_here = not_here.join("; ");
    let reference: ImageReference = text.parse().map_err(|error| SourceError::Target {
        text: text.to_owned(),
        why: format!("there is no such file or directory; {not_here}; {error}"),
    })?;
    tracing::debug!("{not_here}; trying the registry {}", reference.registry);
    open_remote(&reference, options).await
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
