//! What a container would run, read from its OCI bundle.

use std::fs;
use std::path::{Path, PathBuf};

use lazaret_engine::docker::runtime_spec::{self, Layout};
use lazaret_model::RunConfiguration;
use serde::Deserialize;

use super::begin::Shape;
use super::protocol::Ask;
use crate::engine_process::EngineProcess;
use crate::files;

/// Configurations of containers with thousands of variables are smaller.
pub(super) const CONFIGURATION_BYTES: u64 = 16 << 20;

#[derive(Debug)]
pub(super) struct Specification {
    pub(super) run: RunConfiguration,
    pub(super) shape: Shape,
    pub(super) rootfs: PathBuf,
}

/// What only names things; what decides is read strictly.
#[derive(Deserialize)]
struct Names {
    root: Root,
    #[serde(flatten)]
    shape: Shape,
}

#[derive(Deserialize)]
struct Root {
    path: PathBuf,
}

/// Reads the configuration of the bundle. `hook` is the program that asks: it is in there itself.
pub(super) fn read(
    ask: &Ask,
    engine_socket: &Path,
    data_root: &Path,
    hook: Option<&Path>,
) -> Result<Specification, String> {
    let path = Path::new(&ask.bundle).join("config.json");
    let say = |why: String| format!("{}: {why}", path.display());
    let bytes = files::read_bounded(&path, CONFIGURATION_BYTES).map_err(|error| say(error.to_string()))?;
    // The engine runs, since it wants to start something; an absent answer means its usual places.
    let engine = EngineProcess::behind(engine_socket).ok();
    let exec_root = engine.as_ref().map_or_else(|| "/var/run/docker".to_owned(), EngineProcess::exec_root);
    let cgroup_parent = engine.as_ref().and_then(EngineProcess::cgroup_parent);
    let data_root = data_root.to_string_lossy();
    let own = std::env::current_exe().ok();
    let hooks: Vec<&str> = [hook, own.as_deref()].into_iter().flatten().filter_map(Path::to_str).collect();
    let layout = Layout {
        data_root: data_root.trim_end_matches('/'),
        exec_root: &exec_root,
        container: &ask.id,
        cgroup_parent: cgroup_parent.as_deref(),
        has_cgroup_namespaces: Path::new("/sys/fs/cgroup/cgroup.controllers").exists(),
        hooks: &hooks,
        device: &device_path,
    };
    let run = runtime_spec::read(&bytes, &layout).map_err(|error| say(error.to_string()))?;
    let names: Names = serde_json::from_slice(&bytes).map_err(|error| say(error.to_string()))?;
    Ok(Specification { run, shape: names.shape, rootfs: Path::new(&ask.bundle).join(names.root.path) })
}

/// The path of a device of the host, from the kernel's own list.
fn device_path(kind: char, major: u32, minor: u32) -> Option<String> {
    let class = if kind == 'b' { "block" } else { "char" };
    let text = fs::read_to_string(format!("/sys/dev/{class}/{major}:{minor}/uevent")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("DEVNAME=")).map(|name| format!("/dev/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_the_kernels_names() {
        assert_eq!(device_path('c', 1, 3).as_deref(), Some("/dev/null"));
        assert_eq!(device_path('b', 4095, 1), None);
    }
}
