//! From a state directory to a server that may answer: every step can be interrupted and is then done
//! again by the next start.

mod credentials;
mod directory;
mod ledger;
mod load;

use std::path::PathBuf;
use std::sync::Arc;

use lazaret_store::{Store, StoreError};
use lazaret_trust::VerifyingKey;
use tokio::task::JoinHandle;

pub(crate) use directory::StateDirectory;

use crate::app::{App, LogState};
use crate::commit::Commits;
use crate::error::ServeError;

/// A server that is ready to listen.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) app: Arc<App>,
    /// Ends after [`Commits::end`], when the database is closed.
    pub(crate) writer: JoinHandle<()>,
    pub(crate) server_id: String,
    pub(crate) admin_token: PathBuf,
    pub(crate) first_start: bool,
}

pub(crate) async fn start(
    directory: &StateDirectory,
    trusted: Vec<VerifyingKey>,
) -> Result<Started, ServeError> {
    let database = directory.database();
    let log_key = directory.file(ledger::KEY);
    if !Store::exists(&database) && log_key.exists() {
        return Err(ServeError::LostDatabase { database, key: log_key });
    }
    let (store, mut writer) = Store::open(&database).await?;

    let known = store.read().await?.view().meta(credentials::SERVER_ID).await?;
    let first_start = known.is_none();
    let server_id = match known {
        Some(id) => id,
        None => credentials::first_start(directory, &mut writer).await?,
    };
    let (ledger, key) = ledger::open(directory, &store, &server_id).await?;
    let closed = ledger.closed().map(str::to_owned);
    if let Some(why) = &closed {
        tracing::error!(
            "THE AUDIT LOG IS BROKEN: {why}. Nothing is appended to it, and evidence, promotions, policies and \
             tokens are refused; events of agents are still stored. Restore the state directory from a backup."
        );
    }
    let memory = Arc::new(load::memory(&store).await?);
    let (commits, writer) = Commits::start(writer, ledger, Arc::clone(&memory));
    let log = LogState { key, closed };
    let app = Arc::new(App { store, commits, memory, trusted, log });
    load::log_what_was_left_out(&app).await?;
    let admin_token = directory.file(credentials::ADMIN_TOKEN);
    Ok(Started { app, writer, server_id, admin_token, first_start })
}

/// Failures of handlers' code during the start, where nobody asked.
fn internal(error: crate::http::ApiError) -> ServeError {
    ServeError::Internal(error.body.message)
}

/// For rows that only another program can have written.
fn bad_row(store: &Store, detail: &str) -> ServeError {
    ServeError::Store(StoreError::Row { file: store.file().to_owned(), detail: detail.to_owned() })
}
