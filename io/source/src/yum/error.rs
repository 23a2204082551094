use std::io;
use std::path::{Path, PathBuf};

/// Why the feed gave nothing at all. What concerns single repositories is said of those.
#[derive(Debug, thiserror::Error)]
pub enum YumError {
    #[error("no repository is configured in {roots}")]
    NoRepositories { roots: String },
    #[error("cannot use {path}: {error}", path = .path.display())]
    File { path: PathBuf, error: io::Error },
}

impl YumError {
    /// For `map_err` on file operations.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}
