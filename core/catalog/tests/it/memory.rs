//! A tree in memory.

use std::collections::BTreeMap;

use lazaret_model::{Content, Entry, EntryKind, Problem, Tree, Want};
use sha2::{Digest as _, Sha256};

pub(crate) enum Node {
    File { content: Vec<u8>, mode: u16 },
    Link(Vec<u8>),
    Directory,
}

#[derive(Default)]
pub(crate) struct Memory {
    nodes: BTreeMap<Vec<u8>, (Node, u32)>,
    pub(crate) problems: Vec<Problem>,
}

impl Memory {
    pub(crate) fn file(mut self, path: &str, layer: u32, content: impl Into<Vec<u8>>) -> Self {
        self.add(path.as_bytes(), layer, Node::File { content: content.into(), mode: 0o644 });
        self
    }

    pub(crate) fn program(mut self, path: &str, layer: u32, content: impl Into<Vec<u8>>, mode: u16) -> Self {
        self.add(path.as_bytes(), layer, Node::File { content: content.into(), mode });
        self
    }

    pub(crate) fn link(mut self, path: &str, layer: u32, target: &str) -> Self {
        self.add(path.as_bytes(), layer, Node::Link(target.as_bytes().to_vec()));
        self
    }

    pub(crate) fn add(&mut self, path: &[u8], layer: u32, node: Node) {
        self.nodes.insert(path.to_vec(), (node, layer));
    }
}

impl Tree for Memory {
    fn walk(
        &mut self,
        want: &mut dyn FnMut(&Entry<'_>) -> Want,
        visit: &mut dyn FnMut(&Entry<'_>, Content<'_>),
    ) -> Vec<Problem> {
        for (path, (node, layer)) in &self.nodes {
            let (kind, mode, content) = match node {
                Node::File { content, mode } => (EntryKind::File, *mode, content.as_slice()),
                Node::Link(target) => (EntryKind::Symlink { target }, 0o777, &[][..]),
                Node::Directory => (EntryKind::Directory, 0o755, &[][..]),
            };
            let size = content.len() as u64;
            let entry = Entry { path, kind, mode, uid: 0, gid: 0, size, layer: *layer };
            let given = match kind {
                EntryKind::File => match want(&entry) {
                    Want::Nothing => Content::Nothing,
                    Want::Digest => Content::Digest(Sha256::digest(content).into()),
                    Want::Bytes => Content::Bytes(content),
                },
                _ => Content::Nothing,
            };
            visit(&entry, given);
        }
        std::mem::take(&mut self.problems)
    }
}
