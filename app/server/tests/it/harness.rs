use std::path::Path;

use lazaret_format::v1::{
    AgentEvent, EnrollRequest, EnrollResponse, ErrorBody, EventAck, EventBatch, EventKind, PolicyBody,
    TokenKind, TokenRequest, TokenResponse,
};
use lazaret_server::{Ready, ServeError, ServeOptions, serve_until};
use lazaret_trust::{SigningKey, VerifyingKey};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A policy with every kind of requirement.
pub(crate) const POLICY: &str = "
stages:
  - dev: {requires: [signature, sbom]}
  - qa: {requires: [signature, sbom, scan-passed, previous-stage]}
  - prod: {requires: [signature, sbom, scan-passed, previous-stage]}
scan: []
";

pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_random([7; 32]).unwrap()
}

/// A key that the test servers don't trust.
pub(crate) fn strange_key() -> SigningKey {
    SigningKey::from_random([8; 32]).unwrap()
}

pub(crate) fn options(state: &Path) -> ServeOptions {
    let trusted_keys: Vec<VerifyingKey> = vec![signing_key().verifying_key().clone()];
    ServeOptions { state: state.to_owned(), listen: "127.0.0.1:0".parse().unwrap(), trusted_keys }
}

/// A server in this process.
pub(crate) struct Server {
    pub(crate) client: Client,
    pub(crate) ready: Ready,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    pub(crate) async fn start(state: &Path) -> Self {
        let (stop, told) = oneshot::channel::<()>();
        let (ready, is_ready) = oneshot::channel();
        let options = options(state);
        let task = tokio::spawn(async move {
            let told = async move {
                let _ = told.await;
            };
            serve_until(options, |now| drop(ready.send(now.clone())), told).await
        });
        let Ok(ready) = is_ready.await else {
            panic!("the server does not start: {:?}", task.await);
        };
        let token = std::fs::read_to_string(&ready.admin_token).unwrap().trim().to_owned();
        let client = Client { http: reqwest::Client::new(), url: format!("http://{}", ready.address), token };
        Self { client, ready, stop, task }
    }

    /// A server with nothing in it, and its directory.
    pub(crate) async fn fresh() -> (Self, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        (Self::start(directory.path()).await, directory)
    }

    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap().expect("the server ends in good order");
    }
}

/// A caller with one token.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Client {
    pub(crate) fn with(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> (StatusCode, String) {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.expect("the server answers");
        (response.status(), response.text().await.unwrap())
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.expect(Method::GET, path, None).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> T {
        self.expect(Method::POST, path, Some(serde_json::to_string(body).unwrap())).await
    }

    pub(crate) async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> T {
        self.expect(Method::PUT, path, Some(serde_json::to_string(body).unwrap())).await
    }

    async fn expect<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<String>) -> T {
        let (status, text) = self.send(method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// The refusal that a request must get.
    pub(crate) async fn refusal(&self, method: Method, path: &str, body: Option<String>) -> (u16, ErrorBody) {
        let (status, text) = self.send(method, path, body).await;
        assert!(status.is_client_error() || status.is_server_error(), "{path}: {status} {text}");
        let body: ErrorBody =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
        assert!(!body.message.is_empty());
        (status.as_u16(), body)
    }

    pub(crate) async fn post_refused(&self, path: &str, body: &impl Serialize) -> (u16, ErrorBody) {
        self.refusal(Method::POST, path, Some(serde_json::to_string(body).unwrap())).await
    }

    pub(crate) async fn get_refused(&self, path: &str) -> (u16, ErrorBody) {
        self.refusal(Method::GET, path, None).await
    }

    pub(crate) async fn new_token(&self, kind: TokenKind, name: &str) -> String {
        let request = TokenRequest { kind, name: name.to_owned(), lifetime_seconds: None };
        let response: TokenResponse = self.post("/v1/tokens", &request).await;
        response.token
    }

    /// A new agent on the host; the answer speaks with its key.
    pub(crate) async fn enrol(&self, host: &str) -> Self {
        let token = self.new_token(TokenKind::Enrolment, host).await;
        let request = EnrollRequest {
            host: host.to_owned(),
            machine_id: format!("machine-of-{host}"),
            version: "0.1.0".to_owned(),
        };
        let response: EnrollResponse = self.with(&token).post("/v1/agents/enroll", &request).await;
        self.with(&response.key)
    }

    pub(crate) async fn set_policy(&self, text: &str) -> PolicyBody {
        let body = PolicyBody { text: text.to_owned(), digest: String::new() };
        self.put("/v1/policy", &body).await
    }

    /// Sends events as an agent does, numbered from `first`.
    pub(crate) async fn report(&self, spool: &str, first: u64, events: Vec<EventKind>) -> u64 {
        let events = (first..).zip(events).map(|(seq, what)| AgentEvent { seq, at: at(seq), what }).collect();
        let batch = EventBatch { spool: spool.to_owned(), events, lost: 0 };
        let ack: EventAck = self.post("/v1/agent/events", &batch).await;
        ack.through
    }
}

/// A time for each number.
pub(crate) fn at(number: u64) -> String {
    format!("2026-01-02T03:{:02}:{:02}Z", number / 60 % 60, number % 60)
}

pub(crate) fn note(text: &str) -> EventKind {
    EventKind::Gap { what: text.to_owned(), count: 1 }
}

pub(crate) fn started(
    container: &str,
    name: &str,
    config: Option<&str>,
    decision: Option<&str>,
) -> EventKind {
    EventKind::ContainerStarted {
        container: container.to_owned(),
        name: name.to_owned(),
        image_name: "r.example/shop:v1".to_owned(),
        image_config: config.map(str::to_owned),
        decision: decision.map(str::to_owned),
        command: "nginx".to_owned(),
        pid: 42,
        started: at(1),
    }
}

pub(crate) fn decided(
    decision: &str,
    container: Option<&str>,
    config: Option<&str>,
    allow: bool,
) -> EventKind {
    EventKind::Decided {
        decision: decision.to_owned(),
        allow,
        operation: "container-start".to_owned(),
        subject: "run r.example/shop:v1".to_owned(),
        image_config: config.map(str::to_owned),
        container: container.map(str::to_owned),
        policy: "sha256:0000000000000000000000000000000000000000000000000000000000000000".to_owned(),
        reasons: Vec::new(),
        micros: 180,
        grant: None,
    }
}
