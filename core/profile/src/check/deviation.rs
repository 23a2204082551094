use std::fmt;

use lazaret_model::Dimension;

use crate::modes::{Action, Mode};

/// Something that a profile does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    pub dimension: Dimension,
    pub category: Category,
    pub mode: Mode,
    /// What answers it: [`Action::Alert`] unless the dimension blocks.
    pub action: Action,
    /// What happened, as a sentence without full stop.
    pub what: String,
    /// What the profile expects instead.
    pub expected: String,
    /// What to do if it was meant to happen.
    pub remedy: String,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}; {}", self.category.name(), self.what, self.expected, self.remedy)
    }
}

macro_rules! categories {
    ($($variant:ident = $name:literal, $text:literal;)*) => {
        /// What kind of thing went wrong: alerts of profiles and of fixed rules have the same.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Category {
            $(#[doc = $text] $variant,)*
        }

        impl Category {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

categories! {
    NewBinary = "drift.new_binary", "A program that the image did not bring.";
    ModifiedBinary = "drift.modified_binary", "A program of the image with other content.";
    Script = "drift.script", "A script that the image did not bring.";
    Fileless = "drift.fileless", "A program without a name in any directory.";
    NewLibrary = "drift.library", "Code mapped that the image did not bring.";
    UnexpectedProcess = "process.unexpected", "A program that is not started here.";
    UnexpectedArguments = "process.args", "A known program with other arguments.";
    UserChange = "user.change", "A user that is not one of this container.";
    SetUserId = "privilege.setuid", "Rights through set-user-id bits or file capabilities.";
    Capability = "privilege.capability", "A capability that is not needed here.";
    FileWrite = "file.write", "A file changed that is not changed here.";
    FileRead = "file.read", "A file read that is not read here.";
    SensitiveRead = "file.read_sensitive", "A file with secrets of users or the system.";
    SecretAccess = "secret.access", "A secret that was mounted for others.";
    LogTampering = "evasion.log", "Logs or histories cut or removed.";
    IoUring = "evasion.io_uring", "Work handed to the kernel past system calls.";
    Connect = "network.connect", "A peer that is not one of this container.";
    Listen = "network.listen", "A port that is not served here.";
    Dns = "network.dns", "A name that is not asked for here.";
    RawSocket = "network.raw", "Packets past the protocols.";
    Scan = "network.scan", "Many ports or hosts tried.";
    Volume = "volume.unexpected", "A file system that is not mounted here.";
    Injection = "injection.ptrace", "Reaching into other processes or made-up code.";
    Escape = "escape.attempt", "A way out of the container.";
    KernelModule = "kernel.module", "Code for the kernel.";
    Bpf = "kernel.bpf", "Programs for the kernel.";
    SystemCall = "kernel.system_call", "A system call that is not used here.";
    Login = "login.exec", "Somebody came in.";
    Cpu = "resource.cpu", "More processor time than ever.";
    Memory = "resource.memory", "More memory than ever.";
    Processes = "resource.pids", "More processes than ever.";
    Disk = "resource.disk", "More written than ever.";
    Mining = "impact.mining", "Money made with the machine.";
    PackageManager = "process.package_manager", "Packages installed into what runs.";
    Agent = "evasion.agent", "Tampering with what watches.";
}
