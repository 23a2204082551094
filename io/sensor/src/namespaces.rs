//! Which processes are in containers, told by their namespaces: needs no engine.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use crate::process::{self, Place, Ticks};
use crate::sys;

/// The inode of the first PID namespace, fixed by the kernel (`PROC_PID_INIT_INO`).
const FIRST_PID_NAMESPACE: u32 = 0xEFFF_FFFC;

/// Why the sensor cannot tell containers from the host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("cannot read the host's namespaces in /proc/{pid} (root is needed): {source}")]
    Unreadable { pid: u32, source: io::Error },
    #[error(
        "this process runs in a PID namespace of its own: start it outside, or with the host's PID namespace"
    )]
    Contained,
}

/// The host's own namespaces and root directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Host {
    /// A process in them.
    pub(crate) pid: u32,
    pub(crate) pid_namespace: u32,
    pub(crate) mount_namespace: u32,
    pub(crate) root: Place,
}

impl Host {
    /// Those of process 1, because this process's own mount namespace may be a private one of its service.
    /// Where a security module hides process 1, those of the kernel's first thread, which shares them.
    pub(crate) fn read() -> Result<Self, HostError> {
        let host = Self::of(1)
            .or_else(|source| Self::of(2).map_err(|_| HostError::Unreadable { pid: 1, source }))?;
        if host.pid_namespace == FIRST_PID_NAMESPACE { Ok(host) } else { Err(HostError::Contained) }
    }

    fn of(pid: u32) -> io::Result<Self> {
        Ok(Self {
            pid,
            pid_namespace: process::namespace(pid, "pid")?,
            mount_namespace: process::namespace(pid, "mnt")?,
            root: process::root(pid)?,
        })
    }
}

/// A process, told from a later one with the same PID by its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProcessId {
    pub(crate) pid: u32,
    pub(crate) started: Ticks,
}

/// What sets a container apart. The kernel reuses inodes of namespaces, therefore the first process is part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// The outermost below the host's, so that a sandbox inside a container belongs to it.
    PidNamespace {
        inode: u32,
        init: ProcessId,
    },
    MountNamespace {
        inode: u32,
    },
    /// In the host's PID namespace; the engine's id tells it.
    Host,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) container_id: Option<String>,
    pub(crate) scope: Scope,
}

impl Identity {
    /// `outermost` is the outermost PID namespace below the host's with its first process, if there is one.
    pub(crate) fn new(
        container_id: Option<String>,
        outermost: Option<(u32, ProcessId)>,
        mount_namespace: u32,
    ) -> Self {
        let scope = match (outermost, &container_id) {
            (Some((inode, init)), _) => Scope::PidNamespace { inode, init },
            (None, Some(_)) => Scope::Host,
            (None, None) => Scope::MountNamespace { inode: mount_namespace },
        };
        Self { container_id, scope }
    }

    /// How the rest of the house calls the container: the engine's id, or `ns:` and an inode.
    pub(crate) fn key(&self, mount_namespace: u32) -> String {
        match (&self.container_id, &self.scope) {
            (Some(id), _) => id.clone(),
            (None, Scope::PidNamespace { inode, .. } | Scope::MountNamespace { inode }) => {
                format!("ns:{inode}")
            }
            (None, Scope::Host) => format!("ns:{mount_namespace}"),
        }
    }
}

/// A process found in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) process: ProcessId,
    pub(crate) identity: Identity,
    pub(crate) pid_namespace: u32,
    pub(crate) mount_namespace: u32,
    pub(crate) cgroup_path: String,
}

/// All processes that are in containers now. One that ends meanwhile is left out.
pub(crate) fn scan(host: &Host) -> io::Result<Vec<Member>> {
    let mut found = Vec::new();
    let mut first = HashMap::new();
    for pid in process::all()? {
        if let Ok(Some(process)) = look(host, pid) {
            if process.is_first {
                first.insert(process.outermost, process.id);
            }
            found.push(process);
        }
    }
    let member = |process: Looked| {
        let outermost = match process.outermost == host.pid_namespace {
            true => None,
            // Without its first process a namespace is about to vanish.
            false => Some((process.outermost, *first.get(&process.outermost)?)),
        };
        let membership = process.membership;
        Some(Member {
            process: process.id,
            identity: Identity::new(membership.container_id, outermost, process.mount_namespace),
            pid_namespace: process.outermost,
            mount_namespace: process.mount_namespace,
            cgroup_path: membership.path,
        })
    };
    let mut members: Vec<_> = found.into_iter().filter_map(member).collect();
    members.sort_by_key(|member| (member.process.started, member.process.pid));
    Ok(members)
}

struct Looked {
    id: ProcessId,
    outermost: u32,
    mount_namespace: u32,
    /// First process of the outermost namespace.
    is_first: bool,
    membership: crate::cgroup::Membership,
}

/// `None` for a process of the host: the same rule as in `bpf/scope.h`.
fn look(host: &Host, pid: u32) -> io::Result<Option<Looked>> {
    let own = process::namespace(pid, "pid")?;
    let mount_namespace = process::namespace(pid, "mnt")?;
    if own == host.pid_namespace
        && (mount_namespace == host.mount_namespace || process::root(pid)? == host.root)
    {
        return Ok(None);
    }
    let stat = process::stat(pid)?;
    // devtmpfs is served by a kernel thread in a mount namespace of its own.
    if stat.kernel_thread {
        return Ok(None);
    }
    let pids = process::pids(pid)?;
    let outermost = if own == host.pid_namespace { own } else { outermost(host, pid, own)? };
    Ok(Some(Looked {
        id: ProcessId { pid, started: stat.started },
        outermost,
        mount_namespace,
        is_first: own != host.pid_namespace && pids.len() == 2 && pids.last() == Some(&1),
        membership: process::membership(pid)?,
    }))
}

fn outermost(host: &Host, pid: u32, own: u32) -> io::Result<u32> {
    let mut namespace = File::open(format!("/proc/{pid}/ns/pid"))?;
    let mut inode = own;
    loop {
        let parent = File::from(sys::parent_namespace(&namespace)?);
        let parent_inode = u32::try_from(parent.metadata()?.ino()).map_err(|_| io::ErrorKind::InvalidData)?;
        if parent_inode == host.pid_namespace {
            return Ok(inode);
        }
        (namespace, inode) = (parent, parent_inode);
    }
}

#[cfg(test)]
#[expect(clippy::print_stderr, reason = "a skipped test says so aloud")]
mod tests {
    use super::*;

    const INIT: ProcessId = ProcessId { pid: 5, started: Ticks(7) };

    #[test]
    fn an_identity_is_the_engines_id_or_a_namespace() {
        let id = "ab".repeat(32);
        let engine = Identity::new(Some(id.clone()), Some((10, INIT)), 11);
        assert_eq!(engine.key(11), id);
        let same = Identity::new(Some(id.clone()), Some((10, INIT)), 12);
        assert_eq!(engine, same, "a second mount namespace inside a container is the same container");
        let again = ProcessId { pid: 6, started: Ticks(9) };
        assert_ne!(
            engine,
            Identity::new(Some(id.clone()), Some((10, again)), 11),
            "a restart is another run"
        );

        assert_eq!(Identity::new(None, Some((10, INIT)), 11).key(11), "ns:10");
        assert_eq!(Identity::new(None, None, 11).key(11), "ns:11");
        let host = Identity::new(Some(id.clone()), None, 11);
        assert_eq!((host.scope.clone(), host.key(11)), (Scope::Host, id));
    }

    #[test]
    fn this_process_is_no_container() {
        match Host::read() {
            Ok(host) => assert!(look(&host, std::process::id()).unwrap().is_none()),
            Err(problem) => eprintln!("SKIPPED: this_process_is_no_container: {problem}"),
        }
    }
}
