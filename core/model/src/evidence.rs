use crate::{Digest, Outcome, Stage};

/// What is proven of one image: every field comes from a statement whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Digest of the manifest.
    pub manifest: Digest,
    /// Digest of the configuration: the engine's image ID.
    pub config: Digest,
    /// `registry/repository`.
    pub repository: String,
    pub signed: bool,
    pub has_sbom: bool,
    /// Outcome of the newest attested scan.
    pub scan: Option<Outcome>,
    /// Newest last.
    pub promotions: Vec<Promotion>,
}

impl Evidence {
    pub fn is_promoted_to(&self, stage: &Stage) -> bool {
        self.promotions.iter().any(|promotion| promotion.to == *stage)
    }
}

/// A signed statement that an image may run in a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    pub to: Stage,
    pub from: Option<Stage>,
    /// Key id of the signer.
    pub key: String,
    /// Digest of the DSSE envelope.
    pub envelope: Digest,
    /// RFC 3339.
    pub at: String,
}
