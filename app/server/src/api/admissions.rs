use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use lazaret_format::v1::{AdmissionSnapshot, AdmittedImage, EnvelopeBody, PolicyBody};
use lazaret_policy::{Policy, Requirement};
use lazaret_store::View;
use lazaret_trust::predicate_type;
use serde::Deserialize;
use utoipa::IntoParams;

use super::document::Refusals;
use crate::app::App;
use crate::clock;
use crate::http::{Answer, ApiError, Parameters};
use crate::memory::Snapshot;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// Revision that the agent has; 0 for none.
    after: u64,
    /// Seconds to wait for a newer one, at most 60.
    wait: u64,
}

/// Everything an agent needs to decide alone. Before the first policy its text is empty, which admits nothing.
#[utoipa::path(
    get, path = "/v1/agent/admissions", tag = "agent", security(("agent" = [])), params(Question),
    responses((status = 200, body = AdmissionSnapshot), Refusals)
)]
pub(super) async fn admissions(
    State(app): State<Arc<App>>,
    Parameters(question): Parameters<Question>,
) -> Answer<Response> {
    let wake = &app.memory.wake;
    let mut patience = wake.patience(&wake.admissions, question.wait);
    let snapshot = loop {
        let snapshot = newest(&app).await?;
        if snapshot.revision > question.after || !patience.again().await {
            break snapshot;
        }
    };
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(snapshot.json))
        .map_err(ApiError::internal)
}

/// Made once for each revision, however many agents ask.
async fn newest(app: &App) -> Answer<Snapshot> {
    let mut read = app.store.read().await?;
    let mut view = read.view();
    let revision = view.revision().await?;
    if let Some(kept) = app.memory.snapshot().filter(|kept| kept.revision == revision) {
        return Ok(kept);
    }
    let body = snapshot(&mut view, revision).await?;
    let json = serde_json::to_vec(&body).map_err(ApiError::internal)?;
    let snapshot = Snapshot { revision, json: json.into() };
    app.memory.keep_snapshot(snapshot.clone());
    Ok(snapshot)
}

async fn snapshot(view: &mut View<'_>, revision: u64) -> Answer<AdmissionSnapshot> {
    let policy = match view.policy().await? {
        Some(row) => PolicyBody { text: row.text, digest: row.digest },
        None => PolicyBody { text: String::new(), digest: String::new() },
    };
    // Bills of material are most of the bytes. They go along only where a stage asks whether there is one.
    let left_out = (!requires_sbom(&policy)).then_some(predicate_type::SBOM);
    let mut images = Vec::new();
    for image in view.images().await? {
        let rows = view.envelopes_of(image.id, left_out).await?;
        let envelopes: Result<Vec<EnvelopeBody>, _> =
            rows.iter().map(|row| serde_json::from_str(&row.body)).collect();
        images.push(AdmittedImage {
            repository: image.repository,
            manifest: image.manifest.to_string(),
            config: image.config.to_string(),
            envelopes: envelopes.map_err(|error| {
                ApiError::internal(format!("an envelope in the database is not readable: {error}"))
            })?,
            profile: None,
        });
    }
    Ok(AdmissionSnapshot { revision, at: clock::now(), policy, images })
}

fn requires_sbom(policy: &PolicyBody) -> bool {
    Policy::parse(&policy.text, "the policy in force")
        .is_ok_and(|policy| policy.stages().iter().any(|stage| stage.requires.contains(&Requirement::Sbom)))
}
