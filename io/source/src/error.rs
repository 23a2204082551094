//! What can fail before there is a tree to walk.

use std::io;
use std::path::PathBuf;

use lazaret_model::Platform;

use crate::target::SCHEMES;

/// Why an image could not be opened or an attestation not be stored or read. The text says what
/// failed and on what; [`remedy`](Self::remedy) says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    #[error("`{text}` does not name an image: {why}")]
    Target { text: String, why: String },
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{subject} is no image archive: {why}")]
    NotAnImage { subject: String, why: String },
    #[error("{subject} is damaged: {why}")]
    Corrupt { subject: String, why: String },
    #[error("{subject} is larger than is read: {why}")]
    TooLarge { subject: String, why: String },
    #[error("{subject} holds {} images and none was named: {}", names.len(), names.join(", "))]
    SeveralImages { subject: String, names: Vec<String> },
    #[error("{subject} holds no image `{name}`, only {}", names.join(", "))]
    NotInArchive { subject: String, name: String, names: Vec<String> },
    #[error("{subject} has no image for {wanted}, only for {}", available.join(", "))]
    NoPlatform { subject: String, wanted: Platform, available: Vec<String> },
    #[error("{place} knows no image `{name}`")]
    UnknownImage { name: String, place: String },
    #[error("the registry {registry} refused access to {what}: {why}")]
    Unauthorized { registry: String, what: String, why: String },
    #[error("the registry {registry} cannot be reached: {why}")]
    RegistryUnreachable { registry: String, why: String },
    #[error("the registry {registry} failed at {what}: {why}")]
    RegistryFailed { registry: String, what: String, why: String },
    #[error("the container engine at {} cannot be reached: {source}", socket.display())]
    EngineUnreachable { socket: PathBuf, source: io::Error },
    #[error("the container engine at {} failed at {what}: {why}", socket.display())]
    EngineFailed { socket: PathBuf, what: String, why: String },
}

/// What kind of failure it is, for exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The target was not understood.
    Usage,
    /// There is no such image, or it cannot be read.
    Input,
    /// Registry or engine away, or failing.
    Unreachable,
    Unauthorized,
    /// This machine: permissions, disk.
    Local,
}

impl SourceError {
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Target { .. } => ErrorClass::Usage,
            Self::File { source, .. } if !is_named_wrongly(source) => ErrorClass::Local,
            Self::File { .. }
            | Self::NotAnImage { .. }
            | Self::Corrupt { .. }
            | Self::TooLarge { .. }
            | Self::SeveralImages { .. }
            | Self::NotInArchive { .. }
            | Self::NoPlatform { .. }
            | Self::UnknownImage { .. } => ErrorClass::Input,
            Self::Unauthorized { .. } => ErrorClass::Unauthorized,
            Self::EngineUnreachable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                ErrorClass::Local
            }
            Self::RegistryUnreachable { .. }
            | Self::RegistryFailed { .. }
            | Self::EngineUnreachable { .. }
            | Self::EngineFailed { .. } => ErrorClass::Unreachable,
        }
    }

    /// Whether a registry was asked in vain.
    pub fn is_of_registry(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized { .. } | Self::RegistryUnreachable { .. } | Self::RegistryFailed { .. }
        )
    }

    /// What the reader can do about it, as a sentence.
    pub fn remedy(&self) -> String {
        match self {
            Self::Target { .. } => {
                let forms: Vec<String> =
                    SCHEMES.iter().map(|(scheme, rest)| format!("{scheme}:{rest}")).collect();
                format!("Write one of {}.", forms.join(", "))
            }
            Self::File { source, .. } if is_named_wrongly(source) => "Check the path.".to_owned(),
            Self::File { .. } => {
                "Check the permissions of the file, or run as a user who may read it.".to_owned()
            }
            Self::NotAnImage { .. } => {
                "Make an archive with `docker save`, or copy the image into an OCI layout archive.".to_owned()
            }
            Self::Corrupt { .. } => {
                "Make or fetch it again; if that does not help, do not trust it.".to_owned()
            }
            Self::TooLarge { .. } => "If it is right that it is so large, raise the limits.".to_owned(),
            Self::SeveralImages { .. } => "Name one: archive:PATH#NAME.".to_owned(),
            Self::NotInArchive { .. } => "Name one of these.".to_owned(),
            Self::NoPlatform { .. } => "Ask for one of these platforms.".to_owned(),
            Self::UnknownImage { place, .. } => {
                format!("Check the name and tag, or push or pull the image to {place}.")
            }
            Self::Unauthorized { registry, .. } => {
                format!("Log in with `docker login {registry}` or `podman login {registry}`.")
            }
            Self::RegistryUnreachable { .. } => {
                "Check the registry's name, that it runs, and the network.".to_owned()
            }
            Self::RegistryFailed { .. } => "Look into the registry's log, or try again later.".to_owned(),
            Self::EngineUnreachable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "Run as root or as a member of the socket's group.".to_owned()
            }
            Self::EngineUnreachable { .. } => "Start the engine, or name its socket.".to_owned(),
            Self::EngineFailed { .. } => "Look into the engine's log.".to_owned(),
        }
    }
}

/// The path leads to nothing, or to something of another kind.
fn is_named_wrongly(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | IsADirectory | NotADirectory)
}
