use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::InUse;

/// `POST /v1/advisories` takes OSV JSON (one document or an array); this is the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportResponse {
    /// Ids that are now known.
    pub ids: Vec<String>,
    pub advisories: u64,
    /// Images and running containers that the import made bad.
    pub images: u64,
    pub containers: u64,
    /// Time from the last byte of the request to the durable answer.
    pub micros: u64,
}

/// `GET /v1/affected/{id}`: who has the vulnerability, by any of its names; where it is in use first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AffectedBody {
    pub id: String,
    pub images: Vec<AffectedImage>,
    /// Time to find the answer.
    pub micros: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AffectedImage {
    pub repository: String,
    pub manifest: String,
    /// `openssl 3.0.15-1~deb12u1`.
    pub package: String,
    pub fixed: Option<String>,
    /// Who says so: `imported advisory` or `attested scan`, or both with a comma between them.
    #[serde(default)]
    pub source: String,
    /// Whether the package was seen to run in containers of the image.
    #[serde(default)]
    pub in_use: InUse,
    pub containers: Vec<AffectedContainer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AffectedContainer {
    pub host: String,
    pub container: String,
    pub name: String,
    pub started: String,
}
