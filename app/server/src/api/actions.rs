use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use jiff::Timestamp;
use lazaret_format::v1::{AgentActions, ReplacementBody, ReplacementProgress};
use lazaret_store::{ReplacementRow, StepRow};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::document::{Conflict, NotFound, Refusals};
use super::replacements::{body, unknown};
use crate::app::App;
use crate::auth::AgentCaller;
use crate::commit::Change;
use crate::http::{Answer, ApiError, Body, Parameters, Segment, shorten};
use crate::wake::wake;

/// States, and whether one that is in it has ended.
const STATES: &[(&str, bool)] = &[
    ("planned", false),
    ("starting", false),
    ("waiting-for-health", false),
    ("shifting", false),
    ("done", true),
    ("rolled-back", true),
    ("failed", true),
];

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// Seconds to wait while there is nothing to do, at most 60.
    wait: u64,
}

/// What the agent is asked to do and has not ended yet.
#[utoipa::path(
    get, path = "/v1/agent/actions", tag = "agent", security(("agent" = [])), params(Question),
    responses((status = 200, body = AgentActions), Refusals)
)]
pub(super) async fn actions(
    State(app): State<Arc<App>>,
    Extension(agent): Extension<AgentCaller>,
    Parameters(question): Parameters<Question>,
) -> Answer<Json<AgentActions>> {
    let wake = &app.memory.wake;
    let mut patience = wake.patience(&wake.replacements, question.wait);
    loop {
        let rows = app.store.read().await?.view().open_replacements(agent.id).await?;
        if !rows.is_empty() || !patience.again().await {
            return Ok(Json(AgentActions { replacements: rows.into_iter().map(body).collect() }));
        }
    }
}

/// How far the agent is with a replacement.
#[utoipa::path(
    post, path = "/v1/agent/replacements/{id}", tag = "agent", security(("agent" = [])),
    params(("id" = String, Path)), request_body = ReplacementProgress,
    responses((status = 200, body = ReplacementBody), NotFound, Conflict, Refusals)
)]
pub(super) async fn progress(
    State(app): State<Arc<App>>,
    Extension(agent): Extension<AgentCaller>,
    Segment(id): Segment,
    Body(progress): Body<ReplacementProgress>,
) -> Answer<Json<ReplacementBody>> {
    let state = STATES.iter().find(|(name, _)| *name == progress.state);
    let Some((_, ended)) = state else {
        return Err(ApiError::invalid(format!(
            "`{}` is no state of a replacement",
            shorten(&progress.state)
        )));
    };
    if progress.at.parse::<Timestamp>().is_err() {
        return Err(ApiError::invalid("`at` is not a time as in RFC 3339"));
    }
    let row = app.commits.run(move |change| Box::pin(step(change, agent, id, progress, *ended))).await?;
    Ok(Json(body(row)))
}

async fn step(
    change: &mut Change<'_>,
    agent: AgentCaller,
    id: String,
    progress: ReplacementProgress,
    ended: bool,
) -> Answer<ReplacementRow> {
    let row = change.view().replacement(&id).await?.filter(|row| row.agent == agent.id);
    let row = row.ok_or_else(|| unknown(&id))?;
    let known = row.steps.len();
    let index = progress.index as usize;
    if index < known {
        // Said before, and the answer was lost.
        return Ok(row);
    }
    if row.ended {
        return Err(ApiError::conflict(format!("{id} has ended ({}) and takes no more steps", row.state)));
    }
    if index > known {
        return Err(ApiError::conflict(format!(
            "step {index} of {id} came before step {known}: send that first"
        )));
    }
    let new = StepRow { at: progress.at, text: progress.text };
    let successor = progress.successor.as_deref();
    change
        .write
        .add_replacement_step(row.id, progress.index, &new, &progress.state, ended, successor)
        .await?;
    if ended {
        let data = json!({
            "replacement": id, "host": row.host, "container": row.container, "image": row.image,
            "state": progress.state, "successor": progress.successor,
        });
        change.record_if_open("replacement-ended", data)?;
    }
    change.after(|memory| wake(&memory.wake.replacements));
    change.view().replacement(&id).await?.ok_or_else(|| unknown(&id))
}
