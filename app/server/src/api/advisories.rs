use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::{Extension, Json};
use lazaret_advisory::feed::osv;
use lazaret_format::v1::ImportResponse;
use lazaret_model::{Advisory, Limits};
use lazaret_trust::digest_of;
use serde_json::json;
use utoipa::ToSchema;

use super::document::Refusals;
use crate::app::App;
use crate::auth::Caller;
use crate::commit::Change;
use crate::http::{Answer, ApiError, RawBody, shorten};

/// Ids that an entry in the audit log names.
const NAMED: usize = 100;

/// One OSV document (https://ossf.github.io/osv-schema/) or an array of them.
#[derive(ToSchema)]
#[schema(value_type = Object)]
#[expect(dead_code, reason = "describes a body that is read by lazaret-advisory")]
pub(super) struct OsvDocuments(serde_json::Value);

/// Imports advisories. What a feed says of a vulnerability in a package replaces what it said before.
///
/// Nothing is scanned again: only the new rows are held against the index of packages.
#[utoipa::path(
    post, path = "/v1/advisories", tag = "advisories", security(("user" = [])), request_body = OsvDocuments,
    responses((status = 200, body = ImportResponse), Refusals)
)]
pub(super) async fn import(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    RawBody(bytes): RawBody<{ 64 << 20 }>,
) -> Answer<Json<ImportResponse>> {
    let begun = Instant::now();
    let reading = tokio::task::spawn_blocking(move || read(&bytes)).await;
    let (advisories, digest) = reading.map_err(ApiError::internal)??;
    let ids: BTreeSet<String> = advisories.iter().map(|advisory| advisory.id.clone()).collect();
    let advisories = Arc::new(advisories);
    let kept = Arc::clone(&advisories);
    let named = ids.iter().take(NAMED).cloned().collect();
    app.commits.run(move |change| Box::pin(keep(change, caller, kept, named, digest))).await?;

    let (images, containers) = {
        let fleet = app.memory.fleet();
        let affected = fleet.index.affected(&advisories);
        (affected.images.len(), affected.containers.len())
    };
    Ok(Json(ImportResponse {
        ids: ids.into_iter().collect(),
        advisories: advisories.len() as u64,
        images,
        containers,
        micros: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
    }))
}

fn read(bytes: &[u8]) -> Answer<(Vec<Advisory>, String)> {
    let feed = osv::parse(bytes, &Limits::default()).map_err(|error| ApiError::invalid(error.to_string()))?;
    for problem in &feed.problems {
        tracing::warn!("an imported advisory was passed over: {problem}");
    }
    if feed.advisories.is_empty() {
        let mut message = format!(
            "none of the {} documents says which versions of a known distribution's package are vulnerable",
            feed.documents
        );
        if !feed.withdrawn.is_empty() {
            message.push_str(&format!("; {} were withdrawn", feed.withdrawn.len()));
        }
        if let Some(problem) = feed.problems.first() {
            message.push_str(&format!("; {}", shorten(&problem.to_string())));
        } else if let Some(ecosystem) = feed.unknown_ecosystems.keys().next() {
            message.push_str(&format!("; the ecosystem `{}` is not known", shorten(ecosystem)));
        }
        return Err(ApiError::invalid(message));
    }
    Ok((feed.advisories, digest_of(bytes).to_string()))
}

async fn keep(
    change: &mut Change<'_>,
    caller: Caller,
    advisories: Arc<Vec<Advisory>>,
    named: Vec<String>,
    digest: String,
) -> Answer<()> {
    change.write.remove_advisories_like(&advisories).await?;
    let now = change.now().to_owned();
    change.write.add_advisories(&advisories, &now).await?;
    let data = json!({ "feed": osv::FEED, "rows": advisories.len(), "ids": named, "file": digest, "by": caller.title() });
    change.record("advisories-imported", data)?;
    change.after(move |memory| {
        let mut fleet = memory.fleet_mut();
        for advisory in advisories.iter() {
            fleet.knowledge.remove_like(advisory);
        }
        for advisory in advisories.iter() {
            fleet.knowledge.insert(advisory.clone());
        }
    });
    Ok(())
}
