//! Against a real engine with a plugin around the decoder. Needs root and an engine's programs; says loudly when
//! it did not run.

mod engine;
mod plugin;

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use lazaret_engine::docker::runtime_spec::{Layout, read};
use lazaret_engine::docker::{Client, ContainerDetails, EngineError, EventKind, Health, StoreReader};
use lazaret_model::RunConfiguration;

use engine::Engine;
use plugin::Plugin;

#[test]
fn a_real_engine() {
    let name = format!("lzeng-{}", std::process::id());
    let plugin = Plugin::start(&name);
    let engine = plugin.as_ref().map_err(ToString::to_string).and_then(|_| Engine::start(&name));
    let (plugin, engine) = match (plugin, engine) {
        (Ok(plugin), Ok(engine)) => (plugin, engine),
        (_, engine) => {
            #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
            {
                eprintln!("SKIPPED: no engine to test with: {}", engine.err().unwrap_or_default());
            }
            return;
        }
    };
    let health = r#"HEALTHCHECK --interval=200ms --timeout=1s --retries=1 CMD ["/program"]"#;
    engine.image("lab:v1", &[r#"CMD ["/program","sleep"]"#, "ENV VERSION=1", "LABEL version=1", health]);
    engine.image("lab:v2", &[r#"CMD ["/program","sleep","2"]"#, "ENV VERSION=2", "LABEL version=2", health]);

    bypasses(&engine, &plugin);
    files(&engine);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        client(&engine).await;
        replacement(&engine).await;
    });
    // Whatever Docker's command line and our client really sent was understood.
    let seen = plugin.take();
    let undecided: Vec<_> = seen.iter().filter(|(_, refusal)| refusal.starts_with("undecided")).collect();
    assert!(undecided.is_empty() && seen.len() > 30, "{undecided:?} of {}", seen.len());
    // The successor asks for what its user asked for, and for nothing that the engine had filled in.
    let successor = seen.iter().find(|(asked, _)| asked.contains("create?name=shop-2"));
    let facts = successor.and_then(|(asked, _)| asked.split_once(';')).map_or("", |(_, facts)| facts);
    assert_eq!(facts, " name: shop-2; volume: data at /data");
    runtime.block_on(failures(&engine));
}

/// None of the tricks gets a privileged container past the plugin, and none is stopped by the engine alone.
fn bypasses(engine: &Engine, plugin: &Plugin) {
    let count = || engine.docker(&["ps", "-aq"]).unwrap().lines().count();
    let before = count();
    let json = "Content-Type: application/json\r\n";
    let long = format!(
        r#"{{"Image":"lab:v1","HostConfig":{{"Privileged":true}},"Labels":{{"a":"{}"}}}}"#,
        "x".repeat(1_200_000)
    );
    let plain = r#"{"Image":"lab:v1","HostConfig":{"Privileged":true}}"#;
    for body in [
        plain,
        r#"{"Image":"lab:v1","hostconfig":{"Privileged":true}}"#,
        r#"{"Image":"lab:v1","HostConfig":{"privileged":true}}"#,
        "{\"Image\":\"lab:v1\",\"Ho\u{17F}tConfig\":{\"Privileged\":true}}",
        r#"{"Image":"lab:v1","HostConfig":{},"HostConfig":{"Privileged":true}}"#,
        r#"{"Image":"lab:v1","HostConfig":{"Privileged":true}} trailing"#,
        r#"{"Image":"lab:v1","Privileged":true,"Binds":["/:/host"]}"#,
        &long,
    ] {
        let headers = format!("{json}Content-Length: {}\r\n", body.len());
        for target in [
            "/v1.41/containers/create",
            "/containers/create",
            "/v1.41/%63ontainers/create",
            "http://x/v1.41/containers/create",
        ] {
            let (status, said) = engine.ask("POST", target, Some(&headers), body);
            assert_eq!(status, 403, "{target} {}: {said}", body.chars().take(100).collect::<String>());
        }
    }
    let chunked = format!("{:x}\r\n{plain}\r\n0\r\n\r\n", plain.len());
    let (status, said) = engine.ask(
        "POST",
        "/containers/create",
        Some(&format!("{json}Transfer-Encoding: chunked\r\n")),
        &chunked,
    );
    assert_eq!((status, said.contains("privileged")), (403, true), "{said}");
    assert_eq!(count(), before, "a container was made");

    // A start of the old kind, with a host configuration in its body.
    engine.docker(&["create", "--name", "victim", "lab:v1"]).unwrap();
    let binds = r#"{"Privileged":true,"Binds":["/:/host"]}"#;
    let headers = format!("{json}Content-Length: {}\r\n", binds.len());
    for target in
        ["/v1.18/containers/victim/start", "/v1.41/containers/victim/start", "/containers/victim/start"]
    {
        assert_eq!(engine.ask("POST", target, Some(&headers), binds).0, 403, "{target}");
    }
    engine.docker(&["start", "victim"]).unwrap();
    let refused = engine.docker(&["exec", "victim", "/program"]).unwrap_err();
    assert!(refused.contains("nobody logs in"), "{refused}");
    // Parameters in a form are read by the engine and shown to nobody.
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n";
    assert_eq!(engine.ask("POST", "/containers/victim/attach?stdout=1", Some(form), "stdin=1").0, 403);
    for target in [
        "//containers/json",
        "/./containers/json",
        "/v1.41/x/../containers/json",
        "/v1.12/containers/json",
        "/unheard",
    ] {
        // Some the router sends elsewhere before it asks anybody.
        let (status, said) = engine.ask("GET", target, None, "");
        assert!(matches!(status, 301 | 403 | 404), "{target}: {status} {said}");
    }
    engine.docker(&["rm", "-f", "victim"]).unwrap();
    plugin.take();
}

/// The engine's files say what the engine says.
fn files(engine: &Engine) {
    let store = StoreReader::new(engine.path("data"));
    let id = engine.docker(&["image", "inspect", "-f", "{{.Id}}", "lab:v1"]).unwrap();
    for name in ["lab:v1", "docker.io/library/lab:v1", &id, &id[7..], &id[7..20]] {
        assert_eq!(
            store.resolve(name).unwrap().map(|config| config.to_string()).as_deref(),
            Some(id.as_str()),
            "{name}"
        );
    }
    assert_eq!(store.resolve("lab").unwrap(), None);
    assert_eq!(store.image("lab:v1").unwrap().unwrap().user, "");

    let bound =
        "type=volume,source=bound,target=/host,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc";
    let container = engine
        .docker(&["run", "-d", "--name", "files", "--init", "--mount", bound, "-v", "own:/own", "lab:v1"])
        .unwrap();
    let record = store.container(&container).unwrap();
    assert_eq!(
        (record.name.as_str(), record.image_name.as_str(), record.image_config.to_string()),
        ("files", "lab:v1", id)
    );
    let bundle = engine
        .path("exec/containerd/daemon/io.containerd.runtime.v2.task/moby")
        .join(&container)
        .join("config.json");
    let (data_root, exec_root) =
        (engine.path("data").display().to_string(), engine.path("exec").display().to_string());
    let layout = Layout {
        data_root: &data_root,
        exec_root: &exec_root,
        container: &container,
        cgroup_parent: Some(&engine.cgroup_parent()),
        has_cgroup_namespaces: std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists(),
        hooks: &[],
        device: &|_, _, _| None,
    };
    let mut run: RunConfiguration = read(&std::fs::read(bundle).unwrap(), &layout).unwrap();
    record.add_to(&mut run);
    run.mounts.sort_by(|a, b| a.target.cmp(&b.target));
    assert_eq!(
        crate::requests::facts(&run),
        "; name: files; user: 0:0; volume: bound at /host; volume: own at /own"
    );
    store.reveal_volumes(&mut run);
    assert_eq!(
        crate::requests::facts(&run),
        "; name: files; user: 0:0; bind: /etc at /host; volume: own at /own"
    );
    engine.docker(&["rm", "-f", "files"]).unwrap();
    engine.docker(&["volume", "rm", "bound", "own"]).unwrap();
}

async fn client(engine: &Engine) {
    let client = Client::connect(&engine.path("sock")).await.unwrap();
    client.ping().await.unwrap();
    let image = client.image("lab:v1").await.unwrap().unwrap();
    assert_eq!((image.names, image.repository_digests), (vec!["lab:v1".to_owned()], vec![]));
    assert_eq!(client.image("unheard").await.unwrap(), None);

    let mut events = pin!(client.watch());
    let words = ["run", "--name", "short", "-l", "team=shop", "lab:v1", "/program", "fail"];
    let watching = async {
        let mut kinds = Vec::new();
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            assert_eq!((event.image.as_str(), event.container.len()), ("lab:v1", 64));
            kinds.push(event.kind.clone());
            if event.kind == EventKind::Destroy {
                return kinds;
            }
        }
        kinds
    };
    let doing = async {
        // The stream begins when the engine has answered it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        engine.docker(&words).unwrap_err();
        engine.docker(&["rename", "short", "shorter"]).unwrap();
        let listed = client.containers().await.unwrap();
        let found = listed.iter().find(|container| container.name == "shorter").unwrap();
        assert_eq!(
            (found.running, found.image_config, found.labels.get("team").map(String::as_str)),
            (false, Some(image.config), Some("shop"))
        );
        client.remove("shorter").await.unwrap();
    };
    let (kinds, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(20), watching), doing);
    assert_eq!(
        kinds.unwrap(),
        [EventKind::Start, EventKind::Die { exit_code: Some(3) }, EventKind::Rename, EventKind::Destroy]
    );
}

async fn replacement(engine: &Engine) {
    let client = Client::connect(&engine.path("sock")).await.unwrap();
    engine.docker(&["network", "create", "front"]).unwrap();
    let old = engine
        .docker(&[
            "run",
            "-d",
            "--name",
            "shop",
            "--network",
            "front",
            "--network-alias",
            "service",
            "-e",
            "COLOUR=blue",
            "-l",
            "team=shop",
            "-m",
            "32m",
            "-v",
            "data:/data",
            "--read-only",
            "lab:v1",
        ])
        .unwrap();
    let details = client.inspect("shop").await.unwrap();
    assert_eq!(
        (details.id.as_str(), details.running, details.networks[0].aliases.as_slice()),
        (old.as_str(), true, &["service".to_owned()][..])
    );
    assert!(details.pid.is_some() && !details.started.is_empty());

    let labels = HashMap::from([("successor".to_owned(), "yes".to_owned())]);
    let new = client.create_like("shop", "lab:v2", "shop-2", labels).await.unwrap();
    client.start(&new).await.unwrap();
    healthy(&client, &new).await;
    let inspect = |format: &str| engine.docker(&["inspect", "-f", format, "shop-2"]).unwrap();
    assert_eq!(inspect("{{json .Config.Cmd}}"), r#"["/program","sleep","2"]"#, "the new image's own command");
    let environment = inspect("{{json .Config.Env}}");
    assert!(
        environment.contains("COLOUR=blue")
            && environment.contains("VERSION=2")
            && !environment.contains("VERSION=1"),
        "{environment}"
    );
    assert_eq!(inspect("{{json .Config.Labels}}"), r#"{"successor":"yes","team":"shop","version":"2"}"#);
    let limits = inspect(
        "{{.HostConfig.Memory}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.NetworkMode}} {{json .HostConfig.Binds}}",
    );
    assert_eq!(limits, r#"33554432 true front ["data:/data"]"#);
    assert!(
        !client.inspect(&new).await.unwrap().networks[0].aliases.contains(&"service".to_owned()),
        "not found before it is healthy"
    );

    client.disconnect_network("front", &new).await.unwrap();
    client.connect_network("front", &new, &["service".to_owned()]).await.unwrap();
    assert_eq!(client.inspect(&new).await.unwrap().networks[0].aliases, ["service"]);
    client.stop(&old, 1).await.unwrap();
    client.rename(&old, "shop-old").await.unwrap();
    client.rename(&new, "shop").await.unwrap();
    let stopped = client.inspect("shop-old").await.unwrap();
    assert_eq!((stopped.running, client.inspect("shop").await.unwrap().id), (false, new));
    client.remove(&old).await.unwrap();
    client.remove("shop").await.unwrap();
}

async fn healthy(client: &Client, container: &str) -> ContainerDetails {
    for _ in 0..100 {
        let details = client.inspect(container).await.unwrap();
        if details.health == Health::Healthy {
            return details;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?}", client.inspect(container).await);
}

async fn failures(engine: &Engine) {
    let client = Client::connect(&engine.path("sock")).await.unwrap();
    assert!(matches!(client.inspect("unheard").await, Err(EngineError::NotFound { .. })));
    assert!(matches!(client.start("unheard").await, Err(EngineError::NotFound { .. })));
    assert!(matches!(client.connect_network("unheard", "x", &[]).await, Err(EngineError::NotFound { .. })));
    // The plugin says no to a name that it cannot read: the message comes through.
    match client.inspect("a b").await {
        Err(EngineError::Refused { message, .. }) => assert!(message.contains("undecided"), "{message}"),
        other => panic!("{other:?}"),
    }
    match Client::connect(&engine.path("nothing")).await {
        Err(error @ EngineError::Unreachable { .. }) => {
            assert!(error.to_string().contains("nothing"), "{error}")
        }
        other => panic!("{other:?}"),
    }
}
