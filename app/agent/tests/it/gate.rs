//! What the engine is allowed and what not, asked over the plugin's real socket as the engine asks.

use std::time::Instant;

use lazaret_model::EngineAction;
use lazaret_policy::Policy;
use serde_json::json;

use crate::world::{GOOD, NOT_PROMOTED, OF_ROOT, World, digest, good_config, write_container};

/// Ways around plugins that read JSON, addresses or the interface less strictly than the engine obeys them.
const BYPASSES: &[(&str, &[u8])] = &[
    ("lower-case keys", br#"{"Image":"127.0.0.1:5055/shop:v2","hostconfig":{"privileged":true}}"#),
    (
        "a long s that folds",
        "{\"Image\":\"127.0.0.1:5055/shop:v2\",\"Ho\u{17f}tConfig\":{\"Privileged\":true}}".as_bytes(),
    ),
    (
        "an object given twice",
        br#"{"Image":"127.0.0.1:5055/shop:v2","HostConfig":{"Privileged":true},"HostConfig":{}}"#,
    ),
    (
        "an object given twice, spelt differently",
        br#"{"Image":"127.0.0.1:5055/shop:v2","HostConfig":{},"hostConfig":{"Privileged":true}}"#,
    ),
    (
        "a key inside given twice",
        br#"{"Image":"127.0.0.1:5055/shop:v2","HostConfig":{"Privileged":true,"Privileged":false}}"#,
    ),
    ("the image given twice", br#"{"Image":"127.0.0.1:5055/shop:v2","image":"127.0.0.1:5055/shop:v1"}"#),
    (
        "an escaped key given twice",
        br#"{"Image":"127.0.0.1:5055/shop:v2","HostConfig":{},"\u0048ostConfig":{"Privileged":true}}"#,
    ),
    ("bytes behind the end", br#"{"Image":"127.0.0.1:5055/shop:v2"}{"HostConfig":{"Privileged":true}}"#),
    ("a byte order mark", b"\xEF\xBB\xBF{\"Image\":\"127.0.0.1:5055/shop:v2\"}"),
    ("a NUL", b"{\"Image\":\"127.0.0.1:5055/shop:v2\"}\0"),
    ("no body (too large to be passed on, or of another type)", b""),
    ("an empty object", b"{}"),
    ("null", b"null"),
    ("not JSON", b"privileged=true"),
    ("an unknown key", br#"{"Image":"127.0.0.1:5055/shop:v2","Surprise":{"Privileged":true}}"#),
    ("an unknown host setting", br#"{"Image":"127.0.0.1:5055/shop:v2","HostConfig":{"Surprise":1}}"#),
];

/// Host configurations that give more than the engine's defaults.
const GRANTS: &[&str] = &[
    r#"{"Privileged":true}"#,
    r#"{"Binds":["/:/host"]}"#,
    r#"{"Binds":["/var/run/docker.sock:/s:ro"]}"#,
    r#"{"Mounts":[{"Type":"bind","Source":"/","Target":"/host"}]}"#,
    r#"{"Mounts":[{"Type":"volume","Source":"v","Target":"/host","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"type":"none","o":"bind","device":"/"}}}}]}"#,
    r#"{"VolumesFrom":["other"]}"#,
    r#"{"VolumeDriver":"sneaky","Binds":["v:/x"]}"#,
    r#"{"CapAdd":["ALL"]}"#,
    r#"{"CapAdd":["sys_admin"]}"#,
    r#"{"SecurityOpt":["seccomp=unconfined"]}"#,
    r#"{"SecurityOpt":["seccomp={}"]}"#,
    r#"{"SecurityOpt":["apparmor=unconfined"]}"#,
    r#"{"SecurityOpt":["label=disable"]}"#,
    r#"{"SecurityOpt":["systempaths=unconfined"]}"#,
    r#"{"MaskedPaths":[]}"#,
    r#"{"ReadonlyPaths":[]}"#,
    r#"{"PidMode":"host"}"#,
    r#"{"PidMode":"container:other"}"#,
    r#"{"IpcMode":"host"}"#,
    r#"{"NetworkMode":"host"}"#,
    r#"{"UTSMode":"host"}"#,
    r#"{"UsernsMode":"host"}"#,
    r#"{"CgroupnsMode":"host"}"#,
    r#"{"CgroupParent":"/elsewhere"}"#,
    r#"{"Cgroup":"container:other"}"#,
    r#"{"Runtime":"runc"}"#,
    r#"{"Devices":[{"PathOnHost":"/dev/kmsg","PathInContainer":"/dev/k","CgroupPermissions":"rwm"}]}"#,
    r#"{"DeviceRequests":[{"Driver":"nvidia","Count":-1}]}"#,
    r#"{"DeviceCgroupRules":["b *:* rwm"]}"#,
    r#"{"Sysctls":{"kernel.core_pattern":"|/x"}}"#,
    r#"{"OomScoreAdj":-1000}"#,
    r#"{"OomKillDisable":true}"#,
    r#"{"PortBindings":{"22/tcp":[{"HostPort":"22"}]}}"#,
    r#"{"ContainerIDFile":"/etc/x","Annotations":{"run.oci.hooks":"x"}}"#,
];

#[tokio::test]
async fn an_image_that_names_no_user_runs_as_root() {
    let policy = Policy::default_text().replace("users: {root: allow}", "users: {root: refuse}");
    let world = World::with_policy(&policy);
    let answer = world.create(&json!({"Image": OF_ROOT}).to_string()).await;
    assert!(!answer.allow && answer.msg.contains("runs as root"), "{}", answer.msg);
    assert!(world.create(&json!({"Image": OF_ROOT, "User": "app"}).to_string()).await.allow);
    assert!(!world.create(&json!({"Image": GOOD, "User": "root"}).to_string()).await.allow);
}

#[tokio::test]
async fn what_is_promoted_runs_and_what_is_not_is_refused_with_a_remedy() {
    let world = World::new();
    assert!(world.create(&json!({"Image": GOOD}).to_string()).await.allow);
    let by_digest = format!("127.0.0.1:5055/shop@{}", digest(1));
    assert!(world.create(&json!({"Image": by_digest}).to_string()).await.allow);
    assert!(
        world.create(&json!({"Image": good_config().to_string()}).to_string()).await.allow,
        "by image id"
    );
    let refusal = world.create(&json!({"Image": NOT_PROMOTED}).to_string()).await;
    assert!(!refusal.allow);
    assert!(refusal.msg.contains(NOT_PROMOTED) && refusal.msg.contains("lazaret promote"), "{}", refusal.msg);
    assert!(refusal.msg.lines().count() <= 3, "{}", refusal.msg);
    let decisions: Vec<(String, bool)> =
        world.decisions().into_iter().map(|(_, subject, allow)| (subject, allow)).collect();
    assert_eq!(decisions[0], (format!("run {GOOD}"), true));
    assert_eq!(decisions[3], (format!("run {NOT_PROMOTED}"), false));
}

#[tokio::test]
async fn an_image_that_is_not_here_is_the_engines_to_miss() {
    let world = World::new();
    let absent =
        |host: serde_json::Value| json!({"Image": "127.0.0.1:5055/shop:v9", "HostConfig": host}).to_string();
    assert!(world.create(&absent(json!({}))).await.allow, "the client pulls it and asks again");
    assert!(!world.create(&absent(json!({"Privileged": true}))).await.allow);
}

#[tokio::test]
async fn every_known_way_around_is_refused() {
    let world = World::new();
    for (name, body) in BYPASSES {
        let answer = world.ask("POST", "/v1.41/containers/create", body).await;
        assert!(!answer.allow, "{name}");
        assert!(answer.msg.starts_with("lazaret: ") && answer.msg.contains("; "), "{name}: {}", answer.msg);
    }
    for grant in GRANTS {
        let body = format!(r#"{{"Image":"{GOOD}","HostConfig":{grant}}}"#);
        let answer = world.create(&body).await;
        assert!(!answer.allow, "{grant}");
    }
    assert_eq!(world.decisions().len(), BYPASSES.len() + GRANTS.len());
    assert!(world.decisions().iter().all(|(_, _, allow)| !allow));
}

#[tokio::test]
async fn addresses_are_read_as_the_router_reads_them_or_refused() {
    let world = World::new();
    let privileged = format!(r#"{{"Image":"{GOOD}","HostConfig":{{"Privileged":true}}}}"#);
    for uri in [
        "/containers/create",
        "/v1.24/containers/create",
        "/v1.41/%63ontainers/create",
        "http://docker/v1.41/containers/create",
        "/v1.41/containers/create?name=x&name=y",
        "/v1.41//containers/create",
        "/v1.41/./containers/create",
        "/v1.41/x/../containers/create",
        "/v1.41/containers%2fcreate",
        "/v1.41/containers/create/",
        "/v1.18/containers/create",
        "/v2.0/containers/create",
        "/v1.41/Containers/create",
        "containers/create",
    ] {
        assert!(!world.ask("POST", uri, privileged.as_bytes()).await.allow, "{uri}");
    }
    let harmless = json!({"Image": GOOD}).to_string();
    for uri in ["/v1.18/containers/create", "/v1.41/containers/create/", "/v1.41//containers/create"] {
        assert!(!world.ask("POST", uri, harmless.as_bytes()).await.allow, "{uri} with a harmless body");
    }
    // Old engines took a whole host configuration with a start.
    let start = br#"{"Privileged":true,"Binds":["/:/host"]}"#;
    for uri in ["/v1.18/containers/shop/start", "/v1.41/containers/shop/start"] {
        assert!(!world.ask("POST", uri, start).await.allow, "{uri}");
    }
    assert!(world.ask("POST", "/v1.41/containers/shop/start", b"").await.allow, "the start hook decides");
    assert!(!world.ask("POST", "/v1.41/containers/shop/start?checkpoint=x", b"").await.allow);
}

#[tokio::test]
async fn nobody_logs_in_or_changes_what_was_admitted() {
    let world = World::new();
    let refused: &[(&str, &str, &[u8])] = &[
        ("POST", "/v1.41/containers/shop/exec", br#"{"Cmd":["sh"]}"#),
        ("POST", "/v1.41/exec/abc/start", br#"{"Detach":false,"Tty":false}"#),
        ("POST", "/v1.41/containers/shop/attach?stdin=1&stream=1", b""),
        ("GET", "/v1.41/containers/shop/attach/ws", b""),
        ("PUT", "/v1.41/containers/shop/archive?path=/", b""),
        ("POST", "/v1.41/containers/shop/update", br#"{"Memory":0}"#),
        ("POST", "/v1.41/containers/shop/rename?name=other", b""),
        ("POST", "/v1.41/containers/shop/checkpoints", br#"{"CheckpointID":"x"}"#),
        ("POST", "/v1.41/networks/front/connect", br#"{"Container":"shop"}"#),
        ("POST", "/v1.41/networks/front/disconnect", br#"{"Container":"shop"}"#),
        ("POST", "/v1.41/networks/create", br#"{"Name":"x","Driver":"macvlan"}"#),
        (
            "POST",
            "/v1.41/volumes/create",
            br#"{"Name":"v","DriverOpts":{"type":"none","o":"bind","device":"/"}}"#,
        ),
        ("POST", "/v1.41/commit?container=shop", b""),
        ("POST", "/v1.41/images/load", b""),
        ("POST", "/v1.41/images/create?fromSrc=-", b""),
        ("POST", "/v1.41/images/shop/tag?repo=x", b""),
        ("POST", "/v1.41/build", b""),
        ("POST", "/session", b""),
        ("POST", "/grpc", b""),
        ("POST", "/v1.41/plugins/pull?remote=x", b"[]"),
        ("POST", "/v1.41/plugins/x/enable", b""),
        ("POST", "/v1.41/swarm/init", b"{}"),
        ("POST", "/v1.41/services/create", b"{}"),
        ("GET", "/v1.41/swarm/unlockkey", b""),
        ("GET", "/debug/pprof/heap", b""),
        ("POST", "/v1.41/unheard/of", b""),
        ("BREW", "/v1.41/containers/json", b""),
    ];
    for (method, uri, body) in refused {
        let answer = world.ask(method, uri, body).await;
        assert!(!answer.allow, "{method} {uri}");
        assert!(
            answer.msg.starts_with("lazaret: ") && answer.msg.len() > 30,
            "{method} {uri}: {}",
            answer.msg
        );
    }
    assert_eq!(world.decisions().len(), refused.len(), "each refusal is on record");
    for uri in [
        "/_ping",
        "/v1.41/containers/json?all=1",
        "/v1.41/info",
        "/v1.41/containers/shop/json",
        "/v1.41/containers/shop/logs?stdout=1",
    ] {
        assert!(world.ask("GET", uri, b"").await.allow, "{uri}");
    }
    assert_eq!(world.decisions().len(), refused.len(), "what only reads is not");
}

#[tokio::test]
async fn the_agents_own_request_passes_once() {
    let world = World::new();
    let body = json!({"Container": "shop", "EndpointConfig": {"Aliases": ["www"]}});
    let connect = || {
        world.ask(
            "POST",
            "/v1.41/networks/front/connect",
            b"{\"Container\":\"shop\",\"EndpointConfig\":{\"Aliases\":[\"www\"]}}",
        )
    };
    world.intents.announce(EngineAction::ConnectNetwork, "shop (network front)", Some(body));
    assert!(
        !world
            .ask(
                "POST",
                "/v1.41/networks/back/connect",
                br#"{"Container":"shop","EndpointConfig":{"Aliases":["www"]}}"#
            )
            .await
            .allow
    );
    assert!(connect().await.allow);
    assert!(!connect().await.allow);
    world.intents.announce(EngineAction::Rename, "abc", None);
    assert!(world.ask("POST", "/v1.41/containers/abc/rename?name=shop", b"").await.allow);
    assert_eq!(
        world.decisions().iter().filter(|(_, _, allow)| *allow).count(),
        2,
        "also the agent's own are on record"
    );
}

#[tokio::test]
async fn without_a_policy_only_reading_is_allowed() {
    let world = World::with_policy_unset();
    assert!(world.ask("GET", "/v1.41/containers/json", b"").await.allow);
    let refusal = world.create(&json!({"Image": GOOD}).to_string()).await;
    assert!(!refusal.allow && refusal.msg.contains("no policy"), "{}", refusal.msg);
    assert!(!world.ask("POST", "/v1.41/containers/x/stop", b"").await.allow);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_allowed() {
    let world = World::new();
    world.spool.close();
    let refusal = world.create(&json!({"Image": GOOD}).to_string()).await;
    assert!(!refusal.allow && refusal.msg.contains("on record"), "{}", refusal.msg);
    assert!(world.ask("GET", "/_ping", b"").await.allow);
}

#[tokio::test]
async fn an_engine_whose_files_are_elsewhere_is_refused_and_named() {
    let world = World::new();
    std::fs::remove_dir_all(world.data_root()).unwrap();
    let refusal = world.create(&json!({"Image": GOOD}).to_string()).await;
    assert!(!refusal.allow && refusal.msg.contains("data-root"), "{}", refusal.msg);
    write_container(&world.data_root(), good_config(), GOOD);
}

/// Not a benchmark: shows the order of magnitude, and fails only if that is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_are_quick() {
    let world = World::new();
    let body = json!({"Image": GOOD}).to_string();
    let mut times = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        assert!(world.create(&body).await.allow);
        times.push(begun.elapsed());
    }
    times.sort();
    crate::say(&format!(
        "create decision over the socket, recorded: p50 {:?}, p99 {:?}",
        times[100], times[198]
    ));
    assert!(times[100].as_millis() < 50, "{:?}", times[100]);
}
