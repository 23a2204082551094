use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lazaret_format::v1::ImageBody;
use lazaret_model::Digest;

use super::body::{image_bodies, image_body};
use crate::api::document::{NotFound, Refusals};
use crate::app::App;
use crate::http::{Answer, ApiError, Segment};

/// Images that something is proven of, oldest first.
#[utoipa::path(
    get, path = "/v1/images", tag = "images", security(("user" = [])),
    responses((status = 200, body = Vec<ImageBody>), Refusals)
)]
pub(in crate::api) async fn list(State(app): State<Arc<App>>) -> Answer<Json<Vec<ImageBody>>> {
    let mut read = app.store.read().await?;
    image_bodies(&mut read.view(), &app).await.map(Json)
}

/// One image, by the digest of its manifest or of its configuration. Of several with one configuration the
/// newest.
#[utoipa::path(
    get, path = "/v1/images/{digest}", tag = "images", security(("user" = [])), params(("digest" = String, Path)),
    responses((status = 200, body = ImageBody), NotFound, Refusals)
)]
pub(in crate::api) async fn get(
    State(app): State<Arc<App>>,
    Segment(text): Segment,
) -> Answer<Json<ImageBody>> {
    let digest: Digest =
        text.parse().map_err(|error| ApiError::invalid(format!("the address names no image: {error}")))?;
    let mut read = app.store.read().await?;
    let mut view = read.view();
    let row = view.images_with(&digest).await?.pop();
    let row = row.ok_or_else(|| {
        ApiError::not_found(format!("no image {digest} is known: attest it with `lazaret attest`"))
    })?;
    image_body(&mut view, &app, row).await.map(Json)
}
