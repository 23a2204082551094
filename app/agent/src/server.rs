//! The server, as the agent sees it: a few REST calls.

use std::time::Duration;

use lazaret_format::v1::{
    AdmissionSnapshot, AgentActions, BreakGlassSnapshot, EnrollRequest, EnrollResponse, ErrorBody, EventAck,
    EventBatch, ReplacementProgress,
};
use lazaret_model::Digest;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// Longer than any answer that does not wait on purpose.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the server may hold a long poll.
pub const POLL_SECONDS: u64 = 30;
/// A snapshot with the executables of a thousand images is far smaller.
const ANSWER_BYTES: usize = 512 << 20;

/// One server, and the key that it knows this agent by.
#[derive(Debug, Clone)]
pub struct Server {
    client: Client,
    url: String,
    key: String,
}

/// Why a call failed, sorted by what the agent does about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Try again later.
    #[error("the server {url} is not reachable: {why}")]
    Away { url: String, why: String },
    /// Trying again cannot help until somebody acts.
    #[error(
        "the server {url} does not accept this agent's key ({why}); enrol again: lazaret token create \
         --kind enrolment --name HOST, then lazaret-agent enroll"
    )]
    Unauthorized { url: String, why: String },
    /// The server understood the request and will not do it.
    #[error("{message}")]
    Refused { status: u16, message: String },
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Away { url, why } => Self::Unreachable {
                what: format!("the server {url}"),
                why: format!("{why}; check that it runs and that `server` in the configuration is right"),
            },
            CallError::Unauthorized { .. } => Self::Unauthorized(error.to_string()),
            CallError::Refused { message, .. } => Self::RefusedByServer(message),
        }
    }
}

impl Server {
    pub fn new(url: &str, key: &str) -> Result<Self, Failure> {
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("lazaret-agent/", env!("CARGO_PKG_VERSION")))
            // The agent's key must go to the configured server and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Failure::Internal(format!("cannot make an HTTP client: {error}")))?;
        Ok(Self { client, url: url.to_owned(), key: key.to_owned() })
    }

    /// With the enrolment token as the key.
    pub async fn enroll(&self, request: &EnrollRequest) -> Result<EnrollResponse, CallError> {
        self.call(self.client.post(self.path("/v1/agents/enroll")).json(request).timeout(PATIENCE)).await
    }

    pub async fn send_events(&self, batch: &EventBatch) -> Result<EventAck, CallError> {
        self.call(self.client.post(self.path("/v1/agent/events")).json(batch).timeout(PATIENCE)).await
    }

    /// Waits at the server until the revision is newer than `after`.
    pub async fn admissions(&self, after: u64, wait: u64) -> Result<AdmissionSnapshot, CallError> {
        let url = format!("{}?after={after}&wait={wait}", self.path("/v1/agent/admissions"));
        self.call(self.client.get(url).timeout(PATIENCE + Duration::from_secs(wait))).await
    }

    /// Waits at the server until there is something to do.
    pub async fn actions(&self, wait: u64) -> Result<AgentActions, CallError> {
        let url = format!("{}?wait={wait}", self.path("/v1/agent/actions"));
        self.call(self.client.get(url).timeout(PATIENCE + Duration::from_secs(wait))).await
    }

    /// Waits at the server until something else is open than at the revision `after`.
    pub async fn break_glass(&self, after: u64, wait: u64) -> Result<BreakGlassSnapshot, CallError> {
        let url = format!("{}?after={after}&wait={wait}", self.path("/v1/agent/break-glass"));
        self.call(self.client.get(url).timeout(PATIENCE + Duration::from_secs(wait))).await
    }

    pub async fn report_replacement(
        &self,
        id: &str,
        progress: &ReplacementProgress,
    ) -> Result<(), CallError> {
        let url = self.path(&format!("/v1/agent/replacements/{id}"));
        self.send(self.client.post(url).json(progress).timeout(PATIENCE)).await.map(drop)
    }

    /// Replaces what this agent said before of an image and variant. The variant's key has no character that a
    /// path could take for something else.
    pub async fn put_learned(
        &self,
        image_config: &str,
        variant: &str,
        body: Vec<u8>,
    ) -> Result<(), CallError> {
        let url = self.path(&format!("/v1/learned/{image_config}/{variant}"));
        let request = self.client.put(url).header("content-type", "application/json").body(body);
        self.send(request.timeout(PATIENCE)).await.map(drop)
    }

    /// Replaces what this agent said before was in use of an image.
    pub async fn put_used(&self, image_config: Digest, body: Vec<u8>) -> Result<(), CallError> {
        let url = self.path(&format!("/v1/used/{image_config}"));
        let request = self.client.put(url).header("content-type", "application/json").body(body);
        self.send(request.timeout(PATIENCE)).await.map(drop)
    }

    /// How far the server's clock is from this host's, to the second.
    pub async fn clock_difference(&self) -> Result<Duration, CallError> {
        let url = format!("{}?after=0&wait=0", self.path("/v1/agent/admissions"));
        let request = self.client.get(url).bearer_auth(&self.key).timeout(PATIENCE);
        let response = request.send().await.map_err(|error| self.away(innermost(&error)))?;
        let date = response.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        match date {
            Some(date) => Ok(jiff::Timestamp::now().duration_since(date).unsigned_abs()),
            None => Err(self.away("its answer has no date".to_owned())),
        }
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CallError> {
        let response = self.send(request).await?;
        let body = self.body(response).await?;
        serde_json::from_slice(&body)
            .map_err(|error| self.away(format!("its answer is not readable: {error}")))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CallError> {
        let response =
            request.bearer_auth(&self.key).send().await.map_err(|error| self.away(innermost(&error)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.body(response).await.unwrap_or_default();
        let message = match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(body) => body.message,
            Err(_) => format!("status {status}"),
        };
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                CallError::Unauthorized { url: self.url.clone(), why: message }
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => self.away(message),
            status if status.is_client_error() => CallError::Refused { status: status.as_u16(), message },
            _ => self.away(message),
        })
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, CallError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.away(innermost(&error)))? {
            if body.len() + chunk.len() > ANSWER_BYTES {
                return Err(self.away("its answer is too large".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn away(&self, why: String) -> CallError {
        CallError::Away { url: self.url.clone(), why }
    }
}

/// The cause that says something: `connection refused` rather than `error sending request`.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Waits longer after each failure, up to half a minute, and never in step with other agents.
#[derive(Debug)]
pub struct BackOff {
    next: Duration,
}

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Default for BackOff {
    fn default() -> Self {
        Self { next: FIRST_WAIT }
    }
}

impl BackOff {
    pub const fn reset(&mut self) {
        self.next = FIRST_WAIT;
    }

    /// The next wait: between half and the whole of a doubling time.
    pub fn step(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(LONGEST_WAIT);
        let random = getrandom::u32().unwrap_or(u32::MAX / 2);
        whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    pub async fn wait(&mut self) {
        tokio::time::sleep(self.step()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded() {
        let mut back_off = BackOff::default();
        let waits: Vec<Duration> = (0..20).map(|_| back_off.step()).collect();
        assert!(waits[0] <= FIRST_WAIT && waits[0] >= FIRST_WAIT / 2);
        assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT));
        assert!(waits[19] >= LONGEST_WAIT / 2);
        back_off.reset();
        assert!(back_off.step() <= FIRST_WAIT);
    }

    #[tokio::test]
    async fn an_absent_server_is_named() {
        let server = Server::new("http://127.0.0.1:1", "key").unwrap();
        let error = server.actions(0).await.unwrap_err();
        assert!(error.to_string().contains("http://127.0.0.1:1"), "{error}");
        assert_eq!(Failure::from(error).exit_code(), 4);
    }
}
