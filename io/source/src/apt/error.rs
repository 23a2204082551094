use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the mirror feed gave nothing at all. What concerns single repositories or packages is a
/// [`Problem`](lazaret_model::Problem) in the result instead.
#[derive(Debug, thiserror::Error)]
pub enum AptError {
    #[error("cannot start `{program}`: {error}")]
    Start { program: &'static str, error: io::Error },
    #[error("`{program}` took longer than {} seconds and was ended", .limit.as_secs())]
    Time { program: &'static str, limit: Duration },
    #[error("`{program}` failed: {detail}")]
    Failed { program: &'static str, detail: String },
    #[error("no package mirror is configured in {roots}")]
    NoSources { roots: String },
    #[error("no package list of Debian could be had from the configured mirrors: {detail}")]
    NoLists { detail: String },
    #[error("cannot use {path}: {error}", path = .path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("it was cancelled")]
    Cancelled,
}

impl AptError {
    /// For `map_err` on file operations.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}
