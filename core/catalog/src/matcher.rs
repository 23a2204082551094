//! All patterns at once: which readers a file is for.

use std::collections::HashMap;

use lazaret_model::Entry;

use crate::pattern::{Name, Pattern, split};

/// Finds the patterns that match an entry without trying each: a tree has hundreds of thousands of entries, and there
/// are a hundred patterns.
pub(crate) struct Matcher {
    exact: HashMap<&'static [u8], Vec<Candidate>>,
    /// By what follows the last dot of the name.
    extension: HashMap<&'static [u8], Vec<Candidate>>,
    others: Vec<Candidate>,
}

#[derive(Clone, Copy)]
struct Candidate {
    reader: usize,
    pattern: &'static Pattern,
}

impl Matcher {
    /// `readers` in the order of their numbers.
    pub(crate) fn new(readers: impl Iterator<Item = &'static [Pattern]>) -> Self {
        let mut matcher = Self { exact: HashMap::new(), extension: HashMap::new(), others: Vec::new() };
        for (reader, patterns) in readers.enumerate() {
            for pattern in patterns {
                let candidate = Candidate { reader, pattern };
                let list = match pattern.name {
                    Name::Exactly(name) => matcher.exact.entry(name.as_bytes()).or_default(),
                    Name::EndsWith(end) | Name::Around(_, end) if end.contains('.') => {
                        matcher.extension.entry(extension(end.as_bytes())).or_default()
                    }
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
        let exact = self.exact.get(name).map_or(&[][..], Vec::as_slice);
        let extension = self.extension.get(extension(name)).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<(usize, &'static Pattern)> = Vec::new();
        for candidate in exact.iter().chain(extension).chain(&self.others) {
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

#[cfg(test)]
mod tests {
    use lazaret_model::EntryKind;
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::Place;

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
