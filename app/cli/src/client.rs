//! The server's REST API as the commands need it.

use std::path::Path;
use std::time::Duration;

use lazaret_format::v1::ErrorBody;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Code, Failure};
use crate::settings::Settings;

/// How long an answer may take on top of the seconds a long poll asks the server to wait.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: String,
    token: String,
}

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Failure> {
        let token = read_token(&settings.token_file)?;
        let http = reqwest::Client::builder()
            .timeout(PATIENCE + Duration::from_secs(60))
            .user_agent(concat!("lazaret/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::new(Code::Internal, format!("cannot set up HTTP: {error}")))?;
        Ok(Self { http, server: settings.server.clone(), token })
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.send(self.http.get(self.url(path)), path).await
    }

    pub(crate) async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Failure> {
        self.send(self.http.post(self.url(path)).json(body), path).await
    }

    /// A body that is JSON already and goes as it is.
    pub(crate) async fn post_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        let request = self.http.post(self.url(path)).header("content-type", "application/json").body(body);
        self.send(request, path).await
    }

    pub(crate) async fn put<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Failure> {
        self.send(self.http.put(self.url(path)).json(body), path).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        path: &str,
    ) -> Result<T, Failure> {
        let answer =
            request.bearer_auth(&self.token).send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| {
                Failure::new(
                    Code::Internal,
                    format!("the server's answer to {path} is not understood: {error}"),
                )
                .hint("use the same version of lazaret for client and server")
            });
        }
        Err(refusal(status, &body, path))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = if error.is_timeout() { "no answer in time" } else { root_cause(error) };
        Failure::new(Code::Unreachable, format!("the server at {} cannot be reached: {why}", self.server))
            .hint("start it with `lazaret serve`, or name it with --server")
    }
}

/// The innermost error says what happened ("connection refused"), the outer ones only repeat the URL.
fn root_cause(error: &reqwest::Error) -> &'static str {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::ConnectionRefused => "connection refused",
                std::io::ErrorKind::ConnectionReset => "connection reset",
                std::io::ErrorKind::TimedOut => "timed out",
                _ => "input/output error",
            };
        }
        source = inner.source();
    }
    "the connection failed"
}

fn refusal(status: reqwest::StatusCode, body: &[u8], path: &str) -> Failure {
    let body = serde_json::from_slice::<ErrorBody>(body).unwrap_or_else(|_| ErrorBody {
        code: "internal".to_owned(),
        message: format!("the server answered {status} to {path}"),
        reasons: Vec::new(),
    });
    let code = match (status.as_u16(), body.code.as_str()) {
        (401, _) => Code::Unauthorized,
        (403, "refused") => Code::Refused,
        (404, _) | (_, "invalid") => Code::Input,
        (500, _) => Code::Internal,
        _ => Code::ServerRefused,
    };
    let mut message = body.message;
    let mut hint = String::new();
    for reason in body.reasons {
        message.push_str(&format!("\n  {}: {}", reason.rule, reason.message));
        if !reason.remedy.is_empty() {
            hint = reason.remedy;
        }
    }
    if code == Code::Unauthorized && hint.is_empty() {
        hint = "check --token-file; an admin makes tokens with `lazaret token create`".to_owned();
    }
    Failure::new(code, message).hint(hint)
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(Code::Unauthorized, format!("cannot read your token from {}: {error}", path.display()))
            .hint("name the file with --token-file or LAZARET_TOKEN_FILE; the server writes the first one to admin.token in its state directory")
    })?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::new(Code::Unauthorized, format!("{} does not hold a token", path.display())));
    }
    Ok(token.to_owned())
}
