//! The kernel side of the agent: which containers run, and that they run nothing but their image.
//!
//! ```text
//!  exec.bpf.c ──ring──▶ tracer ─▶ record ─┐
//!  /proc ──────▶ namespaces (scan) ───────┼▶ tracker ─▶ watch ──▶ ContainerSeen, ContainerGone, Gap
//!  pidfd ─────────────────────────────────┘
//!  fanotify ───▶ enforce: lane ─▶ decision (hash, cache, list) ─▶ ExecutionDenied
//! ```
//!
//! A container is told by its namespaces and needs no engine: `docker`, `ctr`, `runc` and `unshare` look alike.
//! Whatever the sensor could not see or tell is an event itself ([`Gap`]).

mod canary;
mod cgroup;
mod enforce;
mod event;
mod namespaces;
mod probe;
mod process;
mod record;
mod sensor;
mod sys;
mod tracer;
mod tracker;
mod watch;

pub use enforce::{ExecutableSet, GuardError, GuardRequest, Watched};
pub use event::{ContainerGone, ContainerSeen, DenyReason, ExecutionDenied, Gap, SensorEvent};
pub use namespaces::HostError;
pub use probe::{Mechanism, probe};
pub use sensor::{Options, Sensor, SensorError};
