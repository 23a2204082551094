use std::sync::Arc;

use lazaret_store::Store;
use lazaret_trust::VerifyingKey;

use crate::commit::Commits;
use crate::memory::Memory;

/// Everything that handlers work with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) commits: Commits,
    pub(crate) memory: Arc<Memory>,
    /// Whose statements about images are believed.
    pub(crate) trusted: Vec<VerifyingKey>,
    pub(crate) log: LogState,
}

/// What the outside needs to know of the audit log.
#[derive(Debug)]
pub(crate) struct LogState {
    /// The verifier's key, as in `log.pub`.
    pub(crate) key: String,
    /// Why nothing is appended any more.
    pub(crate) closed: Option<String>,
}
