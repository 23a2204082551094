//! The append-only log: what happened, in an order that nobody can change unnoticed.
//!
//! Entries are leaves of a Merkle tree (RFC 6962, section 2.1). Now and then the log signs a checkpoint,
//! the tree's size and root; from then on every change to an entry below that size can be proven.

mod tree;
mod proof;
mod note;
mod key;
mod checkpoint;
mod verify;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use key::{LogKey, LogVerifier};
pub use note::NoteError;
pub use proof::{ProofError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use tree::{Hash, Tree, leaf_hash};
pub use verify::{LogBreak, LogSummary, verify_log};
