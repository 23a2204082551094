//! Ways into running containers, opened by people for a while: the only log-ins where the policy allows none.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use jiff::Timestamp;
use lazaret_format::v1::{BreakGlassBody, BreakGlassRequest, BreakGlassSnapshot, EventPage};
use lazaret_store::{BreakGlassRow, ContainerRow, NewBreakGlass};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::document::{Conflict, NotFound, Refusals};
use super::events::stored;
use crate::app::App;
use crate::auth::{AgentCaller, Caller};
use crate::clock;
use crate::commit::Change;
use crate::http::{Answer, ApiError, Body, Parameters, Segment, shorten};
use crate::wake::wake;

/// Four hours: whoever needs longer changes the image.
const LONGEST: u32 = 4 * 60 * 60;
const LONGEST_REASON: usize = 500;
/// Open on one host at the same time; agents keep as many.
const MOST_OPEN: usize = 64;
/// How often ends are looked for. Agents need nobody to tell them: this is for the audit log.
const LOOK: Duration = Duration::from_secs(1);
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

/// Lets people log in to one running container for a while. Everything in their sessions is recorded.
#[utoipa::path(
    post, path = "/v1/break-glass", tag = "break-glass", security(("user" = [])), request_body = BreakGlassRequest,
    responses((status = 200, body = BreakGlassBody), NotFound, Conflict, Refusals)
)]
pub(super) async fn open(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<BreakGlassRequest>,
) -> Answer<Json<BreakGlassBody>> {
    let reason = request.reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON || reason.contains(char::is_control) {
        return Err(ApiError::invalid(format!(
            "`reason` must be 1 to {LONGEST_REASON} characters in one line: the audit log keeps it"
        )));
    }
    if !(1..=LONGEST).contains(&request.seconds) {
        return Err(ApiError::invalid(format!("`seconds` must be between 1 and {LONGEST}")));
    }
    let request = BreakGlassRequest { reason: reason.to_owned(), ..request };
    let row = app.commits.run(move |change| Box::pin(keep(change, caller, request))).await?;
    Ok(Json(body(row)))
}

async fn keep(change: &mut Change<'_>, caller: Caller, request: BreakGlassRequest) -> Answer<BreakGlassRow> {
    let container = running(change, &request).await?;
    if container.decision.is_none() {
        return Err(ApiError::conflict(format!(
            "{} on {} was never admitted, so nobody is kept from logging in to it and nothing would be recorded",
            container.container, container.host
        )));
    }
    let open = change.view().open_break_glasses(Some(container.agent)).await?;
    if let Some(other) = open.iter().find(|open| open.container == container.container) {
        return Err(ApiError::conflict(format!(
            "{} is open for {} already, until {}: log in by that, or close it first",
            other.name, other.container_name, other.until
        )));
    }
    if open.len() >= MOST_OPEN {
        let host = &container.host;
        return Err(ApiError::conflict(format!("{MOST_OPEN} are open on {host}: close one first")));
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(ApiError::internal)?;
    let name = format!("glass-{}", hex::encode(random));
    let opened = change.now().to_owned();
    let until = clock::after(u64::from(request.seconds))
        .ok_or_else(|| ApiError::internal("the end is beyond all time"))?;
    let by = caller.title();
    let data = json!({
        "break-glass": name, "host": container.host, "container": container.container, "name": container.name,
        "reason": request.reason, "until": until, "by": by,
    });
    change.record("break-glass-opened", data)?;
    let new = NewBreakGlass {
        name: &name,
        agent: container.agent,
        container: &container.container,
        container_name: &container.name,
        reason: &request.reason,
        by: &by,
        opened: &opened,
        until: &until,
    };
    change.write.add_break_glass(&new).await?;
    change.after(|memory| wake(&memory.wake.break_glass));
    let row = change.view().break_glass(&name).await?;
    row.ok_or_else(|| ApiError::internal("a break-glass that was kept is not there"))
}

/// The one running container that is meant.
async fn running(change: &mut Change<'_>, request: &BreakGlassRequest) -> Answer<ContainerRow> {
    let found = change.view().find_containers(&request.container, Some(&request.host)).await?;
    let mut running: Vec<ContainerRow> = found.into_iter().filter(|row| row.running).collect();
    // A name counts before the beginning of an id.
    if running.iter().any(|row| row.name == request.container) {
        running.retain(|row| row.name == request.container);
    }
    let (wanted, host) = (shorten(&request.container), shorten(&request.host));
    match running.len() {
        1 => Ok(running.remove(0)),
        0 => Err(ApiError::not_found(format!("no container `{wanted}` runs on {host}: see `lazaret ps`"))),
        _ => Err(ApiError::conflict(format!(
            "several containers on {host} may be `{wanted}`: name more of the id"
        ))),
    }
}

/// What is open, and what was; the newest first, at most 1000.
#[utoipa::path(
    get, path = "/v1/break-glass", tag = "break-glass", security(("user" = [])),
    responses((status = 200, body = Vec<BreakGlassBody>), Refusals)
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Json<Vec<BreakGlassBody>>> {
    let rows = app.store.read().await?.view().break_glasses(LARGEST_PAGE).await?;
    Ok(Json(rows.into_iter().map(body).collect()))
}

#[utoipa::path(
    get, path = "/v1/break-glass/{id}", tag = "break-glass", security(("user" = [])), params(("id" = String, Path)),
    responses((status = 200, body = BreakGlassBody), NotFound, Refusals)
)]
pub(super) async fn get(State(app): State<Arc<App>>, Segment(id): Segment) -> Answer<Json<BreakGlassBody>> {
    let row = app.store.read().await?.view().break_glass(&id).await?;
    Ok(Json(body(row.ok_or_else(|| unknown(&id))?)))
}

/// Ends one before its time. Closing what is over changes nothing.
#[utoipa::path(
    post, path = "/v1/break-glass/{id}/close", tag = "break-glass", security(("user" = [])),
    params(("id" = String, Path)), responses((status = 200, body = BreakGlassBody), NotFound, Refusals)
)]
pub(super) async fn close(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
) -> Answer<Json<BreakGlassBody>> {
    let by = caller.title();
    let work = app.commits.run(move |change| Box::pin(async move { end(change, &id, Some(&by)).await }));
    Ok(Json(body(work.await?)))
}

/// Ends one that is open: by somebody, or by itself.
async fn end(change: &mut Change<'_>, id: &str, by: Option<&str>) -> Answer<BreakGlassRow> {
    let row = change.view().break_glass(id).await?.ok_or_else(|| unknown(id))?;
    if row.state != "open" {
        return Ok(row);
    }
    let now = change.now().to_owned();
    let data = json!({
        "break-glass": row.name, "host": row.host, "container": row.container, "by": by, "in-force": row.in_force,
    });
    let state = if by.is_some() { "closed" } else { "expired" };
    // An end happens with or without a log.
    change.record_if_open(if by.is_some() { "break-glass-closed" } else { "break-glass-expired" }, data)?;
    change.write.end_break_glass(row.id, state, &now, by).await?;
    change.after(|memory| wake(&memory.wake.break_glass));
    change.view().break_glass(id).await?.ok_or_else(|| unknown(id))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Pages {
    /// Position of the last event already known; 0 for none.
    after: u64,
    /// At most 1000; 100 if left out.
    limit: Option<u32>,
}

/// What happened in its sessions: who came in, what was run, what deviated, when it ended. Arguments may hold secrets.
#[utoipa::path(
    get, path = "/v1/break-glass/{id}/events", tag = "break-glass", security(("user" = [])),
    params(("id" = String, Path), Pages), responses((status = 200, body = EventPage), NotFound, Refusals)
)]
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    Parameters(pages): Parameters<Pages>,
) -> Answer<Json<EventPage>> {
    let limit = pages.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let mut read = app.store.read().await?;
    let mut view = read.view();
    let row = view.break_glass(&id).await?.ok_or_else(|| unknown(&id))?;
    let positions = view.break_glass_events(row.id, pages.after, limit).await?;
    let next = positions.last().copied().unwrap_or(pages.after);
    let rows = view.events_at(&positions).await?;
    let events = rows.into_iter().map(stored).collect::<Answer<_>>()?;
    Ok(Json(EventPage { events, next }))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// Revision that the agent has; 0 for none.
    after: u64,
    /// Seconds to wait for another one, at most 60.
    wait: u64,
}

/// What is open on the agent's host.
#[utoipa::path(
    get, path = "/v1/agent/break-glass", tag = "agent", security(("agent" = [])), params(Question),
    responses((status = 200, body = BreakGlassSnapshot), Refusals)
)]
pub(super) async fn of_agent(
    State(app): State<Arc<App>>,
    Extension(agent): Extension<AgentCaller>,
    Parameters(question): Parameters<Question>,
) -> Answer<Json<BreakGlassSnapshot>> {
    let news = &app.memory.wake;
    let mut patience = news.patience(&news.break_glass, question.wait);
    loop {
        let mut read = app.store.read().await?;
        let mut view = read.view();
        let revision = view.break_glass_revision().await?;
        let rows = view.open_break_glasses(Some(agent.id)).await?;
        drop(read);
        if revision != question.after || !patience.again().await {
            return Ok(Json(BreakGlassSnapshot { revision, open: rows.into_iter().map(body).collect() }));
        }
    }
}

/// Puts on record which ones are over by their time.
pub(crate) async fn end_overdue(app: &App) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = end_those(app).await {
            tracing::warn!("failed to end what is overdue of break-glass: {}", error.body.message);
        }
    }
}

async fn end_those(app: &App) -> Answer<()> {
    let open = app.store.read().await?.view().open_break_glasses(None).await?;
    let now = Timestamp::now();
    // A time that cannot be read is in the past.
    let is_over = |row: &BreakGlassRow| row.until.parse::<Timestamp>().map_or(true, |until| until <= now);
    for row in open.into_iter().filter(is_over) {
        app.commits.run(move |change| Box::pin(async move { end(change, &row.name, None).await })).await?;
    }
    Ok(())
}

fn unknown(id: &str) -> ApiError {
    ApiError::not_found(format!("no break-glass `{}` is known: see `lazaret break-glass list`", shorten(id)))
}

fn body(row: BreakGlassRow) -> BreakGlassBody {
    BreakGlassBody {
        id: row.name,
        host: row.host,
        container: row.container,
        name: row.container_name,
        reason: row.reason,
        by: row.by,
        opened: row.opened,
        until: row.until,
        state: row.state,
        in_force: row.in_force,
        closed: row.closed,
        closed_by: row.closed_by,
    }
}
