//! Which files a reader is interested in, as data.

use std::fmt;

use lazaret_model::{Entry, EntryKind, Extracted, Limits, Passing, RandomAccess};

/// Files by place and name.
#[derive(Debug, Clone, Copy)]
pub struct Pattern {
    pub place: Place,
    pub name: Name,
    pub need: Need,
    /// The package manager rewrites the file as a whole: what it said in lower layers tells which layer brought a package.
    pub is_rewritten: bool,
}

/// Directories, relative to the root of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Directly in this directory.
    In(&'static str),
    /// In this directory or in any below it.
    Below(&'static str),
    /// In any directory whose own name ends so: `.dist-info`.
    InAnyEndingWith(&'static str),
    /// In any directory but those of this name and what is below them.
    Outside(&'static str),
    Anywhere,
}

/// Names of files, without their directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    Exactly(&'static str),
    EndsWith(&'static str),
    /// With anything, or nothing, between: `requirements*.txt`.
    Around(&'static str, &'static str),
    Any,
    /// Any file with an executable bit.
    Executable,
}

#[derive(Debug, Clone, Copy)]
pub enum Need {
    Content,
    /// Only which layer brought it.
    Layer,
    /// The same of directories.
    Directory,
    /// The small part that matters of a file that may be large.
    Extract(Extractor),
}

/// Reduces a large file to the small part that matters.
#[derive(Debug, Clone, Copy)]
pub struct Extractor {
    pub(crate) whole: fn(&mut dyn RandomAccess, &[u8], &Limits) -> Extracted,
    /// For files that come by once and are larger than what is kept in memory.
    pub(crate) passing: Option<Begin>,
    /// Whether two names of one file (hard links) give the same extract; without it none do.
    pub(crate) alike: Option<Alike>,
}

type Begin = fn(&[u8], &Limits) -> Box<dyn Passing>;
type Alike = fn(&[u8], &[u8]) -> bool;

impl Pattern {
    pub(crate) const fn content(place: Place, name: Name) -> Self {
        Self { place, name, need: Need::Content, is_rewritten: false }
    }

    pub(crate) const fn layer(place: Place, name: Name) -> Self {
        Self { place, name, need: Need::Layer, is_rewritten: false }
    }

    pub(crate) const fn directory(place: Place, name: Name) -> Self {
        Self { place, name, need: Need::Directory, is_rewritten: false }
    }

    pub(crate) const fn extract(place: Place, name: Name, extractor: Extractor) -> Self {
        Self { place, name, need: Need::Extract(extractor), is_rewritten: false }
    }

    pub(crate) const fn rewritten(self) -> Self {
        Self { is_rewritten: true, ..self }
    }

    /// Whether an entry is meant. Links have no executable bits.
    pub(crate) fn matches(&self, entry: &Entry<'_>) -> bool {
        let (directory, name) = split(entry.path);
        self.matches_split(directory, name, entry)
    }

    /// The same for an entry whose path is [`split`] already: names are cheaper to compare than places.
    pub(crate) fn matches_split(&self, directory: &[u8], name: &[u8], entry: &Entry<'_>) -> bool {
        let is_directory = entry.kind == EntryKind::Directory;
        is_directory == matches!(self.need, Need::Directory)
            && self.name.matches(name, entry)
            && self.place.matches(directory)
    }

    /// The one directory where the files are, or below which they are.
    pub(crate) fn root(&self) -> Option<&'static str> {
        match self.place {
            Place::In(directory) | Place::Below(directory) => Some(directory),
            Place::InAnyEndingWith(_) | Place::Outside(_) | Place::Anywhere => None,
        }
    }
}

impl Place {
    fn matches(self, directory: &[u8]) -> bool {
        match self {
            Self::In(wanted) => directory == wanted.as_bytes(),
            Self::Below(wanted) => directory
                .strip_prefix(wanted.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")),
            Self::InAnyEndingWith(end) => {
                let (_, name) = split(directory);
                name.ends_with(end.as_bytes())
            }
            Self::Outside(name) => {
                directory.split(|&byte| byte == b'/').all(|component| component != name.as_bytes())
            }
            Self::Anywhere => true,
        }
    }
}

impl Name {
    pub(crate) fn matches(self, name: &[u8], entry: &Entry<'_>) -> bool {
        match self {
            Self::Exactly(exactly) => name == exactly.as_bytes(),
            Self::EndsWith(end) => name.ends_with(end.as_bytes()),
            Self::Around(start, end) => {
                name.len() >= start.len() + end.len()
                    && name.starts_with(start.as_bytes())
                    && name.ends_with(end.as_bytes())
            }
            Self::Any => true,
            Self::Executable => entry.kind == EntryKind::File && entry.mode & 0o111 != 0,
        }
    }
}

/// Directory and name; the root's directory is empty.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path) {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::In("") => {}
            Place::In(directory) => write!(f, "{directory}/")?,
            Place::Below("") | Place::Outside(_) | Place::Anywhere => f.write_str("**/")?,
            Place::Below(directory) => write!(f, "{directory}/**/")?,
            Place::InAnyEndingWith(end) => write!(f, "**/*{end}/")?,
        }
        match self.name {
            Name::Exactly(name) => f.write_str(name),
            Name::EndsWith(end) => write!(f, "*{end}"),
            Name::Around(start, end) => write!(f, "{start}*{end}"),
            Name::Any => f.write_str("*"),
            Name::Executable => f.write_str("* (executable)"),
        }?;
        match self.place {
            Place::Outside(name) => write!(f, " (outside {name})"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Entry<'_> {
        Entry { path: path.as_bytes(), kind: EntryKind::File, mode: 0o644, uid: 0, gid: 0, size: 0, layer: 0 }
    }

    #[test]
    fn matches_by_place_and_name() {
        let anything = Name::Any;
        for (place, name, yes, no) in [
            (
                Place::In("var/lib/dpkg"),
                Name::Exactly("status"),
                &["var/lib/dpkg/status"][..],
                &[
                    "var/lib/dpkg/status-old",
                    "var/lib/dpkg/a/status",
                    "var/lib/dpkgstatus",
                    "var/lib/dpkg",
                    "status",
                ][..],
            ),
            (Place::In("a/b"), Name::EndsWith(".list"), &["a/b/x.list"], &["a/b/c/x.list", "a/b/x.lis"]),
            (Place::Below("a"), anything, &["a/x", "a/b/x"], &["ab/x", "x"]),
            (
                Place::InAnyEndingWith(".dist-info"),
                Name::Exactly("METADATA"),
                &["x-1.dist-info/METADATA", "usr/lib/x-1.dist-info/METADATA"],
                &["x-1.dist-info/a/METADATA", "METADATA"],
            ),
            (
                Place::Outside("lib"),
                Name::Exactly("x"),
                &["x", "a/x", "a/lib2/x"],
                &["lib/x", "a/lib/x", "a/lib/b/x"],
            ),
            (
                Place::Anywhere,
                Name::Around("req", ".txt"),
                &["a/req.txt", "req-dev.txt"],
                &["re.txt", "req.tx"],
            ),
        ] {
            let pattern = Pattern::content(place, name);
            for path in yes {
                assert!(pattern.matches(&file(path)), "{pattern} {path}");
            }
            for path in no {
                assert!(!pattern.matches(&file(path)), "{pattern} {path}");
            }
        }
        let executable = Pattern::content(Place::Anywhere, Name::Executable);
        assert!(!executable.matches(&file("a")) && executable.matches(&Entry { mode: 0o100, ..file("a") }));
    }
}
