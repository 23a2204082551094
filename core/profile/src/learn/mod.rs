//! From what containers were seen to do to what they may do.
//!
//! [`Learned`] takes in behaviour, of one container or of many, and is merged with others in any order, any grouping
//! and as often as wanted: hubs need no plan. It is bounded whatever comes in. [`Learned::profile`] then tells the
//! profile.

mod coverage;
mod fold;
mod forest;
mod observe;
mod phases;
mod render;
mod session;
mod shape;
mod sighting;
mod stored;
mod trie;

use std::collections::BTreeMap;

use lazaret_model::{Capability, Digest, FileOperation, KernelOperation, Transport};

use self::forest::Forest;
use self::sighting::{Capped, Join, Sighting};
use self::trie::Node;
use crate::profile::{Resources, Subject};

pub(crate) use fold::masked;
pub(crate) use observe::is_reading_image;

pub use coverage::{Completion, Counted, Missing};
pub use observe::{Observation, STREAMING, STREAMS};
pub use phases::{Life, Milestone};
pub use session::{Sessions, Visit};
pub use sighting::Replica;
pub use stored::{MOST_STORED_BYTES, StoredError};

/// Containers that are told apart. More count as this many.
pub const MOST_REPLICAS: usize = 1024;
/// Entries of a list. Programs and secrets are never folded: with more of them the dimension is wide.
const MOST_PROCESSES: usize = 256;
const MOST_SECRETS: usize = 256;
const MOST_OTHERS: usize = 128;

/// What was learned of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    subject: Subject,
    replicas: Capped<Replica, Record, MOST_REPLICAS>,
    /// Replicas in which a fixed rule was broken, ever: what only they did waits for a person.
    tainted: Capped<Replica, (), MOST_REPLICAS>,
    users: Capped<(u32, String), Sighting, MOST_OTHERS>,
    processes: Capped<ProcessKey, ProcessSeen, MOST_PROCESSES>,
    added: Capped<(String, Digest), Sighting, MOST_OTHERS>,
    libraries: Forest,
    volumes: Capped<String, Sighting, MOST_OTHERS>,
    files: Forest,
    secrets: Capped<(String, String, FileOperation), Sighting, MOST_SECRETS>,
    listen: Capped<(Transport, Option<u16>, String), Sighting, MOST_OTHERS>,
    connect: Capped<(Transport, u16, String), Peers, MOST_OTHERS>,
    lookup: Forest,
    longest_label: u32,
    raw: Capped<String, Sighting, MOST_OTHERS>,
    capabilities: BTreeMap<Capability, Sighting>,
    system_calls: Capped<String, Sighting, 512>,
    kernel: BTreeMap<KernelOperation, Sighting>,
    resources: Resources,
}

/// What one container went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    /// Seconds since 1970.
    first: i64,
    last: i64,
    starts: u32,
    stops: u32,
    gaps: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ProcessKey {
    executable: String,
    parent: String,
    digest: Option<Digest>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ProcessSeen {
    sighting: Sighting,
    /// Arguments as they were …
    arguments: Capped<Vec<String>, (), MOST_ARGUMENTS>,
    /// … and with what looks made up as stars, for when they were too many.
    shapes: Capped<Vec<String>, (), MOST_ARGUMENTS>,
}

/// Lists of arguments of one program.
const MOST_ARGUMENTS: usize = 8;

/// Who was connected to on one port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Peers {
    names: Forest,
    networks: Node,
}

impl Learned {
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            replicas: Capped::default(),
            tainted: Capped::default(),
            users: Capped::default(),
            processes: Capped::default(),
            added: Capped::default(),
            libraries: Forest::default(),
            volumes: Capped::default(),
            files: Forest::default(),
            secrets: Capped::default(),
            listen: Capped::default(),
            connect: Capped::default(),
            lookup: Forest::default(),
            longest_label: 0,
            raw: Capped::default(),
            capabilities: BTreeMap::new(),
            system_calls: Capped::default(),
            kernel: BTreeMap::new(),
            resources: Resources::default(),
        }
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Takes in what was learned elsewhere of the same subject; of another one nothing, and answers `false`.
    pub fn merge(&mut self, other: Self) -> bool {
        if other.subject != self.subject {
            return false;
        }
        self.replicas.join(other.replicas);
        self.tainted.join(other.tainted);
        self.users.join(other.users);
        self.processes.join(other.processes);
        self.added.join(other.added);
        self.libraries.join(other.libraries);
        self.volumes.join(other.volumes);
        self.files.join(other.files);
        self.secrets.join(other.secrets);
        self.listen.join(other.listen);
        self.connect.join(other.connect);
        self.lookup.join(other.lookup);
        self.longest_label = self.longest_label.max(other.longest_label);
        self.raw.join(other.raw);
        for (capability, sighting) in other.capabilities {
            join_into(&mut self.capabilities, capability, sighting);
        }
        self.system_calls.join(other.system_calls);
        for (operation, sighting) in other.kernel {
            join_into(&mut self.kernel, operation, sighting);
        }
        self.resources.join(other.resources);
        true
    }
}

fn join_into<K: Ord, V: Join>(map: &mut BTreeMap<K, V>, key: K, value: V) {
    match map.get_mut(&key) {
        Some(there) => there.join(value),
        None => {
            map.insert(key, value);
        }
    }
}

impl Join for Record {
    /// Only the replica itself counts, so the highest count is the newest.
    fn join(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.starts = self.starts.max(other.starts);
        self.stops = self.stops.max(other.stops);
        self.gaps = self.gaps.max(other.gaps);
    }
}

impl Join for ProcessSeen {
    fn join(&mut self, other: Self) {
        self.sighting.join(other.sighting);
        self.arguments.join(other.arguments);
        self.shapes.join(other.shapes);
    }
}

impl Join for Peers {
    fn join(&mut self, other: Self) {
        self.names.join(other.names);
        self.networks.merge(other.networks, fold::NETWORKS);
    }
}

impl Join for Resources {
    fn join(&mut self, other: Self) {
        self.cpu_permille = self.cpu_permille.max(other.cpu_permille);
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.processes = self.processes.max(other.processes);
        self.written_bytes_per_minute = self.written_bytes_per_minute.max(other.written_bytes_per_minute);
    }
}
