use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::executables::ExecutableSet;
use super::mounts;
use crate::process;

/// A container whose executions are decided.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) container: String,
    /// Never the same twice.
    pub(crate) number: u64,
    pub(crate) allowed: Arc<ExecutableSet>,
    pub(crate) pid: u32,
    pub(crate) mount_namespace: u32,
    /// Marked mounts.
    pub(crate) mounts: Vec<u64>,
    /// File systems marked as a whole.
    pub(crate) devices: Vec<(u32, u32)>,
    /// Files of this container that are being read now.
    pub(crate) reading: AtomicUsize,
}

/// All guarded containers, and where an event came from.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    containers: HashMap<String, Arc<Guarded>>,
    mounts: HashMap<u64, Arc<Guarded>>,
    devices: HashMap<(u32, u32), Arc<Guarded>>,
    namespaces: HashMap<u32, Arc<Guarded>>,
}

impl Registry {
    /// A container that is guarded again (it was started anew) replaces its former self.
    pub(crate) fn insert(&mut self, guarded: Arc<Guarded>) {
        self.remove(&guarded.container);
        self.mounts.extend(guarded.mounts.iter().map(|mount| (*mount, Arc::clone(&guarded))));
        self.devices.extend(guarded.devices.iter().map(|device| (*device, Arc::clone(&guarded))));
        self.namespaces.insert(guarded.mount_namespace, Arc::clone(&guarded));
        self.containers.insert(guarded.container.clone(), guarded);
    }

    pub(crate) fn remove(&mut self, container: &str) -> Option<Arc<Guarded>> {
        let guarded = self.containers.remove(container)?;
        // The kernel may have given a number of an ended container to a new one already.
        let stays = |other: &mut Arc<Guarded>| other.number != guarded.number;
        self.mounts.retain(|_, other| stays(other));
        self.devices.retain(|_, other| stays(other));
        self.namespaces.retain(|_, other| stays(other));
        Some(guarded)
    }

    /// Removes the run of a container that process `pid` stood for, but no later one.
    pub(crate) fn remove_run(&mut self, container: &str, pid: u32) -> Option<Arc<Guarded>> {
        let is_it = self.containers.get(container).is_some_and(|guarded| guarded.pid == pid);
        is_it.then(|| self.remove(container)).flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.containers.len()
    }

    /// The container of a file that was opened through `mount` by process `pid`.
    pub(crate) fn find(&self, mount: u64, pid: u32) -> Option<Arc<Guarded>> {
        let found = self.mounts.get(&mount).or_else(|| self.find_elsewhere(mount, pid));
        found.map(Arc::clone)
    }

    /// A process in a mount namespace that was made inside the container, or a process of the host that runs
    /// a container's file: its own list of mounts tells the file system.
    fn find_elsewhere(&self, mount: u64, pid: u32) -> Option<&Arc<Guarded>> {
        let by_device = || {
            let mounts = mounts::read(pid).ok()?;
            let mount = mounts.iter().find(|candidate| candidate.id == mount)?;
            self.devices.get(&mount.device)
        };
        let by_namespace = || self.namespaces.get(&process::namespace(pid, "mnt").ok()?);
        by_device().or_else(by_namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded(container: &str, number: u64, mount: u64) -> Arc<Guarded> {
        Arc::new(Guarded {
            container: container.to_owned(),
            number,
            allowed: Arc::default(),
            pid: 1,
            mount_namespace: u32::try_from(mount).unwrap(),
            mounts: vec![mount],
            devices: vec![(0, u32::try_from(mount).unwrap())],
            reading: AtomicUsize::new(0),
        })
    }

    #[test]
    fn a_container_that_takes_over_a_number_keeps_it() {
        let mut registry = Registry::default();
        registry.insert(guarded("a", 1, 50));
        registry.insert(guarded("b", 2, 50));
        assert!(registry.remove("a").is_some());
        assert_eq!(registry.find(50, 0).map(|found| found.number), Some(2));
        registry.insert(guarded("b", 3, 51));
        assert_eq!(registry.find(50, 0).map(|found| found.number), None);
        assert_eq!((registry.find(51, 0).map(|found| found.number), registry.len()), (Some(3), 1));
        assert!(registry.remove("a").is_none());
        assert!(registry.remove_run("b", 2).is_none() && registry.len() == 1, "another run");
        assert!(registry.remove_run("b", 1).is_some() && registry.len() == 0);
    }

    #[test]
    fn a_foreign_mount_is_recognized_by_the_file_system_or_the_namespace_of_the_process() {
        let pid = std::process::id();
        let mut registry = Registry::default();
        let mount = mounts::read(pid).unwrap().remove(0);
        let by_device =
            Guarded { devices: vec![mount.device], ..Arc::into_inner(guarded("a", 1, 7)).unwrap() };
        registry.insert(Arc::new(by_device));
        assert_eq!(registry.find(mount.id, pid).map(|found| found.number), Some(1));
        let mount_namespace = process::namespace(pid, "mnt").unwrap();
        let by_namespace = Guarded { mount_namespace, ..Arc::into_inner(guarded("a", 2, 7)).unwrap() };
        registry.insert(Arc::new(by_namespace));
        assert_eq!(registry.find(u64::MAX, pid).map(|found| found.number), Some(2));
    }
}
