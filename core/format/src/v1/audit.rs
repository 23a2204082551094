use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/audit?from=N&limit=N`: entries of the append-only log, and the newest checkpoint over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    /// Signed by the log's key over the tree of the first `size` entries (C2SP signed note, tlog-checkpoint).
    pub checkpoint: String,
    /// Entries in the log now.
    pub size: u64,
    /// Why the log is closed, if it is: the server found it broken when it started. Then nothing is added
    /// to it, and what needs an entry (evidence, promotions, policies, tokens …) is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// 0 for the first.
    pub index: u64,
    /// The leaf exactly as it was hashed: JSON in one line.
    pub leaf: String,
}

/// `GET /v1/audit/checkpoints?from=SIZE&limit=N`: every checkpoint ever signed, the smallest log first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditCheckpoints {
    /// The log's verifier key as the server states it (C2SP signed note): keep a copy elsewhere.
    pub key: String,
    /// Those over at least `from` entries.
    pub checkpoints: Vec<String>,
}
