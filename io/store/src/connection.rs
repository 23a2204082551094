use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteQueryResult, SqliteRow};
use sqlx::{ConnectOptions, Connection, FromRow, Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::error::{Result, StoreError};

pub(crate) type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;
pub(crate) type QueryAs<'q, T> = sqlx::query::QueryAs<'q, Sqlite, T, SqliteArguments>;

/// The database as readers see it. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: SqlitePool,
    pub(crate) file: Arc<Path>,
}

impl Store {
    /// Starts to read: all that is read through the answer is of one moment.
    pub async fn read(&self) -> Result<Read> {
        let transaction =
            self.pool.begin().await.map_err(|error| StoreError::from_sqlx(&self.file, &error))?;
        Ok(Read { transaction, file: Arc::clone(&self.file) })
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Closes the readers' connections after what they are doing.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A consistent snapshot of the database.
#[derive(Debug)]
pub struct Read {
    transaction: Transaction<'static, Sqlite>,
    file: Arc<Path>,
}

impl Read {
    pub fn view(&mut self) -> View<'_> {
        View { connection: &mut self.transaction, file: &self.file }
    }
}

/// Everything that can be read, the same inside and outside of a write.
#[derive(Debug)]
pub struct View<'c> {
    connection: &'c mut SqliteConnection,
    file: &'c Path,
}

impl View<'_> {
    pub(crate) async fn all<T>(&mut self, query: QueryAs<'_, T>) -> Result<Vec<T>>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow>,
    {
        query.fetch_all(&mut *self.connection).await.map_err(|error| self.error(&error))
    }

    pub(crate) async fn optional<T>(&mut self, query: QueryAs<'_, T>) -> Result<Option<T>>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow>,
    {
        query.fetch_optional(&mut *self.connection).await.map_err(|error| self.error(&error))
    }

    pub(crate) async fn one<T>(&mut self, query: QueryAs<'_, T>) -> Result<T>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow>,
    {
        query.fetch_one(&mut *self.connection).await.map_err(|error| self.error(&error))
    }

    pub(crate) async fn run(&mut self, query: Query<'_>) -> Result<SqliteQueryResult> {
        query.execute(&mut *self.connection).await.map_err(|error| self.error(&error))
    }

    /// The answer for a row that this crate would not have written.
    pub(crate) fn bad_row(&self, detail: impl Into<String>) -> StoreError {
        StoreError::Row { file: self.file.to_owned(), detail: detail.into() }
    }

    fn error(&self, error: &sqlx::Error) -> StoreError {
        StoreError::from_sqlx(self.file, error)
    }
}

/// The only connection that writes.
#[derive(Debug)]
pub struct Writer {
    options: SqliteConnectOptions,
    file: PathBuf,
    connection: Option<SqliteConnection>,
    /// A transaction was begun and not ended: its connection is not used again.
    open: bool,
}

impl Writer {
    pub(crate) fn new(options: SqliteConnectOptions, file: PathBuf, connection: SqliteConnection) -> Self {
        Self { options, file, connection: Some(connection), open: false }
    }

    /// Begins the next transaction. One that was dropped before its commit is gone with its connection:
    /// after a full disk or a failed flush SQLite's own state is not worth a guess.
    pub async fn begin(&mut self) -> Result<Write<'_>> {
        if self.open {
            self.connection = None;
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connected = self.options.connect().await;
                connected.map_err(|error| StoreError::from_sqlx(&self.file, &error))?
            }
        };
        let connection = self.connection.insert(connection);
        self.open = true;
        let mut write = Write { connection, file: &self.file, open: &mut self.open };
        write.run(sqlx::query("BEGIN IMMEDIATE")).await?;
        Ok(write)
    }
}

impl Writer {
    /// Lets go of the file; what SQLite still keeps beside it is moved into it.
    pub async fn close(self) -> Result<()> {
        let Some(connection) = self.connection else { return Ok(()) };
        connection.close().await.map_err(|error| StoreError::from_sqlx(&self.file, &error))
    }
}

/// One transaction. Nothing of it stays unless [`commit`](Self::commit) succeeds.
#[derive(Debug)]
pub struct Write<'w> {
    connection: &'w mut SqliteConnection,
    file: &'w Path,
    open: &'w mut bool,
}

impl Write<'_> {
    /// What is in the database, with this transaction's own changes.
    pub fn view(&mut self) -> View<'_> {
        View { connection: self.connection, file: self.file }
    }

    /// Makes everything durable: it is on the disk when this returns.
    pub async fn commit(mut self) -> Result<()> {
        self.run(sqlx::query("COMMIT")).await?;
        *self.open = false;
        Ok(())
    }

    /// Begins a part that may be undone alone.
    pub async fn mark(&mut self) -> Result<()> {
        self.run(sqlx::query("SAVEPOINT part")).await?;
        Ok(())
    }

    /// Ends the part and keeps its changes for the commit.
    pub async fn keep(&mut self) -> Result<()> {
        self.run(sqlx::query("RELEASE part")).await?;
        Ok(())
    }

    /// Ends the part and takes its changes back.
    pub async fn undo(&mut self) -> Result<()> {
        self.run(sqlx::query("ROLLBACK TO part")).await?;
        self.keep().await
    }

    pub(crate) async fn run(&mut self, query: Query<'_>) -> Result<SqliteQueryResult> {
        self.view().run(query).await
    }
}
