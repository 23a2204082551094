//! What is kept of each repository between runs: a folder with what was said of it last, and its updateinfo.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lazaret_advisory::feed::yum::Checksum;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::YumError;
use super::network::Validators;
use super::repository::Repository;

/// What is known of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// What it was that `validators` belong to.
    pub(super) address: String,
    pub(super) validators: Validators,
    /// SHA-256 of `repomd.xml`.
    pub(super) index: String,
    /// When it was asked with success; RFC 3339.
    pub(super) asked: String,
    pub(super) vouched: super::fetch::Vouched,
    pub(super) updateinfo: Option<Kept>,
    /// When the newest index that was ever taken was made, in seconds since 1970; none of earlier versions' states.
    #[serde(default)]
    pub(super) made: Option<u64>,
}

/// A file in the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) kind: String,
    pub(super) hex: String,
    pub(super) bytes: u64,
}

impl Kept {
    pub(super) fn is(&self, checksum: &Checksum) -> bool {
        (&self.kind, &self.hex) == (&checksum.kind, &checksum.hex)
    }

    fn name(&self) -> String {
        format!("updateinfo-{}-{}", self.kind, self.hex)
    }
}

/// One repository's folder.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

const STATE: &str = "state.json";

impl Folder {
    pub(super) fn of(cache: &Path, repository: &Repository) -> Result<Self, YumError> {
        let digest = Sha256::digest(repository.identity());
        let name: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let path = cache.join(name);
        std::fs::create_dir_all(&path).map_err(YumError::file(&path))?;
        Ok(Self(path))
    }

    /// What was kept. What is damaged or incomplete counts as nothing.
    pub(super) fn state(&self) -> Option<State> {
        let text = std::fs::read(self.0.join(STATE)).ok()?;
        let state: State = serde_json::from_slice(&text).ok()?;
        match &state.updateinfo {
            Some(kept) => {
                let length = std::fs::metadata(self.updateinfo(kept)).ok()?.len();
                (length == kept.bytes).then_some(state)
            }
            None => Some(state),
        }
    }

    pub(super) fn updateinfo(&self, kept: &Kept) -> PathBuf {
        self.0.join(kept.name())
    }

    /// Keeps a new updateinfo. The state that names it is to be put after it.
    pub(super) fn put_updateinfo(&self, kept: &Kept, bytes: &[u8]) -> Result<(), YumError> {
        self.replace(&kept.name(), bytes)
    }

    /// Keeps the state, and nothing that it does not name.
    pub(super) fn put_state(&self, state: &State) -> Result<(), YumError> {
        let text = serde_json::to_vec_pretty(state)
            .map_err(|error| YumError::file(&self.0)(io::Error::other(error)))?;
        self.replace(STATE, &text)?;
        let kept = state.updateinfo.as_ref().map(Kept::name);
        let entries = std::fs::read_dir(&self.0).map_err(YumError::file(&self.0))?;
        for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
            if name != STATE && Some(&name) != kept.as_ref() {
                // What is left costs room, no more.
                let _ = std::fs::remove_file(self.0.join(name));
            }
        }
        Ok(())
    }

    /// A folder for short-lived files.
    pub(super) fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), YumError> {
        let (new, path) = (self.0.join("new"), self.0.join(name));
        let write = || {
            let mut file = std::fs::File::create(&new)?;
            io::Write::write_all(&mut file, bytes)?;
            file.sync_all()?;
            std::fs::rename(&new, &path)
        };
        write().map_err(YumError::file(&path))
    }
}

/// The cache while nobody else uses it.
pub(super) struct Locked {
    pub(super) path: PathBuf,
    _lock: std::fs::File,
}

/// Waits for other runs. The kernel takes the lock from a process that ends, however it ends.
pub(super) async fn lock(cache: &Path, waits: &mut (dyn FnMut() + Send)) -> Result<Locked, YumError> {
    std::fs::create_dir_all(cache).map_err(YumError::file(cache))?;
    let path = cache.join("lock");
    let lock = std::fs::File::create(&path).map_err(YumError::file(&path))?;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Locked { path: cache.to_owned(), _lock: lock }),
            Err(std::fs::TryLockError::Error(error)) => return Err(YumError::File { path, error }),
            Err(std::fs::TryLockError::WouldBlock) => waits(),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
