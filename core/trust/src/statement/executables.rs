use std::collections::BTreeMap;

use lazaret_model::Digest;
use serde::{Deserialize, Serialize};

use super::wire;

/// Every file that an image may execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutablesPredicate {
    #[serde(with = "wire::text")]
    pub config: Digest,
    /// SHA-256 of every regular file with an execute bit, ascending, each once.
    #[serde(rename = "sha256", with = "wire::sorted_hex")]
    pub files: Vec<[u8; 32]>,
    /// Where they lie: absolute paths, ascending, each once, and which of `files` it is. Empty: not stated.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "wire::places")]
    pub places: Vec<(String, u32)>,
}

/// Bytes of paths in one statement. Of an image with more it is not stated where they lie.
const MOST_PLACES_BYTES: usize = 1 << 20;

impl ExecutablesPredicate {
    /// Takes the digests in any order and number.
    pub fn new(config: Digest, mut files: Vec<[u8; 32]>) -> Self {
        files.sort_unstable();
        files.dedup();
        Self { config, files, places: Vec::new() }
    }

    /// With their places, as paths from the root.
    pub fn placed(config: Digest, placed: Vec<(String, [u8; 32])>) -> Self {
        let mut stated = Self::new(config, placed.iter().map(|(_, file)| *file).collect());
        if placed.iter().map(|(path, _)| path.len()).sum::<usize>() > MOST_PLACES_BYTES {
            return stated;
        }
        let number =
            |file| stated.files.binary_search(file).ok().and_then(|number| u32::try_from(number).ok());
        let mut places: Vec<(String, u32)> = placed
            .iter()
            .filter_map(|(path, file)| Some((format!("/{}", path.trim_start_matches('/')), number(file)?)))
            .collect();
        places.sort_unstable();
        places.dedup_by(|one, other| one.0 == other.0);
        stated.places = places;
        stated
    }

    /// What lies where, if that is stated of all.
    pub fn by_place(&self) -> Option<BTreeMap<&str, [u8; 32]>> {
        let places = self.places.iter().map(|(path, number)| {
            let file = self.files.get(usize::try_from(*number).ok()?)?;
            Some((path.as_str(), *file))
        });
        (!self.places.is_empty()).then(|| places.collect()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest_of;

    #[test]
    fn what_lies_where_is_stated_of_all_or_not_at_all() {
        let config = digest_of(b"c");
        let placed = [("usr/bin/b", 9), ("/usr/bin/c", 1), ("usr/bin/a", 9)];
        let placed = placed.map(|(path, byte)| (path.to_owned(), [byte; 32])).to_vec();
        let executables = ExecutablesPredicate::placed(config, placed);
        let places: Vec<_> = executables.by_place().unwrap().into_iter().collect();
        assert_eq!(places, [("/usr/bin/a", [9; 32]), ("/usr/bin/b", [9; 32]), ("/usr/bin/c", [1; 32])]);
        assert_eq!(executables.files, [[1; 32], [9; 32]]);
        let plain = ExecutablesPredicate::new(config, vec![[1; 32]]);
        assert_eq!(plain.by_place(), None);
        let far = ExecutablesPredicate { places: vec![("/a".to_owned(), 1)], ..plain };
        assert_eq!(far.by_place(), None, "a number that stands for no file states nothing");
        let much = vec![("x".repeat(MOST_PLACES_BYTES + 1), [1; 32])];
        let much = ExecutablesPredicate::placed(config, much);
        assert!(much.places.is_empty() && much.files.len() == 1);
    }
}
