use std::time::{Duration, Instant};

use lazaret_format::v1::{AgentBody, AgentEvent, EventAck, EventBatch, EventKind, EventPage};

use crate::harness::{Client, Server, at, decided, note};

async fn all(client: &Client) -> EventPage {
    client.get("/v1/events?limit=1000").await
}

#[tokio::test]
async fn events_are_stored_once_however_often_they_come() {
    let (server, directory) = Server::fresh().await;
    let agent = server.client.enrol("host-1").await;
    let events = || (1..=5).map(|n| note(&format!("note {n}"))).collect::<Vec<_>>();
    assert_eq!(agent.report("spool", 1, events()).await, 5);
    assert_eq!(agent.report("spool", 1, events()).await, 5);
    assert_eq!(agent.report("spool", 4, events()).await, 8, "two of them are known");
    assert_eq!(agent.report("spool", 1, vec![]).await, 8);
    let key = agent.token.clone();
    server.stop().await;

    let server = Server::start(directory.path()).await;
    let agent = server.client.with(&key);
    assert_eq!(agent.report("spool", 1, events()).await, 8, "nor after a restart");
    let page = all(&server.client).await;
    let numbers: Vec<(u64, u64)> =
        page.events.iter().map(|stored| (stored.position, stored.event.seq)).collect();
    assert_eq!(numbers, (1..=8).map(|n| (n, n)).collect::<Vec<_>>());
    assert_eq!((page.next, page.events[0].host.as_str()), (8, "host-1"));

    // A new spool counts anew.
    assert_eq!(agent.report("second", 1, events()).await, 5);
    assert_eq!(all(&server.client).await.events.len(), 13);
    let agents: Vec<AgentBody> = server.client.get("/v1/agents").await;
    assert_eq!(agents[0].events, 13);
    server.stop().await;
}

#[tokio::test]
async fn numbers_that_were_left_out_are_never_silent() {
    let (server, _directory) = Server::fresh().await;
    let agent = server.client.enrol("host-1").await;
    agent.report("spool", 1, vec![note("a")]).await;
    assert_eq!(agent.report("spool", 5, vec![note("b")]).await, 5);
    let page = all(&server.client).await;
    let EventKind::Gap { what, count } = &page.events[1].event.what else { panic!("{:?}", page.events) };
    assert_eq!((what.as_str(), *count), ("events 2 to 4 of the agent's spool never came", 3));
    // Should they come after all, they are taken.
    assert_eq!(agent.report("spool", 3, vec![note("late")]).await, 5);
    assert_eq!(all(&server.client).await.events.len(), 4);

    let batch = EventBatch { spool: "spool".to_owned(), events: vec![], lost: 9 };
    let ack: EventAck = agent.post("/v1/agent/events", &batch).await;
    assert_eq!(ack.through, 5);
    let agents: Vec<AgentBody> = server.client.get("/v1/agents").await;
    assert_eq!(agents[0].lost, 9);
    server.stop().await;
}

#[tokio::test]
async fn a_batch_with_something_unreadable_is_refused_whole() {
    let (server, _directory) = Server::fresh().await;
    let agent = server.client.enrol("host-1").await;
    let ended = EventKind::ContainerEnded { container: "not an id".to_owned(), exit_code: None };
    let events = vec![
        AgentEvent { seq: 1, at: at(1), what: note("good") },
        AgentEvent { seq: 2, at: at(2), what: ended },
    ];
    let batch = EventBatch { spool: "spool".to_owned(), events, lost: 0 };
    let (status, body) = agent.post_refused("/v1/agent/events", &batch).await;
    assert_eq!(status, 400);
    assert!(body.message.contains("event 2"), "{}", body.message);
    assert!(all(&server.client).await.events.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn whoever_waits_for_events_is_woken() {
    let (server, _directory) = Server::fresh().await;
    let agent = server.client.enrol("host-1").await;
    let client = server.client.clone();
    let waiting = tokio::spawn(async move {
        let page: EventPage = client.get("/v1/events?after=0&wait=30").await;
        (page, Instant::now())
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    agent.report("spool", 1, vec![note("x")]).await;
    let acknowledged = Instant::now();
    let (page, woken) = waiting.await.unwrap();
    assert_eq!(page.events.len(), 1);
    assert!(woken.saturating_duration_since(acknowledged) < Duration::from_secs(1));

    let begun = Instant::now();
    let page: EventPage = server.client.get("/v1/events?after=1&wait=1").await;
    assert!(page.events.is_empty() && page.next == 1 && begun.elapsed() >= Duration::from_secs(1));
    server.stop().await;
}

#[tokio::test]
async fn pages_follow_one_another() {
    let (server, _directory) = Server::fresh().await;
    let agent = server.client.enrol("host-1").await;
    agent.report("spool", 1, (0..25).map(|n| note(&n.to_string())).collect()).await;
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page: EventPage = server.client.get(&format!("/v1/events?after={after}&limit=10")).await;
        if page.events.is_empty() {
            break;
        }
        seen.extend(page.events.iter().map(|stored| stored.event.seq));
        after = page.next;
    }
    assert_eq!(seen, (1..=25).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test]
async fn many_agents_at_once() {
    let (server, _directory) = Server::fresh().await;
    let mut tasks = Vec::new();
    for host in 0..10 {
        let agent = server.client.enrol(&format!("host-{host}")).await;
        tasks.push(tokio::spawn(async move {
            for batch in 0..10 {
                let through = agent
                    .report("spool", batch * 5 + 1, (0..5).map(|_| decided("d", None, None, true)).collect())
                    .await;
                assert_eq!(through, batch * 5 + 5);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(all(&server.client).await.events.len(), 500);
    server.stop().await;
}
