//! Authorisation: basic, or a token of the registry's token service
//! (distribution specification, "Token Authentication").

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;

use super::Registry;
use super::challenge::Challenge;
use super::client::{self, Repository, bounded, explain};
use super::credentials::Login;
use crate::error::SourceError;
use crate::retry::{is_temporary, retry_after, wait_for};

/// What a request does to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Access {
    Pull,
    Push,
}

/// Headers that were accepted, by registry, repository and access.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<(String, String, Access), Token>>);

struct Token {
    header: HeaderValue,
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// Tokens that do not say how long they are good for are good for a minute.
const DEFAULT_LIFE: u64 = 60;
const TOKEN_BYTES: u64 = 1 << 20;

impl Tokens {
    pub(super) fn get(&self, repository: &Repository, access: Access) -> Option<HeaderValue> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let token = tokens.get(&key(repository, access))?;
        token.until.is_none_or(|until| Instant::now() < until).then(|| token.header.clone())
    }

    /// Meets a challenge; the next request is authorised by what comes out of it.
    pub(super) async fn obtain(
        &self,
        registry: &Registry,
        repository: &Repository,
        access: Access,
        challenge: &Challenge,
        login: Option<&Login>,
    ) -> Result<(), SourceError> {
        let refused = |why: &str| SourceError::Unauthorized {
            registry: repository.registry.clone(),
            what: repository.path.clone(),
            why: why.to_owned(),
        };
        let token = match (challenge, login) {
            (Challenge::Basic, None) => return Err(refused("it wants a login, and there is none for it")),
            (Challenge::Basic, Some(login)) => {
                Token { header: basic(login).ok_or_else(|| refused(BAD))?, until: None }
            }
            (Challenge::Bearer { realm, service }, login) => {
                let url = service_url(realm, service.as_deref(), repository, access).map_err(refused)?;
                fetch(registry, repository, url, login).await?
            }
        };
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(key(repository, access), token);
        Ok(())
    }
}

const BAD: &str = "the login cannot be sent as name and password";

fn key(repository: &Repository, access: Access) -> (String, String, Access) {
    (repository.registry.clone(), repository.path.clone(), access)
}

fn basic(login: &Login) -> Option<HeaderValue> {
    let Login::Password { user, password } = login else { return None };
    let text = STANDARD.encode(format!("{user}:{password}"));
    client::header(&format!("Basic {text}"))
}

fn service_url(
    realm: &str,
    service: Option<&str>,
    repository: &Repository,
    access: Access,
) -> Result<Url, &'static str> {
    let mut url = Url::parse(realm).map_err(|_| "its token service has no valid address")?;
    if url.scheme() != "https" && !(repository.plain && url.scheme() == "http") {
        return Err("its token service is not reached over TLS");
    }
    let actions = match access {
        Access::Pull => "pull",
        Access::Push => "pull,push",
    };
    let mut query = url.query_pairs_mut();
    if let Some(service) = service {
        query.append_pair("service", service);
    }
    query.append_pair("scope", &format!("repository:{}:{actions}", repository.path));
    drop(query);
    Ok(url)
}

/// The question for a token: with an identity token in OAuth 2's way, else as Docker began it.
fn request(
    registry: &Registry,
    repository: &Repository,
    url: &Url,
    login: Option<&Login>,
) -> reqwest::RequestBuilder {
    let http = registry.http(repository);
    let Some(Login::Identity(token)) = login else {
        let request = http.get(url.clone());
        return match login.and_then(basic) {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        };
    };
    let mut form = url.clone();
    form.query_pairs_mut()
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", "lazaret")
        .append_pair("refresh_token", token);
    let body = form.query().unwrap_or_default().to_owned();
    let mut target = url.clone();
    target.set_query(None);
    http.post(target).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
}

async fn fetch(
    registry: &Registry,
    repository: &Repository,
    url: Url,
    login: Option<&Login>,
) -> Result<Token, SourceError> {
    let unreachable = |error: reqwest::Error| SourceError::RegistryUnreachable {
        registry: format!("{} (its token service)", repository.registry),
        why: client::reasons(&error),
    };
    let what = "the token service";
    let mut attempt = 1;
    let response = loop {
        let last = attempt >= registry.0.options.attempts;
        let wait = match request(registry, repository, &url, login).send().await {
            Ok(response) if last || !is_temporary(response.status()) => break response,
            Ok(response) => retry_after(&response),
            Err(error) if last => return Err(unreachable(error)),
            Err(_) => None,
        };
        tokio::time::sleep(wait_for(wait, attempt)).await;
        attempt += 1;
    };
    let status = response.status();
    if status.is_client_error() {
        return Err(SourceError::Unauthorized {
            registry: repository.registry.clone(),
            what: repository.path.clone(),
            why: format!("its token service answered {}", explain(response).await),
        });
    }
    if !status.is_success() {
        return Err(repository.failed(what, explain(response).await));
    }
    let body = bounded(response, TOKEN_BYTES).await.map_err(unreachable)?;
    let body = body.ok_or_else(|| repository.failed(what, "its answer is too large"))?;
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|error| repository.failed(what, format!("its answer is malformed ({error})")))?;
    let text = answer.token.filter(|token| !token.is_empty()).or(answer.access_token).unwrap_or_default();
    let header = client::header(&format!("Bearer {text}")).filter(|_| !text.is_empty());
    let life = Duration::from_secs(answer.expires_in.unwrap_or(DEFAULT_LIFE).clamp(10, 3600));
    match header {
        // A little earlier than it says: clocks and requests take time.
        Some(header) => Ok(Token { header, until: Instant::now().checked_add(life * 9 / 10) }),
        None => Err(repository.failed(what, "its answer has no usable token")),
    }
}
