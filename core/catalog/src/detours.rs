//! Links on the way to package databases. A tree is walked without following links: `var` may lead to where the real
//! database is, and then nothing must look as if there were none.

use std::collections::{BTreeSet, HashMap, HashSet};

use lazaret_model::Entry;

use crate::files::resolve;
use crate::pattern::{Name, Need, Pattern, Place, split};
use crate::reading::{Problems, lossy};

/// Finds databases that are only reached through links.
pub(crate) struct Detours {
    patterns: Vec<&'static Pattern>,
    by_name: HashMap<&'static [u8], Vec<&'static Pattern>>,
    by_place: Vec<&'static Pattern>,
    roots: HashSet<&'static [u8]>,
    /// The last directory of which a file was seen, and whether it lies like a place of databases: most do not.
    seen: Vec<u8>,
    seen_alike: bool,
    /// Directories elsewhere with files as databases have them.
    elsewhere: BTreeSet<Vec<u8>>,
    links: Vec<Link>,
}

struct Link {
    path: Vec<u8>,
    /// What stands behind it in the places of databases: `lib/dpkg` behind `var`. Empty: the link is in the place itself.
    behind: BTreeSet<&'static [u8]>,
}

/// How far above a file the place of its database may end.
const LEVELS: usize = 3;
/// More directories that look like databases are taken for all there can be.
const MOST: usize = 10_000;

impl Detours {
    /// Of the readers of databases.
    pub(crate) fn new(patterns: impl Iterator<Item = &'static Pattern>) -> Self {
        let mut found = Self {
            patterns: patterns.filter(|it| !matches!(it.need, Need::Layer | Need::Directory)).collect(),
            by_name: HashMap::new(),
            by_place: Vec::new(),
            roots: HashSet::new(),
            seen: Vec::new(),
            // Of the root nothing was looked at yet.
            seen_alike: true,
            elsewhere: BTreeSet::new(),
            links: Vec::new(),
        };
        for pattern in &found.patterns {
            found.roots.extend(pattern.root().map(str::as_bytes));
            match pattern.name {
                Name::Exactly(name) => found.by_name.entry(name.as_bytes()).or_default().push(pattern),
                _ => found.by_place.push(pattern),
            }
        }
        found
    }

    pub(crate) fn file(&mut self, entry: &Entry<'_>) {
        let (directory, name) = split(entry.path);
        if directory != self.seen {
            self.seen.clear();
            self.seen.extend_from_slice(directory);
            let mut ends = directory.rsplit(|&byte| byte == b'/').take(LEVELS);
            self.seen_alike = ends.any(|end| self.roots.iter().any(|root| split(root).1 == end));
        }
        if !self.seen_alike {
            return;
        }
        let by_name = self.by_name.get(name).into_iter().flatten();
        for pattern in by_name.chain(&self.by_place) {
            let Some(root) = pattern.root() else { continue };
            let (_, last) = split(root.as_bytes());
            let (above, _) = split(directory);
            let (further, _) = split(above);
            // Databases that are directories have one for each package, or one for its category too.
            let levels = if matches!(pattern.place, Place::In(_)) { 0..1 } else { 1..3 };
            for place in [directory, above, further].into_iter().take(levels.end).skip(levels.start) {
                let is_alike = split(place).1 == last && !self.roots.contains(place);
                if is_alike && self.elsewhere.len() < MOST && pattern.name.matches(name, entry) {
                    self.elsewhere.insert(place.to_vec());
                }
            }
        }
    }

    pub(crate) fn link(&mut self, entry: &Entry<'_>, target: &[u8]) {
        let target = resolve(entry.path, target);
        let there = Entry { path: &target, ..entry.clone() };
        let mut behind = BTreeSet::new();
        for pattern in &self.patterns {
            let Some(root) = pattern.root().map(str::as_bytes) else { continue };
            // The file itself. Those of single packages (`copyright`) may well be links.
            let is_file = matches!(pattern.place, Place::In(_)) && pattern.matches(entry);
            if is_file && !self.patterns.iter().any(|other| other.matches(&there)) {
                behind.insert(&b""[..]);
            }
            let rest = match root.strip_prefix(entry.path) {
                Some([]) => &b""[..],
                Some([b'/', rest @ ..]) => rest,
                _ => continue,
            };
            // To another place of databases: `lib` to `usr/lib`, `var/lib/rpm` to `usr/lib/sysimage/rpm`.
            let leads_to = if rest.is_empty() { target.clone() } else { [&target, &b"/"[..], rest].concat() };
            if !self.roots.contains(leads_to.as_slice()) {
                behind.insert(rest);
            }
        }
        if !behind.is_empty() {
            self.links.push(Link { path: entry.path.to_vec(), behind });
        }
    }

    /// One problem for each link behind which there may be a database.
    pub(crate) fn finish(self, problems: &mut Problems) {
        let is_full = self.elsewhere.len() >= MOST;
        // Wherever a place like that is: links may lead to it over other links.
        let is_there = |rest: &[u8]| {
            self.elsewhere.iter().any(|place| {
                place.strip_suffix(rest).is_some_and(|before| before.is_empty() || before.ends_with(b"/"))
            })
        };
        for link in &self.links {
            if is_full || link.behind.iter().any(|rest| rest.is_empty() || is_there(rest)) {
                let detail = "a link on the way to a package database was not followed";
                problems.unsupported(lossy(&link.path), detail);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::EntryKind;

    use super::*;

    const PATTERNS: &[Pattern] = &[
        Pattern::content(Place::In("var/lib/dpkg"), Name::Exactly("status")),
        Pattern::content(Place::In("var/lib/dpkg/status.d"), Name::Any),
        Pattern::content(Place::Below("var/db/pkg"), Name::Exactly("CONTENTS")),
        Pattern::content(Place::In("lib/apk/db"), Name::Exactly("installed")),
        Pattern::content(Place::In("usr/lib/apk/db"), Name::Exactly("installed")),
    ];

    fn entry<'a>(path: &'a str, kind: EntryKind<'a>) -> Entry<'a> {
        Entry { path: path.as_bytes(), kind, mode: 0o644, uid: 0, gid: 0, size: 0, layer: 0 }
    }

    fn problems(files: &[&str], links: &[(&str, &str)]) -> usize {
        let mut detours = Detours::new(PATTERNS.iter());
        for (path, target) in links {
            let target = target.as_bytes();
            detours.link(&entry(path, EntryKind::Symlink { target }), target);
        }
        for path in files {
            detours.file(&entry(path, EntryKind::File));
        }
        let mut problems = Problems::default();
        detours.finish(&mut problems);
        problems.into_list().len()
    }

    #[test]
    fn what_is_reached_through_links_only_is_a_problem() {
        for (files, links) in [
            (&["data/lib/dpkg/status"][..], &[("var", "data")][..]),
            (&["data/lib/dpkg/status"], &[("var", "other"), ("other", "data")]),
            (&["data/dpkg/status.d/base"], &[("var/lib", "../data")]),
            (&["tmp/db/pkg/app-misc/a-1/CONTENTS"], &[("var", "tmp")]),
            (&["x/apk/db/installed"], &[("lib", "x")]),
            (&[], &[("var/lib/dpkg", "nowhere")]),
            (&[], &[("var/lib/dpkg/status", "nowhere")]),
        ] {
            assert_eq!(problems(files, links), 1, "{links:?}");
        }
    }

    #[test]
    fn other_links_are_not() {
        for (files, links) in [
            (&[][..], &[("var", "tmp"), ("lib", "nix/store/x/lib")][..]),
            (&["usr/lib/apk/db/installed"], &[("lib", "usr/lib")]),
            (
                &[],
                &[
                    ("lib/apk/db", "../../usr/lib/apk/db"),
                    ("lib/apk/db/installed", "/usr/lib/apk/db/installed"),
                ],
            ),
            (&["x/db/other", "x/pkg/CONTENTS"], &[("var", "x"), ("lib", "x")]),
            (&["data/lib/dpkg/status"], &[("etc", "data"), ("variety", "data")]),
        ] {
            assert_eq!(problems(files, links), 0, "{links:?}");
        }
    }
}
