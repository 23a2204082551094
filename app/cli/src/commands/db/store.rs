//! Writing the database: one writer at a time, readers never wait.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lazaret_advisory::{Builder, Database};
use lazaret_model::DatabaseSnapshot;

use crate::args::DatabaseArg;
use crate::failure::{Code, Failure, Outcome};
use crate::progress::Progress;
use crate::{files, images};

/// The right to replace the database, until it is dropped: what another writer adds meanwhile would be lost.
#[derive(Debug)]
pub(super) struct Writing<'a> {
    argument: &'a DatabaseArg,
    _lock: File,
}

impl<'a> Writing<'a> {
    /// Waits for other writers. The kernel takes the lock from a process that ends, however it ends.
    pub(super) fn begin(
        argument: &'a DatabaseArg,
        progress: &Progress,
        cancel: &AtomicBool,
    ) -> Result<Self, Failure> {
        let path = argument.db.with_added_extension("lock");
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory).map_err(|error| Failure::file("create", directory, &error))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|error| Failure::file("open", &path, &error))?;
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    // Whoever wrote them is dead: the lock is ours.
                    files::remove_leftovers(&argument.db);
                    files::remove_leftovers(&argument.db.with_added_extension("sig"));
                    return Ok(Self { argument, _lock: lock });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(Failure::file("lock", &path, &error)),
            }
            progress.say("waiting for another import or update of this database to end");
            interrupted(cancel)?;
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What is there now; nothing where there is no database yet.
    pub(super) fn present(&self) -> Result<Option<Database>, Failure> {
        self.argument.db.exists().then(|| images::open_database(self.argument)).transpose()
    }

    /// Builds the database and puts it into place.
    pub(super) fn save(&self, builder: Builder) -> Result<DatabaseSnapshot, Failure> {
        let bytes = builder
            .build(jiff::Timestamp::now())
            .map_err(|error| Failure::input(format!("cannot build the database: {error}")))?;
        self.replace(&bytes)?;
        let database = Database::open(bytes).map_err(|error| {
            Failure::new(Code::Internal, format!("the database that was built cannot be read: {error}"))
        })?;
        Ok(database.snapshot())
    }

    /// Puts a whole database file into place.
    pub(super) fn replace(&self, bytes: &[u8]) -> Outcome {
        files::replace(&self.argument.db, bytes, 0o644)
    }
}

/// Ends work that nobody waits for any more.
pub(super) fn interrupted(cancel: &AtomicBool) -> Outcome {
    match cancel.load(Ordering::Relaxed) {
        true => Err(Failure::new(Code::Interrupted, "interrupted; the database is as it was")),
        false => Ok(()),
    }
}

/// Runs long work off the async threads. Interrupting the command asks it to end.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let cancel = Arc::new(AtomicBool::new(false));
    let _guard = CancelOnDrop(Arc::clone(&cancel));
    let work = tokio::task::spawn_blocking(move || work(&cancel));
    work.await.map_err(|error| Failure::new(Code::Internal, format!("the work broke off: {error}")))?
}

pub(super) struct CancelOnDrop(pub(super) Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
