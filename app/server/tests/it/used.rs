//! What is in use: from what agents saw run to who is affected.

use std::time::Duration;

use lazaret_format::v1::{AffectedBody, FindingsBody, InUse, TokenKind};
use lazaret_model::{Digest, FileOrigin, Outcome, Severity};
use lazaret_profile::learn::Replica;
use lazaret_profile::used::{MOST_USED_BYTES, Used};
use lazaret_trust::{AttestedFinding, Envelope, FileTable, FilesPredicate, Predicate};
use reqwest::{Method, StatusCode};

use crate::crash;
use crate::evidence::Sample;
use crate::harness::{Client, Server};

const HOUR: i64 = 3600;

fn used(config: Digest, paths: &[&str], hours: i64) -> Used {
    let mut used = Used::new(config);
    used.started(Replica(1), 0);
    for path in paths {
        used.saw(Replica(1), 60, path, FileOrigin::Image);
    }
    used.watched(Replica(1), hours * HOUR);
    used
}

fn address(used: &Used) -> String {
    format!("/v1/used/{}", used.image())
}

async fn tell(agent: &Client, used: &Used) {
    let body = String::from_utf8(used.to_json()).unwrap();
    let (status, text) = agent.send(Method::PUT, &address(used), Some(body)).await;
    assert_eq!((status, text.as_str()), (StatusCode::NO_CONTENT, ""));
}

fn files(sample: &Sample) -> Envelope {
    let one = |name: &str| {
        let path = format!("/usr/bin/{name}");
        ((path.clone(), vec![]), (format!("pkg:deb/debian/lib{name}@1?arch=amd64"), vec![path], vec![]))
    };
    let (files, packages): (Vec<_>, Vec<_>) = ["curl", "openssl"].map(one).into_iter().unzip();
    let (files, complete) = FileTable::new(files, packages);
    sample.state(Predicate::Files(FilesPredicate { config: sample.config, complete, files }))
}

fn finding(id: &str, package: &str, severity: Severity) -> AttestedFinding {
    AttestedFinding {
        id: id.to_owned(),
        package: format!("lib{package}"),
        version: "1".to_owned(),
        source: package.to_owned(),
        fixed: None,
        severity,
    }
}

/// An image with two packages, each with a vulnerability.
async fn attested(server: &Server, more: &[Envelope]) -> Sample {
    let sample = Sample::new("shop", &[("curl", "1"), ("openssl", "1")]);
    let findings =
        vec![finding("CVE-1", "openssl", Severity::Critical), finding("CVE-2", "curl", Severity::Low)];
    let mut envelopes = sample.all();
    envelopes[2] = sample.verdict(Outcome::Refuse, findings, "2026-01-02T00:00:00Z");
    envelopes.extend_from_slice(more);
    let (status, text) = server
        .client
        .send(Method::POST, "/v1/images", Some(serde_json::to_string(&sample.request(&envelopes)).unwrap()))
        .await;
    assert_eq!(status, StatusCode::OK, "{text}");
    sample
}

async fn state(server: &Server, id: &str) -> InUse {
    let body: AffectedBody = server.client.get(&format!("/v1/affected/{id}")).await;
    let [image] = &body.images[..] else { panic!("{body:?}") };
    image.in_use.clone()
}

#[tokio::test]
async fn the_vulnerable_that_runs_is_on_top_and_the_unseen_is_told_apart() {
    let (server, directory) = Server::fresh().await;
    let sample = attested(&server, &[]).await;
    assert!(state(&server, "CVE-1").await.why.contains("no agent"));
    let agent = server.client.enrol("one").await;
    tell(&agent, &used(sample.config, &["/usr/bin/curl"], 30)).await;
    assert!(state(&server, "CVE-1").await.why.contains("attest it again"));
    let (status, text) = server
        .client
        .send(
            Method::POST,
            "/v1/images",
            Some(serde_json::to_string(&sample.request(&[files(&sample)])).unwrap()),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{text}");

    let curl = state(&server, "CVE-2").await;
    assert_eq!((curl.state.as_str(), curl.containers), (InUse::IN_USE, 1));
    let openssl = state(&server, "CVE-1").await;
    assert_eq!((openssl.state.as_str(), openssl.observed_seconds), (InUse::NOT_SEEN, 30 * 3600));
    let path = format!("/v1/findings?image={}", sample.config);
    let found: FindingsBody = server.client.get(&path).await;
    let order: Vec<_> =
        found.findings.iter().map(|one| (one.id.as_str(), one.in_use.state.as_str())).collect();
    assert_eq!(order, [("CVE-2", InUse::IN_USE), ("CVE-1", InUse::NOT_SEEN)]);
    assert_eq!((found.total, found.in_use, found.not_seen, found.unknown), (2, 1, 1, 0));
    let first: FindingsBody = server.client.get(&format!("{path}&limit=1")).await;
    assert_eq!((first.total, first.findings.as_slice()), (2, &found.findings[..1]));
    let longer: FindingsBody = server.client.get(&format!("{path}&observed={}", 31 * HOUR)).await;
    assert_eq!((longer.not_seen, longer.unknown), (0, 1));

    // Another host, where it ran; and the first one again, with what it knows now.
    tell(&server.client.enrol("two").await, &used(sample.config, &["/usr/bin/openssl"], 1)).await;
    assert_eq!(state(&server, "CVE-1").await.state, InUse::IN_USE);
    tell(&agent, &used(sample.config, &["/usr/bin/curl"], 40)).await;
    let before: FindingsBody = server.client.get(&path).await;
    assert_eq!(before.findings[0].id, "CVE-1", "both are in use: the worse one comes first");
    server.stop().await;
    let server = Server::start(directory.path()).await;
    let after: FindingsBody = server.client.get(&path).await;
    assert_eq!(after, before, "a restart forgets nothing");
    server.stop().await;
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_agents_have_bounds() {
    let (server, _directory) = Server::fresh().await;
    let agent = server.client.enrol("one").await;
    let config = Digest::from_bytes([7; 32]);
    let good = String::from_utf8(used(config, &["/a"], 1).to_json()).unwrap();
    let there = format!("/v1/used/{config}");
    let other = format!("/v1/used/{}", Digest::from_bytes([8; 32]));
    for (path, body, status, word) in [
        (&there, "{}".to_owned(), 400, "version"),
        (&there, good.replace(r#""version":1"#, r#""version":2"#), 400, "version 2"),
        (&there, "[".repeat(100_000), 400, "not the JSON"),
        (&there, good.replace("/a", "a"), 400, "a file"),
        (&there, " ".repeat(MOST_USED_BYTES + 1), 413, "larger"),
        (&other, good.clone(), 400, "own address"),
        (&"/v1/used/nothing".to_owned(), good.clone(), 400, "image_config"),
    ] {
        let (code, body) = agent.refusal(Method::PUT, path, Some(body)).await;
        assert_eq!(code, status, "{body:?}");
        assert!(body.message.contains(word), "{word}: {body:?}");
    }
    let user = server.client.with(&server.client.new_token(TokenKind::User, "u").await);
    assert_eq!(user.refusal(Method::PUT, &there, Some(good)).await.0, 403);
    assert_eq!(agent.get_refused("/v1/findings").await.0, 403);
    assert_eq!(user.get_refused(&format!("/v1/findings?image={config}")).await.0, 404);
    for number in 0..1000_u16 {
        let mut bytes = [9; 32];
        bytes[..2].copy_from_slice(&number.to_le_bytes());
        tell(&agent, &Used::new(Digest::from_bytes(bytes))).await;
    }
    let more = Used::new(config);
    let body = String::from_utf8(more.to_json()).unwrap();
    let (code, refused) = agent.refusal(Method::PUT, &address(&more), Some(body)).await;
    assert_eq!((code, refused.code.as_str()), (409, "conflict"));
    server.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path()).await;
    let agent = server.client.enrol("one").await;
    let sample = attested(&server, &[files(&Sample::new("shop", &[]))]).await;
    server.stop().await;
    let (mut process, url) = crash::child(directory.path());
    let agent = Client { url, http: reqwest::Client::new(), token: agent.token };
    let mut acknowledged = 0;
    let kill = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        process.kill().unwrap();
        process.wait().unwrap();
    };
    let send = async {
        for hours in 1_i64.. {
            let used = used(sample.config, &["/usr/bin/openssl"], hours);
            let request = agent.http.put(format!("{}{}", agent.url, address(&used)));
            let request = request.bearer_auth(&agent.token).header("content-type", "application/json");
            match request.body(used.to_json()).send().await {
                Ok(response) if response.status() == StatusCode::NO_CONTENT => acknowledged = hours,
                _ => return,
            }
        }
    };
    tokio::join!(kill, send);
    assert!(acknowledged > 0);
    let server = Server::start(directory.path()).await;
    let known = state(&server, "CVE-1").await;
    assert_eq!(known.state, InUse::IN_USE);
    assert!(
        known.observed_seconds >= u64::try_from(acknowledged * HOUR).unwrap(),
        "{known:?} of {acknowledged}"
    );
    server.stop().await;
}
