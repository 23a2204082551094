use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ContainerBody, ImageBody, ReasonBody};

/// `GET /v1/explain/{container or digest}`: the chain of evidence, each link a digest or an audit entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainBody {
    pub container: Option<ContainerBody>,
    pub image: Option<ImageBody>,
    pub layers: Vec<ExplainLayer>,
    pub packages: Vec<String>,
    /// Every statement kept about the image, oldest first.
    pub statements: Vec<ExplainStatement>,
    pub verdict: Option<ExplainVerdict>,
    pub decisions: Vec<ExplainDecision>,
    /// What is missing in the chain, in plain words; empty for a container that was admitted properly.
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainLayer {
    pub diff_id: String,
    pub created_by: String,
    pub packages: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainStatement {
    pub envelope: String,
    pub predicate_type: String,
    /// One line: `promoted from qa to prod`.
    pub title: String,
    pub key: String,
    pub verified: bool,
    pub at: String,
    /// Position in the audit log.
    pub audit: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainVerdict {
    pub outcome: String,
    pub policy: String,
    pub database: String,
    pub database_built: String,
    pub findings: u64,
    pub reasons: Vec<ReasonBody>,
    pub at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainDecision {
    pub decision: String,
    pub allow: bool,
    pub operation: String,
    pub subject: String,
    pub policy: String,
    pub at: String,
    pub reasons: Vec<ReasonBody>,
    pub audit: u64,
}
