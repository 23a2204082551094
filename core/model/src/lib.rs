//! The nouns of Lazaret, one file each, in the order in which things flow through the house.
//!
//! Types here are plain data: no behaviour beyond parsing and printing their own canonical text, no
//! serialization for strangers (outside shapes live in `lazaret-format`), no clock and no I/O.

mod advisory;
mod behaviour;
mod capability;
mod connection;
mod container;
mod digest;
mod dimension;
mod distribution;
mod ecosystem;
mod evidence;
mod file_access;
mod finding;
mod ssvc;
mod image;
mod limits;
mod operation;
mod package;
mod path_text;
mod platform;
mod problem;
mod reference;
mod replacement;
mod run_configuration;
mod severity;
mod spelling;
mod stage;
mod system_call;
mod tree;
mod verdict;

pub use advisory::{Advisory, AdvisoryStatus, DatabaseSnapshot, NamedPackage, Vulnerability};
pub use behaviour::{
    Actor, Behaviour, CapabilityUse, Execution, Fact, Gain, IdentityChange, KernelOperation, Login, LoginWay,
    Mounting, Phase, RUNTIME, ResourceUse, Session,
};
pub use capability::Capability;
pub use connection::{Connection, Listening, Lookup, RawSocket, Transport};
pub use container::{Container, ContainerKey, ContainerState, Decision, Management};
pub use digest::{Digest, DigestError};
pub use dimension::{Dimension, SECRET_PLACES, is_secret_place};
pub use distribution::Distribution;
pub use ecosystem::Ecosystem;
pub use evidence::{Evidence, Promotion};
pub use file_access::{FileAccess, FileOperation, FileOrigin, Mapping};
pub use finding::{Finding, FixState};
pub use image::{HealthCheck, Image, ImageConfiguration, Layer, SubjectKind};
pub use limits::Limits;
pub use operation::{EngineAction, EngineOperation};
pub use package::{Package, PackageEvidence, SourcePackage};
pub use path_text::path_text;
pub use platform::Platform;
pub use problem::{Problem, ProblemKind};
pub use reference::{ImageReference, ReferenceError};
pub use replacement::{Replacement, ReplacementState};
pub use run_configuration::{HostNamespace, Mount, MountKind, RunConfiguration};
pub use severity::Severity;
pub use ssvc::{Exploitation, Ssvc, TechnicalImpact};
pub use stage::{Stage, StageError};
pub use system_call::{Architecture, SystemCall};
pub use tree::{
    Content, Entry, EntryKind, Extracted, FILE_CAPABILITIES, Passing, RandomAccess, Tree, Visitor, Want,
    Wanted,
};
pub use verdict::{Outcome, Reason, Verdict};
