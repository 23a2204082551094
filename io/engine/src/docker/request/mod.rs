//! What a caller asks of the engine, read from what the engine hands to an authorization plugin.
//!
//! The engine decodes the same bytes again with a lenient reader, so a decision is only worth something if both
//! understand the same. Therefore everything that could be understood in two ways is [`Undecided`], and so is
//! everything that this reader does not know: the caller of [`decode`] must refuse it.
//!
//! **Invariant:** a setting that gives a container more than the engine's defaults ends up in the
//! [`RunConfiguration`] or makes the request undecided; none is dropped.

mod uri;
mod endpoints;
mod create;
mod host_config;
mod mounts;
mod namespaces;
mod security;
mod networking;
mod others;

use lazaret_model::{EngineOperation, RunConfiguration};

use super::fields::WrongSetting;
use super::json::{self, Bounds, JsonError, Value};
use super::shorten;
pub use endpoints::{ENDPOINTS, Endpoint};

/// One request as the engine describes it to a plugin.
#[derive(Debug, Clone, Copy)]
pub struct RawRequest<'a> {
    pub method: &'a str,
    /// The request line's target, with version and query.
    pub uri: &'a str,
    /// The `Content-Type` header, if there was one.
    pub content_type: Option<&'a str>,
    /// What the engine passed on; it passes nothing on of bodies that are too large or not `application/json`.
    pub body: Option<&'a [u8]>,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Tells something and changes nothing.
    Read,
    CreateContainer(Box<CreateContainer>),
    /// Start or restart. What would run is decided where the container is set up.
    StartContainer {
        container: String,
    },
    CreateVolume(Box<CreateVolume>),
    Operation(EngineOperation),
    /// A command or input from outside, into a container that runs.
    LogIn(LogIn),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateContainer {
    /// As the caller named it: a reference or an image ID.
    pub image: String,
    /// `run.user` is empty where the caller leaves it to the image.
    pub run: RunConfiguration,
}

/// Somebody wants to come into a running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogIn {
    pub operation: EngineOperation,
    pub step: LogInStep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogInStep {
    /// A command is prepared; the operation's subject is the container, by whatever name.
    Prepare { privileged: bool },
    /// What was prepared is started; the subject is what the preparation was answered with.
    Start,
    /// The container's own program gets input; the subject is the container.
    Attach,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateVolume {
    pub name: String,
    /// What the volume brings into every container that uses it: a bind mount, an escape, or nothing.
    pub run: RunConfiguration,
}

impl CreateVolume {
    pub fn operation(&self) -> EngineOperation {
        EngineOperation { action: lazaret_model::EngineAction::CreateVolume, subject: self.name.clone() }
    }
}

/// A request that cannot be decided on, and must be refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    #[error("the address `{uri}` is not clear: {why}")]
    Uri { uri: String, why: &'static str },
    #[error("version {0} of the engine's interface is too old")]
    Version(String),
    #[error("{method} {path} is not known")]
    Endpoint { method: String, path: String },
    #[error("the content type `{0}` hides settings from the decision")]
    ContentType(String),
    #[error(
        "the body of {what} did not come with it: there is none, it is too large, or it is not application/json"
    )]
    MissingBody { what: &'static str },
    #[error("{what} came with a body")]
    UnexpectedBody { what: &'static str },
    #[error("the body of {what} is not clear: {error}")]
    Body { what: &'static str, error: JsonError },
    #[error("the parameter `{key}` {why}")]
    Query { key: String, why: &'static str },
    #[error(transparent)]
    Setting(#[from] WrongSetting),
}

impl Undecided {
    /// What the caller can do.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Uri { .. } => "write the address plainly, as engine clients do",
            Self::Version(_) => "use a client that speaks 1.24 or newer",
            Self::Endpoint { .. } => "use a client of the engine's documented interface",
            Self::ContentType(_) => "send application/json",
            Self::MissingBody { .. } => "send the whole request as application/json, in less than 1 MiB",
            Self::UnexpectedBody { .. } => "send it without a body",
            Self::Body { .. } => "send each key once, spelt as in the engine's documentation",
            Self::Query { .. } | Self::Setting(_) => {
                "leave the setting out, or write it as in the engine's documentation"
            }
        }
    }
}

/// Reads a request. `Err` means: refuse it.
pub fn decode(raw: &RawRequest<'_>) -> Result<Request, Undecided> {
    let uri = uri::parse(raw.uri)?;
    check_content_type(raw.content_type)?;
    let (endpoint, subject) = endpoints::find(raw.method, &uri)?;
    let body = endpoint.body.check(endpoint.path, raw.body)?;
    let query = endpoints::Query::check(endpoint, &uri.query)?;
    let body = match body {
        Some(bytes) => json::parse(bytes, Bounds::REQUEST)
            .map_err(|error| Undecided::Body { what: endpoint.path, error })?,
        None => Value::Null,
    };
    (endpoint.decode)(&endpoints::Call { subject, query, body })
}

/// Form values in a body are read by the engine like the query, and never shown to a plugin.
fn check_content_type(content_type: Option<&str>) -> Result<(), Undecided> {
    let Some(text) = content_type else { return Ok(()) };
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_form = kind.ends_with("/x-www-form-urlencoded") || kind.starts_with("multipart/");
    if is_form || text.contains(['\r', '\n']) { Err(Undecided::ContentType(shorten(text))) } else { Ok(()) }
}

fn wrong(path: &str, why: impl Into<String>) -> Undecided {
    Undecided::Setting(WrongSetting { path: path.to_owned(), why: why.into() })
}
