//! What agents saw containers of images run: kept as each sent it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use lazaret_model::Digest;
use lazaret_profile::used::{MOST_USED_BYTES, Used};
use lazaret_store::NewUsed;
use serde::Deserialize;
use utoipa::IntoParams;

use super::document::{Conflict, Refusals};
use crate::app::App;
use crate::auth::AgentCaller;
use crate::commit::Change;
use crate::http::{Answer, ApiError, RawBody, Segment};

/// Images that one agent may have here.
const MOST_ENTRIES: u64 = 1000;
/// All bytes that one agent may have here.
const MOST_BYTES: u64 = 128 << 20;

/// A day: longer than most of what runs by the clock waits.
const OBSERVED: u32 = 24 * 60 * 60;

/// How questions about what is in use are asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Observed {
    /// Seconds that a container must have been watched before something counts as not seen; a day without it.
    pub(super) observed: u32,
}

impl Default for Observed {
    fn default() -> Self {
        Self { observed: OBSERVED }
    }
}

/// Keeps what an agent saw containers of an image run; it replaces what this agent said of it before.
#[utoipa::path(
    put, path = "/v1/used/{image_config}", tag = "used", security(("agent" = [])),
    params(("image_config" = String, Path, description = "Digest of the image's configuration")),
    request_body(content = Object, description = "The stored form of what was used, at most 4 MiB"),
    responses((status = 204, description = "Kept"), Conflict, Refusals)
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Extension(agent): Extension<AgentCaller>,
    Segment(image_config): Segment,
    RawBody(body): RawBody<MOST_USED_BYTES>,
) -> Answer<StatusCode> {
    let read = tokio::task::spawn_blocking(move || {
        let used = Used::from_json(&body).map_err(|error| ApiError::invalid(error.to_string()))?;
        Answer::Ok((used.image(), body))
    });
    let (image, body) = read.await.map_err(ApiError::internal)??;
    let config: Digest =
        image_config.parse().map_err(|error| ApiError::invalid(format!("`image_config`: {error}")))?;
    if image != config {
        return Err(ApiError::invalid(format!(
            "the body is about {image}, the address about another image: send it to its own address"
        )));
    }
    app.commits.run(move |change| Box::pin(keep(change, agent, config, body))).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn keep(change: &mut Change<'_>, agent: AgentCaller, config: Digest, body: Vec<u8>) -> Answer<()> {
    let there = change.view().used_total(agent.id, &config).await?;
    if there.entries >= MOST_ENTRIES || there.bytes.saturating_add(body.len() as u64) > MOST_BYTES {
        return Err(ApiError::conflict(format!(
            "{} has {} images in {} bytes here, of which {MOST_ENTRIES} and {MOST_BYTES} are kept: nothing of {config} is",
            agent.host, there.entries, there.bytes
        )));
    }
    let now = change.now().to_owned();
    let new = NewUsed { agent: agent.id, image_config: config, body: &body, at: &now };
    change.write.put_used(&new).await?;
    change.after(move |memory| memory.uses.told(&config));
    Ok(())
}
