use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use lazaret_format::v1::{TokenBody, TokenKind, TokenRequest, TokenResponse};
use lazaret_store::TokenRow;
use lazaret_trust::digest_of;
use serde_json::json;

use super::document::Refusals;
use crate::app::App;
use crate::auth::{Caller, new_secret};
use crate::clock;
use crate::http::{Answer, ApiError, Body};

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
/// Longer secrets are forgotten, not used.
const LONGEST: u64 = 3650 * DAY;

/// Makes a token; it is shown in this answer and never again.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "tokens", security(("user" = [])), request_body = TokenRequest,
    responses((status = 200, body = TokenResponse), Refusals)
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<TokenRequest>,
) -> Answer<Json<TokenResponse>> {
    let TokenRequest { kind, name, lifetime_seconds } = request;
    if name.is_empty() || name.len() > 64 || name.contains(char::is_control) {
        return Err(ApiError::invalid("a token's name is 1 to 64 characters in one line"));
    }
    let (stored_kind, prefix, usual) = match kind {
        TokenKind::User => (lazaret_store::TokenKind::User, "lzu", 90 * DAY),
        TokenKind::Enrolment => (lazaret_store::TokenKind::Enrolment, "lze", HOUR),
    };
    let lifetime = lifetime_seconds.unwrap_or(usual);
    let expires = Some(lifetime).filter(|seconds| (1..=LONGEST).contains(seconds)).and_then(clock::after);
    let Some(expires) = expires else {
        return Err(ApiError::invalid(format!("`lifetime_seconds` must be between 1 and {LONGEST}")));
    };
    let token = new_secret(prefix).map_err(ApiError::internal)?;
    let hash = digest_of(token.as_bytes());
    let ends = expires.clone();
    let work = app.commits.run(move |change| {
        Box::pin(async move {
            let created = change.now().to_owned();
            let row = TokenRow { hash, kind: stored_kind, name, created, expires: Some(ends) };
            change.write.add_token(&row).await?;
            let data =
                json!({ "name": row.name, "kind": kind, "expires": row.expires, "by": caller.title() });
            change.record("token-created", data)?;
            change.after(move |memory| memory.credentials_mut().add_token(&row));
            Ok(())
        })
    });
    work.await?;
    Ok(Json(TokenResponse { token, expires }))
}

/// Tokens that were made, without the tokens themselves.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "tokens", security(("user" = [])),
    responses((status = 200, body = Vec<TokenBody>), Refusals)
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Json<Vec<TokenBody>>> {
    let rows = app.store.read().await?.view().tokens().await?;
    let body = |row: TokenRow| TokenBody {
        kind: match row.kind {
            lazaret_store::TokenKind::User => TokenKind::User,
            lazaret_store::TokenKind::Enrolment => TokenKind::Enrolment,
        },
        name: row.name,
        created: row.created,
        expires: row.expires,
    };
    Ok(Json(rows.into_iter().map(body).collect()))
}
