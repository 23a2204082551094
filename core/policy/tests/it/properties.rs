use lazaret_model::{HostNamespace, Mount, MountKind, RunConfiguration};
use lazaret_policy::{Policy, Wish, admit};
use proptest::prelude::*;

use crate::examples::{evidence, now, policy, stage};

/// Policies of different widths, for every one of which asking for more never helps.
const POLICIES: &[&str] = &[
    "stages: [prod]\n",
    "stages: [prod]\nrun: {privileged: allow, escapes: allow, bind-mounts: {allow: [/srv], allow-read-only: [/etc]}}\n",
    "stages: [prod]\nrun: {users: {root: allow}, capabilities: allow, weakened: {allow: [\"a*\"]}, published-ports: {allow: [80]}}\n",
];

#[derive(Debug, Clone)]
enum More {
    Privileged,
    Root,
    Capability(String),
    Namespace(HostNamespace),
    Mount(MountKind, String, bool),
    Device(String),
    Weakened(String),
    Sysctl(String),
    Port(String),
    Escape(String),
}

fn more() -> impl Strategy<Value = More> {
    let word = "[a-z/.:=0-9-]{0,12}";
    let kind = prop_oneof![Just(MountKind::Bind), Just(MountKind::Volume), Just(MountKind::Tmpfs)];
    let path = prop_oneof![Just("/srv/x".to_owned()), Just("/etc".to_owned()), word.prop_map(|word| word)];
    prop_oneof![
        Just(More::Privileged),
        Just(More::Root),
        "[A-Z_]{1,8}".prop_map(More::Capability),
        prop_oneof![Just(HostNamespace::Pid), Just(HostNamespace::Network)].prop_map(More::Namespace),
        (kind, path, any::<bool>()).prop_map(|(kind, path, read_only)| More::Mount(kind, path, read_only)),
        word.prop_map(More::Device),
        word.prop_map(More::Weakened),
        word.prop_map(More::Sysctl),
        prop_oneof![Just("80:80/tcp".to_owned()), word.prop_map(|word| word)].prop_map(More::Port),
        word.prop_map(More::Escape),
    ]
}

fn ask_for(run: &mut RunConfiguration, more: More) {
    match more {
        More::Privileged => run.privileged = true,
        More::Root => run.user = "0".to_owned(),
        More::Capability(name) => run.added_capabilities.push(name),
        More::Namespace(namespace) => run.host_namespaces.push(namespace),
        More::Mount(kind, source, read_only) => {
            run.mounts.push(Mount { kind, source, target: "/x".to_owned(), read_only });
        }
        More::Device(word) => run.devices.push(word),
        More::Weakened(word) => run.weakened.push(word),
        More::Sysctl(word) => run.sysctls.push(word),
        More::Port(word) => run.published_ports.push(word),
        More::Escape(word) => run.escapes.push(word),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn reading_never_panics(text in "\\PC*") {
        let _ = Policy::parse(&text, "x").map_err(|error| error.to_string());
    }

    #[test]
    fn reading_what_looks_like_a_policy_never_panics(
        lines in prop::collection::vec("( {0,6})(- )?(stages|scan|run|engine|exceptions|id|allow|requires|vulnerability|[a-z-]{1,6}|\\PC{0,5}): ?(\\[|\\{|\\]|\\}|refuse|7d|\\PC{0,8}){0,3}", 0..12)
    ) {
        let text = lines.join("\n");
        let _ = Policy::parse(&text, "x").map_err(|error| error.to_string());
    }

    #[test]
    fn a_changed_byte_never_panics(at in any::<prop::sample::Index>(), byte in any::<char>()) {
        let mut text: Vec<char> = Policy::default_text().chars().collect();
        let index = at.index(text.len());
        text[index] = byte;
        let text: String = text.into_iter().collect();
        let _ = Policy::parse(&text, "x").map_err(|error| error.to_string());
    }

    #[test]
    fn asking_for_more_never_helps(wishes in prop::collection::vec(more(), 0..6), one in more(), which in 0..POLICIES.len(), proven in any::<bool>()) {
        let policy = policy(POLICIES[which]);
        let proof = evidence(&["prod"]);
        let proof = proven.then_some(&proof);
        let mut run = RunConfiguration::default();
        for wish in wishes {
            ask_for(&mut run, wish);
        }
        let ask = |run: &RunConfiguration| admit(&policy, &stage("prod"), &Wish { image: "x", run }, proof, now());
        let before = ask(&run);
        ask_for(&mut run, one);
        let after = ask(&run);
        prop_assert!(before.allow || !after.allow, "{before:?} {after:?}");
        prop_assert!(after.reasons.len() >= before.reasons.len());
        prop_assert_eq!(after.allow, after.reasons.is_empty());
    }
}
