//! Paths of control groups by their ids: what a process belongs to, when nothing is left of it in `/proc`.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Directories below the hierarchy's root that are looked into at the start.
const DEPTH: usize = 16;
const GROUPS: usize = 65_536;

#[derive(Debug, Default)]
pub(crate) struct Groups {
    paths: HashMap<u64, String>,
}

impl Groups {
    /// Those that are there. A group's id is the inode of its directory.
    pub(crate) fn find(hierarchy: &Path) -> Self {
        let mut groups = Self::default();
        groups.walk(hierarchy, "", DEPTH);
        groups
    }

    pub(crate) fn made(&mut self, id: u64, path: &[u8]) {
        if self.paths.len() < GROUPS {
            self.paths.insert(id, String::from_utf8_lossy(path).into_owned());
        }
    }

    pub(crate) fn forget(&mut self, id: u64) {
        self.paths.remove(&id);
    }

    pub(crate) fn path(&self, id: u64) -> Option<&str> {
        self.paths.get(&id).map(String::as_str)
    }

    fn walk(&mut self, directory: &Path, path: &str, depth: usize) {
        if let Ok(metadata) = fs::metadata(directory) {
            self.made(metadata.ino(), path.as_bytes());
        }
        let Some(depth) = depth.checked_sub(1) else { return };
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let inner = format!("{path}/{}", entry.file_name().to_string_lossy());
                self.walk(&entry.path(), &inner, depth);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_are_there_are_found_by_their_inodes() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("docker/abc")).unwrap();
        let inode = fs::metadata(root.path().join("docker/abc")).unwrap().ino();
        let mut groups = Groups::find(root.path());
        assert_eq!(groups.path(inode), Some("/docker/abc"));
        groups.forget(inode);
        assert_eq!(groups.path(inode), None);
    }
}
