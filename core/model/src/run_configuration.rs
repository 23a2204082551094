/// The facts about a wish to run a container that admission decides on, whatever engine it was said to.
///
/// An edge that meets a setting it cannot express here must refuse the wish, not drop the setting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunConfiguration {
    pub name: Option<String>,
    pub user: String,
    pub privileged: bool,
    /// Without the `CAP_` prefix, upper case; `ALL` for all.
    pub added_capabilities: Vec<String>,
    pub host_namespaces: Vec<HostNamespace>,
    pub mounts: Vec<Mount>,
    /// Paths of host devices.
    pub devices: Vec<String>,
    /// Protections of the engine's default that the wish switches off, in plain words:
    /// `seccomp profile unconfined`, `masked paths cleared`.
    pub weakened: Vec<String>,
    /// Kernel settings, `net.ipv4.ip_forward=1`.
    pub sysctls: Vec<String>,
    /// `8080:80/tcp`.
    pub published_ports: Vec<String>,
    /// Runtime, cgroup parent or another way out of the configured engine, in plain words.
    pub escapes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostNamespace {
    Pid,
    Ipc,
    Network,
    Uts,
    User,
    Cgroup,
    Mount,
}

impl HostNamespace {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pid => "pid",
            Self::Ipc => "ipc",
            Self::Network => "network",
            Self::Uts => "uts",
            Self::User => "user",
            Self::Cgroup => "cgroup",
            Self::Mount => "mount",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub kind: MountKind,
    /// Path on the host, name of a volume, or empty for tmpfs.
    pub source: String,
    pub target: String,
    pub read_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// A path of the host.
    Bind,
    /// A volume that the engine manages.
    Volume,
    Tmpfs,
}
