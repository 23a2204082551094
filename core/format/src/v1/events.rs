use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{BreakGlassNews, GrantMark, ReasonBody, SessionCommand, SessionEnded};

/// `POST /v1/agent/events`: what happened on a host, in the agent's own numbering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventBatch {
    /// Identity of the agent's spool. A spool numbers its events 1, 2, 3 … for ever; a new spool (the old
    /// one was destroyed) has a new identity.
    pub spool: String,
    /// Ascending `seq`. Events already stored are skipped, so a batch may be sent again. Numbers that are
    /// left out are taken as lost for good and recorded as a `gap`: send batches one after the other.
    pub events: Vec<AgentEvent>,
    /// Events that this spool lost so far because it could not be written.
    #[serde(default)]
    pub lost: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventAck {
    /// All events up to this number are stored for good.
    pub through: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentEvent {
    pub seq: u64,
    pub at: String,
    #[serde(flatten)]
    pub what: EventKind,
}

/// What an agent reports. `container` is the engine's 64-digit id, or `ns:<inode>` of a container without engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EventKind {
    /// The agent started to watch; containers found running follow as `container-started`.
    AgentStarted {
        version: String,
        enforcement: String,
    },
    /// An admission decision of the engine plugin or of the start hook.
    Decided {
        decision: String,
        allow: bool,
        /// `container-create`, `container-start`, `exec`, …
        operation: String,
        /// For people: `run 127.0.0.1:5055/shop:v1`.
        subject: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image_config: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        container: Option<String>,
        policy: String,
        reasons: Vec<ReasonBody>,
        micros: u64,
        /// Allowed although the policy refuses it, because a person broke the glass.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<GrantMark>,
    },
    ContainerStarted {
        container: String,
        name: String,
        image_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image_config: Option<String>,
        /// Absent: never admitted, so the container is unmanaged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<String>,
        /// First process: its executable, or its command line as far as known.
        command: String,
        pid: u32,
        started: String,
    },
    ContainerRenamed {
        container: String,
        name: String,
    },
    ContainerEnded {
        container: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
    },
    /// The kernel refused to execute a file.
    ExecutionDenied {
        container: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image_config: Option<String>,
        /// The kind of deviation: `drift.new_binary`, `drift.modified_binary`, `drift.script`, `process.unexpected`. Empty: an
        /// earlier agent.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        category: String,
        /// Path inside the container.
        path: String,
        sha256: String,
        pid: u32,
        /// Command of the process that tried.
        by: String,
        /// `fanotify`
        rung: String,
        reason: String,
    },
    /// A container did what its profile does not allow, or what no container should do.
    Deviation(Box<Deviation>),
    /// People may log in to a container from now on, or no longer.
    BreakGlass(Box<BreakGlassNews>),
    SessionCommand(Box<SessionCommand>),
    SessionEnded(SessionEnded),
    /// Something could not be seen or kept; never silent.
    Gap {
        what: String,
        count: u64,
    },
}

/// What was done, what was expected, what answered it, and by which processes.
///
/// Words of profiles are as in their text form. Texts from inside the container are as the container chose them:
/// escape them before they reach a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deviation {
    pub container: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_config: Option<String>,
    /// The side of behaviour: `processes`, `network`, …
    pub dimension: String,
    /// The kind of deviation: `network.connect`, `escape.attempt`, …
    pub category: String,
    /// One sentence without full stop.
    pub what: String,
    /// What the profile expects instead; empty where a fixed rule was broken.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expected: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// The fixed rule that was broken; absent: the profile does not allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Techniques of MITRE ATT&CK.
    #[serde(default)]
    pub attack: Vec<String>,
    pub severity: String,
    /// `alert` or `block`: that of the dimension, for a fixed rule `alert` whatever the profile says.
    pub mode: String,
    /// What the profile orders: `alert`, `deny`, `kill`, `pause`, `quarantine`, `replace`.
    pub action: String,
    /// What came of the act: `prevented` (the caller got an error, or died before its program's first instruction),
    /// `killed` (it happened, and the process was ended for it), `failed` (the kernel itself refused), `happened`.
    pub outcome: String,
    /// The mechanism that brought the outcome about: `cgroup-bpf`, `bpf-kill`, `fanotify`, …; `alert`: none did.
    pub rung: String,
    /// What was done about it beside this event, or why the action that the profile orders was not possible here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// The break-glass in whose session it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    pub process: ProcessBody,
    /// How often since the last event of this kind: repetitions are told by their number.
    #[serde(default = "once")]
    pub count: u64,
}

/// A process, and how it came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessBody {
    /// As the host numbers it.
    pub pid: u32,
    /// What it runs, as the container sees it; `@runtime`: what comes in from outside.
    pub exe: String,
    /// Its arguments with its own name first; empty: not known. They may be cut.
    #[serde(default)]
    pub argv: Vec<String>,
    pub uid: u32,
    /// Parent first. What was forgotten or never seen is left out.
    #[serde(default)]
    pub ancestors: Vec<Ancestor>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ancestor {
    pub pid: u32,
    pub exe: String,
    #[serde(default)]
    pub argv: Vec<String>,
}

impl EventKind {
    /// The break-glass that it belongs to.
    pub fn grant(&self) -> Option<&str> {
        match self {
            Self::Decided { grant, .. } => grant.as_ref().map(|grant| grant.id.as_str()),
            Self::Deviation(deviation) => deviation.grant.as_deref(),
            Self::BreakGlass(news) => Some(&news.grant),
            Self::SessionCommand(command) => Some(&command.grant),
            Self::SessionEnded(ended) => Some(&ended.grant),
            _ => None,
        }
    }
}

const fn once() -> u64 {
    1
}

/// `GET /v1/events?after=N&limit=N&wait=SECONDS`: events of all hosts in the order of their arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    pub events: Vec<StoredEvent>,
    /// `after` of the next page.
    pub next: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredEvent {
    /// Position in the server's order.
    pub position: u64,
    pub host: String,
    /// Filled in by the server for events of a container whose image is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    pub event: AgentEvent,
}
