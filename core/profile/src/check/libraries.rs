use lazaret_model::FileOperation;

use super::files::FileIndex;
use crate::profile::{FileRule, Library};

/// Libraries are found as files are.
pub(super) fn index(libraries: &[Library]) -> FileIndex {
    let rules: Vec<FileRule> = libraries
        .iter()
        .map(|library| FileRule {
            path: library.path.clone(),
            by: library.by.clone(),
            operations: vec![FileOperation::Read],
            seen: library.seen,
        })
        .collect();
    FileIndex::new(&rules)
}
