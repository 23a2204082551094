use std::collections::HashMap;

use lazaret_model::Digest;

/// Contents that may be executed in a container: the digests of its image's executables.
///
/// Made of digests alone, it allows them anywhere. Made of paths and digests, it allows each only where the image has
/// it: a copy under another name, or over another program, is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutableSet {
    digests: Box<[Digest]>,
    /// Absolute paths, links resolved, as processes of the container see them.
    places: Option<HashMap<Box<str>, Digest>>,
}

impl ExecutableSet {
    pub fn contains(&self, digest: &Digest) -> bool {
        self.digests.binary_search(digest).is_ok()
    }

    /// Whether the content may be executed from this place. The place is asked for only if it matters.
    pub(crate) fn allows(&self, digest: &Digest, place: impl FnOnce() -> String) -> bool {
        self.contains(digest)
            && self.places.as_ref().is_none_or(|places| places.get(place().as_str()) == Some(digest))
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
        Self { digests: digests.into_boxed_slice(), places: None }
    }
}

impl FromIterator<(String, Digest)> for ExecutableSet {
    fn from_iter<I: IntoIterator<Item = (String, Digest)>>(files: I) -> Self {
        let places: HashMap<Box<str>, Digest> =
            files.into_iter().map(|(path, digest)| (path.into_boxed_str(), digest)).collect();
        Self { places: Some(places.clone()), ..places.into_values().collect() }
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
        assert_eq!(set.len(), 2);
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
