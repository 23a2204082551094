use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ReasonBody;

/// `GET /v1/learned`: of what something was learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LearnedList {
    pub learned: Vec<LearnedSubject>,
}

/// One image, run in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LearnedSubject {
    pub image_config: String,
    /// Name of the way to run it, for `GET /v1/learned/{image_config}/{variant}`.
    pub variant: String,
    /// Entrypoint and command together.
    pub command: Vec<String>,
    pub user: String,
    pub architecture: String,
    /// `registry/repository` of an image with this configuration, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Hosts that learned of it.
    pub agents: u64,
    /// When a host told something last.
    pub at: String,
}

/// `GET /v1/learned/{image_config}/{variant}`: what all hosts learned together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LearnedBody {
    #[serde(flatten)]
    pub subject: LearnedSubject,
    /// What was seen, as text (YAML). What the image itself says is not in it: whoever has the image draws the profile
    /// from `learned`.
    pub profile: String,
    /// Absent: nothing was watched yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<LearnedCoverage>,
    /// What learning waits for; empty: it is done.
    pub missing: Vec<ReasonBody>,
    pub pending: Vec<PendingEntry>,
    /// Containers that were watched.
    pub replicas: u32,
    /// What all hosts learned, in its stored form.
    #[schema(value_type = Object)]
    pub learned: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LearnedCoverage {
    pub since: String,
    pub until: String,
    /// How often the program was started, seen to end as it was told, and something was missed.
    pub starts: u32,
    pub stops: u32,
    pub gaps: u32,
}

/// An entry that allows nothing until a person says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingEntry {
    pub id: String,
    /// `files`, `network.connect`, …
    pub section: String,
    /// As the profile's text writes it.
    pub entry: String,
    /// Containers that did it …
    pub replicas: u32,
    /// … of those that were watched.
    pub of: u32,
    /// All of them broke a fixed rule.
    pub tainted: bool,
}
