//! The files that one reader is interested in.

use std::collections::BTreeMap;
use std::fmt;

/// Files by directory and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// Relative to the root of the tree.
    pub directory: &'static str,
    pub name: Name,
    pub need: Need,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    Exactly(&'static str),
    EndsWith(&'static str),
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Content,
    /// Only which layer brought it.
    Layer,
}

impl Pattern {
    pub(crate) const fn content(directory: &'static str, name: Name) -> Self {
        Self { directory, name, need: Need::Content }
    }

    pub(crate) const fn layer(directory: &'static str, name: Name) -> Self {
        Self { directory, name, need: Need::Layer }
    }

    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        let Some(rest) = path.strip_prefix(self.directory.as_bytes()) else { return false };
        let Some(name) = rest.strip_prefix(b"/") else { return false };
        match self.name {
            Name::Exactly(exactly) => name == exactly.as_bytes(),
            Name::EndsWith(end) => name.ends_with(end.as_bytes()) && !name.contains(&b'/'),
            Name::Any => !name.contains(&b'/'),
        }
    }

    /// Whether a path is the pattern's directory or one of those that it is in.
    pub(crate) fn is_below(&self, path: &[u8]) -> bool {
        match self.directory.as_bytes().strip_prefix(path) {
            Some(rest) => rest.is_empty() || rest.starts_with(b"/"),
            None => false,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Name::Exactly(name) => write!(f, "{}/{name}", self.directory),
            Name::EndsWith(end) => write!(f, "{}/*{end}", self.directory),
            Name::Any => write!(f, "{}/*", self.directory),
        }
    }
}

/// What the pass brought together for one reader.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: BTreeMap<Vec<u8>, File>,
    /// Symbolic links in the place of wanted files, and where they lead.
    links: BTreeMap<Vec<u8>, Vec<u8>>,
}

#[derive(Debug)]
pub(crate) struct File {
    pub(crate) layer: u32,
    pub(crate) content: Option<Vec<u8>>,
}

/// More links in a row lead nowhere.
const MOST_LINKS: usize = 8;

impl Files {
    pub(crate) fn add(&mut self, path: &[u8], layer: u32, content: Option<Vec<u8>>) {
        self.files.insert(path.to_vec(), File { layer, content });
    }

    pub(crate) fn add_link(&mut self, path: &[u8], target: &[u8]) {
        self.links.insert(path.to_vec(), resolve(path, target));
    }

    /// In ascending order of the paths; those without content were only counted or not readable.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &File)> {
        self.files.iter().map(|(path, file)| (path.as_slice(), file))
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
fn resolve(from: &[u8], target: &[u8]) -> Vec<u8> {
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
    fn matches_files_of_its_directory_only() {
        let exact = Pattern::content("var/lib/dpkg", Name::Exactly("status"));
        assert!(exact.matches(b"var/lib/dpkg/status"));
        for other in [
            "var/lib/dpkg/status-old",
            "var/lib/dpkg/a/status",
            "var/lib/dpkgstatus",
            "var/lib/dpkg",
            "status",
        ] {
            assert!(!exact.matches(other.as_bytes()), "{other}");
        }
        let end = Pattern::layer("a/b", Name::EndsWith(".list"));
        assert!(end.matches(b"a/b/x.list") && !end.matches(b"a/b/c/x.list") && !end.matches(b"a/b/x.lis"));
        assert_eq!(
            (exact.to_string(), end.to_string()),
            ("var/lib/dpkg/status".to_owned(), "a/b/*.list".to_owned())
        );
    }

    #[test]
    fn knows_what_is_on_its_way() {
        let pattern = Pattern::content("var/lib/dpkg", Name::Any);
        for path in ["var", "var/lib", "var/lib/dpkg"] {
            assert!(pattern.is_below(path.as_bytes()), "{path}");
        }
        for path in ["va", "var/lib/dp", "var/lib/dpkg/x", "lib"] {
            assert!(!pattern.is_below(path.as_bytes()), "{path}");
        }
    }

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
