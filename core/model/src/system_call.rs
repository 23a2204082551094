use std::fmt;
use std::sync::LazyLock;

/// A system call, as the architecture of the calling process numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemCall {
    pub architecture: Architecture,
    pub number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    X86_64,
    Aarch64,
}

impl SystemCall {
    /// What the kernel's headers call it; `None`: newer than this table, or of no meaning.
    pub fn name(self) -> Option<&'static str> {
        let names = match self.architecture {
            Architecture::X86_64 => &*X86_64,
            Architecture::Aarch64 => &*AARCH64,
        };
        let number = usize::try_from(self.number).ok()?;
        names.get(number).copied().filter(|name| *name != NONE)
    }

    /// Whether any architecture has a call of this name.
    pub fn is_name(name: &str) -> bool {
        name != NONE && [&*X86_64, &*AARCH64].iter().any(|names| names.contains(&name))
    }
}

impl Architecture {
    pub const ALL: &[Self] = &[Self::X86_64, Self::Aarch64];

    /// As `uname -m` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }
}

/// The name, or the bare number where there is none.
impl fmt::Display for SystemCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.number),
        }
    }
}

/// Stands in the tables for numbers without a call.
const NONE: &str = "-";

/// Names in the order of the numbers, from the kernel's `asm/unistd_64.h` and `asm-generic/unistd.h` (Linux 6.17).
static X86_64: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("system_call/x86_64.txt").split_whitespace().collect());
static AARCH64: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("system_call/aarch64.txt").split_whitespace().collect());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_kernels() {
        for (architecture, number, name) in [
            (Architecture::X86_64, 0, Some("read")),
            (Architecture::X86_64, 59, Some("execve")),
            (Architecture::X86_64, 321, Some("bpf")),
            (Architecture::X86_64, 336, None),
            (Architecture::X86_64, 425, Some("io_uring_setup")),
            (Architecture::X86_64, 462, Some("mseal")),
            (Architecture::Aarch64, 25, Some("fcntl")),
            (Architecture::Aarch64, 221, Some("execve")),
            (Architecture::Aarch64, 425, Some("io_uring_setup")),
            (Architecture::Aarch64, u32::MAX, None),
        ] {
            assert_eq!(SystemCall { architecture, number }.name(), name, "{architecture:?} {number}");
        }
        assert!(SystemCall::is_name("openat2"));
        assert!(!SystemCall::is_name("-"));
        assert!(!SystemCall::is_name("open_the_door"));
    }
}
