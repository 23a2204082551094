//! The kernel side of the agent: which containers run, and that they run nothing but their image.
//!
//! ```text
//!  sensor.bpf.c ─rings─▶ tracer ─▶ record ┬▶ tracker ─▶ watch ──▶ ContainerSeen, ContainerGone, Gap
//!  /proc ──────▶ namespaces (scan) ────────┤
//!  pidfd ──────────────────────────────────┘
//!                                  record ┬▶ observe ──▶ Observation (facts of what containers do)
//!                                         └▶ ledger ───▶ EvidenceGap, Account (proof that nothing was lost)
//!  fanotify ───▶ enforce: lane ┬▶ decision (hash, cache, list; lineage: who may start it) ─▶ ExecutionDenied
//!                             └▶ opens (who opens secrets) ────▶ Observation
//!  confine, held ▶ policies of the kernel programs: network, what ends a process, files and users
//!  filter ▶ whether system call filters work (seccomp); runtimes put them before containers
//!  domain ▶ rules for the first program of a container (starter.c), which holds itself to them (Landlock)
//! ```
//!
//! A container is told by its namespaces and needs no engine: `docker`, `ctr`, `runc` and `unshare` look alike.
//! Whatever the sensor could not see or tell is an event itself ([`Gap`]).

mod calls;
mod canary;
mod cgroup;
mod confine;
mod domain;
mod enforce;
mod event;
mod evidence;
mod filter;
mod groups;
mod held;
mod hooks;
mod ladder;
mod ledger;
mod namespaces;
mod observation;
mod observe;
mod pins;
mod probe;
mod process;
mod record;
mod resources;
mod sensor;
mod sys;
mod tracer;
mod tracker;
mod undisturbed;
mod watch;

pub use confine::{ConfineError, Deadly, NetworkPolicy, PeerRule, PortRule, Protocol};
pub use domain::{Domain, DomainError, NotHanded, StartFiles, is_start, landlock};
pub use enforce::{
    ExecutableSet, GuardError, GuardRequest, SecretPlaces, SecretsRequest, StartRule, StartsRequest, Watched,
};
pub use event::{ContainerGone, ContainerSeen, DenyReason, ExecutionDenied, Gap, SensorEvent};
pub use filter::refuses as filter;
pub use held::{HeldPolicy, PathRule, RuleError, SecretPlace, UserRule};
pub use ladder::{Rung, Stair, Standing};
pub use namespaces::HostError;
pub use observation::{Account, EvidenceGap, Observation, Outcome, ProcessEnded, Sighting};
pub use observe::resolved;
pub use pins::{BPF_FILE_SYSTEM, provide_bpf_file_system};
pub use probe::{Mechanism, probe};
pub use resources::ResourceMeter;
pub use sensor::{Options, Sensor, SensorError};
pub use sys::{share_heaps, trim_heap};
