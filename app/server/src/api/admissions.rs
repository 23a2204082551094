use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use lazaret_format::v1::{AdmissionSnapshot, AdmittedImage, EnvelopeBody, PolicyBody};
use lazaret_policy::{Policy, Requirement};
use lazaret_store::{EnvelopeRow, ImageRow, View};
use lazaret_trust::{Envelope, VerifyingKey, predicate_type};
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
    let body = snapshot(&mut view, revision, &app.trusted).await?;
    let json = serde_json::to_vec(&body).map_err(ApiError::internal)?;
    let snapshot = Snapshot { revision, json: json.into() };
    app.memory.keep_snapshot(snapshot.clone());
    Ok(snapshot)
}

async fn snapshot(view: &mut View<'_>, revision: u64, trusted: &[VerifyingKey]) -> Answer<AdmissionSnapshot> {
    let policy = match view.policy().await? {
        Some(row) => PolicyBody { text: row.text, digest: row.digest },
        None => PolicyBody { text: String::new(), digest: String::new() },
    };
    // Bills of material are most of the bytes. They go along only where a stage asks whether there is one.
    // Whose a program is, no decision depends on.
    let left_out: &[&str] = match requires_sbom(&policy) {
        true => &[predicate_type::FILES],
        false => &[predicate_type::FILES, predicate_type::SBOM],
    };
    let mut images = Vec::new();
    for image in view.images().await? {
        let rows = view.envelopes_of(image.id, left_out).await?;
        let envelopes: Result<Vec<EnvelopeBody>, _> =
            rows.iter().map(|row| serde_json::from_str(&row.body)).collect();
        images.push(AdmittedImage {
            repository: image.repository.clone(),
            manifest: image.manifest.to_string(),
            config: image.config.to_string(),
            envelopes: envelopes.map_err(|error| {
                ApiError::internal(format!("an envelope in the database is not readable: {error}"))
            })?,
            profile: profile(&image, &rows, trusted),
        });
    }
    Ok(AdmissionSnapshot { revision, at: clock::now(), policy, images })
}

/// The newest profile that is believed here. The agent has its statement too, and need not believe the server.
fn profile(image: &ImageRow, rows: &[EnvelopeRow], trusted: &[VerifyingKey]) -> Option<String> {
    let stated = rows.iter().filter(|row| row.predicate_type == predicate_type::PROFILE);
    let envelopes: Vec<Envelope> =
        stated.filter_map(|row| Envelope::parse(row.body.as_bytes(), row.body.len()).ok()).collect();
    let collected =
        lazaret_trust::evidence(&image.repository, image.manifest, image.config, &envelopes, trusted);
    collected.profiles().first().map(|(_, newest)| newest.profile.clone())
}

fn requires_sbom(policy: &PolicyBody) -> bool {
    Policy::parse(&policy.text, "the policy in force")
        .is_ok_and(|policy| policy.stages().iter().any(|stage| stage.requires.contains(&Requirement::Sbom)))
}
