//! What the kernel's system call filter (seccomp) keeps from a container whose profile blocks it, from its start on: the
//! caller gets an error, where otherwise the process would be ended after the act.

use std::collections::BTreeSet;

use lazaret_model::{Fact, FileOperation, KernelOperation};
use lazaret_sensor::{Deadly, Observation, Outcome, Rung};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// What the caller of a call gets that is withheld.
pub const NOT_PERMITTED: i32 = Errno::EPERM as i32;
/// As in a kernel that does not have it.
pub const UNKNOWN: i32 = Errno::ENOSYS as i32;

/// Ways to reach into the kernel that can be told by a call's number and its first argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    Trace,
    EnterNamespace,
    NewNamespace,
    Module,
    Bpf,
    IoUring,
    ChangeRoot,
    Mount,
    /// Sockets of packets (packet(7)). Other raw sockets are refused by programs of the control group.
    PacketSocket,
    /// Changes of mode, owner, times and extended attributes of files.
    Attributes,
}

/// packet(7)
const AF_PACKET: u16 = 17;

impl Reach {
    const fn of(deadly: Deadly) -> Option<Self> {
        Some(match deadly {
            Deadly::Trace => Self::Trace,
            Deadly::EnterNamespace => Self::EnterNamespace,
            Deadly::NewNamespace => Self::NewNamespace,
            Deadly::Module => Self::Module,
            Deadly::Bpf => Self::Bpf,
            Deadly::IoUring => Self::IoUring,
            Deadly::ChangeRoot => Self::ChangeRoot,
            Deadly::Mount => Self::Mount,
            Deadly::RawSocket => Self::PacketSocket,
            _ => return None,
        })
    }

    /// What an observation is about.
    fn in_fact(fact: &Fact) -> Option<Self> {
        Some(match fact {
            Fact::Kernel(KernelOperation::Trace) => Self::Trace,
            Fact::Kernel(KernelOperation::EnterNamespace) => Self::EnterNamespace,
            Fact::Kernel(KernelOperation::UserNamespace | KernelOperation::Namespace) => Self::NewNamespace,
            Fact::Kernel(KernelOperation::LoadModule) => Self::Module,
            Fact::Kernel(KernelOperation::Bpf) => Self::Bpf,
            Fact::Kernel(KernelOperation::IoUring) => Self::IoUring,
            Fact::Kernel(KernelOperation::ChangeRoot) => Self::ChangeRoot,
            Fact::Mount(_) => Self::Mount,
            Fact::RawSocket(socket) if socket.family == AF_PACKET => Self::PacketSocket,
            Fact::File(access)
                if matches!(access.operation, FileOperation::Attributes | FileOperation::SetUserId) =>
            {
                Self::Attributes
            }
            _ => return None,
        })
    }

    /// The calls that are refused whatever their arguments are. For the rest see [`Self::first_argument`].
    pub const fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Trace => &["ptrace", "process_vm_readv", "process_vm_writev"],
            Self::EnterNamespace => &["setns"],
            // Its flags are behind a pointer. That it is unknown makes C libraries take clone(2).
            Self::NewNamespace => &["clone3"],
            Self::Module => {
                &["init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"]
            }
            Self::Bpf => &["bpf"],
            Self::IoUring => &["io_uring_setup", "io_uring_enter", "io_uring_register"],
            Self::ChangeRoot => &["chroot", "pivot_root"],
            Self::Mount => {
                &["mount", "move_mount", "open_tree", "open_tree_attr", "fsmount", "umount", "umount2"]
            }
            Self::PacketSocket => &[],
            Self::Attributes => &[
                "chmod",
                "fchmodat",
                "fchmodat2",
                "fchmod",
                "chown",
                "lchown",
                "fchownat",
                "chown32",
                "lchown32",
                "utime",
                "utimes",
                "futimesat",
                "utimensat",
                "utimensat_time64",
                "setxattr",
                "lsetxattr",
                "fsetxattr",
                "setxattrat",
                "removexattr",
                "lremovexattr",
                "fremovexattr",
                "removexattrat",
                "file_setattr",
            ],
        }
    }

    /// Calls that are refused to those who begin as root: for others the runtime makes them after it has put the filter into
    /// force, to give them their own standard output.
    pub const fn calls_of_root(self) -> &'static [&'static str] {
        match self {
            Self::Attributes => &["fchown", "fchown32"],
            _ => &[],
        }
    }

    /// Calls that only some first arguments make one.
    pub const fn first_argument(self) -> &'static [(&'static str, Refused)] {
        match self {
            // The lowest byte of clone(2)'s flags is a signal.
            Self::NewNamespace => {
                &[("clone", Refused::AnyBitOf(0x7e02_0000)), ("unshare", Refused::AnyBitOf(0x7e02_0080))]
            }
            Self::PacketSocket => &[("socket", Refused::Value(AF_PACKET as u64))],
            _ => &[],
        }
    }
}

/// Which arguments are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    AnyBitOf(u64),
    Value(u64),
}

/// All that is withheld from a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Withheld(BTreeSet<Reach>);

impl Withheld {
    /// Of what is to end a process, all that a filter can tell.
    pub fn of(deadly: &[Deadly]) -> Self {
        Self(deadly.iter().filter_map(|deadly| Reach::of(*deadly)).collect())
    }

    /// Changes of attributes, too.
    pub fn and_attributes(mut self) -> Self {
        self.0.insert(Reach::Attributes);
        self
    }

    pub fn contains(&self, reach: Reach) -> bool {
        self.0.contains(&reach)
    }

    pub fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Reach> {
        self.0.iter().copied()
    }

    /// What became of an act that failed, in a container that began so: the filter is asked before anything else.
    pub fn judge(&self, observation: &Observation) -> Option<Outcome> {
        let reach = Reach::in_fact(&observation.behaviour.fact)?;
        let is_the_filters = match observation.outcome {
            Outcome::Failed(NOT_PERMITTED) => true,
            // So says the filter of who holds himself to something (Landlock), of io_uring.
            Outcome::Failed(UNKNOWN) => matches!(reach, Reach::NewNamespace | Reach::IoUring),
            _ => false,
        };
        (is_the_filters && self.0.contains(&reach)).then_some(Outcome::Refused(Rung::Seccomp))
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::{FileAccess, FileOrigin, Mounting};

    use super::*;
    use crate::behaviour::testing::observation;

    fn judged(fact: Fact, outcome: Outcome) -> Option<Outcome> {
        let withheld = Withheld::of(&[Deadly::Trace, Deadly::NewNamespace, Deadly::ExecuteMemory]);
        withheld.judge(&Observation { outcome, ..observation(fact) })
    }

    #[test]
    fn what_failed_as_the_filter_lets_it_was_prevented() {
        let (trace, namespace) =
            (Fact::Kernel(KernelOperation::Trace), Fact::Kernel(KernelOperation::Namespace));
        let by_filter = Some(Outcome::Refused(Rung::Seccomp));
        assert_eq!(judged(trace.clone(), Outcome::Failed(NOT_PERMITTED)), by_filter);
        assert_eq!(judged(namespace, Outcome::Failed(UNKNOWN)), by_filter);
        assert_eq!(judged(trace.clone(), Outcome::Failed(UNKNOWN)), None, "it was something else");
        assert_eq!(judged(trace, Outcome::Killed), None);
        let mount = Mounting { source: String::new(), target: "/x".to_owned(), kind: "tmpfs".to_owned() };
        assert_eq!(judged(Fact::Mount(mount), Outcome::Failed(NOT_PERMITTED)), None, "not withheld");
        let stamped = FileAccess {
            path: "/usr/bin/tac".to_owned(),
            operation: FileOperation::Attributes,
            other: None,
            origin: FileOrigin::Image,
        };
        let refused =
            Observation { outcome: Outcome::Failed(NOT_PERMITTED), ..observation(Fact::File(stamped)) };
        assert_eq!(Withheld::default().and_attributes().judge(&refused), by_filter);
        assert_eq!(Withheld::default().judge(&refused), None);
    }

    #[test]
    fn is_remembered_as_words() {
        let withheld = Withheld::of(Deadly::ALL).and_attributes();
        let text = serde_json::to_string(&withheld).unwrap();
        assert!(text.starts_with(r#"["trace","enter-namespace""#), "{text}");
        assert_eq!(serde_json::from_str::<Withheld>(&text).unwrap(), withheld);
    }
}
