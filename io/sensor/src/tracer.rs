//! Loads the kernel program and reads what it reports.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};

use aya::maps::{Array, MapData, MapError, RingBuf};
use aya::programs::{BtfTracePoint, ProgramError};
use aya::{Btf, BtfError, Ebpf, EbpfError, EbpfLoader};

use crate::namespaces::Host;
use crate::record::{self, ExecRecord};
use crate::sys;

static PROGRAM: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/exec.bpf.o"));

/// Why program starts cannot be seen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TracerError {
    #[error(
        "the kernel gives no type information (/sys/kernel/btf/vmlinux): \
         a kernel built with CONFIG_DEBUG_INFO_BTF is needed: {0}"
    )]
    TypeInformation(#[source] BtfError),
    #[error(
        "the kernel refuses eBPF programs (root, or CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE, are needed): {}",
        chain(.0)
    )]
    Load(#[source] EbpfError),
    #[error("the kernel refuses to call the program when a program starts: {}", chain(.0))]
    Attach(#[source] ProgramError),
    #[error("the kernel program has no part `{0}`: it does not belong to this executable")]
    Part(&'static str),
    #[error("the kernel program's memory cannot be read: {}", chain(.0))]
    Map(#[source] MapError),
}

/// The innermost cause says what the kernel answered; the loader's own text does not.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Counts kept by the kernel program since it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Program starts outside the host's namespaces.
    pub(crate) seen: u64,
    /// Of these, put into the ring.
    pub(crate) reported: u64,
    /// Of these, lost because the ring was full.
    pub(crate) dropped: u64,
    /// Starts for which the kernel did not call the program at all, because it was busy on that processor.
    pub(crate) missed: u64,
}

/// The running kernel program. Dropping it takes it out of the kernel.
pub(crate) struct Tracer {
    ring: RingBuf<MapData>,
    counts: Array<MapData, [u64; 3]>,
    program: Ebpf,
}

impl Tracer {
    pub(crate) fn start(host: &Host, ring: u32) -> Result<Self, TracerError> {
        let tracer = Self::load(host, ring);
        sys::trim_heap();
        tracer
    }

    fn load(host: &Host, ring: u32) -> Result<Self, TracerError> {
        let btf = Btf::from_sys_fs().map_err(TracerError::TypeInformation)?;
        let mut program = EbpfLoader::new()
            .btf(Some(&btf))
            .override_global("host_pid_namespace", &host.pid_namespace, true)
            .override_global("host_mount_namespace", &host.mount_namespace, true)
            .map_max_entries("events", ring)
            .load(PROGRAM)
            .map_err(TracerError::Load)?;
        let ring = program.take_map("events").ok_or(TracerError::Part("events"))?;
        let counts = program.take_map("counts").ok_or(TracerError::Part("counts"))?;
        let ring = RingBuf::try_from(ring).map_err(TracerError::Map)?;
        let counts = Array::try_from(counts).map_err(TracerError::Map)?;
        let exec: &mut BtfTracePoint = program
            .program_mut("exec")
            .ok_or(TracerError::Part("exec"))?
            .try_into()
            .map_err(TracerError::Attach)?;
        exec.load("sched_process_exec", &btf).map_err(TracerError::Attach)?;
        exec.attach().map_err(TracerError::Attach)?;
        Ok(Self { ring, counts, program })
    }

    /// Hands over all records that are in the ring, oldest first; `None` for one that cannot be read.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(Option<ExecRecord>)) {
        while let Some(item) = self.ring.next() {
            let record = record::parse(&item);
            // The room in the ring is free again before anybody acts on the record.
            drop(item);
            each(record);
        }
    }

    pub(crate) fn counts(&self) -> Result<Counts, TracerError> {
        let [seen, reported, dropped] = self.counts.get(&0, 0).map_err(TracerError::Map)?;
        Ok(Counts { seen, reported, dropped, missed: self.missed().unwrap_or(0) })
    }

    /// Kernels before 5.12 do not count these.
    fn missed(&self) -> Option<u64> {
        let fd = match self.program.program("exec")? {
            aya::programs::Program::BtfTracePoint(program) => program.fd().ok()?,
            _ => return None,
        };
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd())).ok()?;
        info.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?.trim().parse().ok()
    }
}
