//! Where trees come from: a registry, a container engine, an archive or layout of an image, a directory.
//!
//! [`open`] takes a [`Target`] and gives the [`Image`](lazaret_model::Image) with a
//! [`Tree`](lazaret_model::Tree) over its merged layers. The same image gives the same tree from
//! every source. Nothing is unpacked to disk, every archive is read within
//! [`Limits`](lazaret_model::Limits), and what could not be read is reported, never skipped in silence.

mod error;
mod target;
mod problems;
mod budget;
mod cache;
mod layer;
mod merge;
mod tree;
mod image;
mod manifest;
mod archive;
mod directory;
mod bridge;
mod retry;
mod registry;
mod engine;
mod containerd;
mod open;
pub mod apt;
pub mod yum;
pub mod feed_files;

pub use cache::{Cache, CacheError, DEFAULT_BYTES as DEFAULT_CACHE_BYTES, Identity, Key as CacheKey};
pub use containerd::ContainerdOptions;
pub use engine::{Engine, EngineImage};
pub use error::{ErrorClass, SourceError};
pub use open::{OpenOptions, OpenedImage, Source, host_platform, open};
pub use registry::{
    Artifact, ArtifactContent, Attached, Attachment, Document, FoundArtifact, FoundContent,
    ManifestDescriptor, Mirror, Registry, RegistryOptions, StoredArtifact, referrers,
};
pub use target::Target;
