use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};

use crate::{Context, Result};

const ROOT: &str = "/sys/fs/cgroup";

/// Mounts control groups where nothing did so (a machine without an init system that does); says what it mounted.
///
/// Version 2 alone is enough for Debian's engine.
pub(crate) fn mount_if_absent() -> Result<Vec<PathBuf>> {
    if !hierarchies().is_empty() {
        return Ok(Vec::new());
    }
    fs::create_dir_all(ROOT).context(|| format!("cannot create {ROOT}"))?;
    mount(Some("cgroup2"), ROOT, Some("cgroup2"), MsFlags::empty(), None::<&str>)
        .context(|| format!("cannot mount control groups on {ROOT}"))?;
    Ok(vec![PathBuf::from(ROOT)])
}

/// Where each hierarchy is mounted.
fn hierarchies() -> Vec<PathBuf> {
    super::mounts::all()
        .into_iter()
        .filter(|mount| mount.kind.starts_with("cgroup"))
        .map(|mount| mount.point)
        .collect()
}

/// Puts a daemon into a group of the laboratory, where the kernel counts what it and its children use, and where the
/// next run finds it. Without version 2 there is no such group.
pub(crate) fn adopt(name: &str, pid: u32) {
    if let Some(root) = version_2() {
        let group = root.join(name).join("daemons");
        let _ =
            fs::create_dir_all(&group).and_then(|()| fs::write(group.join("cgroup.procs"), pid.to_string()));
    }
}

/// CPU time that everything in the laboratory used so far: daemons, runtimes and containers.
pub(crate) fn cpu_time(name: &str) -> Option<Duration> {
    let text = fs::read_to_string(version_2()?.join(name).join("cpu.stat")).ok()?;
    let micros = text.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
    micros.parse().ok().map(Duration::from_micros)
}

fn version_2() -> Option<PathBuf> {
    super::mounts::all().into_iter().find(|mount| mount.kind == "cgroup2").map(|mount| mount.point)
}

/// All processes in the groups below `name`, in any hierarchy.
pub(crate) fn members(name: &str) -> Vec<i32> {
    let mut pids = Vec::new();
    for folder in hierarchies().iter().flat_map(|root| folders(&root.join(name))) {
        let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
        pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
    }
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// Removes the groups below `name`; their processes must be gone.
pub(crate) fn remove(name: &str) {
    for root in hierarchies() {
        for folder in folders(&root.join(name)).iter().rev() {
            let until = Instant::now() + LEAVING;
            // A process that was ended is in its group until the kernel has taken it apart.
            while fs::remove_dir(folder).is_err_and(|error| error.kind() == ErrorKind::ResourceBusy)
                && Instant::now() < until
            {
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// How long that may take.
const LEAVING: Duration = Duration::from_secs(5);

/// The folder and all below it, parents first.
fn folders(top: &Path) -> Vec<PathBuf> {
    if !top.is_dir() {
        return Vec::new();
    }
    let mut found = vec![top.to_owned()];
    let mut next = 0;
    while let Some(folder) = found.get(next).cloned() {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        found.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
        next += 1;
    }
    found
}
