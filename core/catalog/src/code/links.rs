use std::collections::HashMap;

use crate::files::resolve;

/// Symbolic links of a tree.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Where each leads, relative to the root; what stands on the way there may be a link again.
    targets: HashMap<Vec<u8>, Vec<u8>>,
}

/// Links on one way; Linux follows as many.
const MOST_HOPS: usize = 40;
/// Real images have thousands. Of more, the rest is taken for none.
const MOST_LINKS: usize = 200_000;
/// No program of a package lies deeper, and each step on the way costs a look.
const MOST_BYTES: usize = 512;

impl Links {
    pub(super) fn add(&mut self, path: &[u8], target: &[u8]) {
        if self.targets.len() < MOST_LINKS && path.len() + target.len() <= MOST_BYTES {
            self.targets.insert(path.to_vec(), resolve(path, target));
        }
    }

    /// Links to files of which the places are given, ascending.
    pub(super) fn leading_to(&self, places: &HashMap<&[u8], usize>) -> Vec<(&[u8], usize)> {
        let lead = |path: &Vec<u8>| places.get(self.real(path)?.as_slice()).copied();
        let mut found: Vec<(&[u8], usize)> =
            self.targets.keys().filter_map(|path| Some((path.as_slice(), lead(path)?))).collect();
        found.sort_unstable();
        found
    }

    /// The path without links in it; `None`: it leads in circles.
    fn real(&self, path: &[u8]) -> Option<Vec<u8>> {
        let mut path = path.to_vec();
        for _ in 0..MOST_HOPS {
            match self.step(&path) {
                Some(next) if next.len() <= MOST_BYTES => path = next,
                Some(_) => return None,
                None => return Some(path),
            }
        }
        None
    }

    /// Replaces the first link on the way.
    fn step(&self, path: &[u8]) -> Option<Vec<u8>> {
        let ends = memchr::memchr_iter(b'/', path).chain([path.len()]);
        ends.into_iter().find_map(|end| {
            let mut next = self.targets.get(&path[..end])?.clone();
            let rest = &path[end..];
            // A link to the root has an empty target.
            next.extend_from_slice(if next.is_empty() {
                rest.strip_prefix(b"/").unwrap_or(rest)
            } else {
                rest
            });
            Some(next)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_through_links() {
        let mut links = Links::default();
        for (path, target) in [
            ("bin", "usr/bin"),
            ("usr/bin/awk", "/etc/alternatives/awk"),
            ("etc/alternatives/awk", "/bin/mawk"),
            ("usr/bin/x", "../bin/y"),
            ("usr/bin/y", "x"),
            ("here", "/"),
            ("to", "here/usr/bin/mawk"),
        ] {
            links.add(path.as_bytes(), target.as_bytes());
        }
        let mawk = &b"usr/bin/mawk"[..];
        let found = links.leading_to(&[(mawk, 7)].into());
        let names: Vec<&[u8]> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [&b"etc/alternatives/awk"[..], b"to", b"usr/bin/awk"]);
        assert_eq!(links.real(b"usr/bin/x"), None, "in circles");
        assert_eq!(links.real(b"bin/ls").as_deref(), Some(&b"usr/bin/ls"[..]));
    }
}
