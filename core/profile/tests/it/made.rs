//! Profiles that proptest makes up.

use std::net::IpAddr;

use jiff::Timestamp;
use lazaret_model::{Capability, Digest, Dimension, FileOperation, KernelOperation, Phase, Transport};
use lazaret_profile::{
    Action, Added, Arguments, Connect, Coverage, Executables, FileRule, Libraries, Library, Listed, Listen,
    LoginRules, LookupRule, Mode, Modes, Network, Pattern, Peer, Pending, Permission, Process, Profile, Raw,
    Resources, Seen, State, Subject, User, Variant, Volume,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Text as hostile as a path can be, after `path_text`.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9._-]{1,8}",
        any::<Vec<u8>>()
            .prop_map(|bytes| lazaret_model::path_text(&bytes[..bytes.len().min(12)]).replace('/', "|")),
        select(vec![
            "no",
            "~",
            "null",
            "1e3",
            "0x1f",
            "2026-01-01",
            "'",
            "\"",
            "a: b",
            "- x",
            "#",
            "{",
            "\\x2a",
            "\u{feff}",
            "\u{85}"
        ])
        .prop_map(|text| lazaret_model::path_text(text.as_bytes()).into_owned()),
    ]
}

pub(crate) fn path() -> impl Strategy<Value = String> {
    vec(part(), 1..4).prop_map(|parts| format!("/{}", parts.join("/")))
}

fn place() -> impl Strategy<Value = String> {
    prop_oneof![6 => path(), 1 => Just("@runtime".to_owned()), 1 => Just("*".to_owned())]
}

fn pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        path().prop_map(|text| Pattern::literal(&text)),
        "/[a-z]{1,6}(/[a-z*]{1,3}){0,3}(/\\*\\*)?"
            .prop_filter_map("a pattern", |text| Pattern::parse(&text).ok()),
    ]
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn seen() -> impl Strategy<Value = Seen> {
    let pending = (any::<u32>(), any::<u32>(), any::<bool>()).prop_map(|(replicas, of, tainted)| Pending {
        replicas,
        of,
        tainted,
    });
    (subsequence(Phase::ALL, 0..=3), option::weighted(0.2, pending))
        .prop_map(|(phases, pending)| Seen { phases: phases.into_iter().collect(), pending })
}

fn permission() -> impl Strategy<Value = Permission> {
    select(vec![Permission::Allow, Permission::Deny])
}

fn modes() -> impl Strategy<Value = Modes> {
    vec((select(Mode::ALL), select(Action::ALL)), Dimension::ALL.len()).prop_map(|words| {
        let mut modes = Modes::default();
        for (dimension, (mode, action)) in Dimension::ALL.iter().zip(words) {
            modes.set(*dimension, mode);
            modes.set_action(*dimension, action);
        }
        modes
    })
}

fn coverage() -> impl Strategy<Value = Coverage> {
    let second = 0..250_000_000_000_i64;
    (second.clone(), second, any::<[u32; 4]>()).prop_map(|(since, until, [replicas, starts, stops, gaps])| {
        Coverage {
            since: Timestamp::from_second(since).unwrap(),
            until: Timestamp::from_second(until).unwrap(),
            replicas,
            starts,
            stops,
            gaps,
        }
    })
}

fn process() -> impl Strategy<Value = Process> {
    let argument = prop_oneof!["[ -~]{0,10}".prop_map(|text| Pattern::literal(&text)), pattern()];
    let arguments =
        prop_oneof![Just(Arguments::Any), vec(vec(argument, 0..4), 0..4).prop_map(Arguments::Only),];
    (path(), option::of(digest()), place(), arguments, seen()).prop_map(
        |(executable, digest, parent, arguments, seen)| Process {
            executable,
            digest,
            parent,
            arguments,
            seen,
        },
    )
}

fn executables() -> impl Strategy<Value = Executables> {
    let listed = (any::<u32>(), digest()).prop_map(|(count, digest)| Listed { count, digest });
    let added = (path(), digest(), seen()).prop_map(|(path, digest, seen)| Added { path, digest, seen });
    ((option::of(listed), permission(), permission(), permission()), vec(path(), 0..4), vec(added, 0..3))
        .prop_map(|((listed, drift, memory, loader), set_user_id, added)| Executables {
            listed,
            drift,
            memory,
            loader,
            set_user_id,
            added,
        })
}

fn rule() -> impl Strategy<Value = FileRule> {
    (pattern(), place(), subsequence(FileOperation::ALL, 1..5), seen())
        .prop_map(|(path, by, operations, seen)| FileRule { path, by, operations, seen })
}

fn network() -> impl Strategy<Value = Network> {
    let transport = || select(Transport::ALL);
    let listen = (transport(), option::of(any::<u16>()), place(), seen())
        .prop_map(|(transport, port, by, seen)| Listen { transport, port, by, seen });
    let name =
        || "([a-z*]{1,5}\\.){0,3}[a-z]{2,5}".prop_filter_map("a name", |text| Pattern::parse(&text).ok());
    let peer = prop_oneof![
        name().prop_map(Peer::Name),
        (any::<[u8; 4]>(), 0..=32_u8).prop_map(|(address, bits)| Peer::Network(IpAddr::from(address), bits)),
        (any::<[u8; 16]>(), 0..=128_u8)
            .prop_map(|(address, bits)| Peer::Network(IpAddr::from(address), bits)),
    ];
    let connect = (transport(), peer, option::of(any::<u16>()), place(), seen())
        .prop_map(|(transport, to, port, by, seen)| Connect { transport, to, port, by, seen });
    let lookup = (name(), seen()).prop_map(|(name, seen)| LookupRule { name, seen });
    let raw = (place(), seen()).prop_map(|(by, seen)| Raw { by, seen });
    (vec(listen, 0..3), vec(connect, 0..4), vec(lookup, 0..3), any::<u32>(), vec(raw, 0..2)).prop_map(
        |(listen, connect, lookup, longest_label, raw)| Network {
            listen,
            connect,
            lookup,
            longest_label,
            raw,
        },
    )
}

/// Any profile, in its order.
pub(crate) fn profile() -> impl Strategy<Value = Profile> {
    let variant = (vec("[ -~]{0,12}", 0..4), "[a-z0-9:]{1,9}", select(vec!["amd64", "arm64"])).prop_map(
        |(command, user, architecture)| Variant { command, user, architecture: architecture.to_owned() },
    );
    let user = (any::<u32>(), place(), seen()).prop_map(|(uid, by, seen)| User { uid, by, seen });
    let library = (pattern(), place(), seen()).prop_map(|(path, by, seen)| Library { path, by, seen });
    let libraries = (permission(), vec(library, 0..3))
        .prop_map(|(outside_image, added)| Libraries { outside_image, added });
    let volume = (path(), seen()).prop_map(|(target, seen)| Volume { target, seen });
    let capability = (0..64_u8).prop_map(|number| Capability::from_number(number).unwrap());
    let call = select(vec!["read", "openat2", "io_uring_setup", "9999"]).prop_map(str::to_owned);
    let resources = any::<[Option<u64>; 4]>().prop_map(|[cpu, memory, processes, written]| Resources {
        cpu_permille: cpu,
        memory_bytes: memory,
        processes,
        written_bytes_per_minute: written,
    });
    let front = (digest(), variant, select(State::ALL), modes(), option::of(coverage()), vec(user, 0..4));
    let middle = (
        vec(process(), 0..5),
        executables(),
        libraries,
        vec(volume, 0..3),
        vec(rule(), 0..6),
        vec(rule(), 0..3),
    );
    let back = (
        network(),
        vec(capability, 0..4),
        vec(call, 0..4),
        vec("[ -~]{0,9}", 0..3),
        resources,
        subsequence(Dimension::ALL, 0..3),
        subsequence(KernelOperation::ALL, 0..3),
    );
    (front, middle, back).prop_map(|(front, middle, back)| {
        let (image, variant, state, modes, coverage, users) = front;
        let (processes, executables, libraries, volumes, files, secrets) = middle;
        let (network, capabilities, system_calls, health_check, resources, wide, kernel) = back;
        let mut profile = Profile {
            subject: Subject { image, variant },
            state,
            modes,
            coverage,
            users,
            processes,
            executables,
            libraries,
            volumes,
            files,
            secrets,
            network,
            capabilities,
            system_calls,
            kernel,
            login: LoginRules { health_check },
            resources,
            wide,
        };
        profile.sort();
        profile
    })
}
