//! Requests: where they go, how they are authorised, when they are made again.

use std::error::Error as _;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use lazaret_model::ImageReference;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;

use super::token::Access;
use super::{Registry, challenge};
use crate::error::SourceError;
use crate::retry::{is_temporary, may_pass, retry_after, wait_for};

/// One repository of a registry.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    /// As people write it.
    pub(super) registry: String,
    pub(super) path: String,
    base: Url,
    /// Whether it is spoken to without TLS.
    pub(super) plain: bool,
    loopback: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) access: Access,
    pub(super) accept: &'a str,
    pub(super) content_type: &'a str,
    pub(super) body: Bytes,
    pub(super) from: u64,
    /// For errors: what is done with what.
    pub(super) what: &'a str,
}

impl<'a> Request<'a> {
    pub(super) fn new(method: Method, url: Url, access: Access, what: &'a str) -> Self {
        Self { method, url, access, accept: "*/*", content_type: "", body: Bytes::new(), from: 0, what }
    }
}

/// As much of an error as is read and shown.
const ERROR_BYTES: u64 = 64 << 10;

impl Repository {
    pub(super) fn url(&self, rest: &str) -> Result<Url, SourceError> {
        self.base.join(&format!("/v2/{}/{rest}", self.path)).map_err(|error| SourceError::Target {
            text: format!("{}/{}", self.registry, self.path),
            why: error.to_string(),
        })
    }

    pub(super) fn same_origin(&self, url: &Url) -> bool {
        self.base.origin() == url.origin()
    }

    pub(super) fn failed(&self, what: &str, why: impl Into<String>) -> SourceError {
        SourceError::RegistryFailed {
            registry: self.registry.clone(),
            what: what.to_owned(),
            why: why.into(),
        }
    }
}

impl Registry {
    pub(super) fn repository(&self, reference: &ImageReference) -> Result<Repository, SourceError> {
        let registry = reference.registry.clone();
        // Docker Hub's name is not its address.
        let address = if registry == "docker.io" { "registry-1.docker.io" } else { registry.as_str() };
        let loopback = is_loopback(address);
        let plain = loopback || self.0.options.insecure.contains(&registry);
        let scheme = if plain { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{address}/"))
            .map_err(|error| SourceError::Target { text: registry.clone(), why: error.to_string() })?;
        Ok(Repository { registry, path: reference.repository.clone(), base, plain, loopback })
    }

    pub(super) fn http(&self, repository: &Repository) -> &reqwest::Client {
        if repository.loopback { &self.0.direct } else { &self.0.http }
    }

    /// Makes a request until it is answered with something other than "later". The answer may be an
    /// error that means something to the caller: 404 and the like.
    pub(super) fn send<'a>(
        &'a self,
        repository: &'a Repository,
        request: &'a Request<'a>,
    ) -> BoxFuture<'a, Result<Response, SourceError>> {
        // What is boxed is compiled here; the body of an `async fn` is compiled by every program that awaits it.
        Box::pin(self.send_until_answered(repository, request))
    }

    async fn send_until_answered(
        &self,
        repository: &Repository,
        request: &Request<'_>,
    ) -> Result<Response, SourceError> {
        let mut attempt = 1;
        let mut refused = false;
        loop {
            let last = attempt >= self.0.options.attempts;
            let wait = match self.send_once(repository, request).await {
                Ok(response) => match response.status() {
                    StatusCode::UNAUTHORIZED if !refused && repository.same_origin(&request.url) => {
                        refused = true;
                        self.authorise(repository, request.access, response).await?;
                        continue;
                    }
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                        return Err(SourceError::Unauthorized {
                            registry: repository.registry.clone(),
                            what: request.what.to_owned(),
                            why: explain(response).await,
                        });
                    }
                    status if is_temporary(status) => {
                        let asked = retry_after(&response);
                        if last {
                            return Err(repository.failed(request.what, explain(response).await));
                        }
                        asked
                    }
                    _ => return Ok(response),
                },
                Err(error) if last || !may_pass(&error) => {
                    return Err(SourceError::RegistryUnreachable {
                        registry: repository.registry.clone(),
                        why: reasons(&error),
                    });
                }
                Err(error) => {
                    tracing::debug!("{}: {}, trying again", repository.registry, reasons(&error));
                    None
                }
            };
            tokio::time::sleep(wait_for(wait, attempt)).await;
            attempt += 1;
        }
    }

    async fn send_once(
        &self,
        repository: &Repository,
        request: &Request<'_>,
    ) -> Result<Response, reqwest::Error> {
        let mut builder = self
            .http(repository)
            .request(request.method.clone(), request.url.clone())
            .header(ACCEPT, request.accept)
            .body(request.body.clone());
        if !request.content_type.is_empty() {
            builder = builder.header(CONTENT_TYPE, request.content_type);
        }
        if request.from > 0 {
            builder = builder.header(RANGE, format!("bytes={}-", request.from));
        }
        // Uploads may be sent elsewhere; credentials never are.
        if repository.same_origin(&request.url)
            && let Some(value) = self.0.tokens.get(repository, request.access)
        {
            builder = builder.header(AUTHORIZATION, value);
        }
        builder.send().await
    }

    async fn authorise(
        &self,
        repository: &Repository,
        access: Access,
        response: Response,
    ) -> Result<(), SourceError> {
        let headers: Vec<&str> = response
            .headers()
            .get_all(reqwest::header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let login = self.0.credentials.get(&repository.registry, &repository.path).await;
        match challenge::choose(&headers) {
            Some(challenge) => {
                self.0.tokens.obtain(self, repository, access, &challenge, login.as_ref()).await
            }
            None => Err(SourceError::Unauthorized {
                registry: repository.registry.clone(),
                what: repository.path.clone(),
                why: "it names no way to authenticate that is known".to_owned(),
            }),
        }
    }

    /// An answer's body, within the bound for documents.
    pub(super) async fn document(
        &self,
        repository: &Repository,
        response: Response,
        what: &str,
    ) -> Result<Vec<u8>, SourceError> {
        let most = self.0.options.document_bytes;
        match bounded(response, most).await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(SourceError::TooLarge {
                subject: format!("{what} of the registry {}", repository.registry),
                why: format!("it has more than {most} bytes"),
            }),
            Err(error) => Err(SourceError::RegistryUnreachable {
                registry: repository.registry.clone(),
                why: reasons(&error),
            }),
        }
    }
}

/// Reads a body that is not larger than `most`.
pub(crate) async fn bounded(mut response: Response, most: u64) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await? {
        if (bytes.len() + part.len()) as u64 > most {
            return Ok(None);
        }
        bytes.extend_from_slice(&part);
    }
    Ok(Some(bytes))
}

fn is_loopback(address: &str) -> bool {
    let host = match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => address,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What a failed answer says, in one line.
pub(super) async fn explain(response: Response) -> String {
    let status = response.status();
    let body = bounded(response, ERROR_BYTES).await.ok().flatten().unwrap_or_default();
    match serde_json::from_slice::<Errors>(&body) {
        Ok(Errors { errors }) if !errors.is_empty() => {
            let texts: Vec<String> =
                errors.iter().take(3).map(|entry| format!("{}: {}", entry.code, entry.message)).collect();
            crate::problems::lossy(format!("{status}, {}", texts.join("; ")).as_bytes())
        }
        _ => status.to_string(),
    }
}

/// An error and its causes: the outermost says little.
pub(crate) fn reasons(error: &reqwest::Error) -> String {
    let mut text = match error.status() {
        Some(status) => status.to_string(),
        None if error.is_timeout() => "no answer in time".to_owned(),
        None => String::new(),
    };
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&part);
        }
        cause = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

pub(super) fn header(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_loopback() {
        for address in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "[::1]"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in ["localhost.example", "128.0.0.1", "127.0.0.1.example:5000", "r.example", "[::2]:5000"]
        {
            assert!(!is_loopback(address), "{address}");
        }
    }

    #[test]
    fn addresses_of_repositories() {
        let registry = Registry::new(super::super::RegistryOptions {
            insecure: vec!["plain.example:80".to_owned()],
            ..Default::default()
        })
        .unwrap();
        let url = |text: &str| {
            registry.repository(&text.parse().unwrap()).unwrap().url("manifests/x").unwrap().to_string()
        };
        assert_eq!(url("nginx"), "https://registry-1.docker.io/v2/library/nginx/manifests/x");
        assert_eq!(url("127.0.0.1:5000/a/b"), "http://127.0.0.1:5000/v2/a/b/manifests/x");
        assert_eq!(url("plain.example:80/a"), "http://plain.example/v2/a/manifests/x");
        assert_eq!(url("r.example/a"), "https://r.example/v2/a/manifests/x");
    }
}
