//! Programs, links and maps that stay in the kernel when this process ends, and how the next one takes over.
//!
//! All lies in one directory on a BPF file system. Maps are used again by name. Links are put beside the old ones
//! and then take their names: there is no moment without a program. Which of the two programs speaks meanwhile is
//! told by the generation (`bpf/stream.h`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aya::maps::{Array, Map, MapData};
use aya::pin::PinError;
use aya::programs::links::{FdLink, PinnedLink};
use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

/// Where systems mount the file system of BPF objects; systemd does so at boot.
pub const BPF_FILE_SYSTEM: &str = "/sys/fs/bpf";

/// Grows when the layout of a map changes: then nothing is taken over.
const LAYOUT: u32 = 2;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PinsError {
    #[error("{} is not on a BPF file system (mount -t bpf bpf /sys/fs/bpf)", .0.display())]
    FileSystem(PathBuf),
    #[error("the directory for lasting kernel objects {} cannot be used: {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("the program `{name}` cannot be kept in the kernel: {}", crate::tracer::chain(.source))]
    Pin { name: &'static str, source: PinError },
}

/// Mounts the file system of BPF objects where it belongs, on a system that has not.
pub fn provide_bpf_file_system() -> io::Result<()> {
    let directory = Path::new(BPF_FILE_SYSTEM);
    let is_there = || Ok::<_, io::Error>(statfs(directory)?.filesystem_type() == BPF_FS_MAGIC);
    if is_there()? {
        return Ok(());
    }
    // Of two that come at once one waits: a second mount would hide what was kept in the first.
    let lock = fs::File::open(directory)?;
    lock.lock()?;
    if !is_there()? {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("bpf"), directory, Some("bpf"), flags, Some("mode=700"))?;
    }
    Ok(())
}

/// The directory.
#[derive(Debug)]
pub(crate) struct Pins {
    directory: PathBuf,
}

impl Pins {
    pub(crate) fn open(base: &Path) -> Result<Self, PinsError> {
        let directory = base.join(format!("layout-{LAYOUT}"));
        let failed = |source| PinsError::Directory { path: directory.clone(), source };
        if base.starts_with(BPF_FILE_SYSTEM) {
            provide_bpf_file_system().map_err(failed)?;
        }
        let parent = base.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(base);
        let system = statfs(parent).map_err(|errno| failed(errno.into()))?;
        if system.filesystem_type() != BPF_FS_MAGIC {
            return Err(PinsError::FileSystem(base.to_owned()));
        }
        fs::create_dir_all(directory.join("links")).map_err(failed)?;
        fs::create_dir_all(directory.join("maps")).map_err(failed)?;
        Ok(Self { directory })
    }

    pub(crate) fn map(&self, name: &str) -> PathBuf {
        self.directory.join("maps").join(name)
    }

    /// Entries, or bytes of a ring, of a map that is there already.
    pub(crate) fn size(&self, name: &str) -> Option<u32> {
        Some(MapData::from_pin(self.map(name)).ok()?.info().ok()?.max_entries())
    }

    /// Which sensor's programs speak; 0 before the first.
    pub(crate) fn generation(&self) -> u64 {
        let read = || {
            let data = MapData::from_pin(self.map("current_generation")).ok()?;
            let map: Array<_, u64> = Map::Array(data).try_into().ok()?;
            map.get(&0, 0).ok()
        };
        read().unwrap_or(0)
    }

    /// Makes a link outlive this process, in the place of its predecessor.
    pub(crate) fn keep(&self, name: &'static str, link: FdLink) -> Result<PinnedLink, PinsError> {
        let links = self.directory.join("links");
        let (new, path) = (links.join(format!("{name}-new")), links.join(name));
        // Left by a sensor that died between the two steps.
        let _ = fs::remove_file(&new);
        let pinned = link.pin(&new).map_err(|source| PinsError::Pin { name, source })?;
        fs::rename(&new, &path).map_err(|source| PinsError::Directory { path, source })?;
        Ok(pinned)
    }
}

/// Takes everything out of the kernel that was kept there. What is not there is no error.
pub(crate) fn remove(base: &Path) -> io::Result<()> {
    match fs::remove_dir_all(base) {
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
#[expect(clippy::print_stderr, reason = "a skipped test says so aloud")]
mod tests {
    use nix::mount::{MntFlags, umount2};
    use nix::sched::{CloneFlags, unshare};

    use super::*;

    /// In a mount namespace of this thread's own.
    #[test]
    fn a_system_that_has_no_bpf_file_system_gets_one_and_only_one() {
        if !nix::unistd::geteuid().is_root() {
            return eprintln!("SKIPPED: only root mounts");
        }
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
        let is_there = || statfs(BPF_FILE_SYSTEM).unwrap().filesystem_type() == BPF_FS_MAGIC;
        while is_there() {
            umount2(BPF_FILE_SYSTEM, MntFlags::MNT_DETACH).unwrap();
        }
        provide_bpf_file_system().unwrap();
        assert!(is_there());
        fs::create_dir(Path::new(BPF_FILE_SYSTEM).join("kept")).unwrap();
        provide_bpf_file_system().unwrap();
        assert!(Path::new(BPF_FILE_SYSTEM).join("kept").exists(), "hidden by a second mount");
        umount2(BPF_FILE_SYSTEM, MntFlags::MNT_DETACH).unwrap();
        assert!(!is_there());
    }
}
