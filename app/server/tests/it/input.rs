use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::Server;

#[tokio::test]
async fn bodies_that_are_not_understood() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let agent = admin.enrol("host-1").await;
    for bad in
        ["", "{", "[]", "null", "{\"kind\":\"user\"}", "{\"kind\":\"root\",\"name\":\"x\"}", "{} trailing"]
    {
        let (status, body) = admin.refusal(Method::POST, "/v1/tokens", Some(bad.to_owned())).await;
        assert_eq!((status, body.code.as_str()), (400, "invalid"), "{bad}");
    }
    let unknown = r#"{"kind":"user","name":"x","admin":true}"#;
    let (status, body) = admin.refusal(Method::POST, "/v1/tokens", Some(unknown.to_owned())).await;
    assert_eq!(status, 400);
    assert!(body.message.contains("admin"), "{}", body.message);
    let twice = r#"{"kind":"user","name":"x","name":"y"}"#;
    assert_eq!(admin.refusal(Method::POST, "/v1/tokens", Some(twice.to_owned())).await.0, 400);
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(agent.refusal(Method::POST, "/v1/agent/events", Some(deep)).await.0, 400);
    assert_eq!(admin.get_refused("/v1/events?wiat=5").await.0, 400);
    assert_eq!(admin.get_refused("/v1/events?wait=soon").await.0, 400);
    assert_eq!(admin.get_refused("/v1/images/sha256:xyz").await.0, 400);
    assert_eq!(admin.get_refused("/v1/affected/%ff").await.0, 400);
    server.stop().await;
}

#[tokio::test]
async fn bodies_of_another_type_or_too_large() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let url = format!("{}/v1/tokens", admin.url);
    let form = admin.http.post(&url).bearer_auth(&admin.token).body("kind=user").send().await.unwrap();
    assert_eq!(form.status(), 415);
    let large = "x".repeat(2 << 20);
    let (status, body) = admin.refusal(Method::POST, "/v1/tokens", Some(large.clone())).await;
    assert_eq!((status, body.code.as_str()), (413, "invalid"));

    // Without a length nobody is warned, and reading stops at the limit all the same.
    let mut stream = TcpStream::connect(server.ready.address).await.unwrap();
    let head = format!(
        "POST /v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        admin.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let _ = stream.write_all(format!("{:x}\r\n{large}\r\n", large.len()).as_bytes()).await;
    let mut answer = vec![0; 4096];
    let count =
        tokio::time::timeout(Duration::from_secs(10), stream.read(&mut answer)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&answer[..count]).starts_with("HTTP/1.1 413"));
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let mut stream = TcpStream::connect(server.ready.address).await.unwrap();
    let head = format!(
        "POST /v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000\r\n\r\n{{\"kind\":\"user\",\"name\":\"x\"}}",
        admin.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    let tokens: Vec<lazaret_format::v1::TokenBody> = admin.get("/v1/tokens").await;
    assert_eq!(tokens.len(), 1);
    server.stop().await;
}
