use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/replacements`: let another image take over from a running container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplacementRequest {
    /// Name or id (prefix) of the container that gives way.
    pub container: String,
    /// Needed where the name is not unique in the fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `registry/repository@sha256:…`
    pub image: String,
    /// Seconds that the new container has to become healthy.
    #[serde(default = "default_health_seconds")]
    pub health_seconds: u32,
}

const fn default_health_seconds() -> u32 {
    60
}

/// `GET /v1/replacements/{id}?wait=SECONDS&steps=N` answers when more than `steps` steps are known or it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplacementBody {
    pub id: String,
    pub host: String,
    pub container: String,
    pub image: String,
    pub health_seconds: u32,
    /// `planned`, `starting`, `waiting-for-health`, `shifting`, `done`, `rolled-back`, `failed`.
    pub state: String,
    pub steps: Vec<ReplacementStep>,
    /// The container that took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    pub requested: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplacementStep {
    pub at: String,
    pub text: String,
}

/// `GET /v1/agent/actions?wait=SECONDS`: what the agent is asked to do and has not ended yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentActions {
    pub replacements: Vec<ReplacementBody>,
}

/// `POST /v1/agent/replacements/{id}`: how far the agent is. Repeating a step (same `index`) changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplacementProgress {
    pub state: String,
    /// 0 for the first step.
    pub index: u32,
    pub at: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
}
