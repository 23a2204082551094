//! The pull part of the OCI distribution specification 1.1 for one repository, and the file as it is.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use lazaret_model::Digest;

use super::range::Wanted;
use super::version::Shelf;

/// The one repository, and its tag.
pub(super) const REPOSITORY: &str = "lazaret/advisories";
pub(super) const TAG: &str = "latest";
/// The plain file.
pub(super) const FILE: &str = "advisories.lzdb";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const BINARY: &str = "application/octet-stream";
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

type OfShelf = State<Arc<Shelf>>;

pub(super) fn routes(shelf: Arc<Shelf>) -> Router {
    Router::new()
        .route("/v2/", get(async || ([(VERSION, "registry/2.0")], axum::Json(serde_json::json!({})))))
        .route(&format!("/v2/{REPOSITORY}/tags/list"), get(tags))
        .route(&format!("/v2/{REPOSITORY}/manifests/{{reference}}"), get(manifest))
        .route(&format!("/v2/{REPOSITORY}/blobs/{{digest}}"), get(blob))
        .route(&format!("/v2/{REPOSITORY}/referrers/{{digest}}"), get(referrers))
        .route(&format!("/{FILE}"), get(file))
        .route(&format!("/{FILE}.sig"), get(signature))
        .fallback(async || unknown("NAME_UNKNOWN", "there is only lazaret/advisories here"))
        .with_state(shelf)
}

async fn tags() -> Response {
    axum::Json(serde_json::json!({ "name": REPOSITORY, "tags": [TAG] })).into_response()
}

async fn manifest(State(shelf): OfShelf, Path(reference): Path<String>, headers: HeaderMap) -> Response {
    let digest = match reference.as_str() {
        TAG => shelf.newest().map(|version| version.manifest),
        other => other.parse::<Digest>().ok(),
    };
    let found = digest.and_then(|digest| {
        shelf.find(|version| version.manifests.get(&digest).cloned()).map(|bytes| (digest, bytes))
    });
    match found {
        Some((digest, bytes)) => answer(&headers, digest, MANIFEST, reference != TAG, Content::Memory(bytes)),
        None => unknown("MANIFEST_UNKNOWN", "no version of the database has this manifest"),
    }
}

async fn blob(State(shelf): OfShelf, Path(digest): Path<String>, headers: HeaderMap) -> Response {
    let digest = digest.parse::<Digest>().ok();
    let found = digest.and_then(|digest| {
        shelf.find(|version| version.blobs.get(&digest).cloned()).map(|bytes| (digest, bytes))
    });
    match found {
        Some((digest, bytes)) => answer(&headers, digest, BINARY, true, Content::Memory(bytes)),
        None => unknown("BLOB_UNKNOWN", "no version of the database has this content"),
    }
}

async fn referrers(State(shelf): OfShelf, Path(digest): Path<String>) -> Response {
    let digest = digest.parse::<Digest>().ok();
    let of = |digest| shelf.find(|version| (version.manifest == digest).then(|| version.referrers.clone()));
    let none = || Bytes::from(format!("{{\"schemaVersion\":2,\"mediaType\":\"{INDEX}\",\"manifests\":[]}}"));
    // Nothing is about what is not here: no error, says the specification.
    ([(CONTENT_TYPE, INDEX)], digest.and_then(of).unwrap_or_else(none)).into_response()
}

async fn file(State(shelf): OfShelf, headers: HeaderMap) -> Response {
    match shelf.newest() {
        Some(version) => {
            let content = Content::File(Arc::clone(&version.file), version.length);
            answer(&headers, version.digest, BINARY, false, content)
        }
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn signature(State(shelf): OfShelf) -> Response {
    match shelf.newest().filter(|version| !version.signature.is_empty()) {
        Some(version) => ([(CONTENT_TYPE, "application/jsonl")], version.signature.clone()).into_response(),
        None => (StatusCode::NOT_FOUND, "the database is not signed\n").into_response(),
    }
}

/// The specification's form of errors.
fn unknown(code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}

enum Content {
    Memory(Bytes),
    File(Arc<File>, u64),
}

impl Content {
    fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, length) => *length,
        }
    }

    fn part(self, part: Range<u64>) -> Body {
        match self {
            Self::Memory(bytes) => {
                let to_index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Body::from(bytes.slice(to_index(part.start)..to_index(part.end)))
            }
            Self::File(file, _) => Body::from_stream(futures_util::stream::unfold(part, move |part| {
                let file = Arc::clone(&file);
                async move { next(file, part).await }
            })),
        }
    }
}

const CHUNK: u64 = 256 << 10;

/// The next bytes of a file, and what is left.
async fn next(file: Arc<File>, part: Range<u64>) -> Option<(std::io::Result<Bytes>, Range<u64>)> {
    let length = part.end.saturating_sub(part.start).min(CHUNK);
    if length == 0 {
        return None;
    }
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact_at(&mut bytes, part.start).map(|()| Bytes::from(bytes))
    });
    let read = read.await.map_err(std::io::Error::other).and_then(|read| read);
    // After an error nothing comes any more.
    let rest = if read.is_ok() { part.start + length..part.end } else { part.end..part.end };
    Some((read, rest))
}

fn answer(
    headers: &HeaderMap,
    digest: Digest,
    kind: &'static str,
    is_forever: bool,
    content: Content,
) -> Response {
    let (etag, length) = (format!("\"{digest}\""), content.length());
    let wanted = Wanted::of(headers, &etag, length);
    let (status, part) = match wanted {
        Wanted::All => (StatusCode::OK, 0..length),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Nothing => (StatusCode::NOT_MODIFIED, 0..0),
        Wanted::Impossible => (StatusCode::RANGE_NOT_SATISFIABLE, 0..0),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(ETAG, etag);
    set(ACCEPT_RANGES, "bytes".to_owned());
    set(DIGEST, digest.to_string());
    set(
        CACHE_CONTROL,
        if is_forever { "public, max-age=31536000, immutable" } else { "no-cache" }.to_owned(),
    );
    match status {
        StatusCode::PARTIAL_CONTENT => {
            set(CONTENT_RANGE, format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1)));
        }
        StatusCode::RANGE_NOT_SATISFIABLE => set(CONTENT_RANGE, format!("bytes */{length}")),
        _ => {}
    }
    if status != StatusCode::NOT_MODIFIED {
        set(CONTENT_TYPE, kind.to_owned());
        set(CONTENT_LENGTH, part.end.saturating_sub(part.start).to_string());
    }
    if status.is_success() {
        *response.body_mut() = content.part(part);
    }
    response
}
