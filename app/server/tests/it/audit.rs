use std::fs;
use std::path::Path;

use lazaret_format::v1::{
    AuditCheckpoints, AuditPage, EventPage, ExplainBody, ImageBody, TokenKind, TokenRequest,
};
use lazaret_trust::log::{LogBreak, LogSummary, LogVerifier, verify_log};

use crate::evidence::Sample;
use crate::harness::{Client, POLICY, Server, decided, started};

/// The log as `lazaret audit export` gets it.
async fn export(client: &Client) -> (Vec<String>, Vec<String>, LogVerifier) {
    let (mut notes, mut from) = (Vec::new(), 0);
    let key = loop {
        let page: AuditCheckpoints = client.get(&format!("/v1/audit/checkpoints?from={from}&limit=7")).await;
        let Some(last) = page.checkpoints.last() else { break page.key };
        from = last.lines().nth(1).unwrap().parse::<u64>().unwrap() + 1;
        notes.extend(page.checkpoints);
    };
    let mut leaves: Vec<String> = Vec::new();
    loop {
        let page: AuditPage = client.get(&format!("/v1/audit?from={}&limit=7", leaves.len())).await;
        if page.entries.is_empty() {
            assert_eq!(page.size, leaves.len() as u64);
            break;
        }
        leaves.extend(page.entries.into_iter().map(|entry| entry.leaf));
    }
    (leaves, notes, key.parse().unwrap())
}

async fn verify(client: &Client) -> Result<LogSummary, LogBreak> {
    let (leaves, notes, key) = export(client).await;
    verify_log(&leaves, &notes, &key)
}

/// Some of everything.
async fn fill(server: &Server) -> Client {
    let admin = &server.client;
    admin.set_policy(POLICY).await;
    let sample = Sample::new("shop", &[]);
    let _: ImageBody = admin.post("/v1/images", &sample.request(&sample.all())).await;
    let agent = admin.enrol("host-1").await;
    for batch in 0..3 {
        let decisions = (0..10).map(|n| decided(&format!("host-1-{batch}-{n}"), None, None, true)).collect();
        agent.report("spool", batch * 10 + 1, decisions).await;
    }
    agent
}

/// Changes the database as somebody who can write the file would: one text for another of the same length.
fn tamper(file: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(file).unwrap();
    let place = bytes
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .expect("the text is in the file");
    bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn the_log_is_whole_and_signed_to_its_end() {
    let (server, directory) = Server::fresh().await;
    fill(&server).await;
    let summary = verify(&server.client).await.unwrap();
    assert_eq!(summary.entries, summary.signed, "what was acknowledged is signed");
    assert!(summary.entries >= 37, "{summary:?}");
    let page: AuditPage = server.client.get("/v1/audit?limit=1").await;
    assert!(
        page.checkpoint.starts_with(&format!("lazaret/{}\n{}\n", server.ready.server_id, summary.entries))
    );
    assert_eq!(page.broken, None);
    let published = fs::read_to_string(directory.path().join("log.pub")).unwrap();
    assert_eq!(export(&server.client).await.2.to_string(), published.trim());
    server.stop().await;

    let server = Server::start(directory.path()).await;
    assert_eq!(server.ready.log_closed, None);
    server.client.new_token(TokenKind::User, "later").await;
    let later = verify(&server.client).await.unwrap();
    assert_eq!(later.entries, summary.entries + 1, "it goes on where it ended");
    server.stop().await;
}

#[tokio::test]
async fn a_changed_entry_closes_the_log_but_not_the_ears() {
    let (server, directory) = Server::fresh().await;
    let agent = fill(&server).await;
    server.stop().await;
    let database = directory.path().join("lazaret.sqlite");
    let (good, bad) = ("\"decision\":\"host-1-1-5\",\"host\":", "\"decision\":\"host-1-1-X\",\"host\":");
    tamper(&database, good, bad);

    let server = Server::start(directory.path()).await;
    let admin = &server.client;
    let why = server.ready.log_closed.clone().expect("the change is found");
    assert!(why.contains("changed"), "{why}");
    let broken = verify(admin).await.unwrap_err();
    assert!(matches!(broken, LogBreak::Changed { .. }), "{broken}");
    let page: AuditPage = admin.get("/v1/audit").await;
    assert_eq!(page.broken.as_ref(), Some(&why));

    // Nothing happens that needs an entry …
    let token = TokenRequest { kind: TokenKind::User, name: "x".to_owned(), lifetime_seconds: None };
    let (status, refusal) = admin.post_refused("/v1/tokens", &token).await;
    assert_eq!((status, refusal.code.as_str()), (503, "unavailable"));
    assert!(refusal.message.contains("audit log is closed"), "{}", refusal.message);
    let sample = Sample::new("other", &[]);
    assert_eq!(admin.post_refused("/v1/images", &sample.request(&sample.all())).await.0, 503);
    let images: Vec<ImageBody> = admin.get("/v1/images").await;
    assert_eq!(images.len(), 1);
    // … but hosts are heard.
    let agent = admin.with(&agent.token);
    let id = "ab".repeat(32);
    let events =
        vec![decided("host-1-late", Some(&id), None, true), started(&id, "late", None, Some("host-1-late"))];
    assert_eq!(agent.report("spool", 31, events).await, 32);
    let page: EventPage = admin.get("/v1/events?limit=1000").await;
    assert_eq!(page.events.len(), 32);
    let chain: ExplainBody = admin.get("/v1/explain/late").await;
    assert_eq!(chain.decisions[0].reasons[0].rule, "not-in-audit-log");
    server.stop().await;

    // With the right entry back the log goes on, and what was left out is entered.
    tamper(&database, bad, good);
    let server = Server::start(directory.path()).await;
    assert_eq!(server.ready.log_closed, None);
    verify(&server.client).await.unwrap();
    let chain: ExplainBody = server.client.get("/v1/explain/late").await;
    assert!(chain.decisions[0].reasons.is_empty() && chain.decisions[0].audit > 0);
    server.stop().await;
}

#[tokio::test]
async fn a_forged_checkpoint_and_a_lost_key_close_the_log() {
    let (server, directory) = Server::fresh().await;
    fill(&server).await;
    let size = verify(&server.client).await.unwrap().entries;
    let id = server.ready.server_id.clone();
    server.stop().await;
    let (database, key) = (directory.path().join("lazaret.sqlite"), directory.path().join("log.key"));
    let (good, bad) = (format!("lazaret/{id}\n{size}\n"), format!("lazaret/{id}\n{}\n", size - 1));
    tamper(&database, &good, &bad);
    let server = Server::start(directory.path()).await;
    assert!(server.ready.log_closed.is_some());
    server.stop().await;
    tamper(&database, &bad, &good);

    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let server = Server::start(directory.path()).await;
    let why = server.ready.log_closed.clone().unwrap();
    assert!(why.contains("log.key"), "{why}");
    verify(&server.client).await.expect("others can still verify it with log.pub");
    server.stop().await;
    fs::write(&key, kept).unwrap();
    let server = Server::start(directory.path()).await;
    assert_eq!(server.ready.log_closed, None);
    server.stop().await;
}
