//! What one profile would have said to what another one was learned from.

use std::net::IpAddr;

use lazaret_model::{
    Actor, Behaviour, CapabilityUse, Connection, Dimension, Execution, Fact, FileAccess, FileOperation,
    FileOrigin, IdentityChange, Listening, Lookup, Mapping, Mounting, Phase, RawSocket, ResourceUse, Session,
};

use crate::check::{Circumstances, Compiled, Deviation, ImageFiles};
use crate::learn::Visit;
use crate::pattern::Pattern;
use crate::profile::{ANY, Arguments, Peer, Phases, Profile};

/// Stands for what a star stands for, in a way that no list of names foresees.
const SAMPLE: &str = "x7-sample";

/// What `expected` says to everything that `observed` was seen to do, once for each thing; in the order of the text
/// form. Entries of `observed` that wait for a person count: they happened.
///
/// An entry with a star is tried with one name that fits it. Capabilities and system calls say nothing of who used them.
pub fn rehearse(expected: &Profile, image: ImageFiles, observed: &Profile) -> Vec<Deviation> {
    let compiled = Compiled::new(expected, image);
    let mut found: Vec<Deviation> = Vec::new();
    for (dimension, phases, behaviour) in acts(observed) {
        let phases = if phases.is_empty() { Phases::NONE.with(Phase::Steady) } else { phases };
        for phase in phases.iter() {
            let circumstances = Circumstances { phase, visit: Visit::Program };
            let deviations = compiled.check(&behaviour, circumstances);
            // What an act says in passing (a program runs as somebody) has an entry of its own.
            for deviation in deviations.into_iter().filter(|deviation| deviation.dimension == dimension) {
                if found.last() != Some(&deviation) {
                    found.push(deviation);
                }
            }
        }
    }
    found
}

type Act = (Dimension, Phases, Behaviour);

fn acts(observed: &Profile) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut act = |dimension, phases, by: &str, fact| acts.push((dimension, phases, behaviour(by, fact)));
    for user in &observed.users {
        let change = IdentityChange { to_uid: user.uid, to_gid: user.uid };
        act(Dimension::Users, user.seen.phases, &user.by, Fact::Identity(change));
    }
    for process in &observed.processes {
        let lists = match &process.arguments {
            Arguments::Any => vec![vec![SAMPLE.to_owned()]],
            Arguments::Only(lists) => lists.iter().map(|list| list.iter().map(sample).collect()).collect(),
        };
        for arguments in lists {
            let own = std::iter::once(process.executable.clone());
            let execution =
                execution(&process.executable, process.digest, FileOrigin::Image, own.chain(arguments));
            act(Dimension::Processes, process.seen.phases, &process.parent, Fact::Exec(execution));
        }
    }
    for added in &observed.executables.added {
        let own = std::iter::once(added.path.clone());
        let execution = execution(&added.path, Some(added.digest), FileOrigin::Upper, own);
        act(Dimension::Executables, Phases::NONE, ANY, Fact::Exec(execution));
    }
    for library in &observed.libraries.added {
        let path = sample(&library.path);
        let mapping = Mapping { path, digest: None, origin: FileOrigin::Upper, as_program: false };
        act(Dimension::Libraries, Phases::NONE, &library.by, Fact::Map(mapping));
    }
    for volume in &observed.volumes {
        let nameless = String::new;
        let mounting = Mounting { source: nameless(), target: volume.target.clone(), kind: nameless() };
        act(Dimension::Volumes, Phases::NONE, ANY, Fact::Mount(mounting));
    }
    for (dimension, rules) in [(Dimension::Files, &observed.files), (Dimension::Secrets, &observed.secrets)] {
        for rule in rules {
            for operation in &rule.operations {
                let access = access(&rule.path, *operation);
                act(dimension, rule.seen.phases, &rule.by, Fact::File(access));
            }
        }
    }
    let network = Dimension::Network;
    for listen in &observed.network.listen {
        let port = listen.port.unwrap_or(u16::MAX);
        let listening = Listening { transport: listen.transport, address: unspecified(), port };
        act(network, Phases::NONE, &listen.by, Fact::Listen(listening));
    }
    for connect in &observed.network.connect {
        let (address, name) = match &connect.to {
            Peer::Name(name) => (unspecified(), Some(sample(name))),
            Peer::Network(address, _) => (*address, None),
        };
        let (transport, port) = (connect.transport, connect.port.unwrap_or(u16::MAX));
        let connection = Connection { transport, address, port, name };
        act(network, Phases::NONE, &connect.by, Fact::Connect(connection));
    }
    for rule in &observed.network.lookup {
        act(network, Phases::NONE, ANY, Fact::Lookup(Lookup { name: sample(&rule.name), kind: 1 }));
    }
    for raw in &observed.network.raw {
        act(network, Phases::NONE, &raw.by, Fact::RawSocket(RawSocket { family: 0, protocol: 0 }));
    }
    for capability in &observed.capabilities {
        let used = CapabilityUse { capability: *capability, granted: true };
        act(Dimension::Capabilities, Phases::NONE, ANY, Fact::Capability(used));
    }
    for operation in &observed.kernel {
        act(Dimension::SystemCalls, Phases::NONE, ANY, Fact::Kernel(*operation));
    }
    let most = observed.resources;
    let used = ResourceUse {
        window: 60,
        cpu_permille: most.cpu_permille.unwrap_or(0),
        memory_bytes: most.memory_bytes.unwrap_or(0),
        processes: most.processes.unwrap_or(0),
        written_bytes: most.written_bytes_per_minute.unwrap_or(0),
    };
    act(Dimension::Resources, Phases::NONE, ANY, Fact::Resources(used));
    acts
}

fn behaviour(by: &str, fact: Fact) -> Behaviour {
    let actor = Actor { pid: 0, executable: by.to_owned(), uid: 0, gid: 0, session: Session::Main };
    Behaviour { actor, fact }
}

fn execution(
    executable: &str,
    digest: Option<lazaret_model::Digest>,
    origin: FileOrigin,
    arguments: impl Iterator<Item = String>,
) -> Execution {
    Execution { digest, ..Execution::plain(executable.to_owned(), origin, arguments.collect()) }
}

fn access(path: &Pattern, operation: FileOperation) -> FileAccess {
    FileAccess { path: sample(path), operation, other: None, origin: FileOrigin::Upper }
}

fn sample(pattern: &Pattern) -> String {
    let literal = || Pattern::of(pattern.as_str().replace("**", SAMPLE).replace('*', SAMPLE)).as_literal();
    pattern.as_literal().or_else(literal).unwrap_or_default()
}

const fn unspecified() -> IpAddr {
    IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)
}
