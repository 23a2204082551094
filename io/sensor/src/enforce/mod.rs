//! Refuses the execution of files that are not part of a container's image, by the kernel's own hand.
//!
//! A fanotify permission mark makes the kernel ask before it opens a file for execution: program, script,
//! interpreter and loader each by themselves. The answer depends on the content alone, never on the name.
//!
//! What it does not see: code that is mapped instead of executed (`ld.so ./program`), and files that have no
//! mount (`memfd_create`). If this process ends, the kernel asks nobody and allows: running containers go on.
//!
//! Whether the program may be started by the one that asks is another question (`lineage`).
//!
//! The same groups and threads decide who opens secrets (`opens`), where the kernel has nothing better for that.

mod cache;
mod decision;
mod doors;
mod executables;
mod guarded;
mod head;
mod lane;
mod lineage;
mod mounts;
mod opens;
mod pending;
mod starts;
mod surroundings;

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::fanotify::{MarkFlags, MaskFlags};
use tokio::sync::mpsc;

use self::cache::DigestCache;
pub use self::executables::ExecutableSet;
use self::guarded::{Guarded, Registry};
use self::lane::{Common, Lane};
use self::lineage::Lineages;
pub use self::lineage::{StartRule, StartsRequest};
use self::mounts::{Reach, Target};
use self::opens::Keepers;
pub(crate) use self::opens::Refusals;
pub use self::opens::{SecretPlaces, SecretsRequest};
pub(crate) use self::starts::Starts;
use self::surroundings::Surroundings;
use crate::event::SensorEvent;
use crate::namespaces::Host;
use crate::{process, sys};

const CACHED_DIGESTS: usize = 8192;

/// A container to be guarded.
#[derive(Debug, Clone)]
pub struct GuardRequest {
    /// Returned in each event; the engine's id.
    pub container: String,
    /// A process in the container's mount namespace: the runtime's `init` process while the container is being
    /// created, or any process of a running container.
    pub pid: u32,
    /// The container's root directory on the host. Used only while the process has not yet made it its own.
    pub rootfs: PathBuf,
    pub allowed: Arc<ExecutableSet>,
}

/// A place of the container whose executions are decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// As the process sees it.
    pub point: PathBuf,
    /// The whole file system is watched, also where the container mounts it later; otherwise this mount alone,
    /// because the host uses the file system too.
    pub whole_file_system: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    #[error("executions cannot be guarded on this host: {0}")]
    Unavailable(String),
    #[error("process {pid} of the container cannot be looked at in /proc: {source}")]
    Process { pid: u32, source: io::Error },
    #[error("process {0} lives among the host's own mounts, which must not be guarded")]
    HostMounts(u32),
    #[error("the container's root directory {} cannot be found: {source}", path.display())]
    Root { path: PathBuf, source: io::Error },
    #[error("the container's mount {} cannot be opened: {source}", point.display())]
    Mount { point: PathBuf, source: io::Error },
    #[error("{} does not lead to the mount that the kernel lists there", .0.display())]
    Moved(PathBuf),
    #[error("the kernel refuses to guard {} ({kind}): {errno}", point.display())]
    Mark { point: PathBuf, kind: String, errno: Errno },
}

/// Decides executions in guarded containers.
#[derive(Debug)]
pub(crate) struct Enforcer {
    host: Host,
    common: Arc<Common>,
    local: Lane,
    /// File systems that others serve: if one hangs, it holds up nothing but itself.
    remote: Lane,
    numbers: AtomicU64,
}

impl Enforcer {
    pub(crate) fn start(
        host: Host,
        events: mpsc::Sender<SensorEvent>,
        untold: Arc<AtomicU64>,
        refusals: Arc<Refusals>,
        starts: Arc<Starts>,
        deadline: Duration,
    ) -> io::Result<Self> {
        let common = Arc::new(Common {
            registered: RwLock::new(Registry::default()),
            keeping: RwLock::new(Keepers::default()),
            lineages: Lineages::default(),
            refusals,
            cache: Mutex::new(DigestCache::new(CACHED_DIGESTS)),
            events,
            untold,
            starts,
            deadline,
        });
        let local = Lane::start("lazaret-exec", common.clone())?;
        let remote = Lane::start("lazaret-remote", common.clone())?;
        Ok(Self { host, common, local, remote, numbers: AtomicU64::new(1) })
    }

    /// From its return on, nothing but `allowed` is executed in the container. On error nothing is guarded.
    pub(crate) fn guard(&self, request: &GuardRequest) -> Result<Vec<Watched>, GuardError> {
        let pid = request.pid;
        let around = self.surroundings(pid, &request.rootfs)?;
        let opened = open_all(pid, around.targets())?;
        let whole = |target: &&(Target, File)| target.0.reach == Reach::FileSystem;
        // Known before the first mark, so that no event finds its container unknown.
        let guarded = Arc::new(Guarded {
            container: request.container.clone(),
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            allowed: request.allowed.clone(),
            pid,
            mount_namespace: around.mount_namespace,
            mounts: opened.iter().map(|(target, _)| target.mount.id).collect(),
            devices: opened.iter().filter(whole).map(|(target, _)| target.mount.device).collect(),
            reading: AtomicUsize::new(0),
        });
        self.registry(|registry| registry.insert(guarded));
        for (done, (target, file)) in opened.iter().enumerate() {
            if let Err(errno) = self.mark(MarkFlags::FAN_MARK_ADD, target, file) {
                for (target, file) in &opened[..done] {
                    let _ = self.mark(MarkFlags::FAN_MARK_REMOVE, target, file);
                }
                self.registry(|registry| registry.remove(&request.container));
                let mount = target.mount.clone();
                return Err(GuardError::Mark { point: mount.point, kind: mount.kind, errno });
            }
        }
        let watched = |(target, _): (Target, File)| Watched {
            point: target.mount.point,
            whole_file_system: target.reach == Reach::FileSystem,
        };
        Ok(opened.into_iter().map(watched).collect())
    }

    /// Forgets a container. If it still runs, its marks are taken away; otherwise they went with its mounts.
    pub(crate) fn release(&self, container: &str, pid: u32) {
        let Some(guarded) = self.registry(|registry| registry.remove_run(container, pid)) else { return };
        if process::namespace(guarded.pid, "mnt").ok() != Some(guarded.mount_namespace) {
            return;
        }
        // The mounts have other paths since the process made the container's root its own.
        for mount in mounts::read(guarded.pid).unwrap_or_default() {
            if !guarded.mounts.contains(&mount.id) {
                continue;
            }
            let whole = guarded.devices.contains(&mount.device);
            let reach = if whole { Reach::FileSystem } else { Reach::Mount };
            let target = Target { reach, remote: mounts::is_remote(&mount.kind), mount };
            if let Ok((target, file)) = open_exactly(guarded.pid, target) {
                let _ = self.mark(MarkFlags::FAN_MARK_REMOVE, &target, &file);
            }
        }
    }

    pub(crate) fn guarded(&self) -> usize {
        self.registry(|registry| registry.len())
    }

    fn registry<T>(&self, change: impl FnOnce(&mut Registry) -> T) -> T {
        change(&mut self.common.registered.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn keepers<T>(&self, change: impl FnOnce(&mut Keepers) -> T) -> T {
        change(&mut self.common.keeping.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn mark(&self, action: MarkFlags, target: &Target, file: &File) -> nix::Result<()> {
        let lane = if target.remote { &self.remote } else { &self.local };
        let reach = match target.reach {
            Reach::FileSystem => MarkFlags::FAN_MARK_FILESYSTEM,
            Reach::Mount => MarkFlags::FAN_MARK_MOUNT,
        };
        // The kernel takes no descriptor without access here, but a path that leads to one.
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        lane.group.mark(action | reach, MaskFlags::FAN_OPEN_EXEC_PERM, AT_FDCWD, Some(&path))
    }
}

/// Opens each mount. One that is covered by another mount of the container is left out: nobody reaches it.
fn open_all(pid: u32, targets: Vec<Target>) -> Result<Vec<(Target, File)>, GuardError> {
    let known: HashSet<_> = targets.iter().map(|target| target.mount.id).collect();
    let mut opened = Vec::with_capacity(targets.len());
    for target in targets {
        match open_exactly(pid, target) {
            Ok(found) => opened.push(found),
            Err(Mismatch::Other(_, mount)) if known.contains(&mount) => {}
            Err(Mismatch::Other(point, _)) => return Err(GuardError::Moved(point)),
            Err(Mismatch::Unopened(point, source)) => return Err(GuardError::Mount { point, source }),
        }
    }
    Ok(opened)
}

enum Mismatch {
    Other(PathBuf, u64),
    Unopened(PathBuf, io::Error),
}

/// Opens a mount by its path and makes sure that it is that one: the container may change what a path leads
/// to, and a wrong step would guard the host.
fn open_exactly(pid: u32, target: Target) -> Result<(Target, File), Mismatch> {
    match open(pid, &target.mount.point) {
        Ok((file, mount)) if mount == target.mount.id => Ok((target, file)),
        Ok((_, mount)) => Err(Mismatch::Other(target.mount.point, mount)),
        Err(problem) => Err(Mismatch::Unopened(target.mount.point, problem)),
    }
}

fn open(pid: u32, point: &Path) -> io::Result<(File, u64)> {
    let inside = point.strip_prefix("/").unwrap_or(point);
    let path = Path::new("/proc").join(pid.to_string()).join("root/.").join(inside);
    // O_PATH: touches neither the device nor the server behind it.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(path)?;
    let (_, mount) = sys::file_state(&file)?;
    Ok((file, mount))
}
