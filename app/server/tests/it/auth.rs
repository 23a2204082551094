use std::time::Duration;

use lazaret_format::v1::{ErrorBody, TokenBody, TokenKind, TokenRequest, TokenResponse};
use reqwest::Method;
use serde_json::Value;

use crate::harness::Server;

/// Method, address and kind of token of every operation in the OpenAPI document.
fn operations() -> Vec<(Method, String, String)> {
    let document: Value = serde_json::from_str(&lazaret_server::openapi()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security =
                operation["security"].as_array().unwrap_or_else(|| panic!("{method} {path} is open"));
            assert_eq!(security.len(), 1, "{method} {path}");
            let kind = security[0].as_object().unwrap().keys().next().unwrap().clone();
            let digest = format!("sha256:{}", "0".repeat(64));
            let path = path.replace("{digest}", &digest).replace("{image_config}", &digest);
            let path = path.replace("{variant}", &"0".repeat(32));
            let path = path.replace("{id}", "x").replace("{subject}", "x");
            assert!(!path.contains('{'), "{path}");
            operations.push((method.to_uppercase().parse().unwrap(), path, kind));
        }
    }
    operations
}

#[tokio::test]
async fn every_operation_needs_its_kind_of_token() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let tokens = [
        ("user", admin.clone()),
        ("enrolment", admin.with(&admin.new_token(TokenKind::Enrolment, "e").await)),
        ("agent", admin.enrol("host-1").await),
    ];
    let operations = operations();
    assert!(operations.len() >= 20, "{}", operations.len());
    for (method, path, kind) in &operations {
        let body = (*method != Method::GET).then(|| "{}".to_owned());
        let nobody = admin.http.request(method.clone(), format!("{}{path}", admin.url));
        let nobody = match &body {
            Some(body) => nobody.header("content-type", "application/json").body(body.clone()),
            None => nobody,
        };
        let response = nobody.send().await.unwrap();
        assert_eq!(response.status(), 401, "{method} {path} without a token");
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        assert_eq!(response.json::<ErrorBody>().await.unwrap().code, "unauthorized");

        let (status, _) = admin.with("lzu_wrong").refusal(method.clone(), path, body.clone()).await;
        assert_eq!(status, 401, "{method} {path} with a token that is not known");
        for (own, client) in &tokens {
            let (status, text) = client.send(method.clone(), path, body.clone()).await;
            if own == kind {
                let known = status != 401 && status != 403 && status != 405;
                assert!(
                    known && !text.contains("nothing at this address"),
                    "{method} {path}: {status} {text}"
                );
            } else {
                assert_eq!(status, 403, "{method} {path} with the token of {own}");
                assert!(text.contains("\"unauthorized\""), "{text}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn even_what_is_not_there_is_told_to_nobody_without_a_token() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    for path in ["/", "/health", "/v1", "/v1/agent%2fevents", "/v2/images", "/v1/agents/"] {
        let response = admin.http.get(format!("{}{path}", admin.url)).send().await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
        let (status, body) = admin.get_refused(path).await;
        assert_eq!((status, body.code.as_str()), (404, "not-found"), "{path}");
    }
    let (status, body) = admin.refusal(Method::DELETE, "/v1/agents", None).await;
    assert_eq!((status, body.code.as_str()), (405, "invalid"));
    server.stop().await;
}

#[tokio::test]
async fn tokens_expire_and_are_shown_once() {
    let (server, directory) = Server::fresh().await;
    let admin = &server.client;
    let request = TokenRequest { kind: TokenKind::User, name: "short".to_owned(), lifetime_seconds: Some(1) };
    let short: TokenResponse = admin.post("/v1/tokens", &request).await;
    let alice = admin.new_token(TokenKind::User, "alice").await;
    let _: Vec<TokenBody> = admin.with(&short.token).get("/v1/tokens").await;
    tokio::time::sleep(Duration::from_millis(1600)).await;
    let (status, body) = admin.with(&short.token).get_refused("/v1/tokens").await;
    assert_eq!(status, 401);
    assert!(body.message.contains("expired"), "{}", body.message);

    let (_, listed) = admin.send(Method::GET, "/v1/tokens", None).await;
    assert!(!listed.contains(&alice) && !listed.contains(&short.token));
    let tokens: Vec<TokenBody> = serde_json::from_str(&listed).unwrap();
    let names: Vec<&str> = tokens.iter().map(|token| token.name.as_str()).collect();
    assert_eq!(names, ["admin", "short", "alice"]);
    assert!(tokens[0].expires.is_none() && tokens[2].expires.is_some());
    for bad in [Some(0), Some(u64::MAX)] {
        let request = TokenRequest { kind: TokenKind::User, name: "x".to_owned(), lifetime_seconds: bad };
        assert_eq!(admin.post_refused("/v1/tokens", &request).await.0, 400);
    }
    let nameless = TokenRequest { kind: TokenKind::User, name: String::new(), lifetime_seconds: None };
    assert_eq!(admin.post_refused("/v1/tokens", &nameless).await.0, 400);
    server.stop().await;

    let server = Server::start(directory.path()).await;
    let _: Vec<TokenBody> = server.client.with(&alice).get("/v1/tokens").await;
    assert_eq!(server.client.with(&short.token).get_refused("/v1/tokens").await.0, 401);
    server.stop().await;
}

#[tokio::test]
async fn other_ways_to_say_a_token_are_not_heard() {
    let (server, _directory) = Server::fresh().await;
    let Server { client, .. } = &server;
    let url = format!("{}/v1/tokens", client.url);
    let with = |name: &'static str, value: String| client.http.get(&url).header(name, value).send();
    for value in [client.token.clone(), format!("Basic {}", client.token), "Bearer ".to_owned()] {
        assert_eq!(with("authorization", value).await.unwrap().status(), 401);
    }
    assert_eq!(with("cookie", format!("token={}", client.token)).await.unwrap().status(), 401);
    let twice = client.http.get(&url).bearer_auth(&client.token).header("authorization", "Bearer x");
    assert_eq!(twice.send().await.unwrap().status(), 401);
    let query = client.http.get(format!("{url}?access_token={}", client.token));
    assert_eq!(query.send().await.unwrap().status(), 401);
    let right = client.http.get(&url).bearer_auth(&client.token).send().await.unwrap();
    assert_eq!(right.headers()["cache-control"], "no-store");
    server.stop().await;
}
