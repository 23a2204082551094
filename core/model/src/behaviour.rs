//! What a container was seen to do: the facts that the sensor reports, that a profile is learned from, and that are
//! held against it. Each fact belongs to one [`Dimension`](crate::Dimension).
//!
//! Facts of files are in `file_access.rs`, those of the network in `connection.rs`.

use crate::{
    Capability, Connection, Digest, FileAccess, FileOrigin, Listening, Lookup, Mapping, RawSocket, SystemCall,
};

/// One thing that one process of a container did or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    pub actor: Actor,
    pub fact: Fact,
}

/// The process that did it, as it was just before: for [`Fact::Exec`] what it ran until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// As the host numbers it.
    pub pid: u32,
    /// What it runs ([`path_text`](crate::path_text)), or [`RUNTIME`] for what comes into the container from outside.
    pub executable: String,
    pub uid: u32,
    pub gid: u32,
    pub session: Session,
}

/// Stands for the executable of whoever starts a container or enters it: the OCI runtime, `nsenter`, the kernel.
pub const RUNTIME: &str = "@runtime";

/// Where a process descends from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Session {
    /// The container's first process.
    #[default]
    Main,
    /// A process that came in from outside later: a health check, `docker exec`, `nsenter`. The number is the one
    /// of that process on the host.
    Entered(u32),
}

/// When in a container's life something happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Until it serves.
    Start,
    #[default]
    Steady,
    /// Since it was told to end.
    Stop,
}

impl Phase {
    pub const ALL: &[Self] = &[Self::Start, Self::Steady, Self::Stop];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Steady => "steady",
            Self::Stop => "stop",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    Exec(Execution),
    /// A file's content became executable memory of a process: a library, or a program that a loader was given.
    Map(Mapping),
    File(FileAccess),
    Connect(Connection),
    Listen(Listening),
    Lookup(Lookup),
    /// A socket that reads or writes packets past the protocols.
    RawSocket(RawSocket),
    Identity(IdentityChange),
    Capability(CapabilityUse),
    SystemCall(SystemCall),
    Mount(Mounting),
    Kernel(KernelOperation),
    Login(Login),
    Resources(ResourceUse),
}

/// A program was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Links resolved, as the container sees it ([`path_text`](crate::path_text)). Of a script the script itself.
    pub executable: String,
    /// What runs a script.
    pub interpreter: Option<String>,
    /// SHA-256 of what [`executable`](Self::executable) held; `None`: not known.
    pub digest: Option<Digest>,
    pub origin: FileOrigin,
    /// `argv` with the program's own name first.
    pub arguments: Vec<String>,
    /// Whether there were more arguments, or longer ones, than are told.
    pub arguments_cut: bool,
    /// Variables that change how programs are loaded, with their values: `LD_PRELOAD=…`, `GLIBC_TUNABLES=…`.
    pub loader_environment: Vec<String>,
    /// Whom the process became by set-user-id and set-group-id bits or by file capabilities.
    pub gains: Option<Gain>,
    /// Standard input, output or error is a network socket.
    pub socket_stdio: bool,
    /// It has a controlling terminal.
    pub terminal: bool,
    /// Its parent is outside the container's PID namespace: the runtime brought it in, or somebody else did.
    pub entered: bool,
}

impl Execution {
    /// A program by its path and arguments, with nothing else about it.
    pub const fn plain(executable: String, origin: FileOrigin, arguments: Vec<String>) -> Self {
        Self {
            executable,
            interpreter: None,
            digest: None,
            origin,
            arguments,
            arguments_cut: false,
            loader_environment: Vec::new(),
            gains: None,
            socket_stdio: false,
            terminal: false,
            entered: false,
        }
    }
}

/// What an executable's own bits gave to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gain {
    pub uid: u32,
    pub gid: u32,
    /// Permitted capabilities after it, bit by number.
    pub capabilities: u64,
}

/// A process took another user or group, other than by the bits of what it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityChange {
    pub to_uid: u32,
    pub to_gid: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapabilityUse {
    pub capability: Capability,
    /// Whether the process had it.
    pub granted: bool,
}

/// A file system was mounted, moved or bound inside the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounting {
    pub source: String,
    pub target: String,
    /// `tmpfs`, `proc`, `bind`, `move`, …
    pub kind: String,
}

/// What reaches into other processes or into the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KernelOperation {
    /// ptrace(2), `process_vm_writev`, `/proc/PID/mem` of another process.
    Trace,
    /// setns(2).
    EnterNamespace,
    /// A new user namespace.
    UserNamespace,
    /// New namespaces of other kinds.
    Namespace,
    LoadModule,
    /// bpf(2) that loads a program or makes a map.
    Bpf,
    /// `io_uring_setup`.
    IoUring,
    /// Anonymous memory that was written became executable.
    WrittenCode,
    /// pivot_root(2), chroot(2).
    ChangeRoot,
}

impl KernelOperation {
    pub const ALL: &[Self] = &[
        Self::Trace,
        Self::EnterNamespace,
        Self::UserNamespace,
        Self::Namespace,
        Self::LoadModule,
        Self::Bpf,
        Self::IoUring,
        Self::WrittenCode,
        Self::ChangeRoot,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::EnterNamespace => "enter-namespace",
            Self::UserNamespace => "user-namespace",
            Self::Namespace => "namespace",
            Self::LoadModule => "load-module",
            Self::Bpf => "bpf",
            Self::IoUring => "io-uring",
            Self::WrittenCode => "written-code",
            Self::ChangeRoot => "change-root",
        }
    }
}

/// Somebody came into the container to look around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub through: LoginWay,
    /// As the engine, the cluster or the ssh server names them.
    pub who: Option<String>,
    pub arguments: Vec<String>,
    pub terminal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoginWay {
    /// The engine's or the cluster's exec.
    Exec,
    Attach,
    /// Past the engine: `nsenter`, a debugger on the host.
    Namespaces,
    Ssh,
}

impl LoginWay {
    pub const ALL: &[Self] = &[Self::Exec, Self::Attach, Self::Namespaces, Self::Ssh];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Attach => "attach",
            Self::Namespaces => "namespaces",
            Self::Ssh => "ssh",
        }
    }
}

/// What a container used during a window of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResourceUse {
    /// Seconds.
    pub window: u32,
    /// Thousandths of one processor, on average.
    pub cpu_permille: u64,
    /// The highest seen.
    pub memory_bytes: u64,
    /// The highest seen.
    pub processes: u64,
    /// To block devices and overlay, in the window.
    pub written_bytes: u64,
}
