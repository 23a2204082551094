//! What was read before, kept on disk for the next run.
//!
//! One file for each key, written aside and moved into its place: runs side by side share a folder, and none waits for
//! another. A file that is damaged, cut off or of another version of Lazaret is as if it were not there, and so is a
//! folder that cannot be written. Nothing here is a truth: whatever is missing is read from its source again.
//!
//! A key must name bytes that were verified, never what somebody claims of them: what a scan says is about the bytes
//! that would run. See [`identity`](self::identity) for what names a tree.

mod file;
mod folder;
mod identity;

use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use lazaret_model::Digest;
use sha2::{Digest as _, Sha256};

pub(crate) use file::Reader;
pub use identity::Identity;
pub(crate) use identity::{Sound, Stamp};

/// What is kept in a folder unless something else is asked for.
pub const DEFAULT_BYTES: u64 = 1 << 30;

/// Why a folder is not used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("cannot use the cache {}: {source}", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("the cache {} is not used: {why}", folder.display())]
    Untrusted { folder: PathBuf, why: &'static str },
}

/// A folder of what was read before. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    version: String,
    most_bytes: u64,
    /// Names unfinished files. Begins anywhere: process numbers do not tell apart those who share a folder from
    /// within containers.
    begun: AtomicU64,
    /// Bytes written since the folder's size was looked at.
    written: AtomicU64,
    trouble: OnceLock<String>,
}

/// Names one entry: what it is of, of which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(Digest);

impl Cache {
    /// Opens a folder, or makes it, readable by its user alone. `version` tells apart programs that read differently:
    /// none takes what another one wrote.
    ///
    /// A folder that somebody else owns or may write to is refused: what lies in it would be believed.
    pub fn open(folder: &Path, version: &str, most_bytes: u64) -> Result<Self, CacheError> {
        folder::prepare(folder)?;
        Ok(Self(Arc::new(Inner {
            folder: folder.to_owned(),
            version: version.to_owned(),
            most_bytes,
            begun: AtomicU64::new(RandomState::new().build_hasher().finish()),
            written: AtomicU64::new(0),
            trouble: OnceLock::new(),
        })))
    }

    /// The key of what was made of something. Every part counts, and where one ends.
    pub fn key(&self, parts: &[&[u8]]) -> Key {
        let mut hash = Sha256::new();
        for part in [self.0.version.as_bytes()].iter().chain(parts) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Key(Digest::from_bytes(hash.finalize().into()))
    }

    /// What was put under a key, whole and as it was.
    pub fn get(&self, key: Key) -> Option<Vec<u8>> {
        let mut reader = self.read(key)?;
        let mut bytes = Vec::with_capacity(usize::try_from(reader.limit()).ok()?);
        reader.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Keeps something under a key. Failing is no failure of the scan: [`trouble`](Self::trouble) tells.
    pub fn put(&self, key: Key, bytes: &[u8]) {
        self.write(key, |file| file.write_all(bytes));
    }

    /// The first thing that kept something from being kept.
    pub fn trouble(&self) -> Option<&str> {
        self.0.trouble.get().map(String::as_str)
    }

    /// As [`get`](Self::get), for what need not be in memory at once; verified before the first byte is given.
    pub(crate) fn read(&self, key: Key) -> Option<Reader> {
        let path = self.path(key);
        match File::open(&path).and_then(|file| file::open(file, key.0)) {
            Ok((reader, file)) => {
                // Marks it as used. Where that is not allowed, the oldest goes first instead.
                let _ = file.set_modified(std::time::SystemTime::now());
                Some(reader)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                tracing::debug!("{} is not used: {error}", path.display());
                None
            }
        }
    }

    /// As [`put`](Self::put), for what is written piece by piece.
    pub(crate) fn write(&self, key: Key, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let Inner { folder, most_bytes, begun, .. } = &*self.0;
        let number = begun.fetch_add(1, Ordering::Relaxed);
        let aside = folder.join(format!("{}{number:016x}", folder::UNFINISHED));
        // One entry that pushes out all others serves nobody.
        let result = file::write(&aside, key.0, most_bytes / 4, fill)
            .and_then(|bytes| fs::rename(&aside, self.path(key)).map(|()| bytes));
        match result {
            Ok(bytes) => self.keep_within_bounds(bytes),
            Err(error) => {
                let _ = fs::remove_file(&aside);
                if error.kind() != ErrorKind::FileTooLarge {
                    self.0.trouble.get_or_init(|| format!("{}: {error}", folder.display()));
                }
            }
        }
    }

    /// Looks at the folder after the first entry of a process, and whenever it may have grown by a sixteenth.
    fn keep_within_bounds(&self, bytes: u64) {
        let Inner { folder, most_bytes, written, .. } = &*self.0;
        let before = written.fetch_add(bytes, Ordering::Relaxed);
        if before == 0 || before.saturating_add(bytes) > most_bytes / 16 {
            written.store(1, Ordering::Relaxed);
            folder::keep_within(folder, *most_bytes);
        }
    }

    fn path(&self, key: Key) -> PathBuf {
        self.0.folder.join(key.0.hex())
    }
}

#[cfg(test)]
mod tests;
