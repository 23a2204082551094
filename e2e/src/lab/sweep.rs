use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::network::{self, Route};
use super::process::{Process, kill_now, processes};
use super::{Folders, cgroups, mounts};
use crate::{Context, Result};

/// What was found and removed, for people.
#[derive(Debug, Default)]
pub struct Swept {
    pub processes: usize,
    pub bridges: usize,
    pub folder: bool,
}

impl Swept {
    pub fn is_empty(&self) -> bool {
        self.processes == 0 && self.bridges == 0 && !self.folder
    }
}

/// Removes everything that a laboratory on this state folder made, however it ended: needs no memory of it.
/// A folder that is not a laboratory's is left alone.
pub fn sweep(folders: &Folders) -> Result<Swept> {
    let state = folders.state();
    let empty = fs::read_dir(state).map(|mut entries| entries.next().is_none()).unwrap_or(true);
    crate::check!(
        empty || folders.mark().exists(),
        "{} was not made by a laboratory: it is left alone; set LAZARET_STATE to another folder",
        state.display()
    );

    let blocks: Vec<String> = ["docker", "build"]
        .iter()
        .filter_map(|name| fs::read_to_string(folders.run().join(format!("{name}.network"))).ok())
        .collect();
    let mut swept = Swept { processes: kill_processes(folders, &blocks), ..Swept::default() };

    mounts::detach_below(state);
    cgroups::remove(&folders.cgroup());
    let mut bridges: Vec<String> = blocks.iter().flat_map(|block| network::bridges_within(block)).collect();
    bridges.extend(["docker", "build"].map(|engine| folders.bridge(engine)));
    bridges.sort();
    bridges.dedup();
    for bridge in bridges.iter().filter(|bridge| Path::new("/sys/class/net").join(bridge).exists()) {
        network::remove_link(bridge);
        swept.bridges += 1;
    }
    remove_shim_sockets(folders);
    let plugin = PathBuf::from(format!("/run/docker/plugins/{}.sock", folders.plugin()));
    let _ = fs::remove_file(plugin);
    remove_pins(folders);
    if state.exists() {
        swept.folder = !empty;
        fs::remove_dir_all(state).context(|| format!("cannot remove {}", state.display()))?;
    }
    unmount_cgroups(folders);
    Ok(swept)
}

/// Daemons first, so that nothing is started again, then what they ran. A process that ends by itself between
/// being seen and being killed does no harm: numbers are not used again so soon.
fn kill_processes(folders: &Folders, blocks: &[String]) -> usize {
    let mut killed = 0;
    // Twice: a daemon may just have started something.
    for _ in 0..2 {
        let found = processes().into_iter().filter(|process| is_ours(process, folders.state(), blocks));
        let mut pids: Vec<i32> = found.map(|process| process.pid).collect();
        pids.extend(cgroups::members(&folders.cgroup()));
        pids.sort_unstable();
        pids.dedup();
        pids.iter().for_each(|pid| kill_now(*pid));
        killed += pids.len();
    }
    killed
}

/// The program is one that a laboratory starts, and its arguments lead into our state folder.
fn is_ours(process: &Process, state: &Path, blocks: &[String]) -> bool {
    let inside = format!("{}/", state.display());
    let names_us = || {
        process.arguments.iter().any(|argument| argument.trim_start_matches("unix://").starts_with(&inside))
    };
    match process.program.as_str() {
        "lazaret" => process.arguments.get(1).is_some_and(|word| word == "serve") && names_us(),
        "lazaret-agent"
        | "dockerd"
        | "containerd"
        | "containerd-shim-runc-v2"
        | "docker-registry"
        | "runc" => names_us(),
        "docker-proxy" => {
            let address = process.arguments.iter().skip_while(|word| *word != "-container-ip").nth(1);
            let address = address.and_then(|text| Route::parse(text));
            address.is_some_and(|address| {
                blocks.iter().filter_map(|block| Route::parse(block)).any(|block| block.overlaps(&address))
            })
        }
        _ => false,
    }
}

/// Shims listen on sockets in a folder that all containerds of a host share; each notes its own in its bundle.
fn remove_shim_sockets(folders: &Folders) {
    for engine in [folders.docker(), folders.build()] {
        let bundles = engine.join("containerd/state/io.containerd.runtime.v2.task/moby");
        for bundle in fs::read_dir(bundles).into_iter().flatten().flatten() {
            let address = fs::read_to_string(bundle.path().join("address")).unwrap_or_default();
            if let Some(socket) = address.trim().strip_prefix("unix://")
                && socket.starts_with("/run/containerd/s/")
            {
                let _ = fs::remove_file(socket);
            }
        }
    }
}

/// What the agent put into the kernel stays when it ends, in a folder named after a hash of its state's.
fn remove_pins(folders: &Folders) {
    let hash = Sha256::digest(folders.agent().as_os_str().as_encoded_bytes());
    let name: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let _ = fs::remove_dir_all(Path::new("/sys/fs/bpf").join(format!("lazaret-{name}")));
}

/// Hierarchies that a laboratory mounted (none on an ordinary machine) stay while containers of others may use them.
pub(super) const MOUNTED_CGROUPS: &str = "/run/lazaret-cgroups";

fn unmount_cgroups(folders: &Folders) {
    let note = Path::new(MOUNTED_CGROUPS).join(folders.tag());
    let Ok(mounted) = fs::read_to_string(&note) else { return };
    for point in mounted.lines() {
        // Fails while in use: then it is not ours alone any more.
        let _ = nix::mount::umount(point);
    }
    let _ = fs::remove_file(&note);
    let _ = fs::remove_dir(MOUNTED_CGROUPS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_processes_are_ours() {
        let state = Path::new("/var/lib/lazaret");
        let blocks = ["10.213.4.0/22".to_owned()];
        let process = |line: &str| {
            let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let program = arguments[0].rsplit('/').next().unwrap().to_owned();
            Process { pid: 1, parent: 0, program, arguments }
        };
        for ours in [
            "dockerd --config-file /var/lib/lazaret/docker/daemon.json",
            "/usr/bin/containerd-shim-runc-v2 -namespace moby -id 1 -address /var/lib/lazaret/docker/containerd.sock",
            "/x/lazaret serve --state /var/lib/lazaret/server",
            "/usr/sbin/docker-proxy -proto tcp -host-port 80 -container-ip 10.213.4.2 -container-port 8080",
        ] {
            assert!(is_ours(&process(ours), state, &blocks), "{ours}");
        }
        for other in [
            "dockerd",
            "dockerd --config-file /etc/docker/daemon.json --data-root /var/lib/docker",
            "dockerd --config-file /var/lib/lazaret2/docker/daemon.json",
            "vim /var/lib/lazaret/policy.yaml",
            "/x/lazaret events --follow --token-file /var/lib/lazaret/server/admin.token",
            "/usr/sbin/docker-proxy -proto tcp -host-port 80 -container-ip 172.17.0.2 -container-port 8080",
        ] {
            assert!(!is_ours(&process(other), state, &blocks), "{other}");
        }
    }
}
