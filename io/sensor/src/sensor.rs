use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::mpsc;

use crate::enforce::{Enforcer, GuardError, GuardRequest, Starts, Watched};
use crate::event::SensorEvent;
use crate::namespaces::{Host, HostError};
use crate::tracer::Tracer;
use crate::watch::Watch;

/// How the sensor works; the defaults suit a host.
#[derive(Debug, Clone)]
pub struct Options {
    /// Events that may wait for the agent.
    pub capacity: usize,
    /// Bytes of the kernel's buffer for program starts: a power of two and whole pages.
    pub ring: u32,
    /// How long a process may stand still while its file is checked; then it is refused.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { capacity: 4096, ring: 4 << 20, deadline: Duration::from_secs(10) }
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
#[derive(Debug)]
pub struct Sensor {
    /// In words for people, why a mechanism does not work here.
    tracing: Result<(), String>,
    enforcer: Result<Enforcer, String>,
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
        let (tracer, tracing) = match Tracer::start(&host, options.ring) {
            Ok(tracer) => (Some(tracer), Ok(())),
            Err(problem) => (None, Err(problem.to_string())),
        };
        let starts = Arc::new(Starts::new(tracer.is_some()));
        let enforcer = Enforcer::start(
            host,
            events.clone(),
            untold.clone(),
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
        let watch = Watch::new(host, tracer, events, untold, starts)
            .map_err(|errno| SensorError::Thread(errno.into()))?;
        let stopped = stop.clone();
        let watch = thread::Builder::new()
            .name("lazaret-watch".to_owned())
            .spawn(move || watch.run(&stopped))
            .map_err(SensorError::Thread)?;
        Ok((Self { tracing, enforcer, stop, watch: Some(watch) }, receiver))
    }

    /// Whether each program start is seen, or why containers are only looked for once a second.
    pub fn tracing(&self) -> Result<(), &str> {
        self.tracing.as_ref().copied().map_err(String::as_str)
    }

    /// Whether executions can be refused, or why not.
    pub fn enforcement(&self) -> Result<(), &str> {
        self.enforcer.as_ref().map(|_| ()).map_err(String::as_str)
    }

    /// From its return on, nothing but the allowed contents is executed in the container. Takes about a
    /// millisecond and never waits for the container. On error nothing is guarded.
    pub fn guard(&self, request: &GuardRequest) -> Result<Vec<Watched>, GuardError> {
        self.enforcer.as_ref().map_err(|problem| GuardError::Unavailable(problem.clone()))?.guard(request)
    }

    /// Ends the guard of a container, normally after its end. `pid` is the one of the [`GuardRequest`]: if the
    /// container was started anew and guarded meanwhile, that guard stays.
    pub fn release(&self, container: &str, pid: u32) {
        if let Ok(enforcer) = &self.enforcer {
            enforcer.release(container, pid);
        }
    }

    /// Number of guarded containers.
    pub fn guarded(&self) -> usize {
        self.enforcer.as_ref().map_or(0, Enforcer::guarded)
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = self.stop.write(1);
        // Not waited for: it may be waiting for the receiver of events, who may be the one that drops us.
        drop(self.watch.take());
    }
}
