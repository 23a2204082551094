use std::sync::Arc;

use lazaret_format::v1::ErrorBody;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, ContactBuilder, Info, License, OpenApi};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The API as an OpenAPI document: pretty JSON with a newline at its end.
pub fn openapi() -> String {
    let (_, document) = super::routes().split_for_parts();
    let mut text = document.to_pretty_json().expect("a document of strings always serializes");
    text.push('\n');
    text
}

pub(super) fn base() -> OpenApiRouter<Arc<App>> {
    let mut info = Info::new("Lazaret", "1");
    info.description = Some(
        "Nothing is answered without `Authorization: Bearer`. Users, agents and enrolment have tokens of their own; \
         every operation names the kind that it needs. Times are RFC 3339 in UTC, digests `sha256:<hex>`. Unknown \
         fields of requests are refused; clients must ignore unknown fields of answers."
            .to_owned(),
    );
    let mut licence = License::new("Apache-2.0");
    licence.identifier = Some("Apache-2.0".to_owned());
    info.license = Some(licence);
    info.contact = Some(ContactBuilder::new().name(Some("Lazaret")).build());
    let mut document = OpenApi::new(info, utoipa::openapi::Paths::new());
    let bearer = |description: &str| {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.description = Some(description.to_owned());
        SecurityScheme::Http(http)
    };
    let mut components = Components::new();
    components.add_security_scheme("user", bearer("Token of a user"));
    components.add_security_scheme("agent", bearer("Key of an enrolled agent"));
    components.add_security_scheme("enrolment", bearer("Enrolment token: enrols agents, nothing else"));
    document.components = Some(components);
    OpenApiRouter::with_openapi(document)
}

/// What every operation may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(super) enum Refusals {
    /// The request is not understood.
    #[response(status = 400)]
    Invalid(#[to_schema] ErrorBody),
    /// No token, or one that is not known or has expired.
    #[response(status = 401)]
    Unauthorized(#[to_schema] ErrorBody),
    /// A token of the wrong kind, or a refusal with its reasons.
    #[response(status = 403)]
    Refused(#[to_schema] ErrorBody),
    /// Too large a body.
    #[response(status = 413)]
    TooLarge(#[to_schema] ErrorBody),
    /// The server failed; its log says why.
    #[response(status = 500)]
    Internal(#[to_schema] ErrorBody),
    /// The database cannot be written, the audit log is closed, or the server is ending.
    #[response(status = 503)]
    Unavailable(#[to_schema] ErrorBody),
}

/// Nothing is known by this name.
#[derive(IntoResponses, ToSchema)]
#[response(status = 404)]
#[expect(dead_code, reason = "describes an answer, is never made")]
pub(super) struct NotFound(#[to_schema] ErrorBody);

/// What is there already does not go with it.
#[derive(IntoResponses, ToSchema)]
#[response(status = 409)]
#[expect(dead_code, reason = "describes an answer, is never made")]
pub(super) struct Conflict(#[to_schema] ErrorBody);
