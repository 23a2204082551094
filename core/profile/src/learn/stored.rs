//! What was learned, as it is kept and sent: JSON, the same bytes for the same knowledge.
//!
//! Reading goes by the same steps as learning does, so that nothing comes out that could not have been learned, however
//! hostile the bytes: lists are as short, trees as folded and names as plain as [`Learned`] makes them.

mod document;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lazaret_model::{FileOperation, SystemCall};

use self::document::{
    Document, ForestText, List, ProcessText, SightingText, SubjectText, Text, VERSION, Way, Written,
};
use super::forest::{MOST_DIRECTORIES, folding, place_of};
use super::sighting::{Capped, Join, MOST_NAMED, Replica, Sighting};
use super::trie::{Node, Step};
use super::{
    Forest, Learned, MOST_ARGUMENTS, Peers, ProcessKey, ProcessSeen, Record, fold, forest, join_into,
};
use crate::profile::{Phases, Resources, Subject, Variant};

/// Most bytes of the stored form that are read. What real programs do takes a hundredth of this.
pub const MOST_STORED_BYTES: usize = 4 << 20;

/// Bytes that are not what was learned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    #[error("what was learned takes {bytes} bytes, more than the {MOST_STORED_BYTES} allowed")]
    Large { bytes: usize },
    #[error("what was learned is of version {0}: this program reads {VERSION}")]
    Version(u32),
    #[error("what was learned is not the JSON expected here: {0}")]
    Malformed(String),
    #[error("what was learned holds more than {most} {what}")]
    TooMany { what: &'static str, most: usize },
    #[error("what was learned holds {what} that cannot have been learned: `{text}`")]
    Impossible { what: &'static str, text: String },
}

impl Learned {
    /// Writes the stored form.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&Document::of(self)).expect("strings and numbers always serialize")
    }

    /// Reads the stored form. What [`to_json`](Self::to_json) wrote comes back as it was.
    ///
    /// # Errors
    ///
    /// Whatever could not have been learned is refused as a whole: a profile from a part would be too narrow.
    pub fn from_json(bytes: &[u8]) -> Result<Self, StoredError> {
        if bytes.len() > MOST_STORED_BYTES {
            return Err(StoredError::Large { bytes: bytes.len() });
        }
        let malformed = |error: serde_json::Error| StoredError::Malformed(short(&error.to_string()));
        let Written { version } = serde_json::from_slice(bytes).map_err(malformed)?;
        if version != VERSION {
            return Err(StoredError::Version(version));
        }
        read(serde_json::from_slice(bytes).map_err(malformed)?)
    }
}

fn read(document: Document) -> Result<Learned, StoredError> {
    let mut learned = Learned::new(subject(document.subject)?);
    learned.replicas =
        capped(document.replicas, "replicas", |(replica, [first, last], [starts, stops, gaps])| {
            Ok((Replica(replica), Record { first, last, starts, stops, gaps }))
        })?;
    learned.tainted = capped(document.tainted, "replicas", |replica| Ok((Replica(replica), ())))?;
    learned.users =
        capped(document.users, "users", |(uid, by, seen)| Ok(((uid, names::place(by)?), sighting(seen)?)))?;
    learned.processes = capped(document.processes, "processes", process)?;
    learned.added = capped(document.added, "programs", |(path, Text(digest), seen)| {
        Ok(((names::place(path)?, digest), sighting(seen)?))
    })?;
    learned.libraries = forest(document.libraries, ONCE, names::path_step)?;
    learned.volumes =
        capped(document.volumes, "volumes", |(target, seen)| Ok((names::place(target)?, sighting(seen)?)))?;
    learned.files = forest(document.files, FileOperation::ALL.len(), names::path_step)?;
    learned.secrets = capped(document.secrets, "secrets", |(path, by, Text(operation), seen)| {
        Ok(((names::secret(path)?, names::place(by)?, operation), sighting(seen)?))
    })?;
    learned.listen = capped(document.listen, "listeners", |(Text(transport), port, by, seen)| {
        Ok(((transport, port, names::place(by)?), sighting(seen)?))
    })?;
    learned.connect = capped(document.connect, "ports", |(Text(transport), port, by, names, networks)| {
        let peers = Peers { names: forest(names, ONCE, names::label)?, networks: networks_of(networks)? };
        Ok(((transport, port, names::place(by)?), peers))
    })?;
    learned.lookup = forest(document.lookup, ONCE, names::label)?;
    learned.longest_label = document.longest_label;
    learned.raw = capped(document.raw, "programs", |(by, seen)| Ok((names::place(by)?, sighting(seen)?)))?;
    for (Text(capability), seen) in document.capabilities {
        join_into(&mut learned.capabilities, capability, sighting(seen)?);
    }
    learned.system_calls = capped(document.system_calls, "system calls", |(name, seen)| {
        Ok((system_call(name)?, sighting(seen)?))
    })?;
    for (Text(operation), seen) in document.kernel {
        join_into(&mut learned.kernel, operation, sighting(seen)?);
    }
    let [cpu_permille, memory_bytes, processes, written_bytes_per_minute] = document.resources;
    learned.resources = Resources { cpu_permille, memory_bytes, processes, written_bytes_per_minute };
    Ok(learned)
}

/// Things that are only seen or not: their trees know one thing that is done.
const ONCE: usize = 1;

fn subject(subject: SubjectText) -> Result<Subject, StoredError> {
    let SubjectText { image: Text(image), command, user, architecture } = subject;
    match user.is_empty() {
        true => Err(impossible("a user without a name", "")),
        false => Ok(Subject { image, variant: Variant { command, user, architecture } }),
    }
}

/// A list that holds no more than it can become.
fn capped<E, K: Ord, V: Join, const MOST: usize>(
    list: List<E>,
    what: &'static str,
    entry: impl Fn(E) -> Result<(K, V), StoredError>,
) -> Result<Capped<K, V, MOST>, StoredError> {
    if list.kept.len() > MOST {
        return Err(StoredError::TooMany { what, most: MOST });
    }
    let mut capped = Capped { kept: BTreeMap::new(), overflow: list.overflow };
    for one in list.kept {
        let (key, value) = entry(one)?;
        capped.add(key, value);
    }
    Ok(capped)
}

fn sighting((first, phases, replicas): SightingText) -> Result<Sighting, StoredError> {
    let phases = Phases::from_bits(phases)
        .filter(|phases| !phases.is_empty())
        .ok_or_else(|| impossible("phases", &phases.to_string()))?;
    if replicas.len() > MOST_NAMED {
        return Err(StoredError::TooMany { what: "replicas of one thing", most: MOST_NAMED });
    }
    if replicas.is_empty() || !replicas.is_sorted_by(|one, next| one < next) {
        return Err(impossible("replicas of one thing", &format!("{replicas:?}")));
    }
    Ok(Sighting { first, phases, replicas: replicas.into_iter().map(Replica).collect() })
}

fn process(text: ProcessText) -> Result<(ProcessKey, ProcessSeen), StoredError> {
    let key = ProcessKey {
        executable: names::place(text.path)?,
        parent: names::place(text.parent)?,
        digest: text.digest.map(|Text(digest)| digest),
    };
    let arguments = |list: List<Vec<String>>| -> Result<Capped<_, _, MOST_ARGUMENTS>, _> {
        capped(list, "lists of arguments of one program", |arguments| Ok((arguments, ())))
    };
    let seen = ProcessSeen {
        sighting: sighting(text.seen)?,
        arguments: arguments(text.arguments)?,
        shapes: arguments(text.shapes)?,
    };
    Ok((key, seen))
}

fn forest(
    text: ForestText,
    kinds: usize,
    step: fn(String) -> Result<Step, StoredError>,
) -> Result<Forest, StoredError> {
    let directories: BTreeSet<u64> = text.directories.into_iter().collect();
    if directories.len() > MOST_DIRECTORIES {
        return Err(StoredError::TooMany { what: "directories", most: MOST_DIRECTORIES });
    }
    let mut there = BTreeSet::new();
    let mut trees: BTreeMap<String, Node> = BTreeMap::new();
    for (by, ways) in text.trees {
        let by = names::place(by)?;
        for (way, what, seen) in ways {
            let steps = steps(way, step)?;
            if usize::from(what) >= kinds {
                return Err(impossible("an operation", &what.to_string()));
            }
            // Each place in the tree stands for one directory or more of those that it was made of.
            there.insert(place_of(&by, &steps));
            if there.len() > directories.len() {
                return Err(impossible("more directories than it counted", &by));
            }
            trees.entry(by.clone()).or_default().add(
                &steps,
                what,
                sighting(seen)?,
                folding(forest::WIDTHS[0]),
            );
        }
    }
    if text.wide && !directories.is_empty() {
        return Err(impossible("directories", "of what was given up"));
    }
    Ok(Forest::of(trees, directories, text.wide))
}

fn steps(way: Way, step: fn(String) -> Result<Step, StoredError>) -> Result<Vec<Step>, StoredError> {
    // One more than the deepest: what follows below it.
    const MOST: usize = forest::MOST_DEPTH + 1;
    if way.len() > MOST {
        return Err(StoredError::TooMany { what: "steps in one path", most: MOST });
    }
    way.into_iter().map(step).collect()
}

fn networks_of(ways: Vec<(Way, SightingText)>) -> Result<Node, StoredError> {
    let mut tree = Node::default();
    for (way, seen) in ways {
        let address = |text: &str| text.parse::<IpAddr>().ok();
        let steps = steps(way, |text| Ok(if text == "*" { Step::Any } else { Step::Literal(text) }))?;
        // A network is written as the address that leads to it, however far.
        let deepest = steps.iter().rev().find_map(|step| match step {
            Step::Literal(text) => Some(text.as_str()),
            _ => None,
        });
        let known = match deepest {
            Some(family @ ("v4" | "v6")) => vec![Step::Literal(family.to_owned())],
            Some(text) => fold::address_steps(address(text).ok_or_else(|| impossible("an address", text))?),
            None => Vec::new(),
        };
        let literals = steps.iter().take_while(|step| **step != Step::Any).count();
        let is_plain = (1..=4).contains(&steps.len())
            && literals >= 1
            && known.get(..literals) == steps.get(..literals)
            && steps.iter().skip(literals).all(|step| *step == Step::Any);
        if !is_plain {
            return Err(impossible("a network", &format!("{steps:?}")));
        }
        tree.add(&steps, 0, sighting(seen)?, fold::NETWORKS);
    }
    Ok(tree)
}

fn system_call(name: String) -> Result<String, StoredError> {
    let is_number = name.parse::<u32>().is_ok_and(|number| number.to_string() == name);
    match is_number || SystemCall::is_name(&name) {
        true => Ok(name),
        false => Err(impossible("a system call", &name)),
    }
}

fn impossible(what: &'static str, text: &str) -> StoredError {
    StoredError::Impossible { what, text: short(text) }
}

/// Texts of errors quote hostile input.
fn short(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(160).collect()
}
