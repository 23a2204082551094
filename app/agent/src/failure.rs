//! Everything foreseeable that can go wrong at the top, each with its exit code.

use std::io;
use std::path::{Path, PathBuf};

/// A failure that ends a command. Its text is one sentence: what failed, on what, what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("cannot use the configuration {}: {why}", path.display())]
    Configuration { path: PathBuf, why: String },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}; free space or fix the permissions, then start again", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Local(String),
    #[error("{what} is not reachable: {why}")]
    Unreachable { what: String, why: String },
    #[error("{0}")]
    Unauthorized(String),
    #[error("the server refuses: {0}")]
    RefusedByServer(String),
    #[error("{0}")]
    Refused(String),
    #[error("internal fault: {0}; please report it")]
    Internal(String),
}

impl Failure {
    pub fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    /// The documented exit code of the command.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Configuration { .. } | Self::Read { .. } => 3,
            Self::Unreachable { .. } => 4,
            Self::Unauthorized(_) => 5,
            Self::RefusedByServer(_) => 6,
            Self::Write { .. } | Self::Local(_) => 7,
            Self::Internal(_) => 70,
        }
    }
}
