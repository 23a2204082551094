use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether something of a package was seen to run: its programs executed, its libraries mapped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InUse {
    /// `in-use`; `not-seen`: watched long enough, and nothing of it ran; `unknown`: `why` says what is missing.
    pub state: String,
    /// Since when it was seen (`in-use`), or watched for (`not-seen`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When it was seen last; up to ten minutes later is told as the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// Containers in which it was seen, of one host eight at most; or that were watched from their start.
    #[serde(default)]
    pub containers: u64,
    /// How long the one that was watched longest was watched, in seconds.
    #[serde(default)]
    pub observed_seconds: u64,
    /// What is missing to know it, as a sentence without a capital; empty unless `unknown`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl InUse {
    pub const IN_USE: &str = "in-use";
    pub const NOT_SEEN: &str = "not-seen";
    pub const UNKNOWN: &str = "unknown";

    /// Ascending from what is in use to what was never seen: what is not known is not harmless.
    pub fn rank(&self) -> u8 {
        match self.state.as_str() {
            Self::IN_USE => 0,
            Self::NOT_SEEN => 2,
            _ => 1,
        }
    }
}

/// `GET /v1/findings`: what is wrong with images, what is in use first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingsBody {
    /// Images that were looked at: those of which containers run, or the one that was asked for.
    pub images: u64,
    /// All findings, also those beyond the limit.
    pub total: u64,
    pub in_use: u64,
    pub not_seen: u64,
    pub unknown: u64,
    pub findings: Vec<FleetFinding>,
}

/// A vulnerability of one package in one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FleetFinding {
    pub id: String,
    pub severity: String,
    pub package: String,
    pub version: String,
    /// Name of the source package.
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    pub repository: String,
    pub manifest: String,
    /// Running containers of the image.
    pub running: u64,
    pub in_use: InUse,
    /// Who says so: `imported advisory` or `attested scan`.
    pub said_by: String,
}
