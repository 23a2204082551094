//! Turns the kernel's records into facts of the house's own words, each with who did it.

mod dns;
mod exec;
mod files;
mod peers;
mod refused;
mod resolved;
mod scripts;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use lazaret_model::{
    Actor, Behaviour, Fact, IdentityChange, KernelOperation, Mounting, RUNTIME, RawSocket, Session,
    SystemCall, path_text,
};

use crate::calls;
use crate::ladder::Rung;
use crate::observation::{Observation, Outcome};
use crate::record::{FileId, Kind, Record, flag};
use crate::sys;

pub use resolved::resolved;

/// Bounds of what is remembered: forgetting costs a look into `/proc`, or an executable's name.
const PROGRAMS: usize = 65_536;
const PROCESSES: usize = 131_072;

const CLONE_NEWUSER: u64 = 0x1000_0000;
const MS_BIND: u64 = 4096;
const MS_MOVE: u64 = 8192;

/// What has to be remembered between records.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    /// Paths of programs that were started.
    programs: HashMap<FileId, String>,
    /// What each process ran last.
    processes: HashMap<u32, FileId>,
}

impl Observer {
    /// The facts that a record tells, mostly one; none for what no profile has a word for.
    pub(crate) fn observe(&mut self, container: &str, record: &Record) -> Vec<Observation> {
        let facts = self.facts(record);
        if facts.is_empty() {
            return Vec::new();
        }
        let actor = self.actor(record);
        if record.kind == Kind::Exec {
            self.remember(record);
        }
        let tell = |fact| Observation {
            container: container.to_owned(),
            cgroup_id: record.cgroup,
            at: wall_clock(record.at),
            behaviour: Behaviour { actor: actor.clone(), fact },
            parent: record.parent,
            comm: record.comm.clone(),
            outcome: outcome(record),
            incomplete: record.has(flag::TEXT_CUT | flag::TEXT_UNREADABLE),
            outside_root: record.has(flag::OUTSIDE_ROOT),
        };
        facts.into_iter().map(tell).collect()
    }

    /// A process ended: its number may be given to another one.
    pub(crate) fn ended(&mut self, pid: u32) {
        self.processes.remove(&pid);
    }

    fn facts(&mut self, record: &Record) -> Vec<Fact> {
        let one = |fact| vec![fact];
        match record.kind {
            Kind::Exec => {
                let mut execution = exec::execution(record);
                if execution.interpreter.is_some() {
                    let path = execution.executable.as_str();
                    let found =
                        [record.pid, record.init].into_iter().find_map(|pid| scripts::origin(pid, path));
                    execution.origin = found.unwrap_or(execution.origin);
                }
                one(Fact::Exec(execution))
            }
            Kind::MapCode => one(Fact::Map(files::mapping(record, self.program_path(record)))),
            Kind::MemoryCode => one(Fact::Kernel(KernelOperation::WrittenCode)),
            Kind::Open if record.has(flag::REFUSED) && record.values[7] == calls::HANDLE as u64 => {
                system_call(libc::SYS_open_by_handle_at)
            }
            Kind::Open
            | Kind::Rename
            | Kind::Link
            | Kind::Symlink
            | Kind::Unlink
            | Kind::Mode
            | Kind::Node
            | Kind::Times
            | Kind::Directory
            | Kind::Truncate
            | Kind::Owner
            | Kind::Attribute
            | Kind::UnixConnect => files::accesses(record).into_iter().map(Fact::File).collect(),
            Kind::IoUringRequest => {
                let opened = files::requested(record).map(Fact::File);
                opened.into_iter().chain([Fact::Kernel(KernelOperation::IoUring)]).collect()
            }
            Kind::Credentials => one(Fact::Identity(IdentityChange {
                to_uid: high(record.values[1]),
                to_gid: high(record.values[2]),
            })),
            Kind::Ptrace | Kind::ForeignMemory => one(Fact::Kernel(KernelOperation::Trace)),
            Kind::Mount => one(Fact::Mount(mounting(record))),
            Kind::Unmount => one(Fact::Mount(Mounting {
                source: String::new(),
                target: files::target(record),
                kind: "unmount".to_owned(),
            })),
            Kind::EnterNamespace => one(Fact::Kernel(KernelOperation::EnterNamespace)),
            Kind::NewNamespace if record.values[1] & CLONE_NEWUSER != 0 => {
                one(Fact::Kernel(KernelOperation::UserNamespace))
            }
            Kind::NewNamespace => one(Fact::Kernel(KernelOperation::Namespace)),
            Kind::Module => one(Fact::Kernel(KernelOperation::LoadModule)),
            Kind::Bpf => one(Fact::Kernel(KernelOperation::Bpf)),
            Kind::IoUring => one(Fact::Kernel(KernelOperation::IoUring)),
            Kind::ChangeRoot => one(Fact::Kernel(KernelOperation::ChangeRoot)),
            Kind::Memfd => system_call(libc::SYS_memfd_create),
            Kind::Socket => one(Fact::RawSocket(RawSocket {
                family: low16(record.values[1]),
                protocol: low16(record.values[3]),
            })),
            Kind::Connect | Kind::Send => peers::connection(record).map(Fact::Connect).into_iter().collect(),
            Kind::Bind => peers::bound(record).map(Fact::Listen).into_iter().collect(),
            Kind::Listen => peers::listening(record).map(Fact::Listen).into_iter().collect(),
            Kind::Dns => dns::lookups(&record.texts[0]).into_iter().map(Fact::Lookup).collect(),
            Kind::Refused => refused::fact(record, || self.program_path(record)).into_iter().collect(),
            Kind::Exit | Kind::CgroupMade | Kind::CgroupGone => Vec::new(),
        }
    }

    /// The process as it was before: for an exec, what it ran until then.
    fn actor(&mut self, record: &Record) -> Actor {
        let executable = match record.kind {
            Kind::Exec => self.before(record),
            _ => self.program_path(record),
        };
        let session = match record.entered {
            0 => Session::Main,
            process => Session::Entered(process),
        };
        Actor { pid: record.pid, executable, uid: record.uid, gid: record.gid, session }
    }

    /// What the process ran before this exec: its last program, or as a child that has not yet started one, its
    /// parent's.
    fn before(&self, record: &Record) -> String {
        let parents = FileId { inode: record.values[5], device: low32(record.values[6]) };
        let last = match self.processes.get(&record.pid) {
            Some(program) => *program,
            None if record.has(flag::FOREIGN_PARENT) => return RUNTIME.to_owned(),
            None => parents,
        };
        let known = self.programs.get(&last).cloned();
        known.or_else(|| link(record.parent)).unwrap_or_else(|| RUNTIME.to_owned())
    }

    fn program_path(&mut self, record: &Record) -> String {
        if let Some(path) = self.programs.get(&record.program) {
            return path.clone();
        }
        // Started before this sensor. The name of its thread is the last that is left of a process that is gone.
        let Some(path) = link(record.pid) else { return record.comm.clone() };
        self.name(record.program, path.clone());
        path
    }

    fn remember(&mut self, record: &Record) {
        self.name(record.program, files::path(&record.texts[2], record));
        if self.processes.len() >= PROCESSES {
            self.processes.clear();
        }
        self.processes.insert(record.pid, record.program);
    }

    fn name(&mut self, program: FileId, path: String) {
        if self.programs.len() >= PROGRAMS {
            self.programs.clear();
        }
        self.programs.insert(program, path);
    }
}

fn outcome(record: &Record) -> Outcome {
    if record.has(flag::KILLED) {
        let before = matches!(record.kind, Kind::Exec | Kind::MapCode | Kind::MemoryCode);
        return if before { Outcome::DiedBeforeStart } else { Outcome::Killed };
    }
    if !record.has(flag::REFUSED) {
        return Outcome::Done;
    }
    if record.kind == Kind::Refused {
        return Outcome::Refused(Rung::BpfLsm);
    }
    let by_rule = matches!(record.kind, Kind::Connect | Kind::Send | Kind::Bind)
        || (record.kind == Kind::Socket && record.values[0] == u64::MAX && record.values[7] == 0);
    let errno = i32::try_from(record.values[0].cast_signed().unsigned_abs()).unwrap_or(libc::EIO);
    if by_rule { Outcome::Refused(Rung::CgroupBpf) } else { Outcome::Failed(errno) }
}

fn mounting(record: &Record) -> Mounting {
    let [target, source, _, kind] = &record.texts;
    let flags = record.values[4];
    if calls::is_copy(low8(record.values[7])) {
        let path = path_text(target).into_owned();
        return Mounting { source: path.clone(), target: path, kind: "copy".to_owned() };
    }
    let kind = match flags {
        // move_mount(2) has no flags there.
        _ if calls::is_at(low8(record.values[7])) => "move".to_owned(),
        _ if flags & MS_BIND != 0 => "bind".to_owned(),
        _ if flags & MS_MOVE != 0 => "move".to_owned(),
        _ => path_text(kind).into_owned(),
    };
    Mounting { source: path_text(source).into_owned(), target: path_text(target).into_owned(), kind }
}

fn system_call(number: libc::c_long) -> Vec<Fact> {
    let architecture = match cfg!(target_arch = "aarch64") {
        true => lazaret_model::Architecture::Aarch64,
        false => lazaret_model::Architecture::X86_64,
    };
    let number = u32::try_from(number).ok();
    number.map(|number| Fact::SystemCall(SystemCall { architecture, number })).into_iter().collect()
}

/// The executable of a process that is still there, as the container sees it.
fn link(pid: u32) -> Option<String> {
    use std::os::unix::ffi::OsStrExt;
    let target = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(path_text(target.as_os_str().as_bytes()).into_owned())
}

pub(crate) fn wall_clock(boot_nanoseconds: u64) -> SystemTime {
    let age = Duration::from_nanos(sys::boot_clock().saturating_sub(boot_nanoseconds));
    let now = SystemTime::now();
    now.checked_sub(age).unwrap_or(now)
}

/// Parts of a value.
fn high(value: u64) -> u32 {
    low32(value >> 32)
}

pub(crate) fn low32(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn low16(value: u64) -> u16 {
    let [a, b, ..] = value.to_le_bytes();
    u16::from_le_bytes([a, b])
}

fn low8(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    #[test]
    fn an_exec_is_done_by_what_ran_before() {
        let mut observer = Observer::default();
        let shell = FileId { inode: 1, device: 2 };
        let first = Record {
            program: shell,
            flags: flag::FOREIGN_PARENT,
            texts: [vec![], b"/bin/sh".to_vec(), b"dash\0bin\0usr\0".to_vec(), vec![]],
            ..sample()
        };
        let told = observer.observe("c", &first);
        assert_eq!(told[0].behaviour.actor.executable, RUNTIME);
        let second = Record { values: [0, 0, 0, 0, 0, 9, 9, 0], ..sample() };
        assert_eq!(observer.observe("c", &second)[0].behaviour.actor.executable, "/usr/bin/dash");
        let open = Record { kind: Kind::Bpf, ..sample() };
        assert_eq!(observer.observe("c", &open)[0].behaviour.actor.executable, "/usr/sbin/nginx");
        observer.ended(second.pid);
        assert!(observer.processes.is_empty());
    }

    #[test]
    fn prevented_is_only_what_had_no_effect() {
        let with = |kind, flags| outcome(&Record { kind, flags, values: [u64::MAX - 12; 8], ..sample() });
        assert_eq!(with(Kind::Exec, flag::KILLED), Outcome::DiedBeforeStart);
        assert_eq!(with(Kind::Mount, flag::KILLED | flag::REFUSED), Outcome::Killed);
        assert_eq!(with(Kind::Connect, flag::REFUSED), Outcome::Refused(Rung::CgroupBpf));
        assert_eq!(with(Kind::Refused, flag::REFUSED), Outcome::Refused(Rung::BpfLsm));
        assert_eq!(with(Kind::Mount, flag::REFUSED), Outcome::Failed(libc::EACCES));
        assert!(Outcome::Refused(Rung::Fanotify).is_prevented() && !Outcome::Killed.is_prevented());
    }

    proptest::proptest! {
        #[test]
        fn no_record_makes_it_panic(
            kind in 0usize..39,
            values in proptest::array::uniform8(proptest::prelude::any::<u64>()),
            flags in proptest::prelude::any::<u16>(),
            texts in proptest::array::uniform4(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)),
        ) {
            let record = Record { kind: Kind::ALL[kind], values, flags, texts, ..sample() };
            Observer::default().observe("c", &record);
        }
    }
}
