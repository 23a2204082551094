use crate::{ContainerKey, Digest};

/// One container giving way to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    pub id: String,
    pub old: ContainerKey,
    /// Reference by digest of the image that takes over.
    pub image: String,
    pub image_manifest: Digest,
    pub state: ReplacementState,
    /// What happened so far, oldest first, one sentence each.
    pub steps: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplacementState {
    Planned,
    Starting,
    WaitingForHealth,
    Shifting,
    Done,
    RolledBack,
    Failed,
}
