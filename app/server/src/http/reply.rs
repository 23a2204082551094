use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lazaret_format::v1::{ErrorBody, ReasonBody};
use lazaret_model::Reason;
use lazaret_store::StoreError;

/// An answer with a status of 400 and above.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) body: ErrorBody,
}

pub(crate) type Answer<T> = Result<T, ApiError>;

impl ApiError {
    fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let body = ErrorBody { code: code.to_owned(), message: message.into(), reasons: Vec::new() };
        Self { status, body }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message =
            format!("the body is larger than {limit} bytes, the most that is read here: send less at once");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid", message)
    }

    pub(crate) fn too_slow() -> Self {
        let message = "the body did not arrive in time: send it faster, or less of it";
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid", message)
    }

    pub(crate) fn media_type() -> Self {
        let message = "the body must be JSON: send it with `Content-Type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid", message)
    }

    pub(crate) fn method() -> Self {
        let message = "this address does not know the method: see openapi/v1.json";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid", message)
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// The caller is known, but may not do this.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "unauthorized", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    pub(crate) fn refused(message: impl Into<String>, reasons: Vec<ReasonBody>) -> Self {
        let mut error = Self::new(StatusCode::FORBIDDEN, "refused", message);
        error.body.reasons = reasons;
        error
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// Something that must not happen: the details are for the log, not for the caller.
    pub(crate) fn internal(detail: impl std::fmt::Display) -> Self {
        tracing::error!("{detail}");
        let message = "the server failed: its log says why; nothing of the request was kept";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    pub(crate) fn with_reasons(mut self, reasons: Vec<ReasonBody>) -> Self {
        self.body.reasons = reasons;
        self
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DiskFull { .. }
            | StoreError::Locked { .. }
            | StoreError::Denied { .. }
            | StoreError::Io { .. } => {
                tracing::error!("{error}");
                Self::unavailable(error.to_string())
            }
            _ => Self::internal(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let unauthorized = self.status == StatusCode::UNAUTHORIZED;
        let mut response = (self.status, Json(self.body)).into_response();
        if unauthorized {
            let challenge = HeaderValue::from_static("Bearer realm=\"lazaret\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

pub(crate) fn reason_bodies(reasons: &[Reason]) -> Vec<ReasonBody> {
    let body = |reason: &Reason| ReasonBody {
        rule: reason.rule.clone(),
        message: reason.message.clone(),
        remedy: reason.remedy.clone(),
    };
    reasons.iter().map(body).collect()
}
