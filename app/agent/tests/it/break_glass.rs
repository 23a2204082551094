//! Log-ins while a person has opened a container: which are allowed, and what is on record of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lazaret_agent::clock;
use lazaret_format::v1::{BreakGlassBody, BreakGlassSnapshot, EventKind, GrantMark};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::world::{CONTAINER, World};

const OTHER: &str = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";
const EXEC: &[u8] = br#"{"Cmd":["sh"],"AttachStdin":true,"Tty":true}"#;
const START: &[u8] = br#"{"Detach":false,"Tty":true}"#;

/// Answers what an engine answers when it is asked which container is meant, and nothing else.
fn engine(world: &World) {
    let listener = UnixListener::bind(world.engine_socket()).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
}

async fn answer(mut stream: UnixStream) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count) = stream.read(&mut buffer).await {
        let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
        let Some(path) = text.split(' ').nth(1) else { return };
        let (status, body) = known(path.trim_start_matches("/v1.41"));
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nApi-Version: 1.41\r\n");
        let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn known(path: &str) -> (&'static str, String) {
    let command = |container: &str, privileged: bool| json!({"ID": "x", "ContainerID": container, "ProcessConfig": {"privileged": privileged}});
    let path = path.split('?').next().unwrap_or_default();
    let path = path.find("/containers/").or(path.find("/exec/")).map_or(path, |begin| &path[begin..]);
    let body: Value = match path {
        "/containers/shop/json" | "/containers/cccc/json" => json!({"Id": CONTAINER, "Name": "/shop"}),
        "/containers/other/json" => json!({"Id": OTHER, "Name": "/other"}),
        "/exec/prepared/json" => command(CONTAINER, false),
        "/exec/privileged/json" => command(CONTAINER, true),
        "/exec/elsewhere/json" => command(OTHER, false),
        path if path.contains("version") => json!({"ApiVersion": "1.41", "Version": "20.10"}),
        _ => return ("404 Not Found", json!({"message": "no such thing"}).to_string()),
    };
    ("200 OK", body.to_string())
}

fn open(world: &World, revision: u64, seconds: i64) {
    let until = Timestamp::now().checked_add(SignedDuration::from_secs(seconds)).unwrap();
    let body = BreakGlassBody {
        id: format!("glass-{revision}"),
        host: "testhost".to_owned(),
        container: CONTAINER.to_owned(),
        name: "shop".to_owned(),
        reason: "the disk is full".to_owned(),
        by: "user alice".to_owned(),
        opened: clock::now(),
        until: clock::rfc3339(until),
        state: "open".to_owned(),
        in_force: None,
        closed: None,
        closed_by: None,
    };
    let change = world.glass.apply(BreakGlassSnapshot { revision, open: vec![body] });
    assert!(change.complaints.is_empty(), "{change:?}");
}

async fn refused(world: &World, method: &str, uri: &str, body: &[u8]) -> String {
    let answer = world.ask(method, uri, body).await;
    assert!(!answer.allow, "{method} {uri}");
    answer.msg
}

#[tokio::test]
async fn one_container_is_opened_to_log_ins_and_to_nothing_else() {
    let world = World::new();
    engine(&world);
    let said = refused(&world, "POST", "/v1.41/containers/shop/exec", EXEC).await;
    assert!(said.contains("lazaret break-glass open CONTAINER --host testhost --reason"), "{said}");
    open(&world, 1, 60);
    let allowed: &[(&str, &str, &[u8])] = &[
        ("POST", "/v1.41/containers/shop/exec", EXEC),
        ("POST", "/v1.41/containers/cccc/exec", EXEC),
        ("POST", "/v1.41/exec/prepared/start", START),
        ("POST", "/v1.41/containers/shop/attach?stdin=1&stream=1", b""),
        ("GET", "/v1.41/containers/shop/attach/ws", b""),
    ];
    for (method, uri, body) in allowed {
        let answer = world.ask(method, uri, body).await;
        assert!(answer.allow, "{method} {uri}: {}", answer.msg);
    }
    let others: &[(&str, &str, &[u8])] = &[
        ("POST", "/v1.41/containers/other/exec", EXEC),
        ("POST", "/v1.41/containers/nobody/exec", EXEC),
        ("POST", "/v1.41/exec/elsewhere/start", START),
        ("POST", "/v1.41/exec/unknown/start", START),
        ("POST", "/v1.41/exec/privileged/start", START),
        ("POST", "/v1.41/containers/shop/exec", br#"{"Cmd":["sh"],"Privileged":true}"#),
        ("POST", "/v1.41/containers/other/attach?stdin=1", b""),
        ("PUT", "/v1.41/containers/shop/archive?path=/", b""),
        ("GET", "/v1.41/containers/shop/archive?path=/", b""),
        ("POST", "/v1.41/containers/shop/update", br#"{"Memory":0}"#),
        ("POST", "/v1.41/containers/shop/rename?name=other", b""),
        ("POST", "/v1.41/commit?container=shop", b""),
    ];
    for (method, uri, body) in others {
        refused(&world, method, uri, body).await;
    }
    let said = refused(&world, "POST", "/v1.41/exec/privileged/start", START).await;
    assert!(said.contains("--privileged"), "{said}");

    let mark = GrantMark {
        id: "glass-1".to_owned(),
        by: "user alice".to_owned(),
        reason: "the disk is full".to_owned(),
    };
    let on_record = world.events().into_iter().filter(|event| {
        matches!(&event.what, EventKind::Decided { allow: true, grant: Some(grant), container: Some(container), .. }
            if *grant == mark && container == CONTAINER)
    });
    assert_eq!(on_record.count(), allowed.len(), "each log-in names who let it in, and why");

    world.glass.apply(BreakGlassSnapshot { revision: 2, open: Vec::new() });
    for (method, uri, body) in allowed {
        refused(&world, method, uri, body).await;
    }
}

#[tokio::test]
async fn it_ends_by_its_time_and_without_the_engines_word_nobody_comes_in() {
    let world = World::new();
    open(&world, 1, 2);
    let said = refused(&world, "POST", "/v1.41/containers/shop/exec", EXEC).await;
    assert!(said.contains("cannot be told which container"), "{said}");
    engine(&world);
    assert!(world.ask("POST", "/v1.41/containers/shop/exec", EXEC).await.allow);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    refused(&world, "POST", "/v1.41/containers/shop/exec", EXEC).await;
    refused(&world, "POST", "/v1.41/exec/prepared/start", START).await;
}

#[tokio::test]
async fn what_cannot_be_recorded_lets_nobody_in() {
    let world = World::new();
    engine(&world);
    open(&world, 1, 60);
    world.spool.close();
    let said = refused(&world, "POST", "/v1.41/containers/shop/exec", EXEC).await;
    assert!(said.contains("on record"), "{said}");
}

#[tokio::test]
async fn without_a_policy_nothing_opens() {
    let world = World::with_policy_unset();
    engine(&world);
    open(&world, 1, 60);
    refused(&world, "POST", "/v1.41/containers/shop/exec", EXEC).await;
}
