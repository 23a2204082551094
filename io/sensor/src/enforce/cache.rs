use std::collections::HashMap;

use super::decision::Content;
use crate::sys::FileState;

/// Digests of files that were read, as long as they stay as they were.
///
/// Bounded and cheap to bound: when `recent` is full it becomes `older`, and what was in `older` is forgotten
/// unless it was asked for meanwhile.
#[derive(Debug)]
pub(crate) struct DigestCache {
    capacity: usize,
    recent: HashMap<Key, Content>,
    older: HashMap<Key, Content>,
}

/// The guard's number is part of it, because the kernel gives device numbers of ended containers to new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) guard: u64,
    pub(crate) file: FileState,
}

impl DigestCache {
    /// Keeps at least `capacity` of the latest entries and at most twice as many.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, recent: HashMap::new(), older: HashMap::new() }
    }

    pub(crate) fn get(&mut self, key: &Key) -> Option<Content> {
        if let Some(content) = self.recent.get(key) {
            return Some(content.clone());
        }
        let content = self.older.remove(key)?;
        self.insert(*key, content.clone());
        Some(content)
    }

    pub(crate) fn insert(&mut self, key: Key, content: Content) {
        if self.recent.len() >= self.capacity {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key, content);
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::Digest;

    use super::*;
    use crate::enforce::head::Next;

    fn key(inode: u64) -> Key {
        let file = FileState { device: (0, 1), inode, size: 1, changed: (1, 1), modified: (1, 1) };
        Key { guard: 1, file }
    }

    fn digest(inode: u64) -> Content {
        let digest = Digest::from_bytes([u8::try_from(inode % 251).unwrap(); 32]);
        Content { digest, is_script: inode.is_multiple_of(2), next: Next::Nothing }
    }

    #[test]
    fn stays_within_its_bound_and_keeps_what_is_asked_for() {
        let mut cache = DigestCache::new(10);
        cache.insert(key(0), digest(0));
        for inode in 1..1000 {
            cache.insert(key(inode), digest(inode));
            assert_eq!(cache.get(&key(0)), Some(digest(0)));
            assert_eq!(cache.get(&key(inode)), Some(digest(inode)));
            assert!(cache.recent.len() + cache.older.len() <= 20);
        }
        assert_eq!(cache.get(&key(1)), None);
    }

    #[test]
    fn any_change_of_a_file_makes_it_another_one() {
        let mut cache = DigestCache::new(10);
        let known = key(1);
        cache.insert(known, digest(1));
        let file = known.file;
        for other in [
            Key { guard: 2, ..known },
            Key { file: FileState { device: (0, 2), ..file }, ..known },
            Key { file: FileState { inode: 2, ..file }, ..known },
            Key { file: FileState { size: 2, ..file }, ..known },
            Key { file: FileState { changed: (1, 2), ..file }, ..known },
            Key { file: FileState { modified: (2, 1), ..file }, ..known },
        ] {
            assert_eq!(cache.get(&other), None);
        }
        assert_eq!(cache.get(&known), Some(digest(1)));
    }
}
