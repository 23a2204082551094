use lazaret_store::AuditLeaf;
use lazaret_trust::log::{Checkpoint, LogKey, Tree};
use serde::Serialize;

use crate::http::{Answer, ApiError};

/// The audit log's tree as it is on the disk, and the key that signs for it.
#[derive(Debug)]
pub(crate) enum Ledger {
    Open {
        tree: Tree,
        key: Box<LogKey>,
    },
    /// The log that was found does not hold what its checkpoints promise. Appending to it would cover that
    /// up, so nothing is appended any more.
    Closed {
        why: String,
    },
}

impl Ledger {
    pub(crate) fn closed(&self) -> Option<&str> {
        match self {
            Self::Open { .. } => None,
            Self::Closed { why } => Some(why),
        }
    }

    pub(super) fn draft(&self) -> Draft {
        match self {
            Self::Open { tree, .. } => Draft { tree: tree.clone(), leaves: Vec::new(), closed: None },
            Self::Closed { why } => {
                Draft { tree: Tree::new(), leaves: Vec::new(), closed: Some(why.clone()) }
            }
        }
    }

    /// The draft is on the disk now.
    pub(super) fn advance(&mut self, draft: Draft) {
        if let Self::Open { tree, .. } = self {
            *tree = draft.tree;
        }
    }

    pub(super) fn sign(&self, draft: &Draft) -> Option<String> {
        match self {
            Self::Open { key, .. } => Some(Checkpoint::of(&draft.tree, key).sign(key)),
            Self::Closed { .. } => None,
        }
    }
}

/// The log as it will be after a transaction.
#[derive(Debug)]
pub(super) struct Draft {
    tree: Tree,
    pub(super) leaves: Vec<AuditLeaf>,
    pub(super) closed: Option<String>,
}

pub(super) struct DraftMark {
    tree: Tree,
    leaves: usize,
}

/// An entry: one line of JSON.
#[derive(Serialize)]
struct Leaf<'a, D> {
    seq: u64,
    at: &'a str,
    kind: &'a str,
    data: D,
}

impl Draft {
    pub(super) fn append(&mut self, at: &str, kind: &str, data: impl Serialize) -> Answer<u64> {
        let index = self.tree.size();
        let leaf = serde_json::to_string(&Leaf { seq: index, at, kind, data }).map_err(ApiError::internal)?;
        self.tree.push(leaf.as_bytes());
        self.leaves.push(AuditLeaf { index, leaf });
        Ok(index)
    }

    pub(super) fn size(&self) -> u64 {
        self.tree.size()
    }

    pub(super) fn mark(&self) -> DraftMark {
        DraftMark { tree: self.tree.clone(), leaves: self.leaves.len() }
    }

    pub(super) fn undo(&mut self, mark: DraftMark) {
        self.tree = mark.tree;
        self.leaves.truncate(mark.leaves);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_are_numbered_lines_and_can_be_taken_back() {
        let key = LogKey::from_random("lazaret/test", [7; 32]).unwrap();
        let mut ledger = Ledger::Open { tree: Tree::new(), key: Box::new(key) };
        let mut draft = ledger.draft();
        assert_eq!(draft.append("now", "a", json!({"x": "line\nbreak"})).unwrap(), 0);
        let root = draft.tree.root();
        let mark = draft.mark();
        draft.append("now", "b", json!({})).unwrap();
        draft.undo(mark);
        assert_eq!(draft.tree.root(), root);
        assert_eq!(draft.leaves[0].leaf, r#"{"seq":0,"at":"now","kind":"a","data":{"x":"line\nbreak"}}"#);
        assert!(ledger.sign(&draft).unwrap().starts_with("lazaret/test\n1\n"));
        ledger.advance(draft);
        assert_eq!(ledger.draft().size(), 1);
    }
}
