//! Names processes for good: a PID alone is given again.

use std::fs;

/// A process of this boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessId {
    pub pid: u32,
    /// When it started, in the kernel's ticks since boot.
    pub started: u64,
}

impl ProcessId {
    /// The process that has this PID now.
    pub fn of(pid: u32) -> Option<Self> {
        stat(pid).map(|(_, started)| Self { pid, started })
    }

    /// Whether this very process runs. One that has ended but was not yet collected does not.
    pub fn alive(self) -> bool {
        stat(self.pid)
            .is_some_and(|(state, started)| started == self.started && !matches!(state, b'Z' | b'X'))
    }
}

/// Names this boot of the machine.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// State and start time (fields 3 and 22 of proc_pid_stat(5)).
fn stat(pid: u32) -> Option<(u8, u64)> {
    let bytes = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse(&String::from_utf8_lossy(&bytes))
}

/// The second field is the process's name in parentheses, and may hold anything.
fn parse(stat: &str) -> Option<(u8, u64)> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let state = *rest.as_bytes().first()?;
    Some((state, rest.split(' ').nth(19)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_living_from_the_dead() {
        let own = ProcessId::of(std::process::id()).unwrap();
        assert!(own.alive());
        assert!(!ProcessId { started: own.started + 1, ..own }.alive());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let id = ProcessId::of(child.id());
        let ends = || !id.is_some_and(ProcessId::alive);
        // On a busy machine it may take a while until it has run.
        let ended = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            ends()
        });
        assert!(ended, "ended, though not collected");
        child.wait().unwrap();
        assert!(!boot_id().is_empty());
    }

    #[test]
    fn a_name_cannot_forge_the_fields_behind_it() {
        let line = "7 (x) Z 1 2) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 0";
        assert_eq!(parse(line), Some((b'S', 4711)));
        for bad in ["", "7", "7 (x)", "7 (x) S 1", "7 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x 0"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
