use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use lazaret_model::Digest;
use lazaret_store::{CredentialRow, TokenKind, TokenRow};
use lazaret_trust::digest_of;

use crate::app::App;
use crate::http::ApiError;

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    User { name: String },
    Enrolment { name: String },
    Agent { id: i64, agent: String, host: String },
}

impl Caller {
    /// How the log and the audit log name the caller.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::User { name } => format!("user {name}"),
            Self::Enrolment { name } => format!("enrolment token {name}"),
            Self::Agent { agent, host, .. } => format!("agent {agent} on {host}"),
        }
    }
}

/// The agent that a handler serves: the routes of agents let nobody else through.
#[derive(Debug, Clone)]
pub(crate) struct AgentCaller {
    pub(crate) id: i64,
    pub(crate) host: String,
}

#[derive(Debug)]
struct Credential {
    /// SHA-256 of the secret; the secret itself is nowhere.
    hash: Digest,
    caller: Caller,
    expires: Option<Timestamp>,
}

/// All secrets that open something, by the first bytes of their hashes.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    by_prefix: HashMap<[u8; 8], Vec<Credential>>,
}

impl Credentials {
    pub(crate) fn add_token(&mut self, token: &TokenRow) {
        let name = token.name.clone();
        let caller = match token.kind {
            TokenKind::User => Caller::User { name },
            TokenKind::Enrolment => Caller::Enrolment { name },
        };
        // A time that cannot be read is in the past.
        let expires = token.expires.as_ref().map(|at| at.parse().unwrap_or(Timestamp::MIN));
        self.add(Credential { hash: token.hash, caller, expires });
    }

    /// The agent's new key; an older one ends.
    pub(crate) fn set_agent(&mut self, row: &CredentialRow) {
        for known in self.by_prefix.values_mut() {
            known.retain(|credential| !matches!(credential.caller, Caller::Agent { id, .. } if id == row.id));
        }
        self.by_prefix.retain(|_, known| !known.is_empty());
        let caller = Caller::Agent { id: row.id, agent: row.agent.clone(), host: row.host.clone() };
        self.add(Credential { hash: row.key_hash, caller, expires: None });
    }

    fn add(&mut self, credential: Credential) {
        self.by_prefix.entry(prefix(&credential.hash)).or_default().push(credential);
    }

    fn find(&self, secret: &str, now: Timestamp) -> Option<Caller> {
        let hash = digest_of(secret.as_bytes());
        let known = self.by_prefix.get(&prefix(&hash))?;
        let credential = known.iter().find(|credential| equal(&credential.hash, &hash))?;
        let alive = credential.expires.is_none_or(|end| now < end);
        alive.then(|| credential.caller.clone())
    }
}

fn prefix(hash: &Digest) -> [u8; 8] {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&hash.as_bytes()[..8]);
    prefix
}

/// Takes the same time wherever the two differ.
fn equal(a: &Digest, b: &Digest) -> bool {
    let pairs = a.as_bytes().iter().zip(b.as_bytes());
    std::hint::black_box(pairs.fold(0, |difference, (a, b)| difference | (a ^ b))) == 0
}

/// Lets nobody in without a secret that is known and alive, whatever they ask for.
pub(crate) async fn identify(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let caller = match secret(request.headers()) {
        Ok(secret) => app.memory.credentials().find(secret, Timestamp::now()),
        Err(why) => return ApiError::unauthorized(why).into_response(),
    };
    let Some(caller) = caller else {
        let why = "the token is not known here or has expired: ask for a new one (`lazaret token create`)";
        return ApiError::unauthorized(why).into_response();
    };
    if let Caller::Agent { id, .. } = caller {
        app.memory.agent_seen(id);
    }
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// RFC 6750, section 2.1.
fn secret(headers: &HeaderMap) -> Result<&str, &'static str> {
    const NONE: &str = "a token is needed: send `Authorization: Bearer TOKEN`";
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(NONE)?;
    if values.next().is_some() {
        return Err("the request has two `Authorization` headers: send one");
    }
    let (scheme, secret) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(NONE)?;
    if !scheme.eq_ignore_ascii_case("bearer") || secret.trim().is_empty() {
        return Err(NONE);
    }
    Ok(secret.trim())
}

pub(crate) async fn only_users(request: Request, next: Next) -> Response {
    match request.extensions().get() {
        Some(Caller::User { .. }) => next.run(request).await,
        _ => ApiError::forbidden("this needs the token of a user; the one sent is of another kind")
            .into_response(),
    }
}

pub(crate) async fn only_enrolment(request: Request, next: Next) -> Response {
    match request.extensions().get() {
        Some(Caller::Enrolment { .. }) => next.run(request).await,
        _ => {
            let why = "this needs an enrolment token: create one with `lazaret token create --kind enrolment --name HOST`";
            ApiError::forbidden(why).into_response()
        }
    }
}

pub(crate) async fn only_agents(mut request: Request, next: Next) -> Response {
    match request.extensions().get() {
        Some(Caller::Agent { id, host, .. }) => {
            let agent = AgentCaller { id: *id, host: host.clone() };
            request.extensions_mut().insert(agent);
            next.run(request).await
        }
        _ => {
            ApiError::forbidden("this needs the key of an enrolled agent; the token sent is of another kind")
                .into_response()
        }
    }
}

/// A new secret: a prefix that tells people what it is, and 256 random bits.
pub(crate) fn new_secret(prefix: &str) -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(format!("{prefix}_{}", hex::encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(secret: &str, expires: Option<&str>) -> TokenRow {
        TokenRow {
            hash: digest_of(secret.as_bytes()),
            kind: TokenKind::User,
            name: "a".to_owned(),
            created: String::new(),
            expires: expires.map(str::to_owned),
        }
    }

    #[test]
    fn secrets_open_until_they_expire() {
        let mut credentials = Credentials::default();
        credentials.add_token(&token("forever", None));
        credentials.add_token(&token("short", Some("2026-01-01T00:00:00Z")));
        credentials.add_token(&token("unreadable", Some("soon")));
        let (before, after) =
            ("2025-12-31T23:59:59Z".parse().unwrap(), "2026-01-01T00:00:00Z".parse().unwrap());
        assert!(credentials.find("forever", after).is_some());
        assert!(credentials.find("short", before).is_some());
        assert!(credentials.find("short", after).is_none());
        assert!(credentials.find("unreadable", before).is_none());
        assert!(credentials.find("other", before).is_none());
    }

    #[test]
    fn an_agent_has_one_key() {
        let row = |secret: &str| CredentialRow {
            id: 7,
            agent: "a".to_owned(),
            host: "h".to_owned(),
            key_hash: digest_of(secret.as_bytes()),
        };
        let mut credentials = Credentials::default();
        credentials.set_agent(&row("one"));
        credentials.set_agent(&row("two"));
        assert!(credentials.find("one", Timestamp::MIN).is_none());
        assert!(credentials.find("two", Timestamp::MIN).is_some());
    }

    #[test]
    fn the_header_is_read_as_the_rfc_says() {
        let with = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            secret(&headers).map(str::to_owned)
        };
        assert_eq!(with(&["Bearer abc"]).as_deref(), Ok("abc"));
        assert_eq!(with(&["bearer  abc "]).as_deref(), Ok("abc"));
        for bad in
            [&[] as &[_], &["Bearer"], &["Bearer "], &["Basic abc"], &["abc"], &["Bearer a", "Bearer b"]]
        {
            assert!(with(bad).is_err(), "{bad:?}");
        }
    }
}
