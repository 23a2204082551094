//! What the engine is about to run, read from the configuration that it wrote for the OCI runtime
//! (`config.json`, OCI runtime-spec 1.x), in the same facts as [`request`](super::request) reads from a request.
//!
//! This is what will really happen: nothing that was asked past the plugin is missing here, and a name that was
//! given to another image meanwhile is no matter. What the engine itself always adds is recognised as such only
//! where it stands at its expected place.
//!
//! **Invariant:** every key of the file is known to be harmless, or leaves a fact; unknown ones are escapes.

mod devices;
mod mounts;
mod process;

use lazaret_model::{HostNamespace, RunConfiguration};

use super::defaults;
use super::fields::{WrongSetting, list, map, text, text_map, texts};
use super::json::{self, Bounds, JsonError, Value};

/// Where an engine keeps what it adds to containers.
#[derive(Clone, Copy)]
pub struct Layout<'a> {
    /// Absolute, without trailing slash: `/var/lib/docker`.
    pub data_root: &'a str,
    /// `/var/run/docker`.
    pub exec_root: &'a str,
    /// The container's id.
    pub container: &'a str,
    /// The cgroup that the engine puts containers into; `None` leaves it unchecked.
    pub cgroup_parent: Option<&'a str>,
    /// Whether the engine gives each container a cgroup namespace: it does on hosts with only cgroup v2.
    pub has_cgroup_namespaces: bool,
    /// Programs that the host's administrator lets run as hooks, by path.
    pub hooks: &'a [&'a str],
    /// The path of a device of the host by `b` or `c` and its numbers.
    pub device: &'a dyn Fn(char, u32, u32) -> Option<String>,
}

impl std::fmt::Debug for Layout<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layout")
            .field("data_root", &self.data_root)
            .field("container", &self.container)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    #[error("the runtime configuration is not clear: {0}")]
    Json(#[from] JsonError),
    #[error("the runtime configuration is not clear: {0}")]
    Setting(#[from] WrongSetting),
}

/// Reads `config.json`. `name` is left empty: the file does not know it.
pub fn read(bytes: &[u8], layout: &Layout<'_>) -> Result<RunConfiguration, SpecError> {
    let spec = json::parse(bytes, Bounds::FILE)?;
    let mut run = RunConfiguration::default();
    let spec = Section::of(&spec, "")?;
    root(&spec, layout, &mut run)?;
    process::read(&spec.section("process")?, &mut run)?;
    linux(&spec.section("linux")?, layout, &mut run)?;
    mounts::read(&spec, layout, &mut run)?;
    hooks(&spec, layout, &mut run)?;
    for (name, _) in text_map(spec.get("annotations"), "annotations")? {
        run.escapes.push(defaults::annotation(name));
    }
    let known = [
        "ociVersion",
        "process",
        "root",
        "hostname",
        "domainname",
        "mounts",
        "hooks",
        "annotations",
        "linux",
    ];
    spec.unknown(&known, &mut run);
    Ok(run)
}

/// An object of the file with its place.
#[derive(Debug)]
struct Section<'v> {
    path: String,
    value: &'v Value<'v>,
}

impl<'v> Section<'v> {
    fn of(value: &'v Value<'v>, path: &str) -> Result<Self, WrongSetting> {
        map(value, path)?;
        Ok(Self { path: path.to_owned(), value })
    }

    /// An absent object is an empty one.
    fn section(&self, key: &str) -> Result<Self, WrongSetting> {
        Self::of(self.get(key), &super::fields::join(&self.path, key))
    }

    fn get(&self, key: &str) -> &'v Value<'v> {
        let entries = map(self.value, "").unwrap_or_default();
        entries.iter().find(|(name, _)| name == key).map_or(&Value::Null, |(_, value)| value)
    }

    /// Notes every key that is not in the list and asks for something.
    fn unknown(&self, known: &[&str], run: &mut RunConfiguration) {
        for (key, value) in map(self.value, "").unwrap_or_default() {
            if !known.contains(&key.as_ref()) && !super::fields::is_nothing(value) {
                run.escapes.push(format!("runtime setting {}", super::fields::join(&self.path, key)));
            }
        }
    }
}

fn root(spec: &Section<'_>, layout: &Layout<'_>, run: &mut RunConfiguration) -> Result<(), WrongSetting> {
    let root = spec.section("root")?;
    let path = text(root.get("path"), "root.path")?;
    if !is_below(path, layout.data_root) && !is_below(path, layout.exec_root) {
        run.escapes.push(format!("root file system {path}"));
    }
    root.unknown(&["path", "readonly"], run);
    Ok(())
}

/// Below, not at, a folder; paths that climb are below nothing.
fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/') && !path.split('/').any(|part| part == ".."))
}

fn linux(linux: &Section<'_>, layout: &Layout<'_>, run: &mut RunConfiguration) -> Result<(), WrongSetting> {
    namespaces(linux, layout, run)?;
    devices::read(linux, layout, run)?;
    for (name, value) in text_map(linux.get("sysctl"), "linux.sysctl")? {
        // The engine's own, which let processes bind low ports and ping without capabilities.
        let is_own = matches!(
            (name, value),
            ("net.ipv4.ip_unprivileged_port_start", "0") | ("net.ipv4.ping_group_range", "0 2147483647")
        );
        if !is_own {
            run.sysctls.push(format!("{name}={value}"));
        }
    }
    seccomp(linux, run)?;
    for (key, needed, fact) in [
        ("maskedPaths", defaults::MASKED_PATHS, defaults::UNMASKED),
        ("readonlyPaths", defaults::READONLY_PATHS, defaults::WRITABLE),
    ] {
        let given = texts(linux.get(key), key)?;
        if !needed.iter().all(|path| given.contains(path)) {
            run.weakened.push(fact.to_owned());
        }
    }
    match text(linux.get("rootfsPropagation"), "linux.rootfsPropagation")? {
        "" | "private" | "rprivate" | "slave" | "rslave" => {}
        mode => run.weakened.push(defaults::propagation(mode, "/")),
    }
    let cgroup = text(linux.get("cgroupsPath"), "linux.cgroupsPath")?;
    if let Some(parent) = layout.cgroup_parent {
        let container = layout.container;
        // Paths as the cgroupfs driver writes them, or units as systemd's.
        let found = cgroup.strip_suffix(&format!("/{container}"));
        let found = found.or_else(|| cgroup.strip_suffix(&format!(":docker:{container}"))).unwrap_or(cgroup);
        if found.trim_matches('/') != parent.trim_matches('/') {
            run.escapes.push(format!("cgroup parent {found}"));
        }
    }
    let known = [
        "namespaces",
        "devices",
        "resources",
        "sysctl",
        "seccomp",
        "maskedPaths",
        "readonlyPaths",
        "rootfsPropagation",
        "cgroupsPath",
        "uidMappings",
        "gidMappings",
        "mountLabel",
    ];
    linux.unknown(&known, run);
    Ok(())
}

fn seccomp(linux: &Section<'_>, run: &mut RunConfiguration) -> Result<(), WrongSetting> {
    if *linux.get("seccomp") == Value::Null {
        run.weakened.push(defaults::NO_SECCOMP.to_owned());
        return Ok(());
    }
    let seccomp = linux.section("seccomp")?;
    // The engine's profile refuses what it does not name. Whether a profile that does so too is the engine's own
    // is written in the engine's files, not here.
    let action = text(seccomp.get("defaultAction"), "linux.seccomp.defaultAction")?;
    if !(action == "SCMP_ACT_ERRNO" || action == "SCMP_ACT_TRAP" || action.starts_with("SCMP_ACT_KILL")) {
        run.weakened.push(defaults::OWN_SECCOMP.to_owned());
    }
    Ok(())
}

const NAMESPACES: &[(&str, HostNamespace)] = &[
    ("pid", HostNamespace::Pid),
    ("ipc", HostNamespace::Ipc),
    ("network", HostNamespace::Network),
    ("uts", HostNamespace::Uts),
    ("mount", HostNamespace::Mount),
    ("cgroup", HostNamespace::Cgroup),
];

fn namespaces(
    linux: &Section<'_>,
    layout: &Layout<'_>,
    run: &mut RunConfiguration,
) -> Result<(), WrongSetting> {
    let mut own = Vec::new();
    for item in list(linux.get("namespaces"), "linux.namespaces")? {
        let item = Section::of(item, "linux.namespaces")?;
        let kind = text(item.get("type"), "linux.namespaces.type")?;
        let path = text(item.get("path"), "linux.namespaces.path")?;
        let host_network = format!("{}/netns/default", layout.exec_root);
        match path {
            "" => own.push(kind),
            path if kind == "network"
                && (path == host_network || path.ends_with("/docker/netns/default")) => {}
            path => {
                // Neither its own nor known to be the host's.
                own.push(kind);
                run.escapes.push(format!("{kind} namespace {path}"));
            }
        }
    }
    for (kind, namespace) in NAMESPACES {
        // Without cgroup v2 the engine's default is the host's, which shows names and no more.
        let is_usual = *namespace == HostNamespace::Cgroup && !layout.has_cgroup_namespaces;
        if !own.contains(kind) && !is_usual {
            run.host_namespaces.push(*namespace);
        }
    }
    Ok(())
}

/// Hooks run as root on the host. Callers of the engine cannot set them, but who wrote the file can.
fn hooks(spec: &Section<'_>, layout: &Layout<'_>, run: &mut RunConfiguration) -> Result<(), WrongSetting> {
    for (_, hooks) in map(spec.get("hooks"), "hooks")? {
        for hook in list(hooks, "hooks")? {
            let hook = Section::of(hook, "hooks")?;
            let path = text(hook.get("path"), "hooks.path")?;
            let arguments = texts(hook.get("args"), "hooks.args")?;
            let is_process = path.strip_prefix("/proc/").and_then(|rest| rest.strip_suffix("/exe"));
            let is_engine = is_process
                .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
                || path.ends_with("/dockerd");
            let sets_network = is_engine && arguments.first() == Some(&"libnetwork-setkey");
            if !sets_network && !layout.hooks.contains(&path) {
                run.escapes.push(format!("hook {path}"));
            }
        }
    }
    Ok(())
}
