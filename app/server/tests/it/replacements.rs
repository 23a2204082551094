use std::time::Duration;

use lazaret_format::v1::{
    AgentActions, AuditPage, ImageBody, PromotionResponse, ReplacementBody, ReplacementProgress,
    ReplacementRequest,
};

use crate::evidence::{REPOSITORY, Sample};
use crate::harness::{Client, POLICY, Server, at, started};

/// A server where `old` runs and `new` may take over.
async fn with_images(server: &Server) -> (Client, Sample) {
    let admin = &server.client;
    admin.set_policy(POLICY).await;
    let agent = admin.enrol("host-1").await;
    agent.report("spool", 1, vec![started(&"ab".repeat(32), "shop", None, Some("host-1-1"))]).await;
    let new = Sample::new("new", &[]);
    let evidence = new.all();
    let _: ImageBody = admin.post("/v1/images", &new.request(&evidence)).await;
    let dev = new.promotion_request(&new.promotion("dev", None, &evidence));
    let _: PromotionResponse = admin.post("/v1/promotions", &dev).await;
    (agent, new)
}

fn request(container: &str, sample: &Sample) -> ReplacementRequest {
    ReplacementRequest {
        container: container.to_owned(),
        host: None,
        image: format!("{REPOSITORY}:v2@{}", sample.manifest),
        health_seconds: 30,
    }
}

fn progress(index: u32, state: &str) -> ReplacementProgress {
    ReplacementProgress {
        state: state.to_owned(),
        index,
        at: at(u64::from(index)),
        text: format!("step {index}"),
        successor: (state == "shifting").then(|| "cd".repeat(32)),
    }
}

#[tokio::test]
async fn a_replacement_goes_its_way() {
    let (server, directory) = Server::fresh().await;
    let (agent, new) = with_images(&server).await;
    let waiting = {
        let agent = agent.clone();
        tokio::spawn(async move { agent.get::<AgentActions>("/v1/agent/actions?wait=30").await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    let planned: ReplacementBody = server.client.post("/v1/replacements", &request("shop", &new)).await;
    assert_eq!((planned.state.as_str(), planned.container.as_str()), ("planned", "ab".repeat(32).as_str()));
    assert_eq!(planned.image, format!("{REPOSITORY}@{}", new.manifest));
    assert_eq!(waiting.await.unwrap().replacements, std::slice::from_ref(&planned));
    let (status, _) = server.client.post_refused("/v1/replacements", &request("abab", &new)).await;
    assert_eq!(status, 409, "one at a time");

    let path = format!("/v1/agent/replacements/{}", planned.id);
    let watching = {
        let (client, path) =
            (server.client.clone(), format!("/v1/replacements/{}?wait=30&steps=0", planned.id));
        tokio::spawn(async move { client.get::<ReplacementBody>(&path).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    let first: ReplacementBody = agent.post(&path, &progress(0, "starting")).await;
    assert_eq!(watching.await.unwrap(), first);
    let again: ReplacementBody = agent.post(&path, &progress(0, "failed")).await;
    assert_eq!(again, first, "a step that was said is said");
    assert_eq!(agent.post_refused(&path, &progress(2, "shifting")).await.0, 409);
    assert_eq!(agent.post_refused(&path, &progress(1, "flying")).await.0, 400);
    let stranger = server.client.enrol("host-2").await;
    assert_eq!(stranger.post_refused(&path, &progress(1, "done")).await.0, 404);
    server.stop().await;

    let server = Server::start(directory.path()).await;
    let agent = server.client.with(&agent.token);
    let actions: AgentActions = agent.get("/v1/agent/actions").await;
    assert_eq!(actions.replacements, [first]);
    let _: ReplacementBody = agent.post(&path, &progress(1, "shifting")).await;
    let done: ReplacementBody = agent.post(&path, &progress(2, "done")).await;
    assert_eq!((done.state.as_str(), done.successor.as_deref()), ("done", Some("cd".repeat(32).as_str())));
    assert_eq!(agent.post_refused(&path, &progress(3, "starting")).await.0, 409);
    let actions: AgentActions = agent.get("/v1/agent/actions").await;
    assert!(actions.replacements.is_empty());
    let seen: ReplacementBody =
        server.client.get(&format!("/v1/replacements/{}?wait=30&steps=9", planned.id)).await;
    assert_eq!(seen, done, "what has ended is not waited for");
    let page: AuditPage = server.client.get("/v1/audit").await;
    for kind in ["replacement-requested", "replacement-ended"] {
        assert_eq!(page.entries.iter().filter(|entry| entry.leaf.contains(kind)).count(), 1, "{kind}");
    }
    let _: ReplacementBody = server.client.post("/v1/replacements", &request("shop", &new)).await;
    server.stop().await;
}

#[tokio::test]
async fn wishes_that_cannot_come_true() {
    let (server, _directory) = Server::fresh().await;
    let (_agent, new) = with_images(&server).await;
    let admin = &server.client;
    let other = admin.enrol("host-2").await;
    other.report("spool", 1, vec![started(&"ef".repeat(32), "shop", None, None)]).await;
    let (status, refusal) = admin.post_refused("/v1/replacements", &request("shop", &new)).await;
    assert_eq!(status, 409);
    assert!(refusal.message.contains("host-1") && refusal.message.contains("host-2"), "{}", refusal.message);
    let here = ReplacementRequest { host: Some("host-2".to_owned()), ..request("shop", &new) };
    let _: ReplacementBody = admin.post("/v1/replacements", &here).await;

    let unpromoted = Sample::new("unpromoted", &[]);
    let _: ImageBody = admin.post("/v1/images", &unpromoted.request(&unpromoted.all())).await;
    let unknown = Sample::new("unknown", &[]);
    let tag = ReplacementRequest { image: "r.example/shop:v2".to_owned(), ..request("abab", &new) };
    let endless = ReplacementRequest { health_seconds: 0, ..request("abab", &new) };
    for (status, request) in [
        (404, request("nobody", &new)),
        (404, request("abab", &unknown)),
        (403, request("abab", &unpromoted)),
        (400, tag),
        (400, endless),
    ] {
        let (found, refusal) = admin.post_refused("/v1/replacements", &request).await;
        assert_eq!(found, status, "{}", refusal.message);
    }
    assert_eq!(admin.get_refused("/v1/replacements/none").await.0, 404);
    server.stop().await;
}
