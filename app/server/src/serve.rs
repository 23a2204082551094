use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use lazaret_trust::VerifyingKey;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::api;
use crate::error::ServeError;
use crate::http::{Bounds, accept};
use crate::start::{StateDirectory, start};
use crate::together::bring_together;

/// Users keep a connection open between two questions.
const BOUNDS: Bounds = Bounds { connections: 1024, head: Duration::from_secs(60) };

/// What a server needs to be told.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Directory of everything that it keeps; created where it is not there.
    pub state: PathBuf,
    /// A loopback address; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Whose statements about images are believed.
    pub trusted_keys: Vec<VerifyingKey>,
}

/// A server that answers.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Where, with the port that was really taken.
    pub address: SocketAddr,
    /// Names the server in its audit log: `lazaret/<server id>`.
    pub server_id: String,
    /// File with the administrator's token. It may be moved to a safer place.
    pub admin_token: PathBuf,
    /// Whether the state directory was made by this start.
    pub first_start: bool,
    /// Why nothing is appended to the audit log, if it was found broken.
    pub log_closed: Option<String>,
}

/// Serves until SIGTERM or SIGINT. `ready` is called once, when requests are answered.
pub async fn serve(options: ServeOptions, ready: impl FnOnce(&Ready) + Send) -> Result<(), ServeError> {
    let catch = |kind| {
        signal(kind).map_err(|error| ServeError::Internal(format!("signals cannot be caught: {error}")))
    };
    let mut terminate = catch(SignalKind::terminate())?;
    let mut interrupt = catch(SignalKind::interrupt())?;
    let told = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    serve_until(options, ready, told).await
}

/// Serves until `told` is done; requests under way are ended first, and the database is closed.
pub async fn serve_until(
    options: ServeOptions,
    ready: impl FnOnce(&Ready) + Send,
    told: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    boxed(options, Box::new(ready), Box::pin(told)).await
}

/// Compiled here, and not once more in every program that serves, as the body of an `async fn` is.
fn boxed<'a>(
    options: ServeOptions,
    ready: Box<dyn FnOnce(&Ready) + Send + 'a>,
    told: BoxFuture<'a, ()>,
) -> BoxFuture<'a, Result<(), ServeError>> {
    Box::pin(until(options, ready, told))
}

async fn until(
    options: ServeOptions,
    ready: Box<dyn FnOnce(&Ready) + Send + '_>,
    told: BoxFuture<'_, ()>,
) -> Result<(), ServeError> {
    let ServeOptions { state, listen, trusted_keys } = options;
    if !listen.ip().is_loopback() {
        return Err(ServeError::NotLoopback(listen));
    }
    let directory = StateDirectory::open(&state)?;
    let fail = |source| ServeError::Listen { address: listen, source };
    // Before the long part of the start: a port in use is said at once.
    let listener = TcpListener::bind(listen).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    for key in &trusted_keys {
        tracing::info!(key = key.key_id(), "statements signed by this key are believed");
    }
    if trusted_keys.is_empty() {
        tracing::warn!("no key is trusted, so no evidence can be taken in: start with --trusted-key FILE");
    }
    let mut started = start(&directory, trusted_keys).await?;
    let app = started.app;
    let ready_now = Ready {
        address,
        server_id: started.server_id,
        admin_token: started.admin_token,
        first_start: started.first_start,
        log_closed: app.log.closed.clone(),
    };
    tracing::info!(%address, server = ready_now.server_id, "ready");
    ready(&ready_now);

    let stop = &app.memory.wake.stop;
    let accepting = accept(listener, api::router(&app), BOUNDS, stop.subscribe());
    let seen = api::agents::remember_seen(&app);
    let together = bring_together(&app);
    let overdue = api::break_glass::end_overdue(&app);
    let ended = {
        let told = async {
            tokio::select! {
                () = told => Ok(()),
                // It never ends by itself.
                _ = &mut started.writer => Err(ServeError::Internal("nothing can be written any more; the log above says why".to_owned())),
                () = seen => Ok(()),
                () = together => Ok(()),
                () = overdue => Ok(()),
            }
        };
        let told_and_stopped = async {
            let ended = told.await;
            tracing::info!("ending");
            stop.send_replace(true);
            ended
        };
        let (ended, ()) = tokio::join!(told_and_stopped, accepting);
        ended
    };
    ended?;
    api::agents::write_seen(&app).await;
    app.commits.end().await;
    let _ = started.writer.await;
    app.store.close().await;
    drop(directory);
    Ok(())
}
