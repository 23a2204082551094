//! What the engine gives every container, and the words for what is weaker than that. Both edges, the request
//! and the runtime's configuration, say the same words, because policies name them.

/// Docker's default set (`oci/caps/defaults.go`), without `CAP_`.
pub(super) const CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Every capability that Linux knows (capabilities(7)).
pub(super) const ALL_CAPABILITIES: &[&str] = &[
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// Paths that engines since 18.09 hide. Newer ones hide more.
pub(super) const MASKED_PATHS: &[&str] = &[
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];

pub(super) const READONLY_PATHS: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

pub(super) const NO_SECCOMP: &str = "seccomp profile unconfined";
pub(super) const OWN_SECCOMP: &str = "seccomp profile of the caller";
pub(super) const UNMASKED: &str = "masked paths uncovered";
pub(super) const WRITABLE: &str = "read-only paths writable";

pub(super) const WRITABLE_CGROUPS: &str = "cgroups writable";
pub(super) const WRITABLE_SYS: &str = "/sys writable";
pub(super) const NO_OOM_KILL: &str = "out-of-memory killer disabled";

pub(super) fn oom_score(score: i64) -> String {
    format!("out-of-memory score {score}")
}

pub(super) fn tmpfs_with(option: &str, target: &str) -> String {
    format!("tmpfs with {option} at {target}")
}

pub(super) fn propagation(mode: &str, target: &str) -> String {
    format!("mount propagation {mode} of {target}")
}

pub(super) fn device_rule(rule: &str) -> String {
    format!("device rule {rule}")
}

pub(super) fn annotation(name: &str) -> String {
    format!("annotation {name}")
}

pub(super) fn apparmor(profile: &str) -> String {
    format!("apparmor profile {profile}")
}

/// `cap_net_admin` as it is written here: `NET_ADMIN`.
pub(super) fn capability(name: &str) -> String {
    let name = name.trim().to_ascii_uppercase();
    name.strip_prefix("CAP_").unwrap_or(&name).to_owned()
}
