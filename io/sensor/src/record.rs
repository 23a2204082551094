//! Records of the kernel program: `struct record` of `bpf/exec.bpf.c` and two texts behind it.

const HEADER: usize = 96;
const FLAG_PATH_TRUNCATED: u32 = 1;
const FLAG_PATH_UNREADABLE: u32 = 2;

/// One program start outside the host's namespaces. Times are nanoseconds of the boot clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExecRecord {
    pub(crate) at: u64,
    pub(crate) cgroup: u64,
    pub(crate) started: u64,
    pub(crate) init_started: u64,
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) init: u32,
    pub(crate) pid_in_namespace: u32,
    pub(crate) uid: u32,
    pub(crate) pid_namespace: u32,
    pub(crate) inner_pid_namespace: u32,
    pub(crate) mount_namespace: u32,
    pub(crate) init_mount_namespace: u32,
    /// The path was longer than the kernel's own limit, or could not be read at all.
    pub(crate) path_incomplete: bool,
    pub(crate) comm: String,
    /// Last component of the cgroup's path.
    pub(crate) cgroup_name: String,
    pub(crate) path: String,
}

/// Reads one record; `None` if it is not of the agreed form.
pub(crate) fn parse(bytes: &[u8]) -> Option<ExecRecord> {
    let mut fields = Fields(bytes.get(..HEADER)?);
    let [at, cgroup, started, init_started] = [fields.u64()?, fields.u64()?, fields.u64()?, fields.u64()?];
    let [pid, parent, init, pid_in_namespace, uid] =
        [fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?];
    let [pid_namespace, inner_pid_namespace, mount_namespace, init_mount_namespace, flags] =
        [fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?];
    let name_length = usize::from(fields.u16()?);
    let path_length = usize::from(fields.u16()?);
    let comm = fields.take::<16>()?;
    let comm = comm.split(|byte| *byte == 0).next().unwrap_or_default();
    let texts = &bytes[HEADER..];
    let name = texts.get(..name_length)?;
    let path = texts.get(name_length..name_length.checked_add(path_length)?)?;
    Some(ExecRecord {
        at,
        cgroup,
        started,
        init_started,
        pid,
        parent,
        init,
        pid_in_namespace,
        uid,
        pid_namespace,
        inner_pid_namespace,
        mount_namespace,
        init_mount_namespace,
        path_incomplete: flags & (FLAG_PATH_TRUNCATED | FLAG_PATH_UNREADABLE) != 0,
        comm: String::from_utf8_lossy(comm).into_owned(),
        cgroup_name: String::from_utf8_lossy(name).into_owned(),
        path: String::from_utf8_lossy(path).into_owned(),
    })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_ne_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_ne_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_ne_bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn sample() -> ExecRecord {
        ExecRecord {
            at: 7_000_000_000,
            cgroup: 99,
            started: 6_990_000_000,
            init_started: 6_980_000_000,
            pid: 4712,
            parent: 4711,
            init: 4711,
            pid_in_namespace: 2,
            uid: 33,
            pid_namespace: 4_026_532_200,
            inner_pid_namespace: 4_026_532_200,
            mount_namespace: 4_026_532_198,
            init_mount_namespace: 4_026_532_198,
            path_incomplete: false,
            comm: "nginx".to_owned(),
            cgroup_name: "ab".repeat(32),
            path: "/usr/sbin/nginx".to_owned(),
        }
    }

    fn encode(record: &ExecRecord) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in [record.at, record.cgroup, record.started, record.init_started] {
            bytes.extend(field.to_ne_bytes());
        }
        for field in [
            record.pid,
            record.parent,
            record.init,
            record.pid_in_namespace,
            record.uid,
            record.pid_namespace,
            record.inner_pid_namespace,
            record.mount_namespace,
            record.init_mount_namespace,
            u32::from(record.path_incomplete),
        ] {
            bytes.extend(field.to_ne_bytes());
        }
        for text in [&record.cgroup_name, &record.path] {
            bytes.extend(u16::try_from(text.len()).unwrap().to_ne_bytes());
        }
        let mut comm = [0u8; 16];
        comm[..record.comm.len()].copy_from_slice(record.comm.as_bytes());
        bytes.extend(comm);
        assert_eq!(bytes.len(), HEADER - 4, "padding of the C structure");
        bytes
    }

    #[test]
    fn reads_what_the_kernel_program_writes() {
        // Field by field as the C compiler lays them out; the tail padding follows `comm`.
        let record = sample();
        let mut bytes = encode(&record);
        bytes.extend([0u8; 4]);
        bytes.extend(record.cgroup_name.as_bytes());
        bytes.extend(record.path.as_bytes());
        assert_eq!(parse(&bytes), Some(record));
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), None);
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes);
        }
    }
}
