//! What the runtime, the start hook and the agent say to each other: one line of JSON each way.

use serde::{Deserialize, Serialize};

use super::withheld::Withheld;

/// Bounds of both lines.
pub const ASK_BYTES: u64 = 64 << 10;
pub const ANSWER_BYTES: u64 = 128 << 10;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Question {
    Start(Ask),
    Prepare(Prepare),
}

/// "How is this container to begin?", before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prepare {
    /// The engine's id of the container.
    pub prepare: String,
    /// Directory of the OCI bundle.
    pub bundle: String,
}

/// Nothing is said of whether it may start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prepared {
    /// `None`: with its own program.
    pub begin: Option<Begin>,
    /// What its system call filter is to keep from it.
    #[serde(default, skip_serializing_if = "Withheld::is_nothing")]
    pub withheld: Withheld,
}

/// With a program that holds itself to where files may be changed, and then becomes the container's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// Where it is on the host.
    pub program: String,
    /// What it reads, in Base64.
    pub rules: String,
}

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
