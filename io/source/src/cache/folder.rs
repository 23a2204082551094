//! The folder of a cache: whose it is, and how large it may become.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::CacheError;

/// How names of files begin that are not finished.
pub(super) const UNFINISHED: &str = "unfinished-";
/// Nobody writes on a file for longer: whoever began it ended before.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Makes the folder where there is none, and looks whose it is.
pub(super) fn prepare(folder: &Path) -> Result<(), CacheError> {
    let fail = |source: io::Error| CacheError::Folder { folder: folder.to_owned(), source };
    let untrusted = |why| Err(CacheError::Untrusted { folder: folder.to_owned(), why });
    let metadata = match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
            fs::metadata(folder).map_err(fail)?
        }
        result => result.map_err(fail)?,
    };
    if !metadata.is_dir() {
        return untrusted("it is no directory");
    }
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return untrusted("it belongs to another user, who could say what images contain");
    }
    if metadata.mode() & 0o022 != 0 {
        return untrusted("others may write to it, and could say what images contain");
    }
    Ok(())
}

struct Entry {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

/// Removes what was not used for longest until the folder is within its bounds, and what nobody finishes. Other
/// processes may do the same at the same time.
pub(super) fn keep_within(folder: &Path, most_bytes: u64) {
    let Ok(listed) = fs::read_dir(folder) else { return };
    let mut entries: Vec<Entry> = Vec::new();
    for listed in listed.flatten() {
        let (Ok(metadata), path) = (listed.metadata(), listed.path()) else { continue };
        let Ok(used) = metadata.modified() else { continue };
        let name = listed.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(UNFINISHED.as_bytes()) {
            if used.elapsed().is_ok_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(path);
            }
        } else if name.len() == 64 && name.iter().all(u8::is_ascii_hexdigit) && metadata.is_file() {
            // Anything else is not ours.
            entries.push(Entry { path, used, bytes: metadata.len() });
        }
    }
    let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
    if total <= most_bytes {
        return;
    }
    entries.sort_unstable_by_key(|entry| entry.used);
    // A little more than needed, so that the next entry does not bring all of this again.
    let goal = most_bytes - most_bytes / 8;
    for entry in entries {
        if total <= goal {
            break;
        }
        if fs::remove_file(entry.path).is_ok() {
            total -= entry.bytes;
        }
    }
}
