use std::fmt;

/// A Linux capability (capabilities(7)), by its number in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability(u8);

impl Capability {
    /// All that Linux 6.18 knows.
    pub fn all() -> impl Iterator<Item = Self> {
        (0u8..).zip(NAMES).map(|(number, _)| Self(number))
    }

    /// `None`: more than a 64-bit set of capabilities can hold.
    pub fn from_number(number: u8) -> Option<Self> {
        (number < 64).then_some(Self(number))
    }

    /// Without the `CAP_` prefix, upper case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|capability| NAMES[usize::from(capability.0)] == name)
    }

    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its bit in a set.
    pub const fn bit(self) -> u64 {
        1 << self.0
    }
}

/// Without the `CAP_` prefix; a bare number for those that came after this table.
impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(usize::from(self.0)) {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// By number (`include/uapi/linux/capability.h`).
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_kernels() {
        for (name, number) in [("CHOWN", 0), ("NET_RAW", 13), ("SYS_ADMIN", 21), ("CHECKPOINT_RESTORE", 40)] {
            let capability = Capability::from_name(name).unwrap();
            assert_eq!((capability.number(), capability.to_string().as_str()), (number, name));
        }
        assert_eq!(Capability::from_name("CAP_CHOWN"), None);
        assert_eq!(Capability::from_number(64), None);
        assert_eq!(Capability::from_number(63).unwrap().to_string(), "63");
    }
}
