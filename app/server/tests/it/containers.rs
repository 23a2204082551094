use lazaret_format::v1::{ContainerBody, EventKind, EventPage, ImageBody};

use crate::evidence::Sample;
use crate::harness::{POLICY, Server, decided, note, started};

fn ended(container: &str, exit_code: i32) -> EventKind {
    EventKind::ContainerEnded { container: container.to_owned(), exit_code: Some(exit_code) }
}

fn agent_started() -> EventKind {
    EventKind::AgentStarted { version: "0.2.0".to_owned(), enforcement: "fanotify".to_owned() }
}

#[tokio::test]
async fn containers_come_and_go() {
    let (server, directory) = Server::fresh().await;
    let agent = server.client.enrol("host-1").await;
    let id = "ab".repeat(32);
    let renamed = EventKind::ContainerRenamed { container: id.clone(), name: "shop-2".to_owned() };
    let events = vec![
        decided("host-1-1", Some(&id), None, true),
        started(&id, "shop", None, Some("host-1-1")),
        renamed,
        started("ns:4026531836", "", None, None),
    ];
    agent.report("spool", 1, events).await;
    let running: Vec<ContainerBody> = server.client.get("/v1/containers").await;
    assert_eq!(running.len(), 2);
    let shop = running.iter().find(|container| container.container == id).unwrap();
    assert_eq!(
        (shop.name.as_str(), shop.management.as_str(), shop.state.as_str()),
        ("shop-2", "managed", "running")
    );
    let stray = running.iter().find(|container| container.container != id).unwrap();
    assert_eq!((stray.management.as_str(), &stray.decision), ("unmanaged", &None));

    agent.report("spool", 5, vec![ended(&id, 3)]).await;
    let running: Vec<ContainerBody> = server.client.get("/v1/containers").await;
    assert_eq!(running.len(), 1);
    let all: Vec<ContainerBody> = server.client.get("/v1/containers?all=true").await;
    let shop = all.iter().find(|container| container.container == id).unwrap();
    assert_eq!((shop.state.as_str(), shop.exit_code), ("ended", Some(3)));
    assert!(shop.ended.is_some());
    server.stop().await;

    let server = Server::start(directory.path()).await;
    let all: Vec<ContainerBody> = server.client.get("/v1/containers?all=true").await;
    assert_eq!(all.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn an_agent_that_starts_anew_says_what_still_runs() {
    let (server, _directory) = Server::fresh().await;
    let agent = server.client.enrol("host-1").await;
    let (kept, gone) = ("aa".repeat(32), "bb".repeat(32));
    let both =
        vec![started(&kept, "kept", None, Some("host-1-1")), started(&gone, "gone", None, Some("host-1-2"))];
    agent.report("spool", 1, both).await;
    // The agent has forgotten the decision; the server has not.
    agent.report("spool", 3, vec![agent_started(), started(&kept, "kept", None, None)]).await;
    let all: Vec<ContainerBody> = server.client.get("/v1/containers?all=true").await;
    let find = |id: &str| all.iter().find(|container| container.container == id).unwrap();
    assert_eq!((find(&kept).state.as_str(), find(&kept).decision.as_deref()), ("running", Some("host-1-1")));
    assert_eq!((find(&gone).state.as_str(), find(&gone).exit_code), ("ended", None));
    // A run that was seen to end does not go on, and its decision let in nothing else.
    agent.report("spool", 5, vec![ended(&kept, 0), started(&kept, "kept", None, None)]).await;
    let running: Vec<ContainerBody> = server.client.get("/v1/containers").await;
    assert_eq!((running.len(), running[0].management.as_str()), (1, "unmanaged"));
    let agents: Vec<lazaret_format::v1::AgentBody> = server.client.get("/v1/agents").await;
    assert_eq!(agents[0].version, "0.2.0");
    server.stop().await;
}

#[tokio::test]
async fn images_of_containers_are_known_by_their_configuration() {
    let (server, _directory) = Server::fresh().await;
    server.client.set_policy(POLICY).await;
    let sample = Sample::new("shop", &[("openssl", "3.0.15-1~deb12u1")]);
    let agent = server.client.enrol("host-1").await;
    let config = sample.config.to_string();
    let id = "ab".repeat(32);
    agent.report("spool", 1, vec![started(&id, "shop", Some(&config), Some("host-1-1")), note("x")]).await;
    let page: EventPage = server.client.get("/v1/events").await;
    assert_eq!(page.events[0].image.as_deref(), Some("r.example/shop:v1"), "what the user called it");

    let _: ImageBody = server.client.post("/v1/images", &sample.request(&sample.all())).await;
    let page: EventPage = server.client.get("/v1/events").await;
    let name = format!("r.example/shop@{}", sample.manifest);
    assert_eq!(page.events[0].image.as_deref(), Some(name.as_str()));
    assert_eq!(page.events[1].image, None);
    let running: Vec<ContainerBody> = server.client.get("/v1/containers").await;
    assert_eq!(running[0].image_manifest.as_deref(), Some(sample.manifest.to_string().as_str()));
    let images: Vec<ImageBody> = server.client.get("/v1/images").await;
    assert_eq!(images[0].running, 1);
    server.stop().await;
}
