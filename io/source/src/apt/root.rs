use std::io::Read;
use std::path::{Path, PathBuf};

use lazaret_model::{Problem, ProblemKind};

/// A tree whose `etc/apt` names package mirrors.
#[derive(Debug, Clone)]
pub struct AptRoot {
    pub(super) name: String,
    /// Where the tree lies, if it is one of this machine that its administrator stands for.
    pub(super) directory: Option<PathBuf>,
    /// Paths from the root on, and contents.
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) problems: Vec<Problem>,
}

/// Longest file of sources that is read.
const MOST_BYTES: u64 = 1 << 20;

impl AptRoot {
    /// A directory of this machine, usually `/`. Its keys are believed and its settings for the network kept.
    pub fn directory(root: &Path) -> Self {
        // apt runs in a folder of its own.
        let root = &std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let mut this = Self {
            name: root.display().to_string(),
            directory: Some(root.to_owned()),
            files: Vec::new(),
            problems: Vec::new(),
        };
        this.read("etc/apt/sources.list");
        let parts = root.join("etc/apt/sources.list.d");
        match std::fs::read_dir(&parts) {
            Ok(entries) => {
                let mut names: Vec<String> =
                    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
                names.sort();
                for name in names {
                    this.read(&format!("etc/apt/sources.list.d/{name}"));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => this.complain(&parts, &error),
        }
        this
    }

    /// Files that were found in an image, paths from its root on.
    pub fn image(name: impl Into<String>, files: Vec<(String, Vec<u8>)>) -> Self {
        Self { name: name.into(), directory: None, files, problems: Vec::new() }
    }

    /// Whether it names no mirror at all.
    pub fn is_empty(&self) -> bool {
        !self.files.iter().any(|(path, _)| is_list(path).is_some())
    }

    fn read(&mut self, path: &str) {
        let full = self.directory.as_deref().unwrap_or(Path::new("/")).join(path);
        if is_list(path).is_none() {
            return;
        }
        let mut bytes = Vec::new();
        match std::fs::File::open(&full).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)) {
            Ok(_) => self.files.push((path.to_owned(), bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self.complain(&full, &error),
        }
    }

    fn complain(&mut self, path: &Path, error: &std::io::Error) {
        let problem = Problem::new(ProblemKind::Unreadable, path.display().to_string(), error.to_string());
        self.problems.push(problem);
    }
}

/// How a file of sources is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One line each.
    Lines,
    /// Paragraphs (deb822).
    Paragraphs,
}

/// Whether apt would read a file as sources, and how (sources.list(5)).
pub(super) fn is_list(path: &str) -> Option<Format> {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    if path == "etc/apt/sources.list" {
        return Some(Format::Lines);
    }
    let name = path.strip_prefix("etc/apt/sources.list.d/")?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    match name.rsplit_once('.') {
        Some((_, "list")) if plain => Some(Format::Lines),
        Some((_, "sources")) if plain => Some(Format::Paragraphs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_apt_would_read() {
        let root = tempfile::tempdir().unwrap();
        let apt = root.path().join("etc/apt/sources.list.d");
        std::fs::create_dir_all(&apt).unwrap();
        for name in ["b.sources", "a.list", "c.list.disabled", "d~.list"] {
            std::fs::write(apt.join(name), name).unwrap();
        }
        std::fs::write(root.path().join("etc/apt/sources.list"), "main").unwrap();
        let root = AptRoot::directory(root.path());
        let names: Vec<_> = root.files.iter().map(|(path, _)| path.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["sources.list", "a.list", "b.sources"]);
        assert_eq!(root.problems, []);
        assert_eq!(is_list("./etc/apt/sources.list"), Some(Format::Lines));
        assert_eq!(is_list("etc/apt/sources.list.d/x.sources"), Some(Format::Paragraphs));
    }

    #[test]
    fn a_relative_root_is_made_absolute() {
        assert!(AptRoot::directory(Path::new("some/root")).directory.unwrap().is_absolute());
    }

    #[test]
    fn a_root_without_apt_has_no_files() {
        let root = tempfile::tempdir().unwrap();
        let root = AptRoot::directory(root.path());
        assert_eq!((root.files.len(), root.problems.len()), (0, 0));
    }
}
