use lazaret_model::{Dimension, Phase};
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy};

use super::document::{self as doc, Document, Words};
use super::scalars::Scalar;
use super::{ProfileError, VERSION};
use crate::modes::Modes;
use crate::pattern::Pattern;
use crate::profile::{
    Added, Arguments, Connect, Coverage, Executables, FileRule, Libraries, Library, Listed, Listen,
    LoginRules, LookupRule, Network, Pending, Process, Profile, Raw, Resources, Seen, Subject, User, Variant,
    Volume,
};

pub(super) fn read(text: &str) -> Result<Profile, ProfileError> {
    let document: Document =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| malformed(error.render()))?;
    if document.version != VERSION {
        let version = document.version;
        return Err(malformed(format!("version {version} is not known here: this program reads {VERSION}")));
    }
    if document.variant.user.is_empty() {
        return Err(malformed("`user` is empty: the user of a variant is `root` where the image names none"));
    }
    let mut profile = profile(document)?;
    profile.sort();
    Ok(profile)
}

fn malformed(text: impl Into<String>) -> ProfileError {
    ProfileError::Malformed(text.into())
}

/// A profile must read the same to people as to programs.
pub(crate) fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_depth: 8,
            max_documents: 1,
            flow_nesting_limit: 8,
            max_nodes: 60_000,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        with_snippet: true,
    }
}

fn profile(document: Document) -> Result<Profile, ProfileError> {
    let mut modes = Modes::default();
    for_each(document.modes, |dimension, mode| modes.set(dimension, mode));
    for_each(document.actions, |dimension, action| modes.set_action(dimension, action));
    Ok(Profile {
        subject: Subject {
            image: document.image.0,
            variant: Variant {
                command: document.variant.command,
                user: document.variant.user,
                architecture: document.variant.architecture,
            },
        },
        state: document.state.0,
        modes,
        coverage: document.coverage.map(coverage),
        users: each(document.users, |user: doc::User| {
            let seen = seen(user.phases, user.pending);
            User { uid: user.uid, by: user.by.0.0, seen }
        }),
        processes: document.processes.into_iter().map(process).collect::<Result<_, _>>()?,
        executables: executables(document.executables),
        libraries: Libraries {
            outside_image: document.libraries.outside_image.0,
            added: each(document.libraries.added, |library: doc::Library| {
                let seen = seen(library.phases, library.pending);
                Library { path: library.path.0, by: library.by.0.0, seen }
            }),
        },
        volumes: each(document.volumes, |volume: doc::Volume| {
            let seen = seen(volume.phases, volume.pending);
            Volume { target: volume.target.0.0, seen }
        }),
        files: each(document.files, file_rule),
        secrets: each(document.secrets, file_rule),
        network: network(document.network),
        capabilities: values(document.capabilities),
        system_calls: each(document.system_calls, |name| name.0.0),
        kernel: values(document.kernel),
        login: LoginRules { health_check: document.login.health_check },
        resources: Resources {
            cpu_permille: document.resources.cpu_permille,
            memory_bytes: document.resources.memory_bytes,
            processes: document.resources.processes,
            written_bytes_per_minute: document.resources.written_bytes_per_minute,
        },
        wide: values(document.wide),
    })
}

fn each<A, B>(list: Vec<A>, read: impl Fn(A) -> B) -> Vec<B> {
    list.into_iter().map(read).collect()
}

fn values<T>(list: Vec<Scalar<T>>) -> Vec<T> {
    each(list, |value| value.0)
}

fn for_each<T>(words: Words<T>, mut set: impl FnMut(Dimension, T)) {
    let all = [
        (Dimension::Users, words.users),
        (Dimension::Processes, words.processes),
        (Dimension::Executables, words.executables),
        (Dimension::Libraries, words.libraries),
        (Dimension::Volumes, words.volumes),
        (Dimension::Files, words.files),
        (Dimension::Secrets, words.secrets),
        (Dimension::Network, words.network),
        (Dimension::Capabilities, words.capabilities),
        (Dimension::SystemCalls, words.system_calls),
        (Dimension::Login, words.login),
        (Dimension::Resources, words.resources),
    ];
    for (dimension, word) in all {
        if let Some(Scalar(word)) = word {
            set(dimension, word);
        }
    }
}

fn seen(phases: Vec<Scalar<Phase>>, pending: Option<doc::Pending>) -> Seen {
    let pending = pending.map(|pending| Pending {
        replicas: pending.replicas,
        of: pending.of,
        tainted: pending.tainted,
    });
    Seen { phases: phases.into_iter().map(|phase| phase.0).collect(), pending }
}

fn coverage(coverage: doc::Coverage) -> Coverage {
    Coverage {
        since: coverage.since.0,
        until: coverage.until.0,
        replicas: coverage.replicas,
        starts: coverage.starts,
        stops: coverage.stops,
        gaps: coverage.gaps,
    }
}

fn process(process: doc::Process) -> Result<Process, ProfileError> {
    let arguments = match process.arguments {
        None => Arguments::Any,
        Some(lists) => Arguments::Only(
            lists
                .into_iter()
                .map(|list| list.into_iter().map(argument).collect::<Result<_, _>>())
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Process {
        executable: process.path.0.0,
        digest: process.digest.map(|digest| digest.0),
        parent: process.parent.0.0,
        arguments,
        seen: seen(process.phases, process.pending),
    })
}

fn argument(doc::Argument(text): doc::Argument) -> Result<Pattern, ProfileError> {
    Pattern::parse_argument(&text).map_err(|error| malformed(format!("in `arguments`: {error}")))
}

fn executables(read: doc::Executables) -> Executables {
    Executables {
        listed: read.listed.map(|listed| Listed { count: listed.count, digest: listed.digest.0 }),
        drift: read.drift.0,
        memory: read.memory.0,
        loader: read.loader.0,
        set_user_id: each(read.set_user_id, |path| path.0.0),
        added: each(read.added, |added: doc::Added| {
            let seen = seen(added.phases, added.pending);
            Added { path: added.path.0.0, digest: added.digest.0, seen }
        }),
    }
}

fn file_rule(rule: doc::FileRule) -> FileRule {
    FileRule {
        path: rule.path.0,
        by: rule.by.0.0,
        operations: values(rule.operations),
        seen: seen(rule.phases, rule.pending),
    }
}

fn network(network: doc::Network) -> Network {
    Network {
        listen: each(network.listen, |listen: doc::Listen| {
            let seen = seen(listen.phases, listen.pending);
            Listen { transport: listen.transport.0, port: listen.port.0.0, by: listen.by.0.0, seen }
        }),
        connect: each(network.connect, |connect: doc::Connect| Connect {
            transport: connect.transport.0,
            to: connect.to.0,
            port: connect.port.0.0,
            by: connect.by.0.0,
            seen: seen(connect.phases, connect.pending),
        }),
        lookup: each(network.lookup, |lookup: doc::Lookup| LookupRule {
            name: lookup.name.0,
            seen: seen(lookup.phases, lookup.pending),
        }),
        longest_label: network.longest_label,
        raw: each(network.raw, |raw: doc::Raw| Raw { by: raw.by.0.0, seen: seen(raw.phases, raw.pending) }),
    }
}
