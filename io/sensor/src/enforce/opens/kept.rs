use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::SecretsRequest;
use crate::process;
use crate::sys::FileState;

/// A container of which secrets are opened by listed programs alone.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) request: SecretsRequest,
    /// Never the same twice.
    pub(crate) number: u64,
    pub(crate) mount_namespace: u32,
    /// Path of its control group; empty if it has none of its own.
    pub(crate) cgroup: String,
    /// What it has mounted since its start: names lead to secrets through these alone.
    pub(crate) mounts: HashSet<u64>,
    /// The mount of its root.
    pub(crate) root: Option<u64>,
    /// What lay at the places that rules name, by device and inode.
    pub(crate) programs: HashMap<((u32, u32), u64), Program>,
    /// Programs of this container that are being read now.
    pub(crate) reading: AtomicUsize,
}

/// A program as it was when the container began to be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) path: Vec<u8>,
    pub(crate) state: FileState,
    pub(crate) mount: u64,
}

/// All such containers.
#[derive(Debug, Default)]
pub(crate) struct Keepers {
    containers: HashMap<String, Arc<Kept>>,
    namespaces: HashMap<u32, Arc<Kept>>,
    mounts: HashSet<u64>,
}

/// Whose process it is that opens a file.
#[derive(Debug)]
pub(crate) enum Whose {
    /// Of nobody who is held.
    Others,
    Containers(Arc<Kept>),
    /// Of the container, but among mounts of its own, where every name may be another file's.
    Astray(Arc<Kept>),
    /// It is gone, or cannot be looked at.
    Unknown,
}

impl Keepers {
    pub(crate) fn insert(&mut self, kept: Arc<Kept>) {
        self.remove(&kept.request.container);
        self.namespaces.insert(kept.mount_namespace, Arc::clone(&kept));
        self.containers.insert(kept.request.container.clone(), kept);
        self.find_mounts();
    }

    pub(crate) fn remove(&mut self, container: &str) -> Option<Arc<Kept>> {
        let kept = self.containers.remove(container)?;
        // The kernel may have given the number of an ended namespace to a new one already.
        self.namespaces.retain(|_, other| other.number != kept.number);
        self.find_mounts();
        Some(kept)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.containers.is_empty()
    }

    pub(crate) fn has_mount(&self, mount: u64) -> bool {
        self.mounts.contains(&mount)
    }

    pub(crate) fn whose(&self, pid: u32) -> Whose {
        let Ok(namespace) = process::namespace(pid, "mnt") else { return Whose::Unknown };
        if let Some(kept) = self.namespaces.get(&namespace) {
            return Whose::Containers(Arc::clone(kept));
        }
        let Ok(membership) = process::membership(pid) else { return Whose::Unknown };
        let is_of = |kept: &&Arc<Kept>| {
            let rest = membership.path.strip_prefix(&kept.cgroup).filter(|_| !kept.cgroup.is_empty());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match self.containers.values().find(is_of) {
            Some(kept) => Whose::Astray(Arc::clone(kept)),
            None => Whose::Others,
        }
    }

    fn find_mounts(&mut self) {
        self.mounts = self.containers.values().flat_map(|kept| kept.mounts.iter().copied()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(container: &str, number: u64, mount_namespace: u32, cgroup: &str) -> Arc<Kept> {
        let request = SecretsRequest {
            container: container.to_owned(),
            cgroup_id: 1,
            pid: 1,
            rootfs: "/".into(),
            places: Arc::default(),
            rules: Vec::new(),
            contents: Arc::default(),
        };
        Arc::new(Kept {
            request,
            number,
            mount_namespace,
            cgroup: cgroup.to_owned(),
            mounts: [number].into(),
            root: None,
            programs: HashMap::new(),
            reading: AtomicUsize::new(0),
        })
    }

    #[test]
    fn a_process_belongs_to_its_mounts_or_its_control_group() {
        let pid = std::process::id();
        let namespace = process::namespace(pid, "mnt").unwrap();
        let mut keepers = Keepers::default();
        assert!(matches!(keepers.whose(pid), Whose::Others));
        keepers.insert(kept("a", 1, namespace, ""));
        assert!(matches!(keepers.whose(pid), Whose::Containers(_)));
        // Started anew: the number of its namespace is another container's by now.
        keepers.insert(kept("b", 2, namespace, ""));
        assert!(keepers.remove("a").is_some() && keepers.has_mount(2) && !keepers.has_mount(1));
        assert!(matches!(keepers.whose(pid), Whose::Containers(found) if found.number == 2));
        keepers.remove("b");
        let own = process::membership(pid).unwrap().path;
        keepers.insert(kept("c", 3, 0, own.trim_end_matches('/')));
        let is_astray = matches!(keepers.whose(pid), Whose::Astray(_));
        assert_eq!(is_astray, own != "/", "{own}");
        keepers.insert(kept("c", 4, 0, "/no/such/group"));
        assert!(matches!(keepers.whose(pid), Whose::Others));
        assert!(matches!(keepers.whose(u32::MAX), Whose::Unknown));
    }
}
