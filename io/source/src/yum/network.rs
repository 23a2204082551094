//! One repository's requests: over HTTP, or, of this machine's own configuration, in a folder.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::repository::{Repository, Transport, is_elsewhere, is_local, shown};
use crate::registry::{bounded, reasons};
use crate::retry::{is_temporary, may_pass, retry_after, wait_for};

/// Why something could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NetworkError {
    #[error("{url} is not there")]
    Missing { url: String },
    #[error("{url} could not be fetched: {why}")]
    Failed { url: String, why: String },
    #[error("{url} has more than {most} bytes")]
    TooLarge { url: String, most: u64 },
    #[error("{what} cannot be used: {why}")]
    Setting { what: String, why: String },
}

/// What a server said of a version, to be asked again for a newer one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validators {
    etag: Option<String>,
    modified: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Unchanged,
    Content(Vec<u8>, Validators),
}

pub(super) struct Network<'r> {
    repository: &'r Repository,
    client: reqwest::Client,
}

const ATTEMPTS: u32 = 3;
const MOST_REDIRECTS: usize = 10;
const CONNECT: Duration = Duration::from_secs(15);
/// Longest silence within an answer.
const SILENCE: Duration = Duration::from_secs(60);

impl<'r> Network<'r> {
    pub(super) fn new(repository: &'r Repository) -> Result<Self, NetworkError> {
        let is_image = repository.is_image;
        let Transport { verifies, authority, certificate, proxy, login: _ } = &repository.transport;
        let policy = Policy::custom(move |attempt| {
            if attempt.previous().len() >= MOST_REDIRECTS {
                return attempt.error("it is redirected in a circle");
            }
            match is_image && !is_elsewhere(attempt.url()) {
                true => attempt.error("it is redirected to this machine itself"),
                false => attempt.follow(),
            }
        });
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("lazaret/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .redirect(policy)
            .tls_danger_accept_invalid_certs(!verifies);
        if is_image {
            builder = builder.dns_resolver(Arc::new(Elsewhere));
        }
        if let Some(path) = authority {
            let pem = read(path)?;
            let certificates =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| setting(path, &error))?;
            builder = builder.tls_certs_merge(certificates);
        }
        if let Some((certificate, key)) = certificate {
            let mut pem = read(certificate)?;
            pem.push(b'\n');
            pem.extend(read(key)?);
            builder =
                builder.identity(reqwest::Identity::from_pem(&pem).map_err(|error| setting(key, &error))?);
        }
        if let Some(proxy) = proxy {
            let proxy = reqwest::Proxy::all(proxy).map_err(|error| setting(Path::new("proxy"), &error))?;
            builder = builder.proxy(proxy);
        }
        let client = builder.build().map_err(|error| setting(Path::new("the settings for TLS"), &error))?;
        Ok(Self { repository, client })
    }

    /// A content of at most so many bytes.
    pub(super) async fn get(&self, url: &Url, most: u64) -> Result<Vec<u8>, NetworkError> {
        match self.ask(url, most, &Validators::default()).await? {
            Answer::Content(bytes, _) => Ok(bytes),
            Answer::Unchanged => Err(failed(url, "it answered a question that was not asked".to_owned())),
        }
    }

    /// A content, if there is another than the one that the validators belong to.
    pub(super) async fn ask(&self, url: &Url, most: u64, known: &Validators) -> Result<Answer, NetworkError> {
        if url.scheme() == "file" {
            return self.in_folder(url, most).await;
        }
        let mut attempt = 1;
        loop {
            let last = attempt >= ATTEMPTS;
            let wait = match self.request(url, known).send().await {
                Ok(response) if is_temporary(response.status()) && !last => retry_after(&response),
                Ok(response) => match answer(url, response, most, known).await {
                    // What broke off is begun anew.
                    Err(NetworkError::Failed { .. }) if !last => None,
                    other => return other,
                },
                Err(error) if last || !may_pass(&error) => return Err(failed(url, reasons(&error))),
                Err(_) => None,
            };
            tokio::time::sleep(wait_for(wait, attempt)).await;
            attempt += 1;
        }
    }

    fn request(&self, url: &Url, known: &Validators) -> reqwest::RequestBuilder {
        let mut request = self.client.get(url.clone());
        if let Some(etag) = &known.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(modified) = &known.modified {
            request = request.header(IF_MODIFIED_SINCE, modified);
        }
        let Repository { bases, lists, transport, .. } = self.repository;
        let is_own = bases.iter().chain(lists).any(|own| own.origin() == url.origin());
        match &transport.login {
            Some((name, password)) if is_own => request.basic_auth(name, Some(password)),
            _ => request,
        }
    }

    async fn in_folder(&self, url: &Url, most: u64) -> Result<Answer, NetworkError> {
        let path = url.to_file_path().map_err(|()| failed(url, "it names no file".to_owned()))?;
        let fail = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => NetworkError::Missing { url: shown(url) },
            _ => failed(url, error.to_string()),
        };
        let length = tokio::fs::metadata(&path).await.map_err(fail)?.len();
        if length > most {
            return Err(NetworkError::TooLarge { url: shown(url), most });
        }
        Ok(Answer::Content(tokio::fs::read(&path).await.map_err(fail)?, Validators::default()))
    }
}

async fn answer(
    url: &Url,
    response: reqwest::Response,
    most: u64,
    known: &Validators,
) -> Result<Answer, NetworkError> {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED if *known != Validators::default() => return Ok(Answer::Unchanged),
        StatusCode::NOT_FOUND | StatusCode::GONE => return Err(NetworkError::Missing { url: shown(url) }),
        // The same question is answered in the same way.
        status => {
            return Err(NetworkError::Setting { what: shown(url), why: format!("it answers {status}") });
        }
    }
    let text = |headers: &HeaderMap, name: HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
    let (etag, modified) = (text(response.headers(), ETAG), text(response.headers(), LAST_MODIFIED));
    match bounded(response, most).await {
        Ok(Some(bytes)) => Ok(Answer::Content(bytes, Validators { etag, modified })),
        Ok(None) => Err(NetworkError::TooLarge { url: shown(url), most }),
        Err(error) => Err(failed(url, reasons(&error))),
    }
}

fn failed(url: &Url, why: String) -> NetworkError {
    NetworkError::Failed { url: shown(url), why }
}

fn setting(what: &Path, why: &dyn std::fmt::Display) -> NetworkError {
    NetworkError::Setting { what: what.display().to_string(), why: why.to_string() }
}

fn read(path: &Path) -> Result<Vec<u8>, NetworkError> {
    std::fs::read(path).map_err(|error| setting(path, &error))
}

/// Finds the addresses of names, but none of this machine itself: a name can lead there too.
struct Elsewhere;

impl Resolve for Elsewhere {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let elsewhere: Vec<SocketAddr> = found.filter(|address| !is_local(address.ip())).collect();
            if elsewhere.is_empty() {
                return Err("its name leads to this machine itself".into());
            }
            Ok(Box::new(elsewhere.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_that_lead_to_this_machine_are_none() {
        let error = Elsewhere.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert_eq!(error.to_string(), "its name leads to this machine itself");
    }
}
