use lazaret_model::{Evidence, HostNamespace, Mount, MountKind, Outcome, RunConfiguration};
use lazaret_policy::{Admission, Policy, Wish, admit};

use crate::examples::{evidence, now, policy, stage};

const STAGES: &str = "stages: [dev, qa, prod]\n";

fn ask(policy: &Policy, run: &RunConfiguration, evidence: Option<&Evidence>) -> Admission {
    admit(policy, &stage("prod"), &Wish { image: "shop:v1", run }, evidence, now())
}

fn rules(admission: &Admission) -> Vec<&str> {
    admission.reasons.iter().map(|reason| reason.rule.as_str()).collect()
}

#[test]
fn a_promoted_image_runs() {
    let admission =
        ask(&policy(STAGES), &RunConfiguration::default(), Some(&evidence(&["dev", "qa", "prod"])));
    assert_eq!(admission, Admission { allow: true, reasons: Vec::new() });
}

#[test]
fn what_is_not_proven_does_not_run() {
    let policy = policy(STAGES);
    let run = RunConfiguration::default();
    let admission = ask(&policy, &run, None);
    assert_eq!(rules(&admission), ["unknown-image"]);
    assert!(admission.reasons[0].message.contains("shop:v1"));

    let admission = ask(&policy, &run, Some(&evidence(&["dev"])));
    assert_eq!(rules(&admission), ["not-promoted", "prod-requires-previous-stage"]);
    assert_eq!(admission.reasons[0].message, "image shop:v1 is not promoted to prod");
    let remedy = &admission.reasons[0].remedy;
    assert!(
        remedy.contains("--to qa")
            && remedy.contains("then `lazaret promote")
            && remedy.contains("--to prod"),
        "{remedy}"
    );

    let digest = format!("registry.example/shop@sha256:{}", "ab".repeat(32));
    let wish = Wish { image: &format!("{digest} (image cd0123456789)"), run: &run };
    let admission = admit(&policy, &stage("prod"), &wish, Some(&evidence(&["dev"])), now());
    let said = format!("image {digest} (image cd0123456789) is not promoted to prod");
    assert_eq!(admission.reasons[0].message, said, "a digest is never cut");

    for (change, rule) in [
        ((|e| e.signed = false) as fn(&mut Evidence), "prod-requires-signature"),
        (|e| e.has_sbom = false, "prod-requires-sbom"),
        (|e| e.scan = None, "prod-requires-scan-passed"),
        (|e| e.scan = Some(Outcome::Refuse), "prod-requires-scan-passed"),
        (|e| e.promotions.retain(|p| p.to.as_str() != "qa"), "prod-requires-previous-stage"),
        (|e| e.promotions.clear(), "not-promoted"),
    ] {
        let mut evidence = evidence(&["dev", "qa", "prod"]);
        change(&mut evidence);
        let admission = ask(&policy, &run, Some(&evidence));
        assert!(!admission.allow && rules(&admission).contains(&rule), "{rule}: {admission:?}");
        assert!(admission.reasons.iter().all(|reason| !reason.remedy.is_empty()));
    }
}

#[test]
fn a_stage_that_the_policy_does_not_know_runs_nothing() {
    let admission =
        ask(&policy("stages: [dev]\n"), &RunConfiguration::default(), Some(&evidence(&["dev", "prod"])));
    assert_eq!(rules(&admission), ["unknown-stage"]);
    let admission = ask(&policy("scan: []\n"), &RunConfiguration::default(), Some(&evidence(&["prod"])));
    assert_eq!(rules(&admission), ["unknown-stage"]);
}

#[test]
fn promotions_can_expire() {
    let text = "stages:\n  - prod: {requires: [], promotion-valid-for: 1d}\n";
    let admission = ask(&policy(text), &RunConfiguration::default(), Some(&evidence(&["prod"])));
    assert_eq!(rules(&admission), ["promotion-expired"]);
    let text = text.replace("1d", "7d");
    assert!(ask(&policy(&text), &RunConfiguration::default(), Some(&evidence(&["prod"]))).allow);
    let mut undated = evidence(&["prod"]);
    undated.promotions[0].at = "lately".to_owned();
    assert_eq!(
        rules(&ask(&policy(&text), &RunConfiguration::default(), Some(&undated))),
        ["promotion-expired"]
    );
}

fn bind(source: &str, read_only: bool) -> RunConfiguration {
    let mount =
        Mount { kind: MountKind::Bind, source: source.to_owned(), target: "/x".to_owned(), read_only };
    RunConfiguration { mounts: vec![mount], ..RunConfiguration::default() }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn run(change: impl Fn(&mut RunConfiguration)) -> RunConfiguration {
    let mut run = RunConfiguration::default();
    change(&mut run);
    run
}

/// What a container asks for, the policy that allows it, and the rule that refuses it otherwise.
fn facts() -> Vec<(RunConfiguration, &'static str, &'static str)> {
    vec![
        (run(|r| r.privileged = true), "privileged: allow", "run.privileged"),
        (run(|r| r.user = "0".into()), "users: {root: allow}", "run.users"),
        (run(|r| r.user = "root:root".into()), "users: {root: allow}", "run.users"),
        (run(|r| r.user = "+0:5".into()), "users: {root: allow}", "run.users"),
        (
            run(|r| r.host_namespaces = vec![HostNamespace::Network]),
            "host-namespaces: {allow: [network]}",
            "run.host-namespaces",
        ),
        (run(|r| r.devices = words(&["/dev/fuse"])), "devices: {allow: [/dev/fuse]}", "run.devices"),
        (
            run(|r| r.added_capabilities = words(&["NET_ADMIN"])),
            "capabilities: {allow: [cap_net_admin]}",
            "run.capabilities",
        ),
        (run(|r| r.added_capabilities = words(&["ALL"])), "capabilities: {allow: [ALL]}", "run.capabilities"),
        (
            run(|r| r.weakened = words(&["seccomp profile unconfined"])),
            "weakened: {allow: [\"seccomp *\"]}",
            "run.weakened",
        ),
        (
            run(|r| r.sysctls = words(&["net.core.somaxconn=9"])),
            "sysctls: {allow: [net.core.*]}",
            "run.sysctls",
        ),
        (run(|r| r.escapes = words(&["runtime kata"])), "escapes: {allow: [runtime kata]}", "run.escapes"),
        (bind("/srv/shop", false), "bind-mounts: {allow: [/srv]}", "run.bind-mounts"),
        (bind("/srv/shop/", true), "bind-mounts: {allow-read-only: [/srv/shop]}", "run.bind-mounts"),
        (bind("/", true), "bind-mounts: allow", "run.bind-mounts"),
    ]
}

#[test]
fn every_fact_is_refused_until_the_policy_names_it() {
    let proven = evidence(&["dev", "qa", "prod"]);
    for (run, allowing, rule) in facts() {
        let refused = ask(&policy(STAGES), &run, Some(&proven));
        assert_eq!(rules(&refused), [rule], "{run:?}");
        assert!(!refused.reasons[0].remedy.is_empty());
        let admission = ask(&policy(&format!("{STAGES}run:\n  {allowing}\n")), &run, Some(&proven));
        assert!(admission.allow, "{allowing}: {admission:?}");
    }
}

#[test]
fn what_is_allowed_is_no_wider_than_it_says() {
    let proven = evidence(&["dev", "qa", "prod"]);
    let rules = "run:\n  bind-mounts: {allow: [/srv/shop], allow-read-only: [/etc/ssl]}\n  published-ports: {allow: [8080, 9000-9010]}\n  volumes: {allow: [\"shop-*\"]}\n  capabilities: {allow: [NET_BIND_SERVICE]}\n";
    let policy = policy(&format!("{STAGES}{rules}"));
    let port = |text: &str| run(|r| r.published_ports = words(&[text]));
    let volume = |name: &str| {
        let mount = Mount {
            kind: MountKind::Volume,
            source: name.to_owned(),
            target: "/d".to_owned(),
            read_only: false,
        };
        RunConfiguration { mounts: vec![mount], ..RunConfiguration::default() }
    };
    for (run, allow) in [
        (bind("/srv/shop", false), true),
        (bind("/srv/shop/a", false), true),
        (bind("/srv/shop-other", false), false),
        (bind("/srv", false), false),
        (bind("/srv/shop/../../etc", false), false),
        (bind("srv/shop", false), false),
        (bind("/etc/ssl", true), true),
        (bind("/etc/ssl", false), false),
        (port("8080:80/tcp"), true),
        (port("127.0.0.1:8080:80/tcp"), true),
        (port("[::1]:8080:80"), true),
        (port("8081:80/tcp"), false),
        (port("9000-9010:80/tcp"), true),
        (port("9000-9011:80/tcp"), false),
        (port(":80/tcp"), false),
        (port("x:80/tcp"), false),
        (volume("shop-data"), true),
        (volume("other"), false),
        (volume(""), false),
        (run(|r| r.added_capabilities = words(&["ALL"])), false),
        (run(|r| r.added_capabilities = words(&["NET_BIND_SERVICE"])), true),
    ] {
        assert_eq!(ask(&policy, &run, Some(&proven)).allow, allow, "{run:?}");
    }
}

#[test]
fn dangerous_paths_are_called_by_name() {
    for (path, danger) in [
        ("/", "the whole host"),
        ("//./", "the whole host"),
        ("/var/run/docker.sock", "who has it is root on the host"),
        ("/etc/shadow", "configuration and passwords"),
        ("/srv/../etc", "not a plain absolute path"),
    ] {
        let admission = ask(&policy(STAGES), &bind(path, true), Some(&evidence(&["dev", "qa", "prod"])));
        assert!(admission.reasons[0].message.contains(danger), "{path}: {}", admission.reasons[0].message);
    }
}

#[test]
fn hostile_names_do_not_spoil_the_message() {
    let run = run(|r| r.escapes = vec!["\u{1b}[2J\n".repeat(1000)]);
    let admission = ask(&policy(STAGES), &run, None);
    for reason in &admission.reasons {
        assert!(
            reason.message.len() < 600 && !reason.message.contains(['\n', '\u{1b}']),
            "{}",
            reason.message
        );
    }
}
