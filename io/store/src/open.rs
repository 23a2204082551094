use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlSafeStr, SqliteConnection};

use crate::connection::{Store, Writer};
use crate::error::{Result, StoreError};

/// `application_id` of our files: "LZRT" (SQLite file format, "Application ID").
const APPLICATION: u32 = 0x4c5a_5254;

/// `user_version` that the newest of [`migrations`] sets.
const SCHEMA: i64 = 6;

const READERS: u32 = 4;

/// Long enough for a checkpoint of the write-ahead log, short enough to say soon that another program
/// has the file.
const BUSY: Duration = Duration::from_secs(5);

fn migrations() -> Migrator {
    let list = [
        (1, "initial", include_str!("../migrations/0001_initial.sql")),
        (2, "ecosystems", include_str!("../migrations/0002_ecosystems.sql")),
        (3, "learned", include_str!("../migrations/0003_learned.sql")),
        (4, "together", include_str!("../migrations/0004_together.sql")),
        (5, "used", include_str!("../migrations/0005_used.sql")),
        (6, "break-glass", include_str!("../migrations/0006_break_glass.sql")),
    ];
    let migrations = list.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator { migrations: Cow::Owned(migrations.into()), ..Migrator::DEFAULT }
}

impl Store {
    pub fn exists(file: &Path) -> bool {
        fs::symlink_metadata(file).is_ok()
    }

    /// Opens the database, creating it where there is no file, and brings its schema up to date.
    ///
    /// Reads the whole file once (`PRAGMA quick_check`): what is truncated, damaged or not ours is refused
    /// here and not changed.
    pub async fn open(file: &Path) -> Result<(Store, Writer)> {
        if Self::exists(file) {
            refuse_foreign(file)?;
        } else {
            create(file).await?;
        }
        let options = options(file);
        let fail = |error: sqlx::Error| StoreError::from_sqlx(file, &error);
        let mut connection = options.connect().await.map_err(fail)?;
        if let Err(error) = prepare(file, &mut connection).await {
            // Waits until SQLite has let go of the file and of what it put beside it.
            connection.close().await.map_err(fail)?;
            return Err(error);
        }
        let readers = options.clone().pragma("query_only", "ON");
        let pool =
            SqlitePoolOptions::new().max_connections(READERS).connect_with(readers).await.map_err(fail)?;
        let store = Store { pool, file: file.into() };
        Ok((store, Writer::new(options, file.to_owned(), connection)))
    }
}

/// Refuses what is newer than this version or damaged, then brings the schema up to date.
async fn prepare(file: &Path, connection: &mut SqliteConnection) -> Result<()> {
    let fail = |error: sqlx::Error| StoreError::from_sqlx(file, &error);
    let version = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection);
    let found: i64 = version.await.map_err(fail)?;
    if found > SCHEMA {
        return Err(StoreError::Newer { file: file.to_owned(), found, known: SCHEMA });
    }
    let check = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *connection);
    let verdict: String = check.await.map_err(fail)?;
    if verdict != "ok" {
        return Err(StoreError::Corrupt { file: file.to_owned(), detail: verdict.replace('\n', " ") });
    }
    migrate(file, connection).await
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .statement_cache_capacity(512)
        .disable_statement_logging()
}

/// A new database gets its name only when it is complete: an interrupted creation leaves nothing that
/// the next start would have to judge.
async fn create(file: &Path) -> Result<()> {
    let unfinished = file.with_added_extension("new");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = unfinished.clone().into_os_string();
        name.push(suffix);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::from_io(name.as_ref(), &error));
            }
            _ => {}
        }
    }
    let fail = |error: sqlx::Error| StoreError::from_sqlx(&unfinished, &error);
    let options = options(&unfinished)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Delete)
        .pragma("application_id", APPLICATION.to_string());
    let mut connection = options.connect().await.map_err(fail)?;
    migrate(&unfinished, &mut connection).await?;
    connection.close().await.map_err(fail)?;
    let publish = || {
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, file)?;
        File::open(file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
            .sync_all()
    };
    publish().map_err(|error| StoreError::from_io(file, &error))
}

async fn migrate(file: &Path, connection: &mut SqliteConnection) -> Result<()> {
    migrations().run_direct(None, connection, false).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::Execute(error)
        | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => StoreError::from_sqlx(file, &error),
        other => StoreError::Foreign { file: file.to_owned(), detail: other.to_string() },
    })
}

/// Looks at the header without SQLite, which would already change a foreign file when it opens it
/// (SQLite file format, "The Database Header").
fn refuse_foreign(file: &Path) -> Result<()> {
    let foreign = |detail: &str| StoreError::Foreign { file: file.to_owned(), detail: detail.to_owned() };
    let mut header = Vec::with_capacity(100);
    File::open(file)
        .and_then(|opened| opened.take(100).read_to_end(&mut header))
        .map_err(|error| StoreError::from_io(file, &error))?;
    if header.is_empty() {
        return Err(foreign("it is empty"));
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(foreign("it is not an SQLite file"));
    }
    let Some(application) = header.get(68..72) else {
        return Err(StoreError::Corrupt {
            file: file.to_owned(),
            detail: "its header is cut off".to_owned(),
        });
    };
    if application != APPLICATION.to_be_bytes() {
        return Err(foreign("another program made it"));
    }
    Ok(())
}
