//! The files that one reader is interested in.

use std::collections::BTreeMap;

use crate::reading::lossy;

/// What the pass brought together for one reader.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: BTreeMap<Vec<u8>, Kept>,
    /// Symbolic links in the place of wanted files, and where they lead.
    links: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// One file of those that are read together.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) layer: u32,
    pub(crate) content: Option<Vec<u8>>,
}

/// One file that is read while it passes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File<'a> {
    /// Relative to the root.
    pub(crate) path: &'a [u8],
    pub(crate) layer: u32,
    /// The content, or what was extracted from it.
    pub(crate) bytes: &'a [u8],
}

impl File<'_> {
    /// The path as packages state it.
    pub(crate) fn location(&self) -> String {
        lossy(self.path)
    }
}

/// More links in a row lead nowhere.
const MOST_LINKS: usize = 8;

impl Files {
    pub(crate) fn add(&mut self, path: &[u8], layer: u32, content: Option<Vec<u8>>) {
        self.files.insert(path.to_vec(), Kept { layer, content });
    }

    pub(crate) fn add_link(&mut self, path: &[u8], target: &[u8]) {
        self.links.insert(path.to_vec(), resolve(path, target));
    }

    /// In ascending order of the paths; those without content were only counted or not readable.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &Kept)> {
        self.files.iter().map(|(path, file)| (path.as_slice(), file))
    }

    /// The file of a path itself.
    pub(crate) fn get(&self, path: &[u8]) -> Option<&Kept> {
        self.files.get(path)
    }

    /// Contents in a directory.
    pub(crate) fn within<'a>(
        &'a self,
        directory: &'a str,
    ) -> impl Iterator<Item = (&'a [u8], u32, &'a [u8])> {
        self.iter().filter_map(move |(path, file)| {
            let rest = path.strip_prefix(directory.as_bytes())?.strip_prefix(b"/")?;
            Some((path, file.layer, file.content.as_deref()?)).filter(|_| !rest.contains(&b'/'))
        })
    }

    /// Where a link leads.
    pub(crate) fn link(&self, path: &[u8]) -> Option<&[u8]> {
        self.links.get(path).map(Vec::as_slice)
    }

    /// The content behind a path, through links.
    pub(crate) fn content(&self, path: &[u8]) -> Option<&[u8]> {
        let mut path = path;
        for _ in 0..MOST_LINKS {
            match self.links.get(path) {
                Some(target) => path = target,
                None => break,
            }
        }
        self.files.get(path)?.content.as_deref()
    }
}

/// Where a link leads, lexically and within the root.
pub(crate) fn resolve(from: &[u8], target: &[u8]) -> Vec<u8> {
    let mut components: Vec<&[u8]> = Vec::new();
    if !target.starts_with(b"/") {
        components.extend(from.split(|&byte| byte == b'/'));
        components.pop();
    }
    for component in target.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                components.pop();
            }
            _ => components.push(component),
        }
    }
    components.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_links() {
        let mut files = Files::default();
        files.add(b"usr/lib/os-release", 0, Some(b"x".to_vec()));
        files.add_link(b"etc/os-release", b"../usr/lib/os-release");
        files.add_link(b"etc/loop", b"loop");
        files.add_link(b"etc/absolute", b"/etc/./os-release");
        assert_eq!(files.content(b"etc/os-release"), Some(&b"x"[..]));
        assert_eq!(files.content(b"etc/absolute"), Some(&b"x"[..]));
        assert_eq!(files.content(b"etc/loop"), None);
        assert_eq!(resolve(b"a", b"../../b"), b"b");
    }
}
