use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use lazaret_format::v1::{PromotionRequest, PromotionResponse};
use lazaret_model::Digest;
use lazaret_trust::{Envelope, Predicate};

use super::document::{NotFound, Refusals};
use super::images::{accept, envelope_of};
use crate::app::App;
use crate::auth::Caller;
use crate::commit::Change;
use crate::http::{Answer, ApiError, Body};

/// Lets an image go on to a stage, if the policy in force finds everything proven that the stage requires.
/// Agents learn of it at once.
#[utoipa::path(
    post, path = "/v1/promotions", tag = "images", security(("user" = [])), request_body = PromotionRequest,
    responses((status = 200, body = PromotionResponse), NotFound, Refusals)
)]
pub(super) async fn promote(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<PromotionRequest>,
) -> Answer<Json<PromotionResponse>> {
    let manifest: Digest =
        request.manifest.parse().map_err(|error| ApiError::invalid(format!("`manifest`: {error}")))?;
    let envelope = envelope_of(&request.envelope).map_err(|error| ApiError::invalid(error.to_string()))?;
    let keep = Arc::clone(&app);
    let work =
        app.commits.run(move |change| Box::pin(keep_promotion(change, keep, caller, manifest, envelope)));
    // A refusal is kept in the audit log like a promotion, so it is no failure of the work.
    work.await?.map(Json)
}

async fn keep_promotion(
    change: &mut Change<'_>,
    app: Arc<App>,
    caller: Caller,
    manifest: Digest,
    envelope: Envelope,
) -> Answer<Answer<PromotionResponse>> {
    let Some(image) = change.view().image(&manifest).await? else {
        return Err(ApiError::not_found(format!(
            "no image {manifest} is known, so nothing is proven of it: attest it first with `lazaret attest`"
        )));
    };
    let alone = std::slice::from_ref(&envelope);
    let collected = lazaret_trust::evidence(&image.repository, manifest, image.config, alone, &app.trusted);
    let Some(verified) = collected.statements.first() else {
        let why = collected.rejected.into_iter().next().map(|(_, why)| why).unwrap_or_default();
        return Err(ApiError::invalid(format!("the promotion cannot be believed: {why}")));
    };
    let Predicate::Promotion(promotion) = &verified.statement.predicate else {
        return Err(ApiError::invalid("the statement is no promotion: send it to POST /v1/images"));
    };
    let stage = promotion.to.to_string();
    if change.view().has_envelope(&verified.envelope).await? {
        let revision = change.view().revision().await?;
        return Ok(Ok(PromotionResponse { stage, revision }));
    }
    Ok(match accept(change, &app, &image, verified, &envelope, &caller).await? {
        Ok(revision) => Ok(PromotionResponse { stage, revision }),
        Err(reasons) => {
            let message = format!("{}@{manifest} may not be promoted to {stage}", image.repository);
            Err(ApiError::refused(message, reasons))
        }
    })
}
