//! The one pass over a tree.

use lazaret_model::{
    Content, Distribution, Entry, EntryKind, Limits, Package, Problem, ProblemKind, Tree, Want,
};
use sha2::{Digest as _, Sha256};

use crate::cataloger::CATALOGERS;
use crate::files::{Files, Need, Pattern};
use crate::{apt, distribution};

/// What is looked for besides packages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Digests of all files that may be executed: the slow part of a pass.
    pub executables: bool,
}

/// What was found, in an order that depends on nothing but the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    pub distribution: Option<Distribution>,
    /// Sorted, without repetitions.
    pub packages: Vec<Package>,
    /// In ascending order of the paths; empty unless asked for.
    pub executables: Vec<Executable>,
    /// Lists of package sources and the keys that they name, relative to the root, with their contents.
    pub apt_sources: Vec<(String, Vec<u8>)>,
    /// What could not be read: if there are any, something may be missing above.
    pub problems: Vec<Problem>,
}

/// A regular file with an executable bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable {
    pub path: String,
    pub sha256: [u8; 32],
    pub mode: u16,
    pub layer: u32,
}

/// Finds what is in a tree.
pub fn catalog(tree: &mut dyn Tree, limits: &Limits, options: Options) -> Catalog {
    let mut readers: Vec<Reader> =
        CATALOGERS.iter().map(|cataloger| Reader::new(cataloger.patterns, true)).collect();
    readers.extend([distribution::PATTERNS, apt::PATTERNS].map(|patterns| Reader::new(patterns, false)));
    let mut executables = Vec::new();
    let mut problems = Problems::default();
    let mut left = limits.kept_bytes;

    let mut want = |entry: &Entry<'_>| {
        if WANTED.iter().any(|patterns| needs(patterns, entry.path) == Some(Need::Content)) {
            Want::Bytes
        } else if options.executables && is_executable(entry) {
            Want::Digest
        } else {
            Want::Nothing
        }
    };
    let mut visit = |entry: &Entry<'_>, content: Content<'_>| {
        if options.executables && is_executable(entry) {
            let sha256 = match content {
                Content::Digest(digest) => Some(digest),
                Content::Bytes(bytes) => Some(Sha256::digest(bytes).into()),
                // The tree says why.
                Content::Nothing => None,
            };
            executables.extend(sha256.map(|sha256| Executable {
                path: String::from_utf8_lossy(entry.path).into_owned(),
                sha256,
                mode: entry.mode,
                layer: entry.layer,
            }));
        }
        for reader in &mut readers {
            reader.take(entry, content, &mut left, &mut problems);
        }
    };
    let unread = tree.walk(&mut want, &mut visit);

    let mut packages: Vec<Package> = CATALOGERS
        .iter()
        .zip(&readers)
        .flat_map(|(cataloger, reader)| (cataloger.read)(&reader.files, limits, &mut problems))
        .collect();
    packages.sort_unstable();
    packages.dedup();
    let [.., distribution, apt] = readers.as_slice() else { return Catalog::default() };
    Catalog {
        distribution: distribution::read(&distribution.files),
        packages,
        executables,
        apt_sources: apt::read(&apt.files),
        problems: unread.into_iter().chain(problems.into_list()).collect(),
    }
}

/// Whose contents are wanted: constant, so that no file has to be seen before another.
const WANTED: [&[Pattern]; CATALOGERS.len() + 2] = {
    let mut all: [&[Pattern]; CATALOGERS.len() + 2] = [distribution::PATTERNS; CATALOGERS.len() + 2];
    let mut number = 0;
    while number < CATALOGERS.len() {
        all[number] = CATALOGERS[number].patterns;
        number += 1;
    }
    all[number + 1] = apt::PATTERNS;
    all
};

fn needs(patterns: &[Pattern], path: &[u8]) -> Option<Need> {
    patterns.iter().find(|pattern| pattern.matches(path)).map(|pattern| pattern.need)
}

fn is_executable(entry: &Entry<'_>) -> bool {
    entry.kind == EntryKind::File && entry.mode & 0o111 != 0
}

/// Brings together the files of one reader.
struct Reader {
    patterns: &'static [Pattern],
    /// Whether a link on the way to the files means that something is not read.
    database: bool,
    files: Files,
}

impl Reader {
    fn new(patterns: &'static [Pattern], database: bool) -> Self {
        Self { patterns, database, files: Files::default() }
    }

    fn take(&mut self, entry: &Entry<'_>, content: Content<'_>, left: &mut u64, problems: &mut Problems) {
        let need = needs(self.patterns, entry.path);
        match (entry.kind, need) {
            (EntryKind::File, Some(Need::Content)) => {
                let content = match content {
                    Content::Bytes(bytes) => match left.checked_sub(bytes.len() as u64) {
                        Some(rest) => {
                            *left = rest;
                            Some(bytes.to_vec())
                        }
                        None => {
                            problems.limit(lossy(entry.path), "too many bytes of package databases");
                            None
                        }
                    },
                    _ => None,
                };
                self.files.add(entry.path, entry.layer, content);
            }
            (EntryKind::File, Some(Need::Layer)) => self.files.add(entry.path, entry.layer, None),
            (EntryKind::Symlink { target }, _) => {
                let on_the_way = || self.patterns.iter().any(|pattern| pattern.is_below(entry.path));
                if self.database && (need == Some(Need::Content) || on_the_way()) {
                    let detail = "a link on the way to a package database was not followed";
                    problems.push(Problem::new(ProblemKind::Unsupported, lossy(entry.path), detail));
                }
                if need.is_some() {
                    self.files.add_link(entry.path, target);
                }
            }
            _ => {}
        }
    }
}

/// A bounded list: a hostile database can be wrong in every record.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    left_out: usize,
}

const MOST_PROBLEMS: usize = 1_000;

impl Problems {
    fn push(&mut self, problem: Problem) {
        if self.list.len() < MOST_PROBLEMS {
            self.list.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    pub(crate) fn malformed(&mut self, subject: String, detail: impl Into<String>) {
        self.push(Problem::new(ProblemKind::Malformed, subject, detail));
    }

    pub(crate) fn limit(&mut self, subject: String, detail: impl Into<String>) {
        self.push(Problem::new(ProblemKind::Limit, subject, detail));
    }

    pub(crate) fn into_list(mut self) -> Vec<Problem> {
        if self.left_out > 0 {
            let detail = format!("{} more problems are not listed", self.left_out);
            self.list.push(Problem::new(ProblemKind::Limit, "the packages", detail));
        }
        self.list
    }
}

fn lossy(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
