use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lazaret_format::v1::{AuditCheckpoints, AuditEntry, AuditPage};
use serde::Deserialize;
use utoipa::IntoParams;

use super::document::Refusals;
use crate::app::App;
use crate::http::{Answer, Parameters};

const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EntriesQuestion {
    /// Index of the first entry.
    from: u64,
    /// At most 1000; 100 if left out.
    limit: Option<u32>,
}

/// Entries of the append-only log (RFC 6962), and the newest checkpoint over all of them.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", security(("user" = [])), params(EntriesQuestion),
    responses((status = 200, body = AuditPage), Refusals)
)]
pub(super) async fn entries(
    State(app): State<Arc<App>>,
    Parameters(question): Parameters<EntriesQuestion>,
) -> Answer<Json<AuditPage>> {
    let limit = question.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let mut read = app.store.read().await?;
    let mut view = read.view();
    let leaves = view.audit_leaves(question.from, limit).await?;
    let size = view.audit_size().await?;
    let checkpoint = view.newest_checkpoint().await?.map(|(_, note)| note).unwrap_or_default();
    let entries = leaves.into_iter().map(|leaf| AuditEntry { index: leaf.index, leaf: leaf.leaf }).collect();
    Ok(Json(AuditPage { entries, checkpoint, size, broken: app.log.closed.clone() }))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CheckpointsQuestion {
    /// Size of the first checkpoint, or the next larger.
    from: u64,
    /// At most 1000; 100 if left out.
    limit: Option<u32>,
}

/// Everything that the log's key ever signed, smallest first.
#[utoipa::path(
    get, path = "/v1/audit/checkpoints", tag = "audit", security(("user" = [])), params(CheckpointsQuestion),
    responses((status = 200, body = AuditCheckpoints), Refusals)
)]
pub(super) async fn checkpoints(
    State(app): State<Arc<App>>,
    Parameters(question): Parameters<CheckpointsQuestion>,
) -> Answer<Json<AuditCheckpoints>> {
    let limit = question.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let rows = app.store.read().await?.view().checkpoints(question.from, limit).await?;
    let checkpoints = rows.into_iter().map(|(_, note)| note).collect();
    Ok(Json(AuditCheckpoints { key: app.log.key.clone(), checkpoints }))
}
