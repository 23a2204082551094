//! What of a tree can be seen to run, and which packages brought it: whoever knows what ran in a container then knows
//! which of its packages were in use.
//!
//! The kernel sees programs that are executed and libraries that are mapped. What an interpreter reads it does not tell
//! from data, so for each package it is said which languages' files it has too.

mod attribution;
mod languages;
mod links;
mod wheel;

use lazaret_model::{Entry, path_text};

pub(crate) use attribution::{Known, attribute, is_documentation};
pub(crate) use languages::Languages;
pub(crate) use wheel::PATTERNS;

use self::links::Links;
use crate::pattern::split;

/// Programs and libraries, and whose they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Code {
    /// In ascending order of the paths.
    pub files: Vec<CodeFile>,
    /// What interpreters read, of packages of the distribution: places among the packages, ascending, and names of
    /// languages.
    pub read: Vec<(u32, Vec<String>)>,
}

/// A program, or a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFile {
    /// Absolute and without links in it, as the kernel tells it ([`path_text`]).
    pub path: String,
    /// Symbolic links that lead to it, if it is a program: a script is told by the name that it was called by.
    pub names: Vec<String>,
    /// Places of its packages among all packages, ascending. Nobody's: what was copied into the image.
    pub packages: Vec<u32>,
}

/// Brings together the files while they pass by.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    files: Vec<Passed>,
    links: Links,
}

#[derive(Debug)]
pub(crate) struct Passed {
    /// Relative to the root.
    pub(crate) path: Vec<u8>,
    is_program: bool,
}

impl Collector {
    pub(crate) fn file(&mut self, entry: &Entry<'_>) {
        let is_program = entry.mode & 0o111 != 0;
        if is_program || is_library(split(entry.path).1) {
            self.files.push(Passed { path: entry.path.to_vec(), is_program });
        }
    }

    pub(crate) fn link(&mut self, entry: &Entry<'_>, target: &[u8]) {
        self.links.add(entry.path, target);
    }

    /// In the order in which they are asked for.
    pub(crate) fn files(&self) -> &[Passed] {
        &self.files
    }

    /// The names of the programs, by their places among the files.
    fn names(&self) -> Vec<Vec<String>> {
        let programs = self.files.iter().enumerate().filter(|(_, file)| file.is_program);
        let places = programs.map(|(place, file)| (file.path.as_slice(), place)).collect();
        let mut names = vec![Vec::new(); self.files.len()];
        for (name, place) in self.links.leading_to(&places) {
            names[place].push(absolute(name));
        }
        names
    }
}

fn absolute(path: &[u8]) -> String {
    path_text(&[b"/", path].concat()).into_owned()
}

/// Libraries have no executable bit in many images, and their content is read only if there is another reason to: they
/// are known by their names.
fn is_library(name: &[u8]) -> bool {
    if [&b".so"[..], b".node", b".cmxs"].iter().any(|end| name.ends_with(end)) {
        return true;
    }
    let versions = memchr::memmem::rfind(name, b".so.").map(|at| &name[at + b".so.".len()..]);
    versions.is_some_and(|versions| versions.first().is_some_and(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_known_by_their_names() {
        for name in [
            "libc.so.6",
            "libcrypto.so.3",
            "x.so",
            "ld-musl-x86_64.so.1",
            "a.cpython-311-x86_64.so",
            "b.node",
        ] {
            assert!(is_library(name.as_bytes()), "{name}");
        }
        for name in ["ld.so.cache", "ld.so.conf", "libc.a", "so", "x.so.", "x.so.bak"] {
            assert!(!is_library(name.as_bytes()), "{name}");
        }
    }
}
