//! From what was learned to a profile, which is small and in order.

use std::collections::BTreeMap;

use lazaret_model::{Dimension, FileOperation, Phase};

use super::forest::{self, Forest, WIDTHS};
use super::sighting::Sighting;
use super::{Learned, ProcessSeen, fold};
use crate::derive::empty;
use crate::mask::OMITTED;
use crate::pattern::Pattern;
use crate::profile::{
    Added, Arguments, Connect, FileRule, Library, Listen, LookupRule, Network, Peer, Pending, Phases,
    Process, Profile, Raw, Seen, State, User, Volume,
};
use crate::text::MOST_BYTES;

/// Rules about files in one profile.
const MOST_FILES: usize = 512;
/// From so many watched replicas on, what only one of them did waits for a person.
const ENOUGH_REPLICAS: usize = 5;

impl Learned {
    /// The profile of what was seen, upon what the image itself says. Its text is never larger than [`MOST_BYTES`].
    ///
    /// The modes are those of `derived`: what was learned is not enforced before somebody says so.
    pub fn profile(&self, derived: &Profile) -> Profile {
        let mut tightness = 0;
        loop {
            let profile = self.render(derived, tightness);
            let fits = profile.files.len() <= MOST_FILES && profile.text().len() <= MOST_BYTES;
            if fits {
                return profile;
            }
            tightness += 1;
            if tightness >= WIDTHS.len() {
                return shed(profile);
            }
        }
    }

    /// The profile of what was seen alone, where the image itself is not at hand.
    pub fn profile_alone(&self) -> Profile {
        self.profile(&empty(self.subject.clone()))
    }

    fn render(&self, derived: &Profile, tightness: usize) -> Profile {
        let mut profile = Profile { state: State::Learned, coverage: self.coverage(), ..derived.clone() };
        if !self.users.kept.is_empty() {
            let user = |((uid, by), sighting): (&(u32, String), _)| User {
                uid: *uid,
                by: by.clone(),
                seen: self.phased(sighting),
            };
            profile.users = self.users.kept.iter().map(user).collect();
        }
        if !self.processes.kept.is_empty() {
            profile.processes = self
                .processes
                .kept
                .iter()
                .map(|(key, seen)| Process {
                    executable: key.executable.clone(),
                    digest: key.digest,
                    parent: key.parent.clone(),
                    arguments: arguments(seen),
                    seen: self.phased(&seen.sighting),
                })
                .collect();
        }
        profile.executables.added.extend(self.added.kept.iter().map(|((path, digest), sighting)| Added {
            path: path.clone(),
            digest: *digest,
            // A program that the image did not bring is never taken in without a person.
            seen: Seen {
                pending: Some(self.pending(sighting).unwrap_or(self.count(sighting))),
                ..Seen::default()
            },
        }));
        self.libraries.visit(tightness, |by, way, _, sighting| {
            let path = forest::path_pattern(way);
            profile.libraries.added.push(Library { path, by: by.to_owned(), seen: self.seen(sighting) });
        });
        profile.volumes.extend(
            self.volumes
                .kept
                .iter()
                .map(|(target, seen)| Volume { target: target.clone(), seen: self.seen(seen) }),
        );
        profile.files.extend(self.files(tightness));
        profile.secrets.extend(self.secrets());
        self.network(&mut profile.network, tightness);
        let settled = |sighting: &Sighting| self.pending(sighting).is_none();
        let names = |(name, _): (&String, _)| name.clone();
        profile
            .capabilities
            .extend(self.capabilities.iter().filter(|(_, seen)| settled(seen)).map(|(one, _)| *one));
        profile.kernel.extend(self.kernel.iter().filter(|(_, seen)| settled(seen)).map(|(one, _)| *one));
        profile
            .system_calls
            .extend(self.system_calls.kept.iter().filter(|(_, seen)| settled(seen)).map(names));
        profile.resources = self.resources;
        profile.wide.extend(self.wide());
        profile.sort();
        profile
    }

    fn files(&self, tightness: usize) -> Vec<FileRule> {
        let mut rules: BTreeMap<(String, Pattern), Vec<(FileOperation, Seen)>> = BTreeMap::new();
        self.files.visit(tightness, |by, way, what, sighting| {
            if let Some(operation) = FileOperation::ALL.get(usize::from(what)) {
                let done = rules.entry((by.to_owned(), forest::path_pattern(way))).or_default();
                done.push((*operation, self.seen(sighting)));
            }
        });
        grouped(rules)
    }

    fn secrets(&self) -> Vec<FileRule> {
        let mut rules: BTreeMap<(String, Pattern), Vec<(FileOperation, Seen)>> = BTreeMap::new();
        for ((path, by, operation), sighting) in &self.secrets.kept {
            let done = rules.entry((by.clone(), Pattern::of(path.clone()))).or_default();
            done.push((*operation, self.phased(sighting)));
        }
        grouped(rules)
    }

    fn network(&self, network: &mut Network, tightness: usize) {
        // Who serves an exposed port is known better now.
        let is_seen = |listen: &Listen| {
            self.listen
                .kept
                .keys()
                .any(|(transport, port, _)| (*transport, *port) == (listen.transport, listen.port))
        };
        network.listen.retain(|listen| !is_seen(listen));
        network.listen.extend(self.listen.kept.iter().map(|((transport, port, by), sighting)| Listen {
            transport: *transport,
            port: *port,
            by: by.clone(),
            seen: self.seen(sighting),
        }));
        for ((transport, port, by), peers) in &self.connect.kept {
            let mut connect = |to: Peer, sighting: &Sighting| {
                let (transport, port, by) = (*transport, Some(*port), by.clone());
                network.connect.push(Connect { transport, to, port, by, seen: self.seen(sighting) });
            };
            peers
                .names
                .visit(tightness, |_, way, _, seen| connect(Peer::Name(forest::name_pattern(way)), seen));
            peers.networks.visit(&mut Vec::new(), &mut |way, _, sighting| {
                if let Some(to) = fold::network(way) {
                    connect(to, sighting);
                }
            });
        }
        self.lookup.visit(tightness, |_, way, _, sighting| {
            network.lookup.push(LookupRule { name: forest::name_pattern(way), seen: self.seen(sighting) });
        });
        network.longest_label = network.longest_label.max(self.longest_label);
        network.raw.extend(
            self.raw.kept.iter().map(|(by, sighting)| Raw { by: by.clone(), seen: self.seen(sighting) }),
        );
    }

    fn wide(&self) -> Vec<Dimension> {
        let is_wide = |forest: &Forest| forest.wide;
        let peers = self.connect.overflow || self.connect.kept.values().any(|peers| is_wide(&peers.names));
        [
            (Dimension::Users, self.users.overflow),
            (Dimension::Processes, self.processes.overflow),
            (Dimension::Executables, self.added.overflow),
            (Dimension::Libraries, is_wide(&self.libraries)),
            (Dimension::Volumes, self.volumes.overflow),
            (Dimension::Files, is_wide(&self.files)),
            (Dimension::Secrets, self.secrets.overflow),
            (Dimension::Network, peers || self.listen.overflow || self.raw.overflow || is_wide(&self.lookup)),
            (Dimension::SystemCalls, self.system_calls.overflow),
        ]
        .into_iter()
        .filter_map(|(dimension, wide)| wide.then_some(dimension))
        .collect()
    }

    fn seen(&self, sighting: &Sighting) -> Seen {
        Seen { phases: Phases::NONE, pending: self.pending(sighting) }
    }

    /// As [`seen`](Self::seen), also with when: what was done while serving may always be done.
    fn phased(&self, sighting: &Sighting) -> Seen {
        let phases = if sighting.phases.contains(Phase::Steady) { Phases::NONE } else { sighting.phases };
        Seen { phases, ..self.seen(sighting) }
    }

    fn pending(&self, sighting: &Sighting) -> Option<Pending> {
        let is_clean = |replica| !self.tainted.overflow && !self.tainted.kept.contains_key(replica);
        if !sighting.replicas.iter().any(is_clean) {
            return Some(Pending { tainted: true, ..self.count(sighting) });
        }
        let is_lonely = sighting.replicas.len() == 1 && self.replicas.kept.len() >= ENOUGH_REPLICAS;
        is_lonely.then(|| self.count(sighting))
    }

    fn count(&self, sighting: &Sighting) -> Pending {
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Pending {
            replicas: number(sighting.replicas.len()),
            of: number(self.replicas.kept.len()),
            tainted: false,
        }
    }
}

/// One rule for the operations of a path that hold alike.
fn grouped(rules: BTreeMap<(String, Pattern), Vec<(FileOperation, Seen)>>) -> Vec<FileRule> {
    let mut list: Vec<FileRule> = Vec::new();
    for ((by, path), done) in rules {
        let start = list.len();
        for (operation, seen) in done {
            match list[start..].iter_mut().find(|rule| rule.seen == seen) {
                Some(rule) => rule.operations.push(operation),
                None => {
                    let (path, by) = (path.clone(), by.clone());
                    list.push(FileRule { path, by, operations: vec![operation], seen });
                }
            }
        }
    }
    list
}

fn arguments(seen: &ProcessSeen) -> Arguments {
    let patterns =
        |list: &Vec<String>, read: fn(&str) -> Pattern| list.iter().map(|text| read(text)).collect();
    let literal: fn(&str) -> Pattern =
        |text| Pattern::of_argument(Pattern::literal(text).as_str().replace(OMITTED, "*"));
    let shape: fn(&str) -> Pattern = |text| Pattern::of_argument(text.replace(OMITTED, "*"));
    match (seen.arguments.overflow, seen.shapes.overflow) {
        (false, _) => {
            Arguments::Only(seen.arguments.kept.keys().map(|list| patterns(list, literal)).collect())
        }
        (true, false) => Arguments::Only(seen.shapes.kept.keys().map(|list| patterns(list, shape)).collect()),
        (true, true) => Arguments::Any,
    }
}

type GiveUp = fn(&mut Profile);

/// What is given up, in this order, until a profile is small enough: the dimension is then wide.
fn shed(mut profile: Profile) -> Profile {
    let steps: [(Dimension, GiveUp); 7] = [
        (Dimension::Files, |profile| profile.files.clear()),
        (Dimension::Network, |profile| profile.network.lookup.clear()),
        (Dimension::Processes, |profile| {
            profile.processes.iter_mut().for_each(|process| process.arguments = Arguments::Any);
        }),
        (Dimension::Network, |profile| profile.network.connect.clear()),
        (Dimension::Libraries, |profile| profile.libraries.added.clear()),
        (Dimension::Processes, |profile| profile.processes.clear()),
        (Dimension::Secrets, |profile| profile.secrets.clear()),
    ];
    for (dimension, give_up) in steps {
        give_up(&mut profile);
        profile.wide.push(dimension);
        profile.sort();
        if profile.text().len() <= MOST_BYTES {
            return profile;
        }
    }
    // Only names that are hostile by their length are left.
    profile.users.clear();
    profile.executables.added.clear();
    profile.volumes.clear();
    profile.network = Network { longest_label: profile.network.longest_label, ..Network::default() };
    profile.wide.extend([Dimension::Users, Dimension::Volumes]);
    profile.sort();
    profile
}
