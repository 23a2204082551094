use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use lazaret_format::v1::{ReasonBody, ReplacementBody, ReplacementRequest, ReplacementStep};
use lazaret_model::ImageReference;
use lazaret_store::{ContainerRow, NewReplacement, ReplacementRow};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::document::{Conflict, NotFound, Refusals};
use crate::app::App;
use crate::auth::Caller;
use crate::commit::Change;
use crate::http::{Answer, ApiError, Body, Parameters, Segment, shorten};
use crate::wake::wake;

/// A day: whoever needs longer wants something else.
const LONGEST_HEALTH: u32 = 24 * 60 * 60;

/// Asks the host of a running container to let another image take over from it.
#[utoipa::path(
    post, path = "/v1/replacements", tag = "replacements", security(("user" = [])), request_body = ReplacementRequest,
    responses((status = 200, body = ReplacementBody), NotFound, Conflict, Refusals)
)]
pub(super) async fn request(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<ReplacementRequest>,
) -> Answer<Json<ReplacementBody>> {
    let image: ImageReference =
        request.image.parse().map_err(|error| ApiError::invalid(format!("`image`: {error}")))?;
    if image.digest.is_none() {
        let text = shorten(&request.image);
        return Err(ApiError::invalid(format!(
            "`{text}` names no digest: write registry/repository@sha256:…"
        )));
    }
    if !(1..=LONGEST_HEALTH).contains(&request.health_seconds) {
        return Err(ApiError::invalid(format!("`health_seconds` must be between 1 and {LONGEST_HEALTH}")));
    }
    let row = app.commits.run(move |change| Box::pin(plan(change, caller, request, image))).await?;
    Ok(Json(body(row)))
}

async fn plan(
    change: &mut Change<'_>,
    caller: Caller,
    request: ReplacementRequest,
    image: ImageReference,
) -> Answer<ReplacementRow> {
    let old = running(change, &request).await?;
    check_image(change, &image).await?;
    let open = change.view().open_replacements(old.agent).await?;
    if let Some(other) = open.iter().find(|open| open.container == old.container) {
        return Err(ApiError::conflict(format!(
            "{} on {} is being replaced already ({}, {}): wait until that ends",
            request.container, old.host, other.replacement, other.state
        )));
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(ApiError::internal)?;
    let id = format!("replacement-{}", hex::encode(random));
    // A tag beside a digest says nothing more.
    let image = image.digest.map_or_else(|| image.clone(), |digest| image.with_digest(digest)).to_string();
    let data = json!({
        "replacement": id, "host": old.host, "container": old.container, "image": image, "by": caller.title(),
    });
    change.record("replacement-requested", data)?;
    let now = change.now().to_owned();
    let new = NewReplacement {
        replacement: &id,
        agent: old.agent,
        container: &old.container,
        image: &image,
        health_seconds: request.health_seconds,
        state: "planned",
        requested: &now,
    };
    change.write.add_replacement(&new).await?;
    change.after(|memory| wake(&memory.wake.replacements));
    let row = change.view().replacement(&id).await?;
    row.ok_or_else(|| ApiError::internal("a replacement that was kept is not there"))
}

/// The one running container that is meant.
async fn running(change: &mut Change<'_>, request: &ReplacementRequest) -> Answer<ContainerRow> {
    let found = change.view().find_containers(&request.container, request.host.as_deref()).await?;
    let mut running: Vec<ContainerRow> = found.into_iter().filter(|row| row.running).collect();
    // A name counts before the beginning of an id.
    if running.iter().any(|row| row.name == request.container) {
        running.retain(|row| row.name == request.container);
    }
    let wanted = shorten(&request.container);
    match running.len() {
        1 => Ok(running.remove(0)),
        0 => Err(ApiError::not_found(match &request.host {
            Some(host) => format!("no container `{wanted}` runs on {}: see `lazaret ps`", shorten(host)),
            None => format!("no container `{wanted}` runs: see `lazaret ps`"),
        })),
        _ => {
            let names: Vec<String> =
                running.iter().map(|row| format!("{} on {}", row.container, row.host)).collect();
            let message =
                format!("`{wanted}` may be any of {}: name the host or more of the id", names.join(", "));
            Err(ApiError::conflict(message))
        }
    }
}

/// Says early what the agent would find anyway: which stage its host needs only the agent knows.
async fn check_image(change: &mut Change<'_>, image: &ImageReference) -> Answer<()> {
    let Some(digest) = image.digest else { return Ok(()) };
    let unknown = || ApiError::not_found(format!("no image {digest} is known: attest and promote it first"));
    let row = change.view().image(&digest).await?.ok_or_else(unknown)?;
    if change.view().promotions_of(row.id).await?.is_empty() {
        let reason = ReasonBody {
            rule: "not-promoted".to_owned(),
            message: format!("image {}@{digest} is promoted to no stage", row.repository),
            remedy: format!(
                "promote it with `lazaret promote {}@{digest} --to STAGE --key FILE`",
                row.repository
            ),
        };
        return Err(ApiError::refused(format!("{image} may not take over"), vec![reason]));
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// Steps already known.
    steps: usize,
    /// Seconds to wait for another one, at most 60.
    wait: u64,
}

/// How far a replacement is.
#[utoipa::path(
    get, path = "/v1/replacements/{id}", tag = "replacements", security(("user" = [])),
    params(("id" = String, Path), Question),
    responses((status = 200, body = ReplacementBody), NotFound, Refusals)
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    Parameters(question): Parameters<Question>,
) -> Answer<Json<ReplacementBody>> {
    let wake = &app.memory.wake;
    let mut patience = wake.patience(&wake.replacements, question.wait);
    loop {
        let row = app.store.read().await?.view().replacement(&id).await?;
        let row = row.ok_or_else(|| unknown(&id))?;
        if row.ended || row.steps.len() > question.steps || !patience.again().await {
            return Ok(Json(body(row)));
        }
    }
}

pub(super) fn unknown(id: &str) -> ApiError {
    ApiError::not_found(format!("no replacement `{}` is known", shorten(id)))
}

pub(super) fn body(row: ReplacementRow) -> ReplacementBody {
    let steps = row.steps.into_iter().map(|step| ReplacementStep { at: step.at, text: step.text }).collect();
    ReplacementBody {
        id: row.replacement,
        host: row.host,
        container: row.container,
        image: row.image,
        health_seconds: row.health_seconds,
        state: row.state,
        steps,
        successor: row.successor,
        requested: row.requested,
    }
}
