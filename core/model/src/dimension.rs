use crate::{Behaviour, Fact, KernelOperation};

/// One side of a container's behaviour: each has a mode of its own in a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Who processes are and become.
    Users,
    /// What is started, by what, with which arguments.
    Processes,
    /// That what runs is what the image brought.
    Executables,
    /// That what is mapped as code is what the image brought.
    Libraries,
    /// File systems that are mounted.
    Volumes,
    Files,
    /// Files that hold secrets.
    Secrets,
    Network,
    Capabilities,
    /// Also what reaches into the kernel or other processes.
    SystemCalls,
    /// People who come in.
    Login,
    Resources,
}

impl Dimension {
    pub const ALL: &[Self] = &[
        Self::Users,
        Self::Processes,
        Self::Executables,
        Self::Libraries,
        Self::Volumes,
        Self::Files,
        Self::Secrets,
        Self::Network,
        Self::Capabilities,
        Self::SystemCalls,
        Self::Login,
        Self::Resources,
    ];

    /// As profiles spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Processes => "processes",
            Self::Executables => "executables",
            Self::Libraries => "libraries",
            Self::Volumes => "volumes",
            Self::Files => "files",
            Self::Secrets => "secrets",
            Self::Network => "network",
            Self::Capabilities => "capabilities",
            Self::SystemCalls => "system-calls",
            Self::Login => "login",
            Self::Resources => "resources",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|dimension| dimension.name() == name)
    }

    /// Position in [`ALL`](Self::ALL).
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl Fact {
    /// The dimension that judges it first. An [`Exec`](Fact::Exec) is also judged by executables and users, and a
    /// file by secrets where a profile calls it one.
    pub fn dimension(&self) -> Dimension {
        match self {
            Self::Exec(_) => Dimension::Processes,
            Self::Map(mapping) if mapping.as_program => Dimension::Executables,
            Self::Map(_) => Dimension::Libraries,
            Self::File(access) if is_secret_place(&access.path) => Dimension::Secrets,
            Self::File(_) => Dimension::Files,
            Self::Connect(_) | Self::Listen(_) | Self::Lookup(_) | Self::RawSocket(_) => Dimension::Network,
            Self::Identity(_) => Dimension::Users,
            Self::Capability(_) => Dimension::Capabilities,
            Self::SystemCall(_) | Self::Kernel(_) => Dimension::SystemCalls,
            Self::Mount(_) => Dimension::Volumes,
            Self::Login(_) => Dimension::Login,
            Self::Resources(_) => Dimension::Resources,
        }
    }
}

impl Behaviour {
    pub fn dimension(&self) -> Dimension {
        self.fact.dimension()
    }
}

/// Where Docker, Podman and Kubernetes mount secrets.
pub const SECRET_PLACES: &[&str] = &["/run/secrets/", "/var/run/secrets/"];

/// Whether a file is in one of [`SECRET_PLACES`].
pub fn is_secret_place(path: &str) -> bool {
    SECRET_PLACES.iter().any(|place| path.starts_with(place))
}

impl KernelOperation {
    /// The system call that a profile must list for it.
    pub const fn system_call(self) -> &'static str {
        match self {
            Self::Trace => "ptrace",
            Self::EnterNamespace => "setns",
            Self::UserNamespace | Self::Namespace => "unshare",
            Self::LoadModule => "init_module",
            Self::Bpf => "bpf",
            Self::IoUring => "io_uring_setup",
            Self::WrittenCode => "mprotect",
            Self::ChangeRoot => "pivot_root",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_positions_agree() {
        for (number, dimension) in Dimension::ALL.iter().enumerate() {
            assert_eq!(dimension.index(), number);
            assert_eq!(Dimension::from_name(dimension.name()), Some(*dimension));
        }
        assert_eq!(Dimension::from_name("Users"), None);
    }

    #[test]
    fn neighbours_of_secrets_are_none() {
        assert!(is_secret_place("/run/secrets/db_password"));
        assert!(is_secret_place("/var/run/secrets/kubernetes.io/serviceaccount/token"));
        assert!(!is_secret_place("/run/secrets-of-the-sea/x"));
        assert!(!is_secret_place("/srv/run/secrets/x"));
    }
}
