use crate::{Digest, Reason, Stage};

/// One run of a container on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub key: ContainerKey,
    pub name: String,
    pub management: Management,
    /// Digest of the image's configuration, where the engine knows one.
    pub image_config: Option<Digest>,
    /// Digest of the image's manifest, where it is known.
    pub image_manifest: Option<Digest>,
    /// What the user called the image.
    pub image_name: String,
    pub stage: Option<Stage>,
    /// The admission decision that let it in.
    pub decision: Option<String>,
    pub state: ContainerState,
    /// RFC 3339.
    pub started: String,
    /// RFC 3339.
    pub ended: Option<String>,
    pub exit_code: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerKey {
    pub host: String,
    /// The engine's 64-digit id; for containers without an engine `ns:` and the inode of the PID namespace
    /// (or of the mount namespace).
    pub id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Management {
    /// Started through an engine that Lazaret admits for.
    Managed,
    /// Found running, never admitted.
    Unmanaged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerState {
    Running,
    Ended,
}

/// The answer to one wish to run something, kept for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Unique: `<host>-<number>`.
    pub id: String,
    pub allow: bool,
    /// What was wished for, for people: `run registry/shop@sha256:…`.
    pub subject: String,
    pub image_config: Option<Digest>,
    pub reasons: Vec<Reason>,
    /// Digest of the policy's text.
    pub policy: Digest,
    /// RFC 3339.
    pub at: String,
}
