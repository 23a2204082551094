use std::io;
use std::path::{Path, PathBuf};

/// Why the database could not be read or written: which file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the disk of {file} is full: free some space on it; nothing of the request was kept")]
    DiskFull { file: PathBuf },
    #[error("{file} is locked by another process: stop what else has it open, then try again")]
    Locked { file: PathBuf },
    #[error("{file} is damaged ({detail}): stop the server and restore the file from a backup")]
    Corrupt { file: PathBuf, detail: String },
    #[error(
        "{file} is not a database of Lazaret ({detail}): give the server another state directory, or move the file away"
    )]
    Foreign { file: PathBuf, detail: String },
    #[error(
        "{file} was written by a newer Lazaret (schema {found}, this one knows up to {known}): start the newer version"
    )]
    Newer { file: PathBuf, found: i64, known: i64 },
    #[error(
        "{file} may not be written ({detail}): check owner and permissions of the file and its directory"
    )]
    Denied { file: PathBuf, detail: String },
    #[error("failed to read or write {file}: {detail}")]
    Io { file: PathBuf, detail: String },
    /// A row does not hold what this version writes: somebody else changed the file.
    #[error("{file} has a row that Lazaret did not write ({detail}): restore the file from a backup")]
    Row { file: PathBuf, detail: String },
    /// A query of ours that SQLite refused; a mistake in this crate.
    #[error("query on {file} failed: {detail}")]
    Query { file: PathBuf, detail: String },
}

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// Names the file and sorts SQLite's result codes (sqlite.org/rescode.html) by what the reader can do.
    pub(crate) fn from_sqlx(file: &Path, error: &sqlx::Error) -> Self {
        let file = file.to_owned();
        let detail = error.to_string();
        match error {
            sqlx::Error::Database(database) => {
                let code: i64 = database.code().and_then(|code| code.parse().ok()).unwrap_or_default();
                let detail = database.message().to_owned();
                match code & 0xff {
                    13 => Self::DiskFull { file },
                    5 | 6 => Self::Locked { file },
                    11 => Self::Corrupt { file, detail },
                    26 => Self::Foreign { file, detail },
                    3 | 8 | 23 => Self::Denied { file, detail },
                    10 | 14 => Self::Io { file, detail },
                    _ => Self::Query { file, detail },
                }
            }
            sqlx::Error::Io(io) => Self::from_io(&file, io),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
                Self::Row { file, detail }
            }
            _ => Self::Query { file, detail },
        }
    }

    pub(crate) fn from_io(file: &Path, error: &io::Error) -> Self {
        let file = file.to_owned();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { file },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { file, detail: error.to_string() }
            }
            _ => Self::Io { file, detail: error.to_string() },
        }
    }

    pub fn file(&self) -> &Path {
        match self {
            Self::DiskFull { file }
            | Self::Locked { file }
            | Self::Corrupt { file, .. }
            | Self::Foreign { file, .. }
            | Self::Newer { file, .. }
            | Self::Denied { file, .. }
            | Self::Io { file, .. }
            | Self::Row { file, .. }
            | Self::Query { file, .. } => file,
        }
    }
}
