//! `HostConfig`: every setting of the engine's interface, 1.24 to 1.51, and what it gives a container.

use lazaret_model::RunConfiguration;

use super::{Undecided, mounts, namespaces, security, wrong};
use crate::docker::defaults;
use crate::docker::fields::{Fields, flag, integer, is_nothing, join, list, map, text, text_map, texts};
use crate::docker::json::Value;

type Read = fn(&Value<'_>, &str, &mut RunConfiguration) -> Result<(), Undecided>;

enum Setting {
    /// Bounds resources, or concerns the inside of the container alone.
    Harmless,
    Read(Read),
    /// Means something only on Windows; refused when it asks for anything.
    Empty,
}

use Setting::{Empty, Harmless, Read as Reads};

const SETTINGS: &[(&str, Setting)] = &[
    ("Annotations", Reads(annotations)),
    ("AutoRemove", Harmless),
    ("Binds", Reads(mounts::binds)),
    ("BlkioDeviceReadBps", Harmless),
    ("BlkioDeviceReadIOps", Harmless),
    ("BlkioDeviceWriteBps", Harmless),
    ("BlkioDeviceWriteIOps", Harmless),
    ("BlkioWeight", Harmless),
    ("BlkioWeightDevice", Harmless),
    ("CapAdd", Reads(security::added_capabilities)),
    ("CapDrop", Harmless),
    ("Cgroup", Reads(cgroup)),
    ("CgroupParent", Reads(cgroup_parent)),
    ("CgroupnsMode", Reads(namespaces::cgroup)),
    ("ConsoleSize", Harmless),
    ("ContainerIDFile", Harmless),
    ("CpuCount", Harmless),
    ("CpuPercent", Harmless),
    ("CpuPeriod", Harmless),
    ("CpuQuota", Harmless),
    ("CpuRealtimePeriod", Harmless),
    ("CpuRealtimeRuntime", Harmless),
    ("CpuShares", Harmless),
    ("CpusetCpus", Harmless),
    ("CpusetMems", Harmless),
    ("CredentialSpec", Empty),
    ("DeviceCgroupRules", Reads(device_rules)),
    ("DeviceRequests", Reads(device_requests)),
    ("Devices", Reads(devices)),
    ("Dns", Harmless),
    ("DnsOptions", Harmless),
    ("DnsSearch", Harmless),
    ("ExtraHosts", Harmless),
    ("GroupAdd", Reads(groups)),
    ("IOMaximumBandwidth", Harmless),
    ("IOMaximumIOps", Harmless),
    ("Init", Harmless),
    ("InitPath", Reads(init_path)),
    ("IpcMode", Reads(namespaces::ipc)),
    ("Isolation", Reads(isolation)),
    ("KernelMemory", Harmless),
    ("KernelMemoryTCP", Harmless),
    ("Links", Reads(links)),
    ("LogConfig", Reads(log)),
    ("MaskedPaths", Reads(security::masked_paths)),
    ("Memory", Harmless),
    ("MemoryReservation", Harmless),
    ("MemorySwap", Harmless),
    ("MemorySwappiness", Harmless),
    ("Mounts", Reads(mounts::mounts)),
    ("NanoCpus", Harmless),
    ("NetworkMode", Reads(namespaces::network)),
    ("OomKillDisable", Reads(oom_kill)),
    ("OomScoreAdj", Reads(oom_score)),
    ("PidMode", Reads(namespaces::pid)),
    ("PidsLimit", Harmless),
    ("PortBindings", Reads(ports)),
    ("Privileged", Reads(privileged)),
    ("PublishAllPorts", Reads(all_ports)),
    ("ReadonlyPaths", Reads(security::readonly_paths)),
    ("ReadonlyRootfs", Harmless),
    ("RestartPolicy", Harmless),
    ("Runtime", Reads(runtime)),
    ("SecurityOpt", Reads(security::options)),
    ("ShmSize", Harmless),
    ("StorageOpt", Reads(storage)),
    ("Sysctls", Reads(sysctls)),
    ("Tmpfs", Reads(mounts::tmpfs)),
    ("UTSMode", Reads(namespaces::uts)),
    ("Ulimits", Harmless),
    ("UsernsMode", Reads(namespaces::user)),
    ("VolumeDriver", Reads(mounts::driver)),
    ("VolumesFrom", Reads(volumes_from)),
];

pub(super) fn is_setting(key: &str) -> bool {
    SETTINGS.iter().any(|(name, _)| *name == key)
}

pub(super) fn settings() -> impl Iterator<Item = &'static str> + Clone {
    SETTINGS.iter().map(|(name, _)| *name)
}

pub(super) fn read(value: &Value<'_>, run: &mut RunConfiguration) -> Result<(), Undecided> {
    let fields = Fields::of(value, "HostConfig", is_setting, settings())?;
    for (key, value) in fields.entries() {
        let path = join("HostConfig", key);
        match SETTINGS.iter().find(|(name, _)| name == key) {
            Some((_, Reads(read))) => read(value, &path, run)?,
            Some((_, Empty)) if !is_nothing(value) => return Err(wrong(&path, "has no meaning here")),
            _ => {}
        }
    }
    Ok(())
}

fn privileged(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    run.privileged = flag(value, path)?;
    Ok(())
}

/// The runtime may give such notes any meaning: with systemd, `org.systemd.property.*` sets unit properties.
fn annotations(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    run.escapes.extend(text_map(value, path)?.iter().map(|(name, _)| defaults::annotation(name)));
    Ok(())
}

fn cgroup(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    match text(value, path)? {
        "" => {}
        mode => run.escapes.push(format!("cgroup of {mode}")),
    }
    Ok(())
}

fn cgroup_parent(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    match text(value, path)? {
        "" => {}
        parent => run.escapes.push(format!("cgroup parent {parent}")),
    }
    Ok(())
}

fn runtime(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    match text(value, path)? {
        "" => {}
        name => run.escapes.push(format!("runtime {name}")),
    }
    Ok(())
}

fn init_path(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    match text(value, path)? {
        "" => {}
        program => run.escapes.push(format!("init program {program}")),
    }
    Ok(())
}

fn isolation(value: &Value<'_>, path: &str, _: &mut RunConfiguration) -> Result<(), Undecided> {
    match text(value, path)? {
        "" | "default" => Ok(()),
        _ => Err(wrong(path, "has no meaning here")),
    }
}

fn volumes_from(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    run.escapes.extend(texts(value, path)?.iter().map(|other| format!("volumes of container {other}")));
    Ok(())
}

/// A link hands over the other container's environment, which may hold secrets.
fn links(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    run.escapes.extend(texts(value, path)?.iter().map(|link| format!("link to container {link}")));
    Ok(())
}

/// A further group opens what its members may open, in volumes as in bind mounts.
fn groups(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    run.weakened.extend(texts(value, path)?.iter().map(|group| format!("supplementary group {group}")));
    Ok(())
}

fn oom_kill(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    if flag(value, path)? {
        run.weakened.push(defaults::NO_OOM_KILL.to_owned());
    }
    Ok(())
}

/// Below zero, the kernel kills others first.
fn oom_score(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    let score = integer(value, path)?;
    if score < 0 {
        run.weakened.push(defaults::oom_score(score));
    }
    Ok(())
}

/// Drivers that write to files of the engine alone. Others connect to addresses that the caller names.
const LOCAL_LOGS: &[&str] = &["", "json-file", "local", "none", "journald"];

fn log(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    let fields = Fields::known(value, path, &["Type"], &["Config"])?;
    let driver = text(fields.get("Type"), path)?;
    if !LOCAL_LOGS.contains(&driver) {
        run.escapes.push(format!("log driver {driver}"));
    }
    Ok(())
}

fn storage(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    // A quota on the container's own files bounds it; nothing else is known to.
    let options = text_map(value, path)?;
    run.escapes.extend(
        options.iter().filter(|(name, _)| *name != "size").map(|(name, _)| format!("storage option {name}")),
    );
    Ok(())
}

fn sysctls(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    run.sysctls.extend(text_map(value, path)?.iter().map(|(name, value)| format!("{name}={value}")));
    Ok(())
}

fn devices(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    for item in list(value, path)? {
        let fields = Fields::known(item, path, &["PathOnHost"], &["PathInContainer", "CgroupPermissions"])?;
        run.devices.push(text(fields.get("PathOnHost"), path)?.to_owned());
    }
    Ok(())
}

fn device_rules(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    run.devices.extend(texts(value, path)?.iter().map(|rule| defaults::device_rule(rule)));
    Ok(())
}

fn device_requests(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    for item in list(value, path)? {
        let harmless = ["Count", "DeviceIDs", "Options"];
        let fields = Fields::known(item, path, &["Driver", "Capabilities"], &harmless)?;
        let mut words = vec![text(fields.get("Driver"), path)?];
        for group in list(fields.get("Capabilities"), path)? {
            words.extend(texts(group, path)?);
        }
        words.retain(|word| !word.is_empty());
        run.devices.push(format!("device request {}", words.join(" ")));
    }
    Ok(())
}

fn ports(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    for (inside, bindings) in map(value, path)? {
        for binding in list(bindings, path)? {
            let fields = Fields::known(binding, path, &["HostIp", "HostPort"], &[])?;
            let port = text(fields.get("HostPort"), path)?;
            run.published_ports.push(match text(fields.get("HostIp"), path)? {
                "" => format!("{port}:{inside}"),
                address if address.contains(':') => format!("[{address}]:{port}:{inside}"),
                address => format!("{address}:{port}:{inside}"),
            });
        }
    }
    Ok(())
}

fn all_ports(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    if flag(value, path)? {
        run.published_ports.push("*:all".to_owned());
    }
    Ok(())
}
