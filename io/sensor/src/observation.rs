use std::time::SystemTime;

use lazaret_model::Behaviour;

use crate::ladder::Rung;

/// What the sensor tells of containers' behaviour, apart from their coming and going.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    Behaviour(Box<Observation>),
    Ended(ProcessEnded),
    Missing(EvidenceGap),
    Account(Account),
}

/// One fact, whose it is, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// As [`ContainerSeen::key`](crate::ContainerSeen::key).
    pub container: String,
    /// In the unified hierarchy.
    pub cgroup_id: u64,
    pub at: SystemTime,
    pub behaviour: Behaviour,
    /// The parent of the process, as the host numbers it.
    pub parent: u32,
    /// Name of the thread, which it may choose itself: escape it before it reaches a terminal.
    pub comm: String,
    pub outcome: Outcome,
    /// A path or text in it is longer than what is kept, or could not be read: it must not be taken for the whole.
    pub incomplete: bool,
    /// The file lies outside the process's root directory: reached through a descriptor that leaked into the
    /// container, or a socket that the host listens on. Its path is then the host's.
    pub outside_root: bool,
}

/// What came of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Done,
    /// The kernel itself refused, with this error number.
    Failed(i32),
    /// Prevented by this sensor's rule: the caller got EPERM, by this mechanism.
    Refused(Rung),
    /// Prevented by this sensor's rule: the process died before the first instruction of its program, or of the
    /// code that it had loaded.
    DiedBeforeStart,
    /// The process was ended for it. The act itself has happened.
    Killed,
}

impl Outcome {
    /// Whether this sensor kept it from happening.
    pub const fn is_prevented(self) -> bool {
        matches!(self, Self::Refused(_) | Self::DiedBeforeStart)
    }
}

/// A process of a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessEnded {
    pub container: String,
    pub cgroup_id: u64,
    pub at: SystemTime,
    /// As the host numbers it.
    pub pid: u32,
    /// As wait(2) tells it.
    pub status: u32,
}

/// Events of one control group that the kernel counted and that did not come here. Never silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceGap {
    /// Absent if no container is known in the group, or too many groups share the count.
    pub container: Option<String>,
    pub cgroup_id: u64,
    /// A buffer was full: alerts among them, and others.
    pub alerts_overflowed: u64,
    pub overflowed: u64,
    /// Sent by the kernel and not received.
    pub astray: u64,
    /// Taken by an earlier process ([`Options::pins`](crate::Options::pins)) shortly before its end: whether it told
    /// anybody is not known.
    pub orphaned: u64,
}

/// The books of a control group that is gone: all that was sent has come, or a gap was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub container: Option<String>,
    pub cgroup_id: u64,
    /// Events that the kernel put into its buffers.
    pub sent: u64,
    /// Events for which there was no room.
    pub lost: u64,
    /// Facts that were not sent again, because they were told shortly before.
    pub repeated: u64,
}
