//! Every endpoint of the engine's interface, 1.24 to 1.51, and what asking it means.

use lazaret_model::EngineAction;
use lazaret_model::EngineOperation;

use super::uri::Uri;
use super::{Request, Undecided, create, others, shorten};
use crate::docker::json::Value;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    pub method: &'static str,
    /// `{}` is one segment, `{*}` one or more.
    pub path: &'static str,
    pub(super) body: Body,
    /// The parameters that may be given; `None`: any, because none of them decides anything.
    pub(super) query: Option<&'static [&'static str]>,
    pub(super) decode: fn(&Call<'_>) -> Result<Request, Undecided>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    /// Decides nothing.
    Any,
    /// There must be none: old engines took settings from it.
    None,
    /// The decision needs it.
    Json,
}

/// A request to an endpoint, body parsed.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// What the path's placeholder stands for.
    pub(super) subject: String,
    pub(super) query: Query<'a>,
    pub(super) body: Value<'a>,
}

impl Call<'_> {
    pub(super) fn operation(&self, action: EngineAction) -> Request {
        Request::Operation(EngineOperation { action, subject: self.subject.clone() })
    }
}

impl Body {
    /// The bytes to read, if they decide anything.
    pub(super) fn check<'b>(
        self,
        what: &'static str,
        body: Option<&'b [u8]>,
    ) -> Result<Option<&'b [u8]>, Undecided> {
        let body = body.filter(|body| !body.is_empty());
        match (self, body) {
            (Self::Any, _) | (Self::None, None) => Ok(None),
            // Some clients say "nothing" in JSON.
            (Self::None, Some(b"{}" | b"null" | b"{}\n" | b"null\n")) => Ok(None),
            (Self::None, Some(_)) => Err(Undecided::UnexpectedBody { what }),
            (Self::Json, Some(body)) => Ok(Some(body)),
            (Self::Json, None) => Err(Undecided::MissingBody { what }),
        }
    }
}

/// The one parameter that clients repeat where parameters are looked at; it is not.
const MANY: &str = "changes";

/// Query parameters, each at most once where they decide anything.
#[derive(Debug)]
pub(super) struct Query<'a>(&'a [(String, String)]);

impl<'a> Query<'a> {
    pub(super) fn check(endpoint: &Endpoint, pairs: &'a [(String, String)]) -> Result<Self, Undecided> {
        if let Some(known) = endpoint.query {
            for (index, (key, _)) in pairs.iter().enumerate() {
                if !known.contains(&key.as_str()) {
                    return Err(Undecided::Query { key: shorten(key), why: "is not known here" });
                }
                if key != MANY && pairs[..index].iter().any(|(other, _)| other == key) {
                    return Err(Undecided::Query { key: shorten(key), why: "is given twice" });
                }
            }
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, key: &str) -> &'a str {
        self.0.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }

    /// As the engine reads booleans: everything but a few words is true.
    pub(super) fn flag(&self, key: &str) -> bool {
        !matches!(self.get(key).trim().to_lowercase().as_str(), "" | "0" | "no" | "false" | "none")
    }
}

pub(super) fn find(method: &str, uri: &Uri) -> Result<(&'static Endpoint, String), Undecided> {
    let segments: Vec<&str> = uri.segments.iter().map(String::as_str).collect();
    ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.method == method)
        .find_map(|endpoint| Some((endpoint, matches(endpoint.path, &segments)?)))
        .ok_or_else(|| Undecided::Endpoint {
            method: shorten(method),
            path: shorten(&format!("/{}", segments.join("/"))),
        })
}

/// What the placeholder stands for (empty without one), if the path fits.
fn matches(pattern: &str, segments: &[&str]) -> Option<String> {
    let pattern: Vec<&str> = pattern.trim_start_matches('/').split('/').collect();
    let Some(hole) = pattern.iter().position(|part| part.starts_with('{')) else {
        return (pattern == segments).then(String::new);
    };
    let (before, after) = (&pattern[..hole], &pattern[hole + 1..]);
    let middle = segments.strip_prefix(before)?.strip_suffix(after)?;
    let fits = if pattern[hole] == "{*}" { !middle.is_empty() } else { middle.len() == 1 };
    fits.then(|| middle.join("/"))
}

type Decode = fn(&Call<'_>) -> Result<Request, Undecided>;

const fn row(
    method: &'static str,
    path: &'static str,
    body: Body,
    query: Option<&'static [&'static str]>,
    decode: Decode,
) -> Endpoint {
    Endpoint { method, path, body, query, decode }
}

/// An endpoint that only tells.
const fn read(path: &'static str) -> Endpoint {
    row("GET", path, Body::Any, None, |_| Ok(Request::Read))
}

const ANY: Option<&[&str]> = None;

macro_rules! operation {
    ($method:literal, $path:literal, $action:ident) => {
        row($method, $path, Body::Any, ANY, |call| Ok(call.operation(EngineAction::$action)))
    };
}

pub const ENDPOINTS: &[Endpoint] = &[
    // The engine itself.
    read("/_ping"),
    row("HEAD", "/_ping", Body::Any, ANY, |_| Ok(Request::Read)),
    read("/version"),
    read("/info"),
    read("/events"),
    read("/system/df"),
    operation!("POST", "/auth", Registry),
    operation!("GET", "/distribution/{*}/json", Registry),
    operation!("POST", "/session", Session),
    operation!("POST", "/grpc", Session),
    // Containers.
    row("POST", "/containers/create", Body::Json, Some(&["name", "platform"]), create::decode),
    row(
        "POST",
        "/containers/{}/start",
        Body::None,
        Some(&["detachKeys", "checkpoint", "checkpoint-dir"]),
        others::start,
    ),
    row("POST", "/containers/{}/restart", Body::None, Some(&["t", "signal"]), others::start),
    row("POST", "/containers/{}/exec", Body::Json, Some(&[]), others::exec),
    row("POST", "/exec/{}/start", Body::Json, Some(&[]), others::exec_start),
    row("POST", "/exec/{}/resize", Body::Any, ANY, |_| Ok(Request::Read)),
    read("/exec/{}/json"),
    row(
        "POST",
        "/containers/{}/attach",
        Body::None,
        Some(&["detachKeys", "logs", "stream", "stdin", "stdout", "stderr"]),
        others::attach,
    ),
    // Old engines open the input of web sockets whatever is asked.
    row("GET", "/containers/{}/attach/ws", Body::Any, ANY, others::attach_input),
    read("/containers/json"),
    // `docker inspect registry/shop:v1` asks for a container of that name first.
    read("/containers/{*}/json"),
    read("/containers/{}/top"),
    read("/containers/{}/logs"),
    read("/containers/{}/stats"),
    read("/containers/{}/changes"),
    row("POST", "/containers/{}/wait", Body::None, ANY, |_| Ok(Request::Read)),
    row("POST", "/containers/{}/resize", Body::Any, ANY, |_| Ok(Request::Read)),
    row("HEAD", "/containers/{}/archive", Body::Any, ANY, |_| Ok(Request::Read)),
    operation!("GET", "/containers/{}/archive", CopyOut),
    operation!("PUT", "/containers/{}/archive", CopyIn),
    operation!("GET", "/containers/{}/export", Export),
    row("POST", "/containers/{}/update", Body::Json, Some(&[]), others::update),
    operation!("POST", "/containers/{}/rename", Rename),
    operation!("POST", "/containers/{}/stop", Stop),
    operation!("POST", "/containers/{}/kill", Kill),
    operation!("POST", "/containers/{}/pause", Pause),
    operation!("POST", "/containers/{}/unpause", Unpause),
    operation!("DELETE", "/containers/{}", Remove),
    operation!("POST", "/containers/prune", PruneContainers),
    operation!("POST", "/containers/{}/checkpoints", Checkpoint),
    operation!("GET", "/containers/{}/checkpoints", Checkpoint),
    // Images.
    read("/images/json"),
    read("/images/get"),
    operation!("GET", "/images/search", Registry),
    read("/images/{*}/json"),
    read("/images/{*}/history"),
    read("/images/{*}/get"),
    row("POST", "/images/create", Body::Any, Some(others::IMAGE_CREATE), others::image_create),
    operation!("POST", "/images/load", Load),
    operation!("POST", "/images/prune", PruneImages),
    row("POST", "/images/{*}/tag", Body::Any, Some(&["repo", "tag", "force"]), others::tag),
    operation!("POST", "/images/{*}/push", Push),
    operation!("DELETE", "/images/{*}", RemoveImage),
    row("POST", "/commit", Body::Any, Some(others::COMMIT), others::commit),
    operation!("POST", "/build", Build),
    operation!("POST", "/build/cancel", Build),
    operation!("POST", "/build/prune", PruneImages),
    // Volumes.
    read("/volumes"),
    read("/volumes/{}"),
    row("POST", "/volumes/create", Body::Json, Some(&[]), others::volume_create),
    operation!("POST", "/volumes/prune", RemoveVolume),
    operation!("DELETE", "/volumes/{}", RemoveVolume),
    operation!("PUT", "/volumes/{}", Swarm),
    // Networks.
    read("/networks"),
    read("/networks/{}"),
    row("POST", "/networks/create", Body::Json, Some(&[]), others::network_create),
    row("POST", "/networks/{}/connect", Body::Json, Some(&[]), others::network_connect),
    row("POST", "/networks/{}/disconnect", Body::Json, Some(&[]), others::network_disconnect),
    operation!("POST", "/networks/prune", RemoveNetwork),
    operation!("DELETE", "/networks/{}", RemoveNetwork),
    // Plugins of the engine.
    read("/plugins"),
    read("/plugins/{*}/json"),
    operation!("GET", "/plugins/privileges", Plugin),
    operation!("POST", "/plugins/pull", Plugin),
    operation!("POST", "/plugins/create", Plugin),
    operation!("POST", "/plugins/{*}/enable", Plugin),
    operation!("POST", "/plugins/{*}/disable", Plugin),
    operation!("POST", "/plugins/{*}/push", Plugin),
    operation!("POST", "/plugins/{*}/upgrade", Plugin),
    operation!("POST", "/plugins/{*}/set", Plugin),
    operation!("DELETE", "/plugins/{*}", Plugin),
    // The engine's own clustering: `GET /swarm` tells the tokens to join it.
    operation!("GET", "/swarm", Swarm),
    operation!("GET", "/swarm/unlockkey", Swarm),
    operation!("POST", "/swarm/{}", Swarm),
    read("/nodes"),
    read("/nodes/{}"),
    operation!("POST", "/nodes/{}/update", Swarm),
    operation!("DELETE", "/nodes/{}", Swarm),
    read("/services"),
    read("/services/{}"),
    read("/services/{}/logs"),
    operation!("POST", "/services/create", Swarm),
    operation!("POST", "/services/{}/update", Swarm),
    operation!("DELETE", "/services/{}", Swarm),
    read("/tasks"),
    read("/tasks/{}"),
    read("/tasks/{}/logs"),
    read("/secrets"),
    read("/secrets/{}"),
    operation!("POST", "/secrets/create", Swarm),
    operation!("POST", "/secrets/{}/update", Swarm),
    operation!("DELETE", "/secrets/{}", Swarm),
    // Configurations are told with their content.
    operation!("GET", "/configs", Swarm),
    operation!("GET", "/configs/{}", Swarm),
    operation!("POST", "/configs/create", Swarm),
    operation!("POST", "/configs/{}/update", Swarm),
    operation!("DELETE", "/configs/{}", Swarm),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        for (pattern, path, expected) in [
            ("/containers/{}/start", "containers/shop/start", Some("shop")),
            ("/containers/{}/start", "containers/a/b/start", None),
            ("/containers/{}/start", "containers/start", None),
            ("/images/{*}/json", "images/r.example/a/b/json", Some("r.example/a/b")),
            ("/images/{*}/json", "images/json", None),
            ("/containers/json", "containers/json", Some("")),
            ("/containers/{}", "containers", None),
        ] {
            let segments: Vec<&str> = path.split('/').collect();
            assert_eq!(matches(pattern, &segments).as_deref(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn flags_are_read_as_the_engine_does() {
        for (value, expected) in [
            ("1", true),
            ("true", true),
            ("x", true),
            (" False ", false),
            ("0", false),
            ("None", false),
            ("", false),
        ] {
            let pairs = [("stdin".to_owned(), value.to_owned())];
            assert_eq!(Query(&pairs).flag("stdin"), expected, "{value}");
        }
    }
}
