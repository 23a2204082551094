//! The shape of the stored form. Lists stand for what comes often, so that names of fields don't.

use lazaret_model::{Capability, Digest, FileOperation, KernelOperation, Transport};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::learn::forest::Forest;
use crate::learn::sighting::{Capped, Sighting};
use crate::learn::trie::{Node, Step};
use crate::learn::{Learned, Record};
use crate::text::{FromText, Scalar, Word};

/// The version of the stored form.
pub(super) const VERSION: u32 = 1;

/// What every version begins with.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    pub(super) version: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Document {
    version: u32,
    pub(super) subject: SubjectText,
    /// Replica; first and last second; starts, stops and gaps.
    pub(super) replicas: List<(u64, [i64; 2], [u32; 3])>,
    pub(super) tainted: List<u64>,
    /// Each thing with who did it and how it was seen.
    pub(super) users: List<(u32, String, SightingText)>,
    pub(super) processes: List<ProcessText>,
    pub(super) added: List<(String, Text<Digest>, SightingText)>,
    pub(super) libraries: ForestText,
    pub(super) volumes: List<(String, SightingText)>,
    pub(super) files: ForestText,
    pub(super) secrets: List<(String, String, Text<FileOperation>, SightingText)>,
    pub(super) listen: List<(Text<Transport>, Option<u16>, String, SightingText)>,
    pub(super) connect: List<PeersText>,
    pub(super) lookup: ForestText,
    pub(super) longest_label: u32,
    pub(super) raw: List<(String, SightingText)>,
    pub(super) capabilities: Vec<(Text<Capability>, SightingText)>,
    pub(super) system_calls: List<(String, SightingText)>,
    pub(super) kernel: Vec<(Text<KernelOperation>, SightingText)>,
    /// Thousandths of a processor, bytes of memory, processes, bytes written in a minute.
    pub(super) resources: [Option<u64>; 4],
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubjectText {
    pub(super) image: Text<Digest>,
    pub(super) command: Vec<String>,
    pub(super) user: String,
    pub(super) architecture: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List<E> {
    pub(super) kept: Vec<E>,
    /// There were more.
    pub(super) overflow: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcessText {
    pub(super) path: String,
    pub(super) parent: String,
    pub(super) digest: Option<Text<Digest>>,
    pub(super) seen: SightingText,
    pub(super) arguments: List<Vec<String>>,
    pub(super) shapes: List<Vec<String>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ForestText {
    pub(super) wide: bool,
    pub(super) directories: Vec<u64>,
    /// Executables and where they did something.
    pub(super) trees: Vec<(String, Vec<WayText>)>,
}

/// When first, in which phases (a bit for each, in their order), by which replicas.
pub(super) type SightingText = (i64, u8, Vec<u64>);

/// Steps: `=` before a name, `~` before a shape, `*`, `**`. Of networks: `*`, else the name itself.
pub(super) type Way = Vec<String>;

/// Where, what was done (the number of a file operation in `FileOperation::ALL`, else 0), and how it was seen.
pub(super) type WayText = (Way, u8, SightingText);

/// Transport, port, executable; names, and networks.
pub(super) type PeersText = (Text<Transport>, u16, String, ForestText, Vec<(Way, SightingText)>);

/// A value that is written as the text form of profiles writes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text<T>(pub(super) T);

trait Spelled {
    fn spelled(&self) -> String;
}

impl<T: Word> Spelled for T {
    fn spelled(&self) -> String {
        self.word().to_owned()
    }
}

impl Spelled for Digest {
    fn spelled(&self) -> String {
        self.to_string()
    }
}

impl Spelled for Capability {
    fn spelled(&self) -> String {
        self.to_string()
    }
}

impl<T: Spelled> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.spelled())
    }
}

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::deserialize(deserializer).map(|Scalar(value)| Self(value))
    }
}

impl Document {
    pub(super) fn of(learned: &Learned) -> Self {
        let subject = learned.subject();
        let replica =
            |record: &Record| ([record.first, record.last], [record.starts, record.stops, record.gaps]);
        Self {
            version: VERSION,
            subject: SubjectText {
                image: Text(subject.image),
                command: subject.variant.command.clone(),
                user: subject.variant.user.clone(),
                architecture: subject.variant.architecture.clone(),
            },
            replicas: list(&learned.replicas, |one, record| {
                let (times, counts) = replica(record);
                (one.0, times, counts)
            }),
            tainted: list(&learned.tainted, |one, ()| one.0),
            users: list(&learned.users, |(uid, by), seen| (*uid, by.clone(), sighting(seen))),
            processes: list(&learned.processes, |key, seen| ProcessText {
                path: key.executable.clone(),
                parent: key.parent.clone(),
                digest: key.digest.map(Text),
                seen: sighting(&seen.sighting),
                arguments: list(&seen.arguments, |arguments, ()| arguments.clone()),
                shapes: list(&seen.shapes, |arguments, ()| arguments.clone()),
            }),
            added: list(&learned.added, |(path, digest), seen| (path.clone(), Text(*digest), sighting(seen))),
            libraries: forest(&learned.libraries),
            volumes: list(&learned.volumes, |target, seen| (target.clone(), sighting(seen))),
            files: forest(&learned.files),
            secrets: list(&learned.secrets, |(path, by, operation), seen| {
                (path.clone(), by.clone(), Text(*operation), sighting(seen))
            }),
            listen: list(&learned.listen, |(transport, port, by), seen| {
                (Text(*transport), *port, by.clone(), sighting(seen))
            }),
            connect: list(&learned.connect, |(transport, port, by), peers| {
                let networks = ways(&peers.networks, network_step);
                let networks = networks.into_iter().map(|(way, _, seen)| (way, seen)).collect();
                (Text(*transport), *port, by.clone(), forest(&peers.names), networks)
            }),
            lookup: forest(&learned.lookup),
            longest_label: learned.longest_label,
            raw: list(&learned.raw, |by, seen| (by.clone(), sighting(seen))),
            capabilities: learned
                .capabilities
                .iter()
                .map(|(one, seen)| (Text(*one), sighting(seen)))
                .collect(),
            system_calls: list(&learned.system_calls, |name, seen| (name.clone(), sighting(seen))),
            kernel: learned.kernel.iter().map(|(one, seen)| (Text(*one), sighting(seen))).collect(),
            resources: [
                learned.resources.cpu_permille,
                learned.resources.memory_bytes,
                learned.resources.processes,
                learned.resources.written_bytes_per_minute,
            ],
        }
    }
}

fn list<K, V, E, const MOST: usize>(from: &Capped<K, V, MOST>, entry: impl Fn(&K, &V) -> E) -> List<E> {
    List { kept: from.kept.iter().map(|(key, value)| entry(key, value)).collect(), overflow: from.overflow }
}

fn sighting(sighting: &Sighting) -> SightingText {
    let replicas = sighting.replicas.iter().map(|replica| replica.0).collect();
    (sighting.first, sighting.phases.bits(), replicas)
}

fn forest(forest: &Forest) -> ForestText {
    ForestText {
        wide: forest.wide,
        directories: forest.directories().iter().copied().collect(),
        trees: forest.trees().iter().map(|(by, tree)| (by.clone(), ways(tree, step))).collect(),
    }
}

fn ways(tree: &Node, step: fn(&Step) -> String) -> Vec<WayText> {
    let mut ways = Vec::new();
    tree.visit(&mut Vec::new(), &mut |way, what, seen| {
        ways.push((way.iter().map(|one| step(one)).collect(), what, sighting(seen)));
    });
    ways
}

fn step(step: &Step) -> String {
    match step {
        Step::Literal(name) => format!("={name}"),
        Step::Shape(shape) => format!("~{shape}"),
        Step::Any => "*".to_owned(),
        Step::Tail => "**".to_owned(),
    }
}

fn network_step(step: &Step) -> String {
    match step {
        Step::Literal(name) | Step::Shape(name) => name.clone(),
        Step::Any | Step::Tail => "*".to_owned(),
    }
}
