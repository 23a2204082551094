use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::reply::{Answer, ApiError};

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// Bodies above this size are read a few at a time, so that many callers cannot fill the memory.
const LARGE: usize = 8 << 20;
static LARGE_BODIES: Semaphore = Semaphore::const_new(4);

/// A JSON body of at most `LIMIT` bytes.
#[derive(Debug)]
pub(crate) struct Body<T, const LIMIT: usize = { 1 << 20 }>(pub(crate) T);

impl<S, T, const LIMIT: usize> FromRequest<S> for Body<T, LIMIT>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Answer<Self> {
        let bytes = read(request, LIMIT).await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            ApiError::invalid(format!(
                "the body is not what is expected here: {}",
                shorten(&error.to_string())
            ))
        })?;
        Ok(Self(value))
    }
}

/// A JSON body that the handler reads itself.
#[derive(Debug)]
pub(crate) struct RawBody<const LIMIT: usize>(pub(crate) Vec<u8>);

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for RawBody<LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Answer<Self> {
        read(request, LIMIT).await.map(Self)
    }
}

async fn read(request: Request, limit: usize) -> Answer<Vec<u8>> {
    let announced = announced(request.headers())?;
    if announced.is_some_and(|length| length > limit) {
        return Err(ApiError::too_large(limit));
    }
    let _turn = match limit > LARGE && announced.is_none_or(|length| length > LARGE) {
        true => Some(LARGE_BODIES.acquire().await.map_err(ApiError::internal)?),
        false => None,
    };
    let collect = async {
        let mut bytes = Vec::with_capacity(announced.unwrap_or_default());
        let mut stream = request.into_body().into_data_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| ApiError::invalid("the body broke off before its end"))?;
            if bytes.len() + chunk.len() > limit {
                return Err(ApiError::too_large(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    timeout(ARRIVAL, collect).await.map_err(|_| ApiError::too_slow())?
}

/// The length that the body claims to have, if it is JSON.
fn announced(headers: &HeaderMap) -> Answer<Option<usize>> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let media_type = header(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).map(str::trim);
    if !media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
        return Err(ApiError::media_type());
    }
    Ok(header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()))
}

/// What stands behind the `?`.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S, T> FromRequestParts<S> for Parameters<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let query = Query::from_request_parts(parts, state).await;
        let Query(value) = query.map_err(|error| {
            ApiError::invalid(format!(
                "the parameters after `?` are not understood: {}",
                shorten(&error.body_text())
            ))
        })?;
        Ok(Self(value))
    }
}

/// The variable part of the path.
#[derive(Debug)]
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let path = Path::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| ApiError::invalid("the path is not readable text"))?;
        Ok(Self(text))
    }
}

/// The two variable parts of the path.
#[derive(Debug)]
pub(crate) struct Segments(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let path = Path::from_request_parts(parts, state).await;
        let Path((first, second)) = path.map_err(|_| ApiError::invalid("the path is not readable text"))?;
        Ok(Self(first, second))
    }
}

/// Messages quote what callers send: keep them short and in one line.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(200).is_some() {
        short.push('…');
    }
    short
}
