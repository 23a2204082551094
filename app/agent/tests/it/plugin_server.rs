//! The plugin's side of the protocol, over a real socket: whatever goes wrong is a refusal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazaret_agent::authz::{self, Answer, Judge, Wish};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// Does what the method of a wish says.
struct Whimsical;

impl Judge for Whimsical {
    async fn judge(&self, wish: Wish) -> Answer {
        match wish.request_method.as_str() {
            "GET" => Answer::allow(),
            "PANIC" => panic!("asked to"),
            "SLEEP" => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Answer::allow()
            }
            _ => Answer::refuse("because"),
        }
    }
}

fn serve() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plugin.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(authz::serve(listener, Arc::new(Whimsical), std::future::pending()));
    (directory, path)
}

pub(crate) async fn post(socket: &std::path::Path, path: &str, body: &[u8]) -> (String, String) {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: plugin\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

async fn ask(socket: &std::path::Path, body: &str) -> Answer {
    let (status, body) = post(socket, "/AuthZPlugin.AuthZReq", body.as_bytes()).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    serde_json::from_str(&body).unwrap()
}

fn wish(method: &str) -> String {
    format!(r#"{{"RequestMethod":"{method}","RequestUri":"/v1.41/info","RequestHeaders":{{}}}}"#)
}

#[tokio::test]
async fn activates_and_answers() {
    let (_kept, socket) = serve();
    let (_, body) = post(&socket, "/Plugin.Activate", b"").await;
    assert_eq!(body, r#"{"Implements":["authz"]}"#);
    assert_eq!(ask(&socket, &wish("GET")).await, Answer::allow());
    assert_eq!(ask(&socket, &wish("POST")).await, Answer::refuse("because"));
}

#[tokio::test]
async fn no_decision_is_a_refusal() {
    let (_kept, socket) = serve();
    let panicked = ask(&socket, &wish("PANIC")).await;
    assert!(!panicked.allow && panicked.msg.contains("inside the agent"), "{panicked:?}");
    let begun = Instant::now();
    let slow = ask(&socket, &wish("SLEEP")).await;
    assert!(!slow.allow && slow.msg.contains("no decision within"), "{slow:?}");
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(ask(&socket, &wish("GET")).await, Answer::allow(), "it goes on after both");
}

#[tokio::test]
async fn what_is_not_readable_is_refused() {
    let (_kept, socket) = serve();
    for bad in [
        "",
        "{",
        "[]",
        r#"{"RequestMethod":"GET"}"#,
        r#"{"RequestMethod":"GET","RequestUri":"/info","RequestBody":"not base64!"}"#,
        r#"{"RequestMethod":"GET","RequestUri":"/info","RequestHeaders":[]}"#,
    ] {
        let answer = ask(&socket, bad).await;
        assert!(!answer.allow && answer.msg.contains("not readable"), "{bad}: {answer:?}");
    }
    // Longer than any engine's: the connection may be closed before all of it is read, which refuses too.
    let long = format!(r#"{{"RequestMethod":"GET","RequestUri":"/{}"}}"#, "x".repeat(9 << 20));
    let mut stream = UnixStream::connect(&socket).await.unwrap();
    let head =
        format!("POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nHost: p\r\nContent-Length: {}\r\n\r\n", long.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(long.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("\"Allow\":true"));
}

#[tokio::test]
async fn answers_of_the_engine_pass_whatever_their_size() {
    let (_kept, socket) = serve();
    let (status, body) = post(&socket, "/AuthZPlugin.AuthZRes", &vec![b'x'; 20 << 20]).await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", r#"{"Allow":true,"Msg":"","Err":""}"#));
}
