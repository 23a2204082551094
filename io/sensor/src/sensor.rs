use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::mpsc;

use crate::confine::{ConfineError, Confinement, Deadly, NetworkPolicy};
use crate::enforce::{Enforcer, Refusals, Starts};
use crate::event::SensorEvent;
use crate::held::{HeldPolicy, SecretPlace};
use crate::ladder::{self, Stair};
use crate::ledger::{self, Tally};
use crate::namespaces::{Host, HostError};
use crate::observation::{Account, Sighting};
use crate::pins;
use crate::resources::ResourceMeter;
use crate::sys;
use crate::tracer::{ANY_GROUP, Entered, Parts, Tallies, Tracer, Written};
use crate::watch::Watch;

/// How the sensor works; the defaults suit a host.
#[derive(Debug, Clone)]
pub struct Options {
    /// Events that may wait for the agent.
    pub capacity: usize,
    /// Bytes of the kernel's buffers for program starts and for facts, each: a power of two and whole pages.
    pub ring: u32,
    /// Bytes of the kernel's buffer for alerts, likewise.
    pub alert_ring: u32,
    /// Whether to see what containers do beside starting programs ([`Sensor::sightings`]), and to be able to hold
    /// them to something ([`Sensor::confine_network`], [`Sensor::make_deadly`]).
    pub observe: bool,
    /// Whether work with files, changes of users and mounts are told of containers only that were named
    /// ([`Sensor::watch_group`]): engines that unpack images do little else.
    pub chosen_only: bool,
    /// Sightings that may wait; then facts wait in the kernel's buffer.
    pub sightings: usize,
    /// A directory on a BPF file system, such as `/sys/fs/bpf/lazaret`. What is put into the kernel stays there when
    /// this process ends, goes on enforcing and counting, and is taken over by the next sensor. `None`: the kernel
    /// takes all away with this process.
    pub pins: Option<PathBuf>,
    /// How long a process may stand still while its file is checked; then it is refused.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            capacity: 4096,
            ring: 4 << 20,
            alert_ring: 1 << 20,
            observe: false,
            chosen_only: false,
            sightings: 16_384,
            pins: None,
            deadline: Duration::from_secs(10),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SensorError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("the sensor's thread cannot be started: {0}")]
    Thread(#[source] io::Error),
}

/// The running sensor. Dropping it stops everything: guarded containers are then no longer guarded.
/// With [`Options::pins`] the kernel programs stay, and what they enforce.
#[derive(Debug)]
pub struct Sensor {
    /// In words for people, why a mechanism does not work here.
    tracing: Result<(), String>,
    parts: Parts,
    confinement: Mutex<Option<Confinement>>,
    sightings: Mutex<Option<mpsc::Receiver<Sighting>>>,
    tallies: Option<Tallies>,
    written: Option<Written>,
    entered: Option<Entered>,
    pub(crate) enforcer: Result<Enforcer, String>,
    ladder: OnceLock<Vec<Stair>>,
    stop: Arc<EventFd>,
    watch: Option<JoinHandle<()>>,
}

impl Sensor {
    /// Starts all that works on this host; [`Sensor::tracing`] and [`Sensor::enforcement`] tell what does.
    /// Takes some 100 ms, in which the kernel's type information is read: not for a thread that serves others.
    pub fn start(options: &Options) -> Result<(Self, mpsc::Receiver<SensorEvent>), SensorError> {
        let host = Host::read()?;
        let (events, receiver) = mpsc::channel(options.capacity.max(1));
        let untold = Arc::new(AtomicU64::new(0));
        let (tracer, controls, tracing) = match Tracer::start(&host, options) {
            Ok((tracer, controls)) => (Some(tracer), Some(controls), Ok(())),
            Err(problem) => (None, None, Err(problem.to_string())),
        };
        let parts = match (&tracer, &tracing) {
            (Some(tracer), _) => tracer.parts.clone(),
            (None, Err(why)) => Parts::none(why),
            (None, Ok(())) => Parts::none("not started"),
        };
        let tallies = tracer.as_ref().map(|tracer| tracer.tallies.clone());
        let written = tracer.as_ref().map(|tracer| tracer.written.clone());
        let entered = tracer.as_ref().map(|tracer| tracer.entered.clone());
        let (teller, sightings) = mpsc::channel(options.sightings.max(1));
        let teller = options.observe.then_some(teller);
        let starts = Arc::new(Starts::new(tracer.is_some()));
        let refusals = Arc::new(Refusals::new(untold.clone()));
        let enforcer = Enforcer::start(
            host,
            events.clone(),
            untold.clone(),
            refusals.clone(),
            starts.clone(),
            options.deadline,
        )
        .map_err(|problem| {
            format!(
                "the kernel offers no permission events (fanotify): {problem}; root and a kernel built with \
                     CONFIG_FANOTIFY_ACCESS_PERMISSIONS are needed"
            )
        });
        let stop = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
        let stop = Arc::new(stop.map_err(|errno| SensorError::Thread(errno.into()))?);
        let watch = Watch::new(host, tracer, (events, teller), (untold, refusals), starts)
            .map_err(|errno| SensorError::Thread(errno.into()))?;
        let stopped = stop.clone();
        let watch = thread::Builder::new()
            .name("lazaret-watch".to_owned())
            .spawn(move || watch.run(&stopped))
            .map_err(SensorError::Thread)?;
        let refuses = parts.security.is_ok();
        let sensor = Self {
            tracing,
            parts,
            confinement: Mutex::new(controls.map(|controls| Confinement::new(controls, refuses))),
            sightings: Mutex::new(options.observe.then_some(sightings)),
            tallies,
            written,
            entered,
            enforcer,
            ladder: OnceLock::new(),
            stop,
            watch: Some(watch),
        };
        Ok((sensor, receiver))
    }

    /// What containers do, if [`Options::observe`] asked for it. There is one stream: the second call gets none.
    pub fn sightings(&self) -> Option<mpsc::Receiver<Sighting>> {
        lock(&self.sightings).take()
    }

    /// Whether system calls are seen, or why not.
    pub fn observation(&self) -> Result<(), &str> {
        self.parts.calls.as_ref().copied().map_err(String::as_str)
    }

    /// Whether requests of io_uring are seen, or why not.
    pub fn requests(&self) -> Result<(), &str> {
        self.parts.requests.as_ref().copied().map_err(String::as_str)
    }

    /// Whether connections are seen and can be refused, or why not.
    pub fn network(&self) -> Result<(), &str> {
        self.parts.network.as_ref().copied().map_err(String::as_str)
    }

    /// From its return on, the processes of a control group (its id in the unified hierarchy) reach only what the
    /// policy lists; it replaces the one before.
    pub fn confine_network(&self, cgroup_id: u64, policy: &NetworkPolicy) -> Result<(), ConfineError> {
        self.network().map_err(|why| ConfineError::Unavailable(why.to_owned()))?;
        self.confinement(|confinement| confinement.network(cgroup_id, policy))
    }

    /// What ends a process of the control group from now on; it replaces what did before.
    pub fn make_deadly(&self, cgroup_id: u64, acts: &[Deadly]) -> Result<(), ConfineError> {
        self.observation().map_err(|why| ConfineError::Unavailable(why.to_owned()))?;
        self.confinement(|confinement| confinement.deadly(cgroup_id, acts))
    }

    /// What processes of the control group may do with files and whom they may become, from now on; it replaces what
    /// held before. What names a file may have then is kept by refusing mounts.
    ///
    /// # Errors
    /// Programs at the kernel's security hooks do not work here, or there is no room for the rules: then what held
    /// before still does.
    pub fn hold(&self, cgroup_id: u64, policy: &HeldPolicy) -> Result<(), ConfineError> {
        self.security().map_err(|why| ConfineError::Unavailable(why.to_owned()))?;
        self.confinement(|confinement| confinement.hold(cgroup_id, policy))
    }

    /// Whether changes of files that fail with EACCES or EXDEV are told of the control group: of one whose processes hold
    /// themselves to a [`Domain`](crate::Domain). Other reasons have these errors too.
    pub fn tell_refused(&self, cgroup_id: u64, tells: bool) -> Result<(), ConfineError> {
        self.observation().map_err(|why| ConfineError::Unavailable(why.to_owned()))?;
        self.confinement(|confinement| confinement.tell_refused(cgroup_id, tells))
    }

    /// Whether changes of mode, owner, times and attributes of files that fail with EPERM are told of the control group: of
    /// one whose system call filter refuses them. Other reasons have this error too.
    pub fn tell_attributes(&self, cgroup_id: u64, tells: bool) -> Result<(), ConfineError> {
        self.observation().map_err(|why| ConfineError::Unavailable(why.to_owned()))?;
        self.confinement(|confinement| confinement.tell_attributes(cgroup_id, tells))
    }

    /// Whether a process of the control group goes on when an act fails that would end it: of one from whose processes a
    /// filter keeps it.
    pub fn spare_refused(&self, cgroup_id: u64, spares: bool) -> Result<(), ConfineError> {
        self.observation().map_err(|why| ConfineError::Unavailable(why.to_owned()))?;
        self.confinement(|confinement| confinement.spare_refused(cgroup_id, spares))
    }

    /// Whether programs at the kernel's security hooks work, or why not.
    pub fn security(&self) -> Result<(), &str> {
        self.parts.security.as_ref().copied().map_err(String::as_str)
    }

    /// Names the places of secrets in all containers.
    pub fn name_secrets(&self, places: &[SecretPlace<'_>]) -> Result<(), ConfineError> {
        self.confinement(|confinement| confinement.name_secrets(places))
    }

    /// Opening of this file in any container is told by the buffer for alerts, whatever its name there.
    pub fn mark_sensitive(&self, file: impl AsFd) -> Result<(), ConfineError> {
        let (state, _) = sys::file_state(file).map_err(|why| ConfineError::Unavailable(why.to_string()))?;
        self.confinement(|confinement| confinement.sensitive(&state))
    }

    /// With [`Options::chosen_only`]: from now on everything is told that the group's processes do, and those of the
    /// groups below it.
    ///
    /// # Errors
    /// The kernel has no room for the group, or its programs are not there.
    pub fn watch_group(&self, cgroup_id: u64) -> Result<(), ConfineError> {
        self.confinement(|confinement| confinement.watch(cgroup_id))
    }

    /// As if [`Options::chosen_only`] had not been asked for, where containers have no groups of their own.
    ///
    /// # Errors
    /// As [`watch_group`](Self::watch_group).
    pub fn watch_all(&self) -> Result<(), ConfineError> {
        self.confinement(|confinement| confinement.watch(ANY_GROUP))
    }

    /// Ends what [`watch_group`](Self::watch_group), [`confine_network`](Self::confine_network) and
    /// [`make_deadly`](Self::make_deadly) began, after the group's end.
    pub fn release_group(&self, cgroup_id: u64) {
        let _ = self.confinement(|confinement| {
            confinement.release(cgroup_id);
            Ok(())
        });
    }

    /// Control groups that are held to something, those of a predecessor included.
    pub fn confined_groups(&self) -> Vec<u64> {
        self.confinement(|confinement| Ok(confinement.groups())).unwrap_or_default()
    }

    fn confinement<T>(
        &self,
        change: impl FnOnce(&mut Confinement) -> Result<T, ConfineError>,
    ) -> Result<T, ConfineError> {
        match lock(&self.confinement).as_mut() {
            Some(confinement) => change(confinement),
            None => Err(ConfineError::Unavailable(self.tracing().err().unwrap_or_default().to_owned())),
        }
    }

    /// What enforces what on this host, each rung tried. The first call takes part of a second; what it found is kept.
    pub fn ladder(&self) -> &[Stair] {
        self.ladder.get_or_init(|| ladder::climb(self))
    }

    /// The kernel's counts of all control groups that have one now.
    pub fn accounts(&self) -> Vec<Account> {
        let Some(tallies) = &self.tallies else { return Vec::new() };
        let read = |(cgroup_id, tally): (u64, Tally)| Account {
            container: None,
            cgroup_id,
            sent: ledger::sent(&tally),
            lost: ledger::lost(&tally),
            repeated: ledger::repeated(&tally),
        };
        lock(tallies).iter().flatten().map(read).collect()
    }

    /// Measures what the container of a process uses.
    ///
    /// # Errors
    /// The process is gone, or no control group of it can be found.
    pub fn meter(&self, pid: u32) -> io::Result<ResourceMeter> {
        ResourceMeter::of(pid, self.written.clone())
    }

    /// Processes that live and belong to the session which this one began, itself among them: it came into a container
    /// from outside, and they descend from it. Numbers as the host has them.
    pub fn session(&self, began: u32) -> Vec<u32> {
        let Some(entered) = &self.entered else { return Vec::new() };
        let pairs = lock(entered).iter().flatten().collect::<Vec<(u32, u32)>>();
        pairs.into_iter().filter(|(_, session)| *session == began).map(|(process, _)| process).collect()
    }

    /// Takes everything out of the kernel that sensors with these [`Options::pins`] left there. Enforcement ends.
    pub fn remove_pins(directory: &Path) -> io::Result<()> {
        pins::remove(directory)
    }

    /// Whether each program start is seen, or why containers are only looked for once a second.
    pub fn tracing(&self) -> Result<(), &str> {
        self.tracing.as_ref().copied().map_err(String::as_str)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = self.stop.write(1);
        // Not waited for: it may be waiting for the receiver of events, who may be the one that drops us.
        drop(self.watch.take());
    }
}
