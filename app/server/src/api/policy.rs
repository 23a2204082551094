use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use lazaret_format::v1::PolicyBody;
use lazaret_policy::Policy;
use lazaret_store::PolicyRow;
use serde_json::json;

use super::document::{NotFound, Refusals};
use crate::app::App;
use crate::auth::Caller;
use crate::commit::Change;
use crate::http::{Answer, ApiError, Body};
use crate::wake::wake;

/// Puts a policy in force, for this server and all agents. Every earlier one is kept.
#[utoipa::path(
    put, path = "/v1/policy", tag = "policy", security(("user" = [])), request_body = PolicyBody,
    responses((status = 200, body = PolicyBody), Refusals)
)]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<PolicyBody, { 2 << 20 }>,
) -> Answer<Json<PolicyBody>> {
    let policy = Policy::parse(&request.text, "the policy")
        .map_err(|error| ApiError::invalid(format!("the policy is not understood: {error}")))?;
    let digest = policy.digest().to_string();
    if !request.digest.is_empty() && request.digest != digest {
        return Err(ApiError::invalid(format!(
            "`digest` is {}, but the text has {digest}: leave it empty",
            request.digest
        )));
    }
    let body = PolicyBody { text: request.text, digest };
    let new = body.clone();
    app.commits.run(move |change| Box::pin(put_in_force(change, caller, new, policy))).await?;
    Ok(Json(body))
}

async fn put_in_force(
    change: &mut Change<'_>,
    caller: Caller,
    new: PolicyBody,
    policy: Policy,
) -> Answer<()> {
    let before = change.view().policy().await?;
    if before.as_ref().is_some_and(|before| before.digest == new.digest) {
        return Ok(());
    }
    let by = caller.title();
    let data = json!({ "policy": new.digest, "before": before.map(|before| before.digest), "by": by });
    change.record("policy-set", data)?;
    let row = PolicyRow { digest: new.digest, text: new.text, at: change.now().to_owned(), by };
    change.write.add_policy(&row).await?;
    change.write.next_revision().await?;
    let policy = Arc::new(policy);
    change.after(move |memory| {
        memory.set_policy(policy);
        wake(&memory.wake.admissions);
    });
    Ok(())
}

/// The policy in force.
#[utoipa::path(
    get, path = "/v1/policy", tag = "policy", security(("user" = [])),
    responses((status = 200, body = PolicyBody), NotFound, Refusals)
)]
pub(super) async fn get(State(app): State<Arc<App>>) -> Answer<Json<PolicyBody>> {
    match app.store.read().await?.view().policy().await? {
        Some(row) => Ok(Json(PolicyBody { text: row.text, digest: row.digest })),
        None => Err(ApiError::not_found(NONE)),
    }
}

/// What is said wherever a policy is needed and there is none.
pub(super) const NONE: &str =
    "no policy is in force yet, so nothing may run: push one with `lazaret policy push FILE`";
