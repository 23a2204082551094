//! A container among its mounts, as they are just now.

use std::fs;
use std::path::{Path, PathBuf};

use super::mounts::{self, Mount, Target};
use super::{Enforcer, GuardError};
use crate::process;

pub(super) struct Surroundings {
    pub(super) mount_namespace: u32,
    /// What leads to its root: a path before the process has made it its own.
    pub(super) base: PathBuf,
    /// The mount of its root.
    pub(super) root: Option<u64>,
    container: Vec<Mount>,
    host: Vec<Mount>,
}

impl Enforcer {
    pub(super) fn surroundings(&self, pid: u32, rootfs: &Path) -> Result<Surroundings, GuardError> {
        let process = |source| GuardError::Process { pid, source };
        let mount_namespace = process::namespace(pid, "mnt").map_err(process)?;
        if mount_namespace == self.host.mount_namespace {
            return Err(GuardError::HostMounts(pid));
        }
        let container = mounts::read(pid).map_err(process)?;
        let host = mounts::read(self.host.pid)
            .map_err(|source| GuardError::Process { pid: self.host.pid, source })?;
        let base = match process::root(pid).map_err(process)? == self.host.root {
            true => fs::canonicalize(rootfs)
                .map_err(|source| GuardError::Root { path: rootfs.to_owned(), source })?,
            false => PathBuf::from("/"),
        };
        let root = mounts::root_mount(&container, &base);
        Ok(Surroundings { mount_namespace, base, root, container, host })
    }
}

impl Surroundings {
    /// What of it can be marked.
    pub(super) fn targets(&self) -> Vec<Target> {
        mounts::plan(&self.container, &self.host, &self.base)
    }

    /// What it has when it has begun: mounts around its root are taken away, and their numbers given to others.
    pub(super) fn inside(&self) -> impl Iterator<Item = &Mount> {
        self.container.iter().filter(|mount| mounts::is_inside(mount, &self.base, self.root))
    }
}
