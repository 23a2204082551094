use std::collections::BTreeSet;

use serde_json::json;

use super::{Export, ExportError};
use crate::profile::Profile;

/// What the OCI runtime itself calls after the filter is in place, and what the C library needs to begin and to end:
/// seen of runc 1.0 to 1.3 and crun. Profiles that were recorded with one version broke with the next.
const RUNTIME: &[&str] = &[
    "brk",
    "capget",
    "capset",
    "chdir",
    "close",
    "close_range",
    "dup3",
    "epoll_ctl",
    "epoll_pwait",
    "execve",
    "exit",
    "exit_group",
    "faccessat2",
    "fchdir",
    "fchown",
    "fcntl",
    "fstat",
    "fstatfs",
    "futex",
    "getcwd",
    "getdents64",
    "getpid",
    "getppid",
    "getrandom",
    "gettid",
    "mmap",
    "mprotect",
    "munmap",
    "nanosleep",
    "newfstatat",
    "openat",
    "openat2",
    "prctl",
    "pread64",
    "prlimit64",
    "read",
    "readlinkat",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "setgid",
    "setgroups",
    "setuid",
    "sigaltstack",
    "statfs",
    "statx",
    "tgkill",
    "umask",
    "write",
];

/// What learning sees of calls, because it stands out. A list of nothing else would allow no program to work.
const LEARNED: &[&str] = &["memfd_create"];

/// The `linux.seccomp` object of the OCI runtime specification, which Docker and Kubernetes take as a file: what is
/// not listed fails with `EPERM`.
pub fn seccomp(profile: &Profile) -> Result<Export, ExportError> {
    if profile.system_calls.iter().all(|name| LEARNED.contains(&name.as_str())) {
        return Err(ExportError::NoSystemCalls(
            "those that its programs make have to be listed in `system-calls`; learning sees only a few that stand out",
        ));
    }
    let (numbers, names): (Vec<_>, Vec<_>) =
        profile.system_calls.iter().partition(|name| name.parse::<u32>().is_ok());
    let kernel = profile.kernel.iter().map(|operation| operation.system_call());
    let names: BTreeSet<&str> =
        names.into_iter().map(String::as_str).chain(kernel).chain(RUNTIME.iter().copied()).collect();
    let architectures = match profile.subject.variant.architecture.as_str() {
        "amd64" => vec!["SCMP_ARCH_X86_64"],
        "arm64" => vec!["SCMP_ARCH_AARCH64"],
        _ => Vec::new(),
    };
    let mut document = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}],
    });
    if !architectures.is_empty() {
        document["architectures"] = json!(architectures);
    }
    let lost = match numbers.is_empty() {
        true => Vec::new(),
        false => vec![format!("{} system calls have no name here and are not allowed", numbers.len())],
    };
    Ok(Export { text: format!("{document:#}\n"), lost })
}
