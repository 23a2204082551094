//! All patterns at once: which readers a file is for.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use lazaret_model::Entry;

use crate::pattern::{Name, Pattern, Place, split};

/// Finds the patterns that match an entry without trying each: a tree has hundreds of thousands of entries, and there
/// are a hundred patterns.
pub(crate) struct Matcher {
    exact: Candidates,
    /// By what follows the last dot of the name.
    extension: Candidates,
    /// Whatever lies in a directory.
    directory: Candidates,
    others: Vec<Candidate>,
}

/// Texts of our own tables: nobody can choose ones that fall together, so that a quick hash will do.
type Candidates = HashMap<&'static [u8], Vec<Candidate>, BuildHasherDefault<Quick>>;

#[derive(Clone, Copy)]
struct Candidate {
    reader: usize,
    pattern: &'static Pattern,
}

impl Matcher {
    /// `readers` in the order of their numbers.
    pub(crate) fn new(readers: impl Iterator<Item = &'static [Pattern]>) -> Self {
        let mut matcher = Self {
            exact: Candidates::default(),
            extension: Candidates::default(),
            directory: Candidates::default(),
            others: Vec::new(),
        };
        for (reader, patterns) in readers.enumerate() {
            for pattern in patterns {
                let candidate = Candidate { reader, pattern };
                let list = match (pattern.name, pattern.place) {
                    (Name::Exactly(name), _) => matcher.exact.entry(name.as_bytes()).or_default(),
                    (Name::EndsWith(end) | Name::Around(_, end), _) if end.contains('.') => {
                        matcher.extension.entry(extension(end.as_bytes())).or_default()
                    }
                    (Name::Any, Place::In(place)) => matcher.directory.entry(place.as_bytes()).or_default(),
                    _ => &mut matcher.others,
                };
                list.push(candidate);
            }
        }
        matcher
    }

    /// The numbers of the readers that want an entry, in ascending order, each with its first pattern that matches.
    pub(crate) fn matches<'a>(
        &'a self,
        entry: &'a Entry<'_>,
    ) -> impl Iterator<Item = (usize, &'static Pattern)> + 'a {
        let (directory, name) = split(entry.path);
        let lists = [
            self.exact.get(name).map_or(&[][..], Vec::as_slice),
            self.extension.get(extension(name)).map_or(&[][..], Vec::as_slice),
            self.directory.get(directory).map_or(&[][..], Vec::as_slice),
            self.others.as_slice(),
        ];
        let mut found: Vec<(usize, &'static Pattern)> = Vec::new();
        for candidate in lists.into_iter().flatten() {
            if candidate.pattern.matches_split(directory, name, entry)
                && !found.iter().any(|(reader, _)| *reader == candidate.reader)
            {
                found.push((candidate.reader, candidate.pattern));
            }
        }
        found.sort_unstable_by_key(|(reader, _)| *reader);
        found.into_iter()
    }
}

fn extension(name: &[u8]) -> &[u8] {
    match memchr::memrchr(b'.', name) {
        Some(dot) => &name[dot + 1..],
        None => b"",
    }
}

/// Takes eight bytes at once.
#[derive(Default)]
struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.add(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last));
    }

    fn finish(&self) -> u64 {
        // Tables take the upper bits for one thing and the lower ones for another.
        self.0 ^ self.0 >> 32
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::EntryKind;
    use proptest::prelude::*;

    use super::*;

    const ONE: &[Pattern] = &[
        Pattern::content(Place::In("a"), Name::Exactly("x.lock")),
        Pattern::content(Place::Anywhere, Name::EndsWith("-x.lock")),
        Pattern::content(Place::In("a/b"), Name::Any),
    ];
    const TWO: &[Pattern] = &[
        Pattern::content(Place::Anywhere, Name::Around("x", ".lock")),
        Pattern::content(Place::Anywhere, Name::EndsWith("lock")),
        Pattern::content(Place::Below("b"), Name::Executable),
    ];

    proptest! {
        #[test]
        fn finds_what_trying_each_finds(path in "([ab]/){0,2}[x-]{0,3}(\\.lock|\\.lo|lock)?", mode in prop::sample::select(&[0o644u16, 0o755])) {
            let entry = Entry { path: path.as_bytes(), kind: EntryKind::File, mode, uid: 0, gid: 0, size: 0, layer: 0 };
            let found: Vec<usize> = Matcher::new([ONE, TWO].into_iter()).matches(&entry).map(|(reader, _)| reader).collect();
            let tried: Vec<usize> = (0..2).filter(|number| [ONE, TWO][*number].iter().any(|pattern| pattern.matches(&entry))).collect();
            prop_assert_eq!(found, tried);
        }
    }
}
