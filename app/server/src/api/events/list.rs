use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lazaret_format::v1::{EventPage, StoredEvent};
use lazaret_store::EventRow;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::document::Refusals;
use crate::app::App;
use crate::http::{Answer, ApiError, Parameters};

const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Question {
    /// Position of the last event already known; 0 for none.
    after: u64,
    /// At most 1000; 100 if left out.
    limit: Option<u32>,
    /// Seconds to wait for an event, at most 60.
    wait: u64,
}

/// Events of all hosts in the order of their arrival.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", security(("user" = [])), params(Question),
    responses((status = 200, body = EventPage), Refusals)
)]
pub(in crate::api) async fn list(
    State(app): State<Arc<App>>,
    Parameters(question): Parameters<Question>,
) -> Answer<Json<EventPage>> {
    let limit = question.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let wake = &app.memory.wake;
    let mut patience = wake.patience(&wake.events, question.wait);
    loop {
        let rows = app.store.read().await?.view().events_after(question.after, limit).await?;
        if rows.is_empty() && patience.again().await {
            continue;
        }
        let next = rows.last().map_or(question.after, |row| row.position);
        let events: Vec<StoredEvent> = rows.into_iter().map(stored).collect::<Answer<_>>()?;
        return Ok(Json(EventPage { events, next }));
    }
}

pub(in crate::api) fn stored(row: EventRow) -> Answer<StoredEvent> {
    let EventRow { position, host, image, body } = row;
    let event = serde_json::from_str(&body).map_err(|error| {
        ApiError::internal(format!("event {position} in the database is not readable: {error}"))
    })?;
    Ok(StoredEvent { position, host, image, event })
}
