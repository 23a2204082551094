//! What `/proc` tells about one process. All reads are bounded: a process chooses its own command line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use lazaret_model::Session;

use crate::cgroup::{self, Membership};
use crate::sys::{self, FileState};

/// `/proc` counts in hundredths of a second (`USER_HZ`, fixed on all architectures that Linux's eBPF has).
const NANOSECONDS_PER_TICK: u64 = 10_000_000;
const COMMAND_LIMIT: usize = 4096;
const TEXT_LIMIT: usize = 64 << 10;
/// Ancestors that are asked for.
pub(crate) const GENERATIONS: usize = 64;
const KERNEL_THREAD: u32 = 0x0020_0000;
/// `PF_FORKNOEXEC`
const STARTED_NOTHING: u32 = 0x0000_0040;

/// A point of the boot clock in the resolution of `/proc`, in which both `/proc` and the kernel program tell
/// when a process started. Together with the PID it names a process for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticks(pub(crate) u64);

impl Ticks {
    pub(crate) fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds / NANOSECONDS_PER_TICK)
    }

    pub(crate) fn nanoseconds(self) -> u64 {
        self.0.saturating_mul(NANOSECONDS_PER_TICK)
    }
}

/// A directory by its file system and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    device: u64,
    inode: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kernel_thread: bool,
    /// It runs its parent's program, as it was when it was made.
    pub(crate) started_nothing: bool,
    pub(crate) started: Ticks,
}

pub(crate) fn stat(pid: u32) -> io::Result<Stat> {
    let (bytes, _) = read(&format!("/proc/{pid}/stat"), TEXT_LIMIT)?;
    parse_stat(&String::from_utf8_lossy(&bytes)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Fields 9 (flags) and 22 (start time). Field 2 is the process's name in parentheses and may hold anything.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let flags: u32 = fields.nth(6)?.parse().ok()?;
    let started = fields.nth(12)?.parse().ok()?;
    let has = |flag| flags & flag != 0;
    Some(Stat {
        kernel_thread: has(KERNEL_THREAD),
        started_nothing: has(STARTED_NOTHING),
        started: Ticks(started),
    })
}

/// Inode of one of the process's namespaces: `pid` or `mnt`.
pub(crate) fn namespace(pid: u32, kind: &str) -> io::Result<u32> {
    let inode = fs::metadata(format!("/proc/{pid}/ns/{kind}"))?.ino();
    u32::try_from(inode).map_err(|_| io::ErrorKind::InvalidData.into())
}

pub(crate) fn root(pid: u32) -> io::Result<Place> {
    let metadata = fs::metadata(format!("/proc/{pid}/root/."))?;
    Ok(Place { device: metadata.dev(), inode: metadata.ino() })
}

pub(crate) fn membership(pid: u32) -> io::Result<Membership> {
    let (bytes, _) = read(&format!("/proc/{pid}/cgroup"), TEXT_LIMIT)?;
    Ok(cgroup::membership(&String::from_utf8_lossy(&bytes)))
}

/// PIDs of the process in the host's namespace, the next one, and so on to its own.
pub(crate) fn pids(pid: u32) -> io::Result<Vec<u32>> {
    let (bytes, _) = read(&format!("/proc/{pid}/status"), TEXT_LIMIT)?;
    parse_pids(&String::from_utf8_lossy(&bytes)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse_pids(status: &str) -> Option<Vec<u32>> {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace().map(|pid| pid.parse().ok()).collect()
}

/// Whose child a process is, and as whom it acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Who {
    pub(crate) parent: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

pub(crate) fn who(pid: u32) -> io::Result<Who> {
    let (bytes, _) = read(&format!("/proc/{pid}/status"), TEXT_LIMIT)?;
    parse_who(&String::from_utf8_lossy(&bytes)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Of users and groups the second number is the effective one (proc_pid_status(5)).
fn parse_who(status: &str) -> Option<Who> {
    let field = |name: &str, at: usize| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().nth(at)?.parse().ok()
    };
    Some(Who { parent: field("PPid:", 0)?, uid: field("Uid:", 1)?, gid: field("Gid:", 1)? })
}

/// On whose behalf a process of a container acts: of who came in from outside all the children do, too.
pub(crate) fn session(pid: u32) -> Session {
    let mut process = pid;
    for _ in 0..GENERATIONS {
        let (Ok(own), Ok(who)) = (pids(process), who(process)) else { break };
        if own.last() == Some(&1) {
            break;
        }
        match pids(who.parent) {
            Ok(parents) if parents.len() < own.len() => return Session::Entered(process),
            _ => process = who.parent,
        }
    }
    Session::Main
}

/// The file that the process executes, and the mount that it was opened through; without any access to its content.
pub(crate) fn program(pid: u32) -> Option<(FileState, u64)> {
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(format!("/proc/{pid}/exe")).ok()?;
    sys::file_state(&file).ok()
}

/// Its path from the root of its mount namespace; empty once the process is gone.
pub(crate) fn program_path(pid: u32) -> Vec<u8> {
    fs::read_link(format!("/proc/{pid}/exe")).map(|path| path.into_os_string().into_vec()).unwrap_or_default()
}

/// The process's name, which it may choose itself.
pub(crate) fn comm(pid: u32) -> io::Result<String> {
    let (bytes, _) = read(&format!("/proc/{pid}/comm"), 64)?;
    Ok(String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned())
}

/// Command line, and whether it was cut. Empty once the process is a zombie.
pub(crate) fn command(pid: u32) -> io::Result<(String, bool)> {
    let (bytes, cut) = read(&format!("/proc/{pid}/cmdline"), COMMAND_LIMIT)?;
    Ok((words(&bytes), cut))
}

fn words(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    let words: Vec<_> = bytes.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    words.join(" ")
}

/// All processes that `/proc` lists now.
pub(crate) fn all() -> io::Result<Vec<u32>> {
    let names = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(names.collect())
}

/// At most `limit` bytes of a file, and whether there was more.
fn read(path: &str, limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    // A usize is never wider than a u64 here.
    File::open(path)?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    let cut = bytes.len() > limit;
    bytes.truncate(limit);
    Ok((bytes, cut))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_this_process() {
        let pid = std::process::id();
        assert!(!stat(pid).unwrap().kernel_thread);
        assert!(stat(pid).unwrap().started.nanoseconds() > 0);
        assert_eq!(pids(pid).unwrap().first(), Some(&pid));
        assert!(namespace(pid, "pid").unwrap() > 0);
        assert!(command(pid).unwrap().0.contains("lazaret_sensor"));
        assert!(!comm(pid).unwrap().is_empty());
        assert!(all().unwrap().contains(&pid));
        assert_eq!(root(pid).unwrap(), root(pid).unwrap());
        membership(pid).unwrap();
    }

    #[test]
    fn a_process_acts_as_its_effective_user() {
        let status = "Name:\tx\nPPid:\t7\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n";
        assert_eq!(parse_who(status), Some(Who { parent: 7, uid: 2, gid: 6 }));
        assert_eq!(parse_who("PPid:\t7\n"), None);
        assert_eq!(session(std::process::id()), Session::Main);
    }

    #[test]
    fn a_process_may_be_called_anything() {
        let text = "7 (a) R 1 (b)) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 1234 9 9 9";
        let stat = Stat { kernel_thread: false, started_nothing: false, started: Ticks(1234) };
        assert_eq!(parse_stat(text), Some(stat));
        let text = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0";
        let stat = Stat { kernel_thread: true, started_nothing: true, started: Ticks(5) };
        assert_eq!(parse_stat(text), Some(stat));
    }

    #[test]
    fn words_of_a_command_line_are_joined_by_spaces() {
        assert_eq!(words(b"sh\0-c\0sleep 1\0"), "sh -c sleep 1");
        assert_eq!(words(b"nginx: worker process"), "nginx: worker process");
        assert_eq!(words(b""), "");
    }

    #[test]
    fn pids_are_read_from_the_outside_in() {
        assert_eq!(parse_pids("Name:\tsh\nNSpid:\t4711\t12\t1\nNSpgid:\t1\n"), Some(vec![4711, 12, 1]));
        assert_eq!(parse_pids("Name:\tNSpid\n"), None);
    }

    proptest! {
        #[test]
        fn parsers_never_panic(text in ".{0,400}") {
            let _ = parse_stat(&text);
            let _ = parse_pids(&text);
        }
    }
}
