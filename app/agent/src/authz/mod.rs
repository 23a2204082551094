//! The Docker authorization plugin: the engine asks before it obeys, and does nothing without a yes.
//!
//! Every way in which no decision is reached is a refusal: a message that cannot be read, a judge that
//! panics, a judge that takes longer than a second. A dead agent is one too: the engine finds nobody on the
//! socket.

mod protocol;
pub mod gate;
pub mod intents;
pub mod log_in;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt;
use tokio::net::UnixListener;

pub use protocol::{Answer, Wish};

use protocol::Activation;

/// Engines pass on bodies of up to 4 MiB, in base64; anything longer is not from an engine.
const MESSAGE_BYTES: usize = 8 << 20;
/// The engine itself would wait for ever, and everybody who asks it with it.
const DEADLINE: Duration = Duration::from_secs(1);

/// Decides about wishes.
pub trait Judge: Send + Sync + 'static {
    fn judge(&self, wish: Wish) -> impl Future<Output = Answer> + Send;
}

/// Serves the plugin until `stop` is ready.
pub async fn serve<J: Judge>(
    listener: UnixListener,
    judge: Arc<J>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/Plugin.Activate", post(async || json(&Activation { implements: ["authz"] })))
        .route("/AuthZPlugin.AuthZReq", post(ask::<J>))
        .route("/AuthZPlugin.AuthZRes", post(answered))
        .layer(DefaultBodyLimit::max(MESSAGE_BYTES))
        .with_state(judge);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn ask<J: Judge>(
    State(judge): State<Arc<J>>,
    message: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let wish = match message
        .map_err(|error| error.to_string())
        .and_then(|bytes| serde_json::from_slice::<Wish>(&bytes).map_err(|error| error.to_string()))
    {
        Ok(wish) => wish,
        Err(why) => {
            tracing::error!(%why, "the engine sent a message that is not readable");
            return json(&Answer::refuse(format!(
                "lazaret: the engine's question is not readable ({why}), so it is refused; is this engine supported?"
            )));
        }
    };
    json(&decide(judge, wish).await)
}

/// A task of its own turns a panic into a value; its end is not awaited beyond the deadline.
async fn decide<J: Judge>(judge: Arc<J>, wish: Wish) -> Answer {
    let task = tokio::spawn(async move { judge.judge(wish).await });
    match tokio::time::timeout(DEADLINE, task).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::error!(%error, "a decision failed");
            Answer::refuse(
                "lazaret: the decision failed inside the agent, so it is refused; please report it",
            )
        }
        Err(_) => Answer::refuse(format!(
            "lazaret: no decision within {} s, so it is refused; try again, and look at the load of this host",
            DEADLINE.as_secs()
        )),
    }
}

/// The engine asks again before it passes its answer on. What it did is done: there is nothing to decide.
/// The answer's body must be read to its end, however long: the engine would take a closed connection for a
/// broken plugin.
async fn answered(body: Body) -> Response {
    let mut chunks = body.into_data_stream();
    while let Some(Ok(_)) = chunks.next().await {}
    json(&Answer::allow())
}

fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            ([(header::CONTENT_TYPE, "application/vnd.docker.plugins.v1.2+json")], body).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
