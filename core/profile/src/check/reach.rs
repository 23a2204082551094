//! Files, file systems, the kernel and resources.

use lazaret_model::{
    CapabilityUse, Dimension, FileAccess, FileOperation, KernelOperation, Mounting, Phase, ResourceUse,
    SystemCall, is_secret_place,
};

use super::{Category, Compiled, Deviation, Words, listed};
use crate::learn::is_reading_image;
use crate::sensitive::is_sensitive;

/// How much more than ever before is too much: half as much again, and something for small numbers.
const SPARE_CPU_PERMILLE: u64 = 250;
const SPARE_MEMORY: u64 = 64 << 20;
const SPARE_PROCESSES: u64 = 16;
const SPARE_WRITTEN: u64 = 32 << 20;

impl Compiled {
    pub(super) fn file(&self, access: &FileAccess, by: &str, phase: Phase, found: &mut Vec<Deviation>) {
        let other = access.other.as_deref();
        // What matters of a link is what it leads to.
        let (first, second) = match other.filter(|other| is_sensitive(other)) {
            Some(other) => (other, Some(access.path.as_str())),
            None => (access.path.as_str(), other),
        };
        self.path(access, first, by, phase, found);
        if let Some(second) = second
            && found.is_empty()
        {
            self.path(access, second, by, phase, found);
        }
    }

    fn path(&self, access: &FileAccess, path: &str, by: &str, phase: Phase, found: &mut Vec<Deviation>) {
        let operation = access.operation;
        let (dimension, index) = match is_sensitive(path) {
            // A volume may hold what a wildcard allows, and a secret: the secret counts.
            true => (Dimension::Secrets, &self.secrets),
            false if is_reading_image(access) => return,
            false => (Dimension::Files, &self.files),
        };
        if index.allows(by, path, operation, phase) {
            return;
        }
        self.deviates(dimension, category(access, path), found, || Words {
            what: format!("{by} did to {path}: {}", operation.name()),
            expected: {
                let usual = index.operations(by, path);
                let none = format!("{by} does nothing to it");
                listed(usual.iter().map(|operation| operation.name()), &none)
            },
            remedy: format!("if it needs to, learn it or add it to `{}` of the profile", dimension.name()),
        });
    }

    pub(super) fn mount(&self, mounting: &Mounting, by: &str, found: &mut Vec<Deviation>) {
        if !self.volumes.contains(&mounting.target) {
            self.deviates(Dimension::Volumes, Category::Volume, found, || Words {
                what: format!("{by} mounted {} at {} ({})", mounting.source, mounting.target, mounting.kind),
                expected: listed(&self.volumes, "nothing is mounted"),
                remedy: "mount it from outside, and name it in `volumes` of the profile".to_owned(),
            });
        }
    }

    pub(super) fn capability(&self, used: CapabilityUse, by: &str, found: &mut Vec<Deviation>) {
        if used.granted && self.capabilities & used.capability.bit() == 0 {
            self.deviates(Dimension::Capabilities, Category::Capability, found, || Words {
                what: format!("{by} used {}", used.capability),
                expected: {
                    let known =
                        lazaret_model::Capability::all().filter(|one| self.capabilities & one.bit() != 0);
                    listed(known, "no capability is needed")
                },
                remedy: "drop it from the container, or add it to `capabilities` of the profile".to_owned(),
            });
        }
    }

    pub(super) fn system_call(&self, call: SystemCall, by: &str, found: &mut Vec<Deviation>) {
        let is_known = match call.name() {
            Some(name) => self.system_calls.contains(name),
            None => self.system_calls.contains(&call.number.to_string()),
        };
        if !is_known {
            self.deviates(Dimension::SystemCalls, Category::SystemCall, found, || Words {
                what: format!("{by} used the system call {call}"),
                expected: format!("one of {} others", self.system_calls.len()),
                remedy: "if it needs it, learn it or add it to `system-calls` of the profile".to_owned(),
            });
        }
    }

    pub(super) fn kernel(&self, operation: KernelOperation, by: &str, found: &mut Vec<Deviation>) {
        if !self.kernel.contains(&operation) {
            self.deviates(Dimension::SystemCalls, Category::of_operation(operation), found, || Words {
                what: format!("{by} did what reaches out of it: {}", operation.name()),
                expected: listed(self.kernel.iter().map(|operation| operation.name()), "nothing of the kind"),
                remedy: "if it needs to, add it to `kernel` of the profile".to_owned(),
            });
        }
    }

    pub(super) fn resources(&self, used: &ResourceUse, found: &mut Vec<Deviation>) {
        let per_minute =
            used.written_bytes.saturating_mul(60).checked_div(u64::from(used.window)).unwrap_or(0);
        let most = &self.resources;
        for (category, most, spare, now, unit) in [
            (
                Category::Cpu,
                most.cpu_permille,
                SPARE_CPU_PERMILLE,
                used.cpu_permille,
                "thousandths of a processor",
            ),
            (Category::Memory, most.memory_bytes, SPARE_MEMORY, used.memory_bytes, "bytes of memory"),
            (Category::Processes, most.processes, SPARE_PROCESSES, used.processes, "processes"),
            (
                Category::Disk,
                most.written_bytes_per_minute,
                SPARE_WRITTEN,
                per_minute,
                "bytes written in a minute",
            ),
        ] {
            let Some(most) = most else { continue };
            let limit = most.saturating_add(most / 2).max(most.saturating_add(spare));
            if now > limit {
                self.deviates(Dimension::Resources, category, found, || Words {
                    what: format!("the container used {now} {unit}"),
                    expected: format!("at most {limit}: it never used more than {most}"),
                    remedy: "if the load has grown, raise it in `resources` of the profile".to_owned(),
                });
            }
        }
    }
}

/// What it is to do this with a file by one of its paths.
fn category(access: &FileAccess, path: &str) -> Category {
    match access.operation {
        // A secret under another name is as good as read.
        FileOperation::Read | FileOperation::Link | FileOperation::Symlink | FileOperation::Rename
            if is_secret_place(path) =>
        {
            Category::SecretAccess
        }
        FileOperation::Read if is_sensitive(path) => Category::SensitiveRead,
        FileOperation::Read => Category::FileRead,
        FileOperation::Write | FileOperation::Append if is_process_memory(path) => Category::Injection,
        FileOperation::Connect => Category::Connect,
        FileOperation::SetUserId => Category::SetUserId,
        FileOperation::Device => Category::Escape,
        FileOperation::Link | FileOperation::Symlink if is_sensitive(path) => Category::SensitiveRead,
        FileOperation::Truncate | FileOperation::Delete if is_log(path) => Category::LogTampering,
        // It is gone from where it is looked for, or another one is there.
        FileOperation::Rename if is_log(&access.path) || access.other.as_deref().is_some_and(is_log) => {
            Category::LogTampering
        }
        _ => Category::FileWrite,
    }
}

fn is_process_memory(path: &str) -> bool {
    path.starts_with("/proc/") && path.ends_with("/mem")
}

pub(super) fn is_log(path: &str) -> bool {
    path.starts_with("/var/log/") || path.ends_with(".log") || path.ends_with("_history")
}

impl Category {
    /// What it is to reach into the kernel so.
    pub const fn of_operation(operation: KernelOperation) -> Self {
        match operation {
            KernelOperation::Trace | KernelOperation::WrittenCode => Self::Injection,
            KernelOperation::LoadModule => Self::KernelModule,
            KernelOperation::Bpf => Self::Bpf,
            KernelOperation::IoUring => Self::IoUring,
            KernelOperation::EnterNamespace
            | KernelOperation::UserNamespace
            | KernelOperation::Namespace
            | KernelOperation::ChangeRoot => Self::Escape,
        }
    }
}
