//! Pieces on their way: what came is kept until the database is whole, so that a pull that was ended goes on where it
//! ended.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::pack::sha256;
use crate::failure::{Failure, Outcome};

/// The folder beside a database.
#[derive(Debug, Clone)]
pub(super) struct Partial(PathBuf);

/// Largest piece, uncompressed.
pub(super) const MOST_PIECE: u64 = 1 << 30;

impl Partial {
    pub(super) fn of(database: &Path) -> Self {
        Self(database.with_added_extension("pulling"))
    }

    /// What came before and is wanted, by the digest of the piece. What is not what its name says is removed.
    pub(super) fn read(&self, is_wanted: &dyn Fn(&str) -> bool) -> HashMap<String, Vec<u8>> {
        let mut found = HashMap::new();
        for entry in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let digest = name.replacen('-', ":", 1);
            if !is_wanted(&digest) {
                continue;
            }
            match std::fs::read(entry.path()) {
                Ok(bytes) if sha256(&bytes).to_string() == digest => {
                    found.insert(digest, bytes);
                }
                // Cut off by a kill, or of another use: it is fetched again.
                _ => drop(std::fs::remove_file(entry.path())),
            }
        }
        found
    }

    /// Keeps a piece. Not flushed to the disk: what is lost is fetched again.
    pub(super) fn put(&self, digest: &str, bytes: &[u8]) -> Outcome {
        let fail = |error: &std::io::Error| Failure::file("write", &self.0, error);
        std::fs::create_dir_all(&self.0).map_err(|error| fail(&error))?;
        std::fs::write(self.0.join(digest.replacen(':', "-", 1)), bytes).map_err(|error| fail(&error))
    }

    /// The database is whole.
    pub(super) fn remove(&self) {
        // What stays costs room, and is removed by the next pull.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Takes a compressed piece out.
pub(super) fn unpacked(compressed: &[u8], most: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(compressed)?;
    decoder.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(std::io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}
