use std::fmt;
use std::time::SystemTime;

use lazaret_model::Digest;

/// What the sensor tells. Whether a container is managed is the agent's knowledge, not the sensor's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SensorEvent {
    ContainerSeen(ContainerSeen),
    ContainerGone(ContainerGone),
    ExecutionDenied(ExecutionDenied),
    Gap(Gap),
}

/// A container runs, or ran so shortly that it is already gone: then a [`ContainerGone`] follows at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSeen {
    /// The engine's 64-digit id, or `ns:` and the inode of the namespace that sets the container apart.
    pub key: String,
    /// Outermost PID namespace below the host's; the host's own for a container without one.
    pub pid_namespace: u32,
    pub mount_namespace: u32,
    /// The container's first process in the host's numbering, or the first that was met of a container
    /// without an own PID namespace.
    pub init_pid: u32,
    /// In the unified hierarchy; zero when it is not known (found in `/proc` after a restart of the agent).
    pub cgroup_id: u64,
    /// Absent when the process was gone before `/proc` could be read.
    pub cgroup_path: Option<String>,
    /// The 64-digit id that container engines write into the cgroup's name.
    pub container_id: Option<String>,
    /// Command line of the first process, or the path that was executed if the process is already gone.
    /// Text from inside the container: escape it before it reaches a terminal.
    pub command: String,
    /// The command was longer than what the sensor keeps.
    pub command_truncated: bool,
    pub started: SystemTime,
    /// Found running in `/proc` instead of seen starting.
    pub found_running: bool,
}

/// The last process of a container has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerGone {
    /// As in [`ContainerSeen::key`].
    pub key: String,
    pub pid_namespace: u32,
    pub mount_namespace: u32,
    /// As in [`ContainerSeen::init_pid`].
    pub init_pid: u32,
    pub container_id: Option<String>,
}

/// The kernel refused to execute a file, by this sensor's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionDenied {
    /// The id under which the container was guarded. Absent if the file lies on a guarded file system, but
    /// the process belongs to no guarded container.
    pub container: Option<String>,
    /// As the container sees it. Text from inside the container: escape it before it reaches a terminal.
    pub path: String,
    /// Absent if the content was not read to its end.
    pub sha256: Option<Digest>,
    /// It was read, and names its interpreter.
    pub is_script: bool,
    /// It is in no directory: it was removed, or never had a name.
    pub is_nameless: bool,
    pub pid: u32,
    /// Name of the process that tried.
    pub by: String,
    /// The mechanism that refused: `fanotify`.
    pub rung: &'static str,
    pub reason: DenyReason,
    pub at: SystemTime,
}

/// Why an execution was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenyReason {
    /// The content is none of the image's executables, or not where the image has it.
    NotInImage,
    /// The image has it, but the container's profile does not let the program that asks start it.
    NotInProfile,
    /// A process holds the file open for writing, so what would run is not what was read.
    OpenForWriting,
    /// The file changed while it was read.
    Changed,
    /// The file could not be read; the kernel's error number.
    Unreadable(i32),
    /// The file could not be read in the time allowed.
    TooSlow,
    /// The file lies on a guarded file system, but the container is not known.
    UnknownContainer,
    /// The decision failed inside the sensor.
    Internal,
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInImage => f.write_str("the file is not one of the image's executables"),
            Self::NotInProfile => f.write_str("the profile does not let that program start it"),
            Self::OpenForWriting => f.write_str("the file is open for writing"),
            Self::Changed => f.write_str("the file changed while it was being checked"),
            Self::Unreadable(errno) => {
                write!(f, "the file cannot be read: {}", std::io::Error::from_raw_os_error(*errno))
            }
            Self::TooSlow => f.write_str("the file could not be checked in time"),
            Self::UnknownContainer => f.write_str("the container of the process is not known"),
            Self::Internal => f.write_str("the check itself failed"),
        }
    }
}

/// Something was not seen or not told; never silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub what: &'static str,
    pub count: u64,
}
