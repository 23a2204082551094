use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::ServeError;

const LOCK: &str = "server.lock";
const DATABASE: &str = "lazaret.sqlite";

/// Files read here are keys and tokens.
const LARGEST: u64 = 64 << 10;

/// The server's state directory, held by this process alone for as long as the value lives.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    path: PathBuf,
    /// The kernel lets go of the lock when the process ends, however it ends.
    lock: File,
}

impl Drop for StateDirectory {
    /// A child of this process that is just being started shares the lock's file until it runs its
    /// program: closing the file here would not let go of the lock.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl StateDirectory {
    pub(crate) fn open(path: &Path) -> Result<Self, ServeError> {
        let fail = |action, path: &Path| {
            let path = path.to_owned();
            move |source| ServeError::State { action, path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail("create", path))?;
        let name = path.join(LOCK);
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&name)
            .map_err(fail("open", &name))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let pid = lock.read_to_string(&mut holder).ok().and_then(|_| holder.trim().parse().ok());
                return Err(ServeError::InUse { directory: path.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => {
                return Err(ServeError::State { action: "lock", path: name, source });
            }
        }
        // Only for people: the lock is what counts.
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(fail("write", &name))?;
        Ok(Self { path: path.to_owned(), lock })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of a file; `None` if it is not there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>, ServeError> {
        let path = self.file(name);
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(LARGEST).read_to_string(&mut text)) {
            Ok(_) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ServeError::State { action: "read", path, source }),
        }
    }

    /// Writes a file whole or not at all, and for good.
    pub(crate) fn write(&self, name: &str, mode: u32, text: &str) -> Result<(), ServeError> {
        let path = self.file(name);
        let unfinished = path.with_added_extension("new");
        let write = || {
            match fs::remove_file(&unfinished) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|source| ServeError::State { action: "write", path: path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn one_server_holds_a_directory() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let held = StateDirectory::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let error = StateDirectory::open(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("(process {})", std::process::id())), "{error}");
        drop(held);
        StateDirectory::open(&path).unwrap();
    }

    #[test]
    fn a_child_that_is_being_started_holds_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let held = StateDirectory::open(parent.path()).unwrap();
        let _of_the_child = held.lock.try_clone().unwrap();
        drop(held);
        StateDirectory::open(parent.path()).unwrap();
    }

    #[test]
    fn secrets_are_for_the_owner() {
        let parent = tempfile::tempdir().unwrap();
        let directory = StateDirectory::open(parent.path()).unwrap();
        assert_eq!(directory.read("secret").unwrap(), None);
        directory.write("secret", 0o600, "one").unwrap();
        directory.write("secret", 0o600, "two").unwrap();
        assert_eq!(directory.read("secret").unwrap().as_deref(), Some("two"));
        let mode = fs::metadata(directory.file("secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
