//! Loads the kernel programs, attaches them, and reads what they report.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use aya::maps::lpm_trie::LpmTrie;
use aya::maps::{Array, HashMap, Map, MapData, MapError, RingBuf};
use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::{CgroupAttachMode, Program, ProgramError};
use aya::{Btf, BtfError, Ebpf, EbpfError, EbpfLoader};
use tracing::{info, warn};

use crate::calls;
use crate::confine::{Peer, Policy};
use crate::held::{ProgramKey, Rule, RuleKey};
use crate::hooks::{CALLS, EXEC, Hook, NETWORK, REQUESTS, SECURITY, SECURITY_MORE, STARTS};
use crate::ledger::{Entry, RINGS, Ring, Tally};
use crate::namespaces::Host;
use crate::pins::{Pins, PinsError};
use crate::record::{self, Record};
use crate::sensor::Options;
use crate::sys;
use crate::undisturbed::{Undisturbed, patiently};

static PROGRAM: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sensor.bpf.o"));

/// Why the kernel's events cannot be seen.
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
    #[error("the kernel refuses the program `{name}`: {}", chain(.source))]
    Attach { name: &'static str, source: ProgramError },
    #[error("the kernel program has no part `{0}`: it does not belong to this executable")]
    Part(&'static str),
    #[error("the kernel program's memory cannot be used: {}", chain(.0))]
    Map(#[source] MapError),
    #[error("signals cannot be put off while programs are loaded: {0}")]
    Signals(#[source] nix::Error),
    #[error("no unified control group hierarchy (cgroup2) is mounted")]
    NoHierarchy,
    #[error("the control group hierarchy {} cannot be opened: {source}", path.display())]
    Hierarchy { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Pins(#[from] PinsError),
}

/// The innermost cause says what the kernel answered; the loader's own text does not.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
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

/// Maps that outlive the agent where they are pinned.
const LASTING: [&str; 16] = [
    "starts",
    "facts",
    "alerts",
    "tallies",
    "books",
    "told",
    "policies",
    "peers",
    "sensitive",
    "rules",
    "programs",
    "secret_places",
    "arrived",
    "entered",
    "written",
    "current_generation",
];

/// What works of the programs beside the tracer of program starts; in words for people why not.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) calls: Result<(), String>,
    pub(crate) requests: Result<(), String>,
    pub(crate) network: Result<(), String>,
    /// Programs at security hooks (BPF LSM).
    pub(crate) security: Result<(), String>,
}

impl Parts {
    pub(crate) fn none(why: &str) -> Self {
        let why = || Err(why.to_owned());
        Self { calls: why(), requests: why(), network: why(), security: why() }
    }
}

/// Books of the kernel, shared with whoever asks for them.
pub(crate) type Tallies = Arc<Mutex<HashMap<MapData, u64, Tally>>>;

/// Bytes that threads of each control group wrote that are gone.
pub(crate) type Written = Arc<Mutex<HashMap<MapData, u64, u64>>>;

/// Processes that came into a container from outside, and all that descend from them, each with the one that came.
pub(crate) type Entered = Arc<Mutex<HashMap<MapData, u32, u32>>>;

/// Maps that decide: written by the sensor's owner while the tracer reads the rings.
pub(crate) struct Controls {
    pub(crate) policies: HashMap<MapData, u64, Policy>,
    pub(crate) peers: LpmTrie<MapData, Peer, u32>,
    pub(crate) sensitive: HashMap<MapData, [u64; 2], u32>,
    pub(crate) watched: HashMap<MapData, u64, u8>,
    pub(crate) rules: HashMap<MapData, RuleKey, Rule>,
    pub(crate) programs: HashMap<MapData, ProgramKey, u32>,
    pub(crate) secret_places: HashMap<MapData, u64, u8>,
}

/// The running kernel programs. Dropping it takes them out of the kernel, unless they are pinned.
pub(crate) struct Tracer {
    rings: [RingBuf<MapData>; RINGS],
    pub(crate) tallies: Tallies,
    pub(crate) written: Written,
    pub(crate) entered: Entered,
    /// Written only where it lasts.
    pub(crate) books: HashMap<MapData, u64, Entry>,
    pub(crate) lasting: bool,
    program: Ebpf,
    pub(crate) parts: Parts,
    _pinned: Vec<PinnedLink>,
}

/// In the map of watched control groups.
pub(crate) const ANY_GROUP: u64 = 0;

impl Tracer {
    pub(crate) fn start(host: &Host, options: &Options) -> Result<(Self, Controls), TracerError> {
        let tracer = Self::load(host, options);
        sys::trim_heap();
        tracer
    }

    fn load(host: &Host, options: &Options) -> Result<(Self, Controls), TracerError> {
        let _quiet = Undisturbed::begin().map_err(TracerError::Signals)?;
        let pins = options.pins.as_deref().map(Pins::open).transpose()?;
        let btf = Btf::from_sys_fs().map_err(TracerError::TypeInformation)?;
        let tables = calls::tables();
        let generation = pins.as_ref().map_or(0, Pins::generation) + 1;
        let started = sys::boot_clock();
        let mut loader = EbpfLoader::new();
        loader
            .btf(Some(&btf))
            // A map of one room for each thread: only the kernel programs use it.
            .allow_unsupported_maps()
            .override_global("host_pid_namespace", &host.pid_namespace, true)
            .override_global("host_mount_namespace", &host.mount_namespace, true)
            .override_global("sensor_started", &started, true)
            .override_global("generation", &generation, true)
            .override_global("operations", &tables.operations, true)
            .override_global("shapes", &tables.shapes, true);
        for (name, size) in
            [("starts", options.ring), ("facts", options.ring), ("alerts", options.alert_ring)]
        {
            // A ring that is there keeps its size.
            let size = pins.as_ref().and_then(|pins| pins.size(name)).unwrap_or(size);
            loader.map_max_entries(name, size);
        }
        if let Some(pins) = &pins {
            for name in LASTING {
                loader.map_pin_path(name, pins.map(name));
            }
        }
        let mut program = loader.load(PROGRAM).map_err(TracerError::Load)?;
        let mut take = |name| program.take_map(name).ok_or(TracerError::Part(name));
        let ring = |map: Map| RingBuf::try_from(map).map_err(TracerError::Map);
        let rings = [ring(take("starts")?)?, ring(take("facts")?)?, ring(take("alerts")?)?];
        let mut tallies: HashMap<_, u64, Tally> = take("tallies")?.try_into().map_err(TracerError::Map)?;
        let books = take("books")?.try_into().map_err(TracerError::Map)?;
        let entered = take("entered")?.try_into().map_err(TracerError::Map)?;
        let written = take("written")?.try_into().map_err(TracerError::Map)?;
        let mut current: Array<_, u64> = take("current_generation")?.try_into().map_err(TracerError::Map)?;
        let mut controls = Controls {
            policies: take("policies")?.try_into().map_err(TracerError::Map)?,
            peers: take("peers")?.try_into().map_err(TracerError::Map)?,
            sensitive: take("sensitive")?.try_into().map_err(TracerError::Map)?,
            watched: take("watched")?.try_into().map_err(TracerError::Map)?,
            rules: take("rules")?.try_into().map_err(TracerError::Map)?,
            programs: take("programs")?.try_into().map_err(TracerError::Map)?,
            secret_places: take("secret_places")?.try_into().map_err(TracerError::Map)?,
        };
        if !options.chosen_only {
            controls.watched.insert(ANY_GROUP, 1, 0).map_err(TracerError::Map)?;
        }
        // Where all those are counted that find no room of their own.
        if tallies.get(&0, 0).is_err() {
            tallies.insert(0, Tally::default(), 0).map_err(TracerError::Map)?;
        }
        let mut attaching =
            Attaching { program: &mut program, btf: &btf, pins: pins.as_ref(), pinned: Vec::new() };
        attaching.attach(&EXEC)?;
        for hook in &STARTS {
            if let Err(problem) = attaching.attach(hook) {
                warn!(%problem, "a part of the tracer does not work");
            }
        }
        let mut part = |wanted: bool, hooks: &[(&'static str, Hook)]| match wanted {
            true => hooks
                .iter()
                .try_for_each(|hook| attaching.attach(hook))
                .map_err(|problem| problem.to_string()),
            false => Err("not asked for".to_owned()),
        };
        let parts = Parts {
            calls: part(options.observe, &CALLS),
            requests: part(options.observe, &REQUESTS),
            network: part(options.observe, &NETWORK),
            security: part(options.observe, &SECURITY),
        };
        if parts.security.is_ok() {
            for hook in &SECURITY_MORE {
                if let Err(problem) = attaching.attach(hook) {
                    info!(%problem, "a part of what security hooks refuse ends the process instead");
                }
            }
        }
        let pinned = attaching.pinned;
        current.set(0, generation, 0).map_err(TracerError::Map)?;
        let (tallies, written) = (Arc::new(Mutex::new(tallies)), Arc::new(Mutex::new(written)));
        let entered = Arc::new(Mutex::new(entered));
        let lasting = pins.is_some();
        let tracer =
            Self { rings, tallies, written, entered, books, lasting, program, parts, _pinned: pinned };
        Ok((tracer, controls))
    }

    /// Hands over the records that are in a ring, oldest first; `None` for one that cannot be read. Stops when
    /// `each` says so.
    pub(crate) fn drain(&mut self, ring: Ring, mut each: impl FnMut(Option<Record>) -> ControlFlow<()>) {
        while let Some(item) = self.rings[ring as usize].next() {
            let record = record::parse(&item);
            // The room in the ring is free again before anybody acts on the record.
            drop(item);
            if each(record).is_break() {
                return;
            }
        }
    }

    /// Events for which the kernel did not call a program at all, because it was busy on that processor.
    /// Kernels before 5.12 do not count these.
    pub(crate) fn missed(&self) -> u64 {
        self.program.programs().filter_map(|(_, program)| missed(program)).sum()
    }
}

fn missed(program: &Program) -> Option<u64> {
    let fd = match program {
        Program::BtfTracePoint(program) => program.fd().ok()?,
        _ => return None,
    };
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?.trim().parse().ok()
}

struct Attaching<'a> {
    program: &'a mut Ebpf,
    btf: &'a Btf,
    pins: Option<&'a Pins>,
    pinned: Vec<PinnedLink>,
}

impl Attaching<'_> {
    fn attach(&mut self, (name, hook): &(&'static str, Hook)) -> Result<(), TracerError> {
        let failed = |source| TracerError::Attach { name, source };
        let program = self.program.program_mut(name).ok_or(TracerError::Part(name))?;
        let link: Option<FdLink> = match (hook, program) {
            (Hook::Event(event), Program::BtfTracePoint(program)) => {
                patiently(|| program.load(event, self.btf)).map_err(failed)?;
                let id = program.attach().map_err(failed)?;
                match self.pins {
                    Some(_) => Some(program.take_link(id).map_err(failed)?.into()),
                    None => None,
                }
            }
            (Hook::Security(hook), Program::Lsm(program)) => {
                patiently(|| program.load(hook, self.btf)).map_err(failed)?;
                let id = program.attach().map_err(failed)?;
                match self.pins {
                    Some(_) => Some(program.take_link(id).map_err(failed)?.into()),
                    None => None,
                }
            }
            (Hook::Root, Program::CgroupSockAddr(program)) => {
                patiently(|| program.load()).map_err(failed)?;
                let id = program.attach(root()?, CgroupAttachMode::Single).map_err(failed)?;
                match self.pins {
                    Some(_) => program.take_link(id).map_err(failed)?.try_into().ok(),
                    None => None,
                }
            }
            (Hook::Root, Program::CgroupSock(program)) => {
                patiently(|| program.load()).map_err(failed)?;
                let id = program.attach(root()?, CgroupAttachMode::Single).map_err(failed)?;
                match self.pins {
                    Some(_) => program.take_link(id).map_err(failed)?.try_into().ok(),
                    None => None,
                }
            }
            _ => return Err(TracerError::Part(name)),
        };
        if let (Some(link), Some(pins)) = (link, self.pins) {
            self.pinned.push(pins.keep(name, link)?);
        }
        Ok(())
    }
}

/// The root directory of the unified hierarchy.
fn root() -> Result<File, TracerError> {
    let path = hierarchy().ok_or(TracerError::NoHierarchy)?;
    File::open(&path).map_err(|source| TracerError::Hierarchy { path, source })
}

/// Where the unified hierarchy is mounted: `/sys/fs/cgroup`, on a hybrid host `/sys/fs/cgroup/unified`.
pub(crate) fn hierarchy() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (_, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(point))
    })
}
