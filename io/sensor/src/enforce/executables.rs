use std::sync::Arc;

use lazaret_model::Digest;
use sha2::{Digest as _, Sha256};

/// Contents that may be executed in a container: the digests of its image's executables.
///
/// Made of digests alone, it allows them anywhere. Made of paths and digests, it allows each only where the image has
/// it: a copy under another name, or over another program, is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutableSet {
    digests: Arc<[Digest]>,
    /// Absolute paths, links resolved, as processes of the container see them, and which of the digests is there.
    places: Option<Arc<[(PathKey, u32)]>>,
}

/// The head of a path's SHA-256: agents keep such lists of many images, and paths are long.
type PathKey = [u8; 16];

fn key(path: &str) -> PathKey {
    let digest: [u8; 32] = Sha256::digest(path).into();
    let mut key = PathKey::default();
    key.copy_from_slice(&digest[..16]);
    key
}

impl ExecutableSet {
    pub fn contains(&self, digest: &Digest) -> bool {
        self.digests.binary_search(digest).is_ok()
    }

    /// Whether the image has one of them at this path; `None`: it is not known where they are.
    pub fn has_place(&self, path: &str) -> Option<bool> {
        self.places.as_ref().map(|_| self.at(path).is_some())
    }

    /// The same contents, allowed anywhere.
    #[must_use]
    pub fn anywhere(&self) -> Self {
        Self { digests: Arc::clone(&self.digests), places: None }
    }

    /// Whether the content may be executed from this place. The place is asked for only if it matters.
    pub(crate) fn allows(&self, digest: &Digest, place: impl FnOnce() -> String) -> bool {
        self.contains(digest) && (self.places.is_none() || self.at(&place()) == Some(digest))
    }

    fn at(&self, path: &str) -> Option<&Digest> {
        let places = self.places.as_ref()?;
        let found = places.binary_search_by_key(&key(path), |(key, _)| *key).ok()?;
        let (_, number) = places.get(found)?;
        self.digests.get(usize::try_from(*number).ok()?)
    }

    pub fn len(&self) -> usize {
        self.digests.len()
    }

    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = &Digest> {
        self.digests.iter()
    }
}

impl FromIterator<Digest> for ExecutableSet {
    fn from_iter<I: IntoIterator<Item = Digest>>(digests: I) -> Self {
        let mut digests: Vec<_> = digests.into_iter().collect();
        digests.sort_unstable();
        digests.dedup();
        Self { digests: digests.into(), places: None }
    }
}

impl FromIterator<(String, Digest)> for ExecutableSet {
    fn from_iter<I: IntoIterator<Item = (String, Digest)>>(files: I) -> Self {
        let files: Vec<(PathKey, Digest)> =
            files.into_iter().map(|(path, digest)| (key(&path), digest)).collect();
        let set: Self = files.iter().map(|(_, digest)| *digest).collect();
        let number =
            |digest| set.digests.binary_search(digest).ok().and_then(|number| u32::try_from(number).ok());
        let mut places: Vec<(PathKey, u32)> =
            files.iter().filter_map(|(key, digest)| Some((*key, number(digest)?))).collect();
        places.sort_unstable();
        places.dedup_by_key(|(key, _)| *key);
        Self { places: Some(places.into()), ..set }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_with_a_place_is_allowed_only_there() {
        let digest = |byte| Digest::from_bytes([byte; 32]);
        let set: ExecutableSet =
            [("/bin/a".to_owned(), digest(1)), ("/bin/b".to_owned(), digest(2))].into_iter().collect();
        let allows = |byte, place: &str| set.allows(&digest(byte), || place.to_owned());
        assert!(allows(1, "/bin/a") && allows(2, "/bin/b"));
        assert!(!allows(1, "/bin/b") && !allows(1, "/tmp/a") && !allows(3, "/bin/a"));
        assert_eq!(
            (set.len(), set.has_place("/bin/a"), set.has_place("/tmp/a")),
            (2, Some(true), Some(false))
        );
        let anywhere = set.anywhere();
        assert!(anywhere.allows(&digest(1), || "/tmp/a".to_owned()) && !anywhere.contains(&digest(3)));
        assert_eq!(anywhere.has_place("/bin/a"), None);
    }

    #[test]
    fn finds_exactly_what_was_put_in_in_any_order() {
        let digest = |byte| Digest::from_bytes([byte; 32]);
        let set: ExecutableSet = [9, 3, 7, 3, 1].map(digest).into_iter().collect();
        assert_eq!(set.len(), 4);
        for byte in 0..12 {
            assert_eq!(set.contains(&digest(byte)), [1, 3, 7, 9].contains(&byte));
        }
        let anywhere = || -> String { unreachable!("the place does not matter") };
        assert!(set.allows(&digest(3), anywhere) && !set.allows(&digest(4), anywhere));
        assert!(ExecutableSet::default().is_empty() && !ExecutableSet::default().contains(&digest(0)));
    }
}
