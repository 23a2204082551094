//! A tree in memory.

use std::collections::BTreeMap;
use std::io;

use lazaret_model::{
    Content, Entry, EntryKind, Extracted, Problem, RandomAccess, Tree, Visitor, Want, Wanted,
};
use sha2::{Digest as _, Sha256};

pub(crate) enum Node {
    File { content: Vec<u8>, mode: u16 },
    Link(Vec<u8>),
    Directory,
}

#[derive(Default)]
pub(crate) struct Memory {
    nodes: BTreeMap<Vec<u8>, (Node, u32)>,
    /// Versions that layers above hide: path, layer, content; the highest first.
    earlier: Vec<(&'static str, u32, Vec<u8>)>,
    pub(crate) problems: Vec<Problem>,
    /// Files come by once and in pieces of this many bytes; 0: they can be read anywhere.
    pub(crate) piece: usize,
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

    pub(crate) fn earlier(mut self, path: &'static str, layer: u32, content: impl Into<Vec<u8>>) -> Self {
        self.earlier.push((path, layer, content.into()));
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
    fn walk(&mut self, visitor: &mut dyn Visitor) -> Vec<Problem> {
        let mut problems = std::mem::take(&mut self.problems);
        for (path, (node, layer)) in &self.nodes {
            let (kind, mode, content) = match node {
                Node::File { content, mode } => (EntryKind::File, *mode, content.as_slice()),
                Node::Link(target) => (EntryKind::Symlink { target }, 0o777, &[][..]),
                Node::Directory => (EntryKind::Directory, 0o755, &[][..]),
            };
            let size = content.len() as u64;
            let entry = Entry { path, kind, mode, uid: 0, gid: 0, size, layer: *layer };
            let want = if kind == EntryKind::File { visitor.want(&entry) } else { Want::NOTHING };
            let extracted = (want.content == Wanted::Extract).then(|| self.extract(visitor, &entry, content));
            problems.extend(extracted.iter().flat_map(|extracted| extracted.problems.clone()));
            let bytes = match want.content {
                Wanted::Nothing => None,
                Wanted::Bytes => Some(content),
                Wanted::Extract => extracted.as_ref().map(|extracted| extracted.bytes.as_slice()),
            };
            let digest = want.digest.then(|| Sha256::digest(content).into());
            visitor.visit(&entry, Content { digest, bytes });
        }
        for (path, layer, content) in &self.earlier {
            if !visitor.wants_earlier(path.as_bytes()) {
                continue;
            }
            let (path, size, kind) = (path.as_bytes(), content.len() as u64, EntryKind::File);
            let entry = Entry { path, kind, mode: 0o644, uid: 0, gid: 0, size, layer: *layer };
            let extracted = match visitor.want(&entry).content {
                Wanted::Extract => self.extract(visitor, &entry, content).bytes,
                _ => content.clone(),
            };
            visitor.visit_earlier(&entry, Content { digest: None, bytes: Some(&extracted) });
        }
        problems
    }
}

impl Memory {
    fn extract(&self, visitor: &dyn Visitor, entry: &Entry<'_>, content: &[u8]) -> Extracted {
        let whole = visitor.extract(entry, &mut Bytes(content));
        if self.piece > 0
            && let Some(mut passing) = visitor.extract_passing(entry)
        {
            content.chunks(self.piece).for_each(|piece| passing.push(piece));
            return passing.finish();
        }
        whole
    }
}

struct Bytes<'a>(&'a [u8]);

impl RandomAccess for Bytes<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let part = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.0.get(offset..offset.checked_add(buffer.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(part);
        Ok(())
    }
}
