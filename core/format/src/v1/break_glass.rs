use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ProcessBody;

/// `POST /v1/break-glass`: let people log in to one running container for a while, on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlassRequest {
    /// Name or id (prefix) of the container.
    pub container: String,
    pub host: String,
    /// Why, in one line of at most 500 characters. It goes into the audit log: no secrets.
    pub reason: String,
    /// How long, at most 14400 (4 h).
    #[serde(default = "default_seconds")]
    pub seconds: u32,
}

const fn default_seconds() -> u32 {
    900
}

/// A way in that a person opened; `GET /v1/break-glass` answers a list of these, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BreakGlassBody {
    pub id: String,
    pub host: String,
    /// The engine's 64-digit id. No other container is meant, whatever takes over its name.
    pub container: String,
    /// What the container was called when the way was opened.
    pub name: String,
    pub reason: String,
    /// Who opened it.
    pub by: String,
    pub opened: String,
    /// The end, whatever happens.
    pub until: String,
    /// `open`, `closed` (by a person), `expired`.
    pub state: String,
    /// When the agent said that it lets people in; absent: not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<String>,
}

/// `GET /v1/agent/break-glass?after=REVISION&wait=SECONDS`: all that is open on the agent's host.
///
/// Answers at once when the revision is another than `after`, else when something changes or the wait is over. What
/// is not in it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BreakGlassSnapshot {
    pub revision: u64,
    pub open: Vec<BreakGlassBody>,
}

/// By whose leave a log-in was allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantMark {
    /// The break-glass.
    pub id: String,
    pub by: String,
    pub reason: String,
}

/// A way in begins or ends on its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BreakGlassNews {
    pub grant: String,
    pub container: String,
    pub by: String,
    pub reason: String,
    pub until: String,
    /// `open`: log-ins are allowed from now on. `closed`, `expired`: no more are.
    pub state: String,
}

/// A program that was started in a session that came in through a break-glass. Arguments may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionCommand {
    pub grant: String,
    pub container: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_config: Option<String>,
    /// The process that came in from outside, as the host numbers it: one number is one session.
    pub session: u32,
    /// It is that process's first program: the session begins.
    #[serde(default)]
    pub entered: bool,
    /// `exe` is what was started. Ancestors are left out.
    pub process: ProcessBody,
    /// There were more or longer arguments than are told.
    #[serde(default)]
    pub cut: bool,
    /// As of a [`Deviation`](super::Deviation): `happened`, `prevented`, `killed`, `failed`.
    pub outcome: String,
}

/// The process that came in ended, or its session was ended with the break-glass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionEnded {
    pub grant: String,
    pub container: String,
    pub session: u32,
    /// As wait(2) tells it; absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// Programs that were started in it, all of them.
    pub commands: u64,
    /// Those of them that are not told singly, because there were too many.
    pub untold: u64,
    /// Processes that were killed because the break-glass was over; 0: it ended by itself.
    #[serde(default)]
    pub killed: u64,
}
