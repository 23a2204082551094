//! What the start hook and the agent say to each other: one line of JSON each way.

use serde::{Deserialize, Serialize};

/// Bounds of both lines.
pub const ASK_BYTES: u64 = 64 << 10;
pub const ANSWER_BYTES: u64 = 64 << 10;

/// "May this container start?"
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The engine's id of the container.
    pub id: String,
    /// The container's first process, which waits for the answer.
    pub pid: u32,
    /// Directory of the OCI bundle.
    pub bundle: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub allow: bool,
    /// For the user of the engine; empty when allowed.
    pub message: String,
}
