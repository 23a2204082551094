use std::collections::{HashMap, HashSet};

use lazaret_model::{Capability, Dimension, KernelOperation, Phase, Transport};

use super::files::FileIndex;
use crate::learn::Visit;
use crate::modes::{Action, Mode};
use crate::profile::{
    Arguments, Connect, Executables, Listen, LookupRule, Network, Permission, Phases, Process, Profile,
    Resources,
};

/// A profile made ready for many questions.
#[derive(Debug)]
pub struct Compiled {
    pub(super) modes: [(Mode, Action); Dimension::ALL.len()],
    pub(super) users: HashMap<u32, Vec<(String, Phases)>>,
    pub(super) processes: HashMap<String, Vec<ProcessRule>>,
    pub(super) executables: Executables,
    pub(super) image: ImageFiles,
    pub(super) outside_image: Permission,
    pub(super) libraries: FileIndex,
    pub(super) volumes: HashSet<String>,
    pub(super) files: FileIndex,
    pub(super) secrets: FileIndex,
    pub(super) listen: HashMap<(Transport, Option<u16>), Vec<Listen>>,
    pub(super) connect: HashMap<(Transport, Option<u16>), Vec<Connect>>,
    pub(super) lookup: Vec<LookupRule>,
    pub(super) longest_label: u32,
    pub(super) raw: HashSet<String>,
    pub(super) capabilities: u64,
    pub(super) kernel: HashSet<KernelOperation>,
    pub(super) system_calls: HashSet<String>,
    pub(super) resources: Resources,
}

/// What the image brought, beside the profile: the attested list of its executables.
#[derive(Debug, Clone, Default)]
pub struct ImageFiles {
    /// SHA-256 of executables.
    pub digests: HashSet<[u8; 32]>,
    /// Absolute paths of executables and what each holds, where that is known. Then a copy elsewhere is not what
    /// the image brought, nor is one program in the place of another.
    pub paths: HashMap<String, [u8; 32]>,
}

impl ImageFiles {
    /// Whether the image brought this content, and here.
    pub(super) fn brought(&self, path: &str, digest: &[u8; 32]) -> bool {
        match self.paths.is_empty() {
            true => self.digests.contains(digest),
            false => self.paths.get(path) == Some(digest),
        }
    }
}

/// Under which circumstances something happened.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    pub phase: Phase,
    pub visit: Visit,
}

#[derive(Debug)]
pub(super) struct ProcessRule {
    pub(super) process: Process,
    /// All arguments that have no stars, for a fast answer.
    pub(super) literal: Option<HashSet<Vec<String>>>,
}

impl Compiled {
    pub fn new(profile: &Profile, image: ImageFiles) -> Self {
        let Network { listen, connect, lookup, longest_label, raw } = &profile.network;
        let mut compiled = Self {
            modes: std::array::from_fn(|number| mode(profile, Dimension::ALL[number])),
            users: HashMap::new(),
            processes: HashMap::new(),
            executables: profile.executables.clone(),
            image,
            outside_image: profile.libraries.outside_image,
            libraries: super::libraries::index(&profile.libraries.added),
            volumes: settled(&profile.volumes, |volume| &volume.seen)
                .map(|volume| volume.target.clone())
                .collect(),
            files: FileIndex::new(&profile.files),
            secrets: FileIndex::new(&profile.secrets),
            listen: HashMap::new(),
            connect: HashMap::new(),
            lookup: settled(lookup, |rule| &rule.seen).cloned().collect(),
            longest_label: *longest_label,
            raw: settled(raw, |raw| &raw.seen).map(|raw| raw.by.clone()).collect(),
            capabilities: profile
                .capabilities
                .iter()
                .copied()
                .map(Capability::bit)
                .fold(0, |set, bit| set | bit),
            kernel: profile.kernel.iter().copied().collect(),
            system_calls: profile.system_calls.iter().cloned().collect(),
            resources: profile.resources,
        };
        compiled.executables.added.retain(|added| added.seen.pending.is_none());
        for user in settled(&profile.users, |user| &user.seen) {
            compiled.users.entry(user.uid).or_default().push((user.by.clone(), user.seen.phases));
        }
        for process in settled(&profile.processes, |process| &process.seen) {
            let rule = ProcessRule { literal: literal(&process.arguments), process: process.clone() };
            compiled.processes.entry(process.executable.clone()).or_default().push(rule);
        }
        for rule in settled(listen, |rule| &rule.seen) {
            compiled.listen.entry((rule.transport, rule.port)).or_default().push(rule.clone());
        }
        for rule in settled(connect, |rule| &rule.seen) {
            compiled.connect.entry((rule.transport, rule.port)).or_default().push(rule.clone());
        }
        compiled
    }
}

/// Where more was seen than a profile holds, blocking would hit the innocent.
fn mode(profile: &Profile, dimension: Dimension) -> (Mode, Action) {
    match profile.modes.of(dimension) {
        Mode::Block if profile.wide.contains(&dimension) => (Mode::Alert, Action::Alert),
        Mode::Block => (Mode::Block, profile.modes.action(dimension)),
        mode => (mode, Action::Alert),
    }
}

/// Entries that wait for nobody.
fn settled<T>(entries: &[T], seen: impl Fn(&T) -> &crate::profile::Seen) -> impl Iterator<Item = &T> {
    entries.iter().filter(move |entry| seen(entry).pending.is_none())
}

fn literal(arguments: &Arguments) -> Option<HashSet<Vec<String>>> {
    match arguments {
        Arguments::Any => None,
        Arguments::Only(lists) => {
            lists.iter().map(|list| list.iter().map(|pattern| pattern.as_literal()).collect()).collect()
        }
    }
}
