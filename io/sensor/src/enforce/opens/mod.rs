//! Refuses to open a container's secrets to programs that no rule names, where the kernel takes no programs at its
//! security hooks.
//!
//! Nothing is marked but secrets, so nobody pays for another file: a mount that lies in a secret place as a whole, and on
//! file systems of the container's own each file with its inode, so that links and new names lead to the mark, too, and
//! each directory of secrets, for what comes into it. Nothing of the host is marked but through the container's mount of it.
//!
//! The kernel tells neither for what a file is opened nor of anything but opening: a program that a rule lets read or write
//! a secret opens it for both. If this process ends, the kernel asks nobody and allows.

mod decision;
mod kept;
mod places;
mod refusals;
mod walk;

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::fanotify::{MarkFlags, MaskFlags};

pub(crate) use self::decision::{Keeping, Opening, describe, examine, glance};
use self::kept::Program;
pub(crate) use self::kept::{Keepers, Kept};
pub use self::places::SecretPlaces;
pub(crate) use self::refusals::Refusals;
use self::walk::{Secret, walk};
use super::executables::ExecutableSet;
use super::mounts::{Mount, Reach, Target};
use super::{Enforcer, GuardError, Surroundings, open_all};
use crate::held::PathRule;
use crate::{process, sys};

/// A container of which secrets are kept.
#[derive(Debug, Clone)]
pub struct SecretsRequest {
    /// Returned in each observation; the engine's id.
    pub container: String,
    /// Its control group in the unified hierarchy, for observations.
    pub cgroup_id: u64,
    /// As of [`GuardRequest`](crate::GuardRequest).
    pub pid: u32,
    /// As of [`GuardRequest`](crate::GuardRequest).
    pub rootfs: PathBuf,
    pub places: Arc<SecretPlaces>,
    /// Who opens which secret. What no rule names is refused.
    pub rules: Vec<PathRule>,
    /// What the image has at the places of programs: one that was touched is still the image's.
    pub contents: Arc<ExecutableSet>,
}

/// Directories that one sentence names.
const MOST_NAMED: usize = 4;

const FILE: MaskFlags = MaskFlags::FAN_OPEN_PERM;
const DIRECTORY: MaskFlags = MaskFlags::FAN_OPEN_PERM.union(MaskFlags::FAN_EVENT_ON_CHILD);

impl Enforcer {
    /// From its return on, secrets of the container are opened by whom a rule names alone; it replaces what held before.
    /// Takes a walk through the container's own files. Returns what it cannot keep, one sentence each.
    ///
    /// # Errors
    /// As of [`guard`](Self::guard); then nothing is kept.
    pub(crate) fn keep_secrets(&self, request: &SecretsRequest) -> Result<Vec<String>, GuardError> {
        let around = self.surroundings(request.pid, &request.rootfs)?;
        let opened = open_all(request.pid, around.targets())?;
        let membership =
            |pid| process::membership(pid).map_err(|source| GuardError::Process { pid: request.pid, source });
        let group = membership(request.pid)?.path;
        // A container without a group of its own is told by its mounts alone.
        let is_own = group != "/" && group != membership(std::process::id())?.path;
        let kept = Arc::new(Kept {
            request: request.clone(),
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            mount_namespace: around.mount_namespace,
            cgroup: if is_own { group } else { String::new() },
            mounts: around.inside().map(|mount| mount.id).collect(),
            root: around.root,
            programs: programs(request, &around),
            reading: AtomicUsize::new(0),
        });
        // Known before the first mark, so that no event finds its container unknown.
        self.keepers(|keepers| keepers.insert(Arc::clone(&kept)));
        let marked = self.mark_secrets(MarkFlags::FAN_MARK_ADD, request, &around, &opened);
        if marked.is_err() {
            self.release_secrets(&request.container);
        }
        marked
    }

    /// Secrets of the container are opened by anybody. If it still runs, its marks are taken away; otherwise they went with
    /// its files and mounts.
    pub(crate) fn release_secrets(&self, container: &str) {
        let Some(kept) = self.keepers(|keepers| keepers.remove(container)) else { return };
        let request = &kept.request;
        if process::namespace(request.pid, "mnt").ok() != Some(kept.mount_namespace) {
            return;
        }
        // What cannot be taken away asks whether anybody is kept from it, and hears that nobody is.
        let Ok(around) = self.surroundings(request.pid, &request.rootfs) else { return };
        if let Ok(opened) = open_all(request.pid, around.targets()) {
            let _ = self.mark_secrets(MarkFlags::FAN_MARK_REMOVE, request, &around, &opened);
        }
    }

    fn mark_secrets(
        &self,
        action: MarkFlags,
        request: &SecretsRequest,
        around: &Surroundings,
        opened: &[(Target, File)],
    ) -> Result<Vec<String>, GuardError> {
        let (mut beyond, mut of_host) = (Vec::new(), Vec::new());
        for (target, file) in opened {
            let mount = &target.mount;
            let name = around.name(mount);
            let is_root = Some(mount.id) == around.root;
            let bytes = name.as_os_str().as_bytes();
            let failed =
                |errno| GuardError::Mark { point: mount.point.clone(), kind: mount.kind.clone(), errno };
            if !is_root && (request.places.is_secret_directory(bytes) || request.places.is_secret(bytes)) {
                let reach = around.reach_alone(target);
                self.mark_opening(target, action | reach, FILE, file).map_err(failed)?;
            } else if target.reach == Reach::Mount {
                // A file that an engine mounts is none that could hold others.
                if is_root || is_directory(file) {
                    of_host.push(name.display().to_string());
                }
            } else if is_directory(file) {
                let unfinished = walk(file, &name, &request.places, |secret| {
                    let marked = match secret {
                        Secret::File(fd) => self.mark_opening(target, action, FILE, &fd),
                        Secret::Directory(fd) => self.mark_opening(target, action, DIRECTORY, &fd),
                    };
                    match marked {
                        // Deleted meanwhile; or there is no mark to be taken away.
                        Err(Errno::ENOENT) => Ok(()),
                        marked => marked.map_err(failed),
                    }
                })?;
                beyond.extend(
                    unfinished.map(|why| {
                        format!("secrets in some of {}, because {},", name.display(), why.words())
                    }),
                );
            }
        }
        if !of_host.is_empty() {
            let more = of_host.len().saturating_sub(MOST_NAMED);
            of_host.truncate(MOST_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            beyond.push(format!("secrets in directories of the host ({}{more})", of_host.join(", ")));
        }
        Ok(beyond)
    }

    fn mark_opening(
        &self,
        target: &Target,
        flags: MarkFlags,
        mask: MaskFlags,
        file: impl AsFd,
    ) -> nix::Result<()> {
        let lane = if target.remote { &self.remote } else { &self.local };
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()));
        lane.group.mark(flags, mask, AT_FDCWD, Some(&path))
    }
}

impl Surroundings {
    /// What the container calls the place of a mount.
    fn name(&self, mount: &Mount) -> PathBuf {
        Path::new("/").join(mount.point.strip_prefix(&self.base).unwrap_or(Path::new("")))
    }

    /// The whole file system only if it has no other place in the container, where its files are not secret.
    fn reach_alone(&self, target: &Target) -> MarkFlags {
        let places = self.inside().filter(|mount| mount.device == target.mount.device).count();
        match target.reach {
            Reach::FileSystem if places == 1 => MarkFlags::FAN_MARK_FILESYSTEM,
            _ => MarkFlags::FAN_MARK_MOUNT,
        }
    }
}

fn is_directory(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// What lies at the places that rules name.
fn programs(request: &SecretsRequest, around: &Surroundings) -> HashMap<((u32, u32), u64), Program> {
    let mut programs = HashMap::new();
    let root = Path::new("/proc").join(request.pid.to_string()).join("root/.");
    let root = root.join(around.base.strip_prefix("/").unwrap_or(&around.base));
    let Ok(root) = File::open(root) else { return programs };
    for path in request.rules.iter().filter_map(PathRule::program) {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_SYMLINKS);
        let place = Path::new(std::ffi::OsStr::from_bytes(path));
        let Ok((state, mount)) =
            openat2(&root, place, how).map_err(Into::into).and_then(|file| sys::file_state(&file))
        else {
            continue;
        };
        programs.insert((state.device, state.inode), Program { path: path.to_vec(), state, mount });
    }
    programs
}
