use lazaret_model::Digest;

/// Contents that may be executed in a container: the digests of its image's executables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutableSet(Box<[Digest]>);

impl ExecutableSet {
    pub fn contains(&self, digest: &Digest) -> bool {
        self.0.binary_search(digest).is_ok()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = &Digest> {
        self.0.iter()
    }
}

impl FromIterator<Digest> for ExecutableSet {
    fn from_iter<I: IntoIterator<Item = Digest>>(digests: I) -> Self {
        let mut digests: Vec<_> = digests.into_iter().collect();
        digests.sort_unstable();
        digests.dedup();
        Self(digests.into_boxed_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_exactly_what_was_put_in_in_any_order() {
        let digest = |byte| Digest::from_bytes([byte; 32]);
        let set: ExecutableSet = [9, 3, 7, 3, 1].map(digest).into_iter().collect();
        assert_eq!(set.len(), 4);
        for byte in 0..12 {
            assert_eq!(set.contains(&digest(byte)), [1, 3, 7, 9].contains(&byte));
        }
        assert!(ExecutableSet::default().is_empty() && !ExecutableSet::default().contains(&digest(0)));
    }
}
