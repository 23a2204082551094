use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EnvelopeBody, ReasonBody};

/// `POST /v1/images`: evidence about an image, answered with the image. The server verifies each signature
/// against its trusted keys, and each subject against `manifest`; statements that it cannot believe are not
/// kept, and the answer's `rejected` says why. A request with nothing to believe in is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRequest {
    /// `registry/repository`.
    pub repository: String,
    pub manifest: String,
    /// The manifest's bytes in base64: proves `config`.
    pub manifest_bytes: String,
    pub envelopes: Vec<EnvelopeBody>,
}

/// `GET /v1/images` answers a list of these; `GET /v1/images/{digest}` one, by manifest or configuration digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageBody {
    pub repository: String,
    pub manifest: String,
    pub config: String,
    pub packages: u64,
    /// Findings with the server's present knowledge, imported advisories included.
    pub findings: u64,
    pub signed: bool,
    pub has_sbom: bool,
    /// `pass`, `refuse` or absent.
    pub verdict: Option<String>,
    /// Stages, oldest promotion first.
    pub stages: Vec<String>,
    pub first_seen: String,
    pub running: u64,
    /// Only in the answer to `POST /v1/images`: statements that were not kept. `rule` is the envelope's digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<ReasonBody>,
}

/// `POST /v1/promotions`: one signed promotion statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromotionRequest {
    pub manifest: String,
    pub envelope: EnvelopeBody,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromotionResponse {
    pub stage: String,
    /// Admission snapshots from this revision on hold the promotion.
    pub revision: u64,
}
