use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/agents/enroll`, authorized by an enrolment token instead of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrollRequest {
    /// Name of the host as people know it; unique in the fleet.
    pub host: String,
    /// `/etc/machine-id` or another stable identity: a second enrolment of the same machine replaces the first.
    pub machine_id: String,
    pub version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrollResponse {
    pub agent_id: String,
    /// Bearer key of this agent; shown once, the server keeps only its hash.
    pub key: String,
}

/// `GET /v1/agents` answers a list of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentBody {
    pub agent_id: String,
    pub host: String,
    pub version: String,
    pub enrolled: String,
    /// When the server last heard of it.
    pub last_seen: Option<String>,
    /// Events stored of this agent.
    pub events: u64,
    /// Events that the agent itself says it lost.
    pub lost: u64,
}

/// `POST /v1/tokens`: a new token; `GET /v1/tokens` lists them and never shows one again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    pub kind: TokenKind,
    /// What people call it: `ci`, `alice`.
    pub name: String,
    /// Seconds until it expires; enrolment tokens default to one hour, user tokens to 90 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_seconds: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenKind {
    /// May do everything a user may.
    User,
    /// May enrol agents, nothing else.
    Enrolment,
}

/// `GET /v1/tokens` answers a list of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenBody {
    pub kind: TokenKind,
    pub name: String,
    pub created: String,
    /// Absent: never, as the administrator's token of the first start.
    pub expires: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenResponse {
    pub token: String,
    pub expires: String,
}
