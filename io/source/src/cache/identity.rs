//! What names a tree before it is read.
//!
//! A digest that an image's configuration or an archive's file names state is a claim: whoever made the archive may
//! have written the digest of a harmless layer beside the bytes of another. So trees are named by what is known:
//!
//! - in a registry, by the digests in the verified manifest: every byte that comes is held against them, here and by
//!   every engine that would run it;
//! - in files, by the files themselves: device, inode, size, times of content and status. The status time is the
//!   kernel's: who changes a file cannot set it back;
//! - in an engine, by the engine and its own ID of the image: it is the engine that would run it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lazaret_model::Digest;
use sha2::{Digest as _, Sha256};

use crate::layer::Window;

/// Names a tree before it is read; afterwards, whether what was read may be kept under that name.
#[derive(Debug, Clone)]
pub struct Identity {
    digest: Digest,
    files: Vec<(Arc<File>, Stamp)>,
    sound: Sound,
}

/// Set once a tree was read, if all of it came as it should.
pub(crate) type Sound = Arc<AtomicBool>;

impl Identity {
    /// Equal for equal trees, read from the same place.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether all was read as it should, and the files that were read are still the same. What was made of the tree may
    /// be kept only then.
    pub fn holds(&self) -> bool {
        self.sound.load(Ordering::Acquire)
            && self.files.iter().all(|(file, stamp)| Stamp::of(file).is_ok_and(|now| now == *stamp))
    }

    /// An image whose layers are verified against their digests while they are read.
    pub(crate) fn of_blobs(config: Digest, layers: &[Digest], sound: Sound) -> Self {
        let layers = layers.iter().map(|layer| &layer.as_bytes()[..]);
        Self { digest: digest(b"blobs", config, layers), files: Vec::new(), sound }
    }

    /// An image that an engine has under its ID.
    pub(crate) fn of_engine(socket: &Path, id: Digest, sound: Sound) -> Self {
        let socket = socket.as_os_str().as_encoded_bytes();
        Self { digest: digest(b"engine", id, [socket].into_iter()), files: Vec::new(), sound }
    }

    /// An image whose layers are parts of files, or files. None where these cannot be told from what they may become.
    pub(crate) fn of_windows(config: Digest, windows: &[Window], sound: Sound) -> Option<Self> {
        let mut files: Vec<(Arc<File>, Stamp)> = Vec::new();
        let mut parts = Vec::with_capacity(windows.len());
        for window in windows {
            let known = files.iter().find(|(file, _)| Arc::ptr_eq(file, window.file()));
            let stamp = match known {
                Some((_, stamp)) => *stamp,
                None => {
                    let stamp = Stamp::settled(window.file())?;
                    files.push((Arc::clone(window.file()), stamp));
                    stamp
                }
            };
            parts.push(stamp.of_part(window));
        }
        Some(Self { digest: digest(b"files", config, parts.iter().map(Vec::as_slice)), files, sound })
    }
}

fn digest<'a>(kind: &[u8], config: Digest, parts: impl Iterator<Item = &'a [u8]>) -> Digest {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(kind);
    add(config.as_bytes());
    parts.for_each(add);
    Digest::from_bytes(hash.finalize().into())
}

/// Tells one state of a file from all later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Kernels count file times in steps of up to 10 ms.
const STEP: Duration = Duration::from_millis(50);
/// Some file systems keep whole seconds only, or two of them.
const COARSE_STEP: Duration = Duration::from_secs(3);

impl Stamp {
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from(&metadata))
    }

    /// None for a file that changed just now: it may change again within the same step of its clock.
    pub(crate) fn settled(file: &File) -> Option<Self> {
        let stamp = Self::of(file).ok()?;
        let (seconds, nanoseconds) = stamp.changed;
        let step = if nanoseconds == 0 { COARSE_STEP } else { STEP };
        let since = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
        let age = SystemTime::now().duration_since(UNIX_EPOCH.checked_add(since)?).ok()?;
        (age > step).then_some(stamp)
    }

    /// Names a part of the file.
    pub(crate) fn of_part(&self, window: &Window) -> Vec<u8> {
        let Self { device, inode, size, modified, changed } = *self;
        let mut bytes = Vec::with_capacity(9 * 8);
        for number in [device, inode, size, window.start(), window.len()] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [modified.0, modified.1, changed.0, changed.1] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
