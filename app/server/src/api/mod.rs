//! The handlers, one file for each part of the API, and the document that describes them.

pub(crate) mod agents;
mod tokens;
pub(crate) mod events;
mod containers;
mod images;
mod learned;
mod used;
mod promotions;
mod stages;
mod policy;
mod admissions;
mod advisories;
mod affected;
mod findings;
mod replacements;
mod actions;
pub(crate) mod break_glass;
mod explain;
mod audit;
mod document;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use document::openapi;

use crate::app::App;
use crate::auth::{identify, only_agents, only_enrolment, only_users};
use crate::http::ApiError;

/// All routes. A handler's address stands at the handler alone, for the router and the document.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .fallback(async || ApiError::not_found("there is nothing at this address: see openapi/v1.json"))
        .method_not_allowed_fallback(async || ApiError::method())
        // Outermost: even what does not exist is only told to those who may ask.
        .layer(from_fn_with_state(Arc::clone(app), identify))
        .layer(from_fn(log))
        .with_state(Arc::clone(app))
}

fn routes() -> OpenApiRouter<Arc<App>> {
    let enrolment = OpenApiRouter::new().routes(routes!(agents::enroll)).route_layer(from_fn(only_enrolment));
    let agents = OpenApiRouter::new()
        .routes(routes!(events::ingest))
        .routes(routes!(admissions::admissions))
        .routes(routes!(actions::actions))
        .routes(routes!(actions::progress))
        .routes(routes!(break_glass::of_agent))
        .routes(routes!(learned::put))
        .routes(routes!(used::put))
        .route_layer(from_fn(only_agents));
    let users = OpenApiRouter::new()
        .routes(routes!(agents::list))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(events::list))
        .routes(routes!(containers::list))
        .routes(routes!(images::upload, images::list))
        .routes(routes!(images::get))
        .routes(routes!(learned::list))
        .routes(routes!(learned::get))
        .routes(routes!(promotions::promote))
        .routes(routes!(policy::set, policy::get))
        .routes(routes!(advisories::import))
        .routes(routes!(affected::affected))
        .routes(routes!(findings::findings))
        .routes(routes!(replacements::request))
        .routes(routes!(replacements::get))
        .routes(routes!(break_glass::open, break_glass::list))
        .routes(routes!(break_glass::get))
        .routes(routes!(break_glass::close))
        .routes(routes!(break_glass::events))
        .routes(routes!(explain::explain))
        .routes(routes!(audit::entries))
        .routes(routes!(audit::checkpoints))
        .route_layer(from_fn(only_users));
    document::base().merge(enrolment).merge(agents).merge(users)
}

/// One line for each request that changed something or failed; paths hold no secrets.
async fn log(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let begun = std::time::Instant::now();
    let done = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = done.unwrap_or_else(|_| ApiError::internal("a handler panicked").into_response());
    let (status, micros) = (response.status().as_u16(), begun.elapsed().as_micros());
    match status {
        500.. => tracing::error!(%method, path, status, micros),
        400.. => tracing::info!(%method, path, status, micros),
        _ => tracing::debug!(%method, path, status, micros),
    }
    response
}
