//! Records of the kernel programs: `struct record` of `bpf/record.h` and up to four texts behind it.

const HEADER: usize = 184;
const TEXTS: usize = 4;

/// Bits of [`Record::flags`].
pub(crate) mod flag {
    /// A text was longer than its room, or its end was not found.
    pub(crate) const TEXT_CUT: u16 = 1;
    pub(crate) const TEXT_UNREADABLE: u16 = 2;
    /// The parent lives in a PID namespace further out.
    pub(crate) const FOREIGN_PARENT: u16 = 4;
    /// The caller got an error.
    pub(crate) const REFUSED: u16 = 8;
    pub(crate) const KILLED: u16 = 16;
    /// Counted together with all control groups for which there was no room.
    pub(crate) const SHARED_TALLY: u16 = 32;
    /// A path was followed to its end without meeting the process's root directory.
    pub(crate) const OUTSIDE_ROOT: u16 = 128;
}

/// What a record tells: `enum kind` of `bpf/record.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub(crate) enum Kind {
    Exec = 1,
    Exit = 2,
    CgroupMade = 3,
    CgroupGone = 4,
    Open = 5,
    MapCode = 6,
    MemoryCode = 7,
    Rename = 8,
    Link = 9,
    Symlink = 10,
    Unlink = 11,
    Mode = 12,
    Node = 13,
    Times = 14,
    Credentials = 15,
    Ptrace = 16,
    ForeignMemory = 17,
    Mount = 18,
    EnterNamespace = 19,
    NewNamespace = 20,
    Module = 21,
    Bpf = 22,
    Memfd = 23,
    IoUring = 24,
    IoUringRequest = 25,
    Socket = 26,
    Connect = 27,
    Bind = 28,
    Send = 29,
    Listen = 30,
    Dns = 31,
    UnixConnect = 32,
    ChangeRoot = 33,
    Directory = 34,
    Unmount = 35,
    Truncate = 36,
    Owner = 37,
    /// An extended attribute.
    Attribute = 38,
    /// By a program at a security hook.
    Refused = 39,
}

impl Kind {
    /// In the order of their numbers, which begin with 1.
    pub(crate) const ALL: [Self; 39] = [
        Self::Exec,
        Self::Exit,
        Self::CgroupMade,
        Self::CgroupGone,
        Self::Open,
        Self::MapCode,
        Self::MemoryCode,
        Self::Rename,
        Self::Link,
        Self::Symlink,
        Self::Unlink,
        Self::Mode,
        Self::Node,
        Self::Times,
        Self::Credentials,
        Self::Ptrace,
        Self::ForeignMemory,
        Self::Mount,
        Self::EnterNamespace,
        Self::NewNamespace,
        Self::Module,
        Self::Bpf,
        Self::Memfd,
        Self::IoUring,
        Self::IoUringRequest,
        Self::Socket,
        Self::Connect,
        Self::Bind,
        Self::Send,
        Self::Listen,
        Self::Dns,
        Self::UnixConnect,
        Self::ChangeRoot,
        Self::Directory,
        Self::Unmount,
        Self::Truncate,
        Self::Owner,
        Self::Attribute,
        Self::Refused,
    ];

    pub(crate) fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

/// A file by the kernel's own identity of it: no link, rename or mount gives it another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct FileId {
    pub(crate) inode: u64,
    /// As the kernel keeps it inside: major number above 20 bits of the minor one.
    pub(crate) device: u32,
}

/// Something that a process outside the host's namespaces did. Times are nanoseconds of the boot clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) at: u64,
    pub(crate) cgroup: u64,
    pub(crate) started: u64,
    pub(crate) init_started: u64,
    /// What the process runs; after an exec, what it runs now.
    pub(crate) program: FileId,
    /// By kind.
    pub(crate) values: [u64; 8],
    pub(crate) pid: u32,
    pub(crate) thread: u32,
    pub(crate) parent: u32,
    pub(crate) init: u32,
    pub(crate) pid_in_namespace: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) pid_namespace: u32,
    pub(crate) inner_pid_namespace: u32,
    pub(crate) mount_namespace: u32,
    pub(crate) init_mount_namespace: u32,
    /// The process that came in from outside, if this one descends from such; otherwise 0.
    pub(crate) entered: u32,
    pub(crate) kind: Kind,
    pub(crate) flags: u16,
    pub(crate) comm: String,
    pub(crate) texts: [Vec<u8>; TEXTS],
}

impl Record {
    pub(crate) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Last component of the cgroup's path, of an exec.
    pub(crate) fn cgroup_name(&self) -> String {
        self.text(0)
    }

    /// The path as it was given to the kernel, of an exec.
    pub(crate) fn called(&self) -> String {
        self.text(1)
    }

    fn text(&self, index: usize) -> String {
        String::from_utf8_lossy(&self.texts[index]).into_owned()
    }
}

/// Reads one record; `None` if it is not of the agreed form.
pub(crate) fn parse(bytes: &[u8]) -> Option<Record> {
    let mut fields = Fields(bytes.get(..HEADER)?);
    let [at, cgroup, started, init_started, inode] = fields.u64s()?;
    let values = fields.u64s()?;
    let [device, pid, thread, parent, init, pid_in_namespace, uid, gid] = fields.u32s()?;
    let [pid_namespace, inner_pid_namespace, mount_namespace, init_mount_namespace] = fields.u32s()?;
    let kind = Kind::from_number(fields.u16()?)?;
    let flags = fields.u16()?;
    let mut lengths = [0; TEXTS];
    for length in &mut lengths {
        *length = usize::from(fields.u16()?);
    }
    let comm = fields.take::<16>()?;
    let comm = comm.split(|byte| *byte == 0).next().unwrap_or_default();
    let [entered] = fields.u32s()?;
    let mut rest = &bytes[HEADER..];
    let mut texts: [Vec<u8>; TEXTS] = Default::default();
    for (text, length) in texts.iter_mut().zip(lengths) {
        let (own, others) = rest.split_at_checked(length)?;
        *text = own.to_vec();
        rest = others;
    }
    Some(Record {
        at,
        cgroup,
        started,
        init_started,
        program: FileId { inode, device },
        values,
        pid,
        thread,
        parent,
        init,
        pid_in_namespace,
        uid,
        gid,
        pid_namespace,
        inner_pid_namespace,
        mount_namespace,
        init_mount_namespace,
        entered,
        kind,
        flags,
        comm: String::from_utf8_lossy(comm).into_owned(),
        texts,
    })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u64s<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = self.take().map(u64::from_ne_bytes)?;
        }
        Some(numbers)
    }

    fn u32s<const N: usize>(&mut self) -> Option<[u32; N]> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = self.take().map(u32::from_ne_bytes)?;
        }
        Some(numbers)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_ne_bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The start of a program.
    pub(crate) fn sample() -> Record {
        Record {
            at: 7_000_000_000,
            cgroup: 99,
            started: 6_990_000_000,
            init_started: 6_980_000_000,
            program: FileId { inode: 12, device: 34 },
            values: [1, 2, 3, 4, 5, 6, 7, 8],
            pid: 4712,
            thread: 4712,
            parent: 4711,
            init: 4711,
            pid_in_namespace: 2,
            uid: 33,
            gid: 34,
            pid_namespace: 4_026_532_200,
            inner_pid_namespace: 4_026_532_200,
            mount_namespace: 4_026_532_198,
            init_mount_namespace: 4_026_532_198,
            entered: 0,
            kind: Kind::Exec,
            flags: 0,
            comm: "nginx".to_owned(),
            texts: [
                "ab".repeat(32).into_bytes(),
                b"/usr/sbin/nginx".to_vec(),
                b"nginx\0sbin\0usr\0".to_vec(),
                b"nginx\0-g\0".to_vec(),
            ],
        }
    }

    fn encode(record: &Record) -> Vec<u8> {
        let mut bytes = Vec::new();
        let head = [record.at, record.cgroup, record.started, record.init_started, record.program.inode];
        for field in head.into_iter().chain(record.values) {
            bytes.extend(field.to_ne_bytes());
        }
        for field in [
            record.program.device,
            record.pid,
            record.thread,
            record.parent,
            record.init,
            record.pid_in_namespace,
            record.uid,
            record.gid,
            record.pid_namespace,
            record.inner_pid_namespace,
            record.mount_namespace,
            record.init_mount_namespace,
        ] {
            bytes.extend(field.to_ne_bytes());
        }
        bytes.extend((record.kind as u16).to_ne_bytes());
        bytes.extend(record.flags.to_ne_bytes());
        for text in &record.texts {
            bytes.extend(u16::try_from(text.len()).unwrap().to_ne_bytes());
        }
        let mut comm = [0u8; 16];
        comm[..record.comm.len()].copy_from_slice(record.comm.as_bytes());
        bytes.extend(comm);
        bytes.extend(record.entered.to_ne_bytes());
        assert_eq!(bytes.len(), HEADER);
        bytes
    }

    #[test]
    fn reads_what_the_kernel_program_writes() {
        // Field by field as the C compiler lays them out.
        let record = sample();
        let mut bytes = encode(&record);
        record.texts.iter().for_each(|text| bytes.extend(text));
        assert_eq!(parse(&bytes), Some(record));
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), None);
        }
    }

    #[test]
    fn numbers_of_kinds_are_those_of_the_kernel_program() {
        let header = include_str!("../bpf/record.h");
        for (number, kind) in (1u16..).zip(Kind::ALL) {
            assert_eq!(kind as u16, number);
            let mut name = String::new();
            for character in format!("{kind:?}").chars() {
                if character.is_uppercase() {
                    name.push('_');
                }
                name.extend(character.to_uppercase());
            }
            assert!(header.contains(&format!("KIND{name} = {number},")), "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes);
        }
    }
}
