use std::time::Duration;

use lazaret_format::v1::{
    AuditPage, BreakGlassBody, BreakGlassNews, BreakGlassRequest, BreakGlassSnapshot, EventKind, EventPage,
    GrantMark, ProcessBody, SessionCommand, SessionEnded, TokenKind,
};
use reqwest::Method;

use crate::crash::child;
use crate::harness::{Client, POLICY, Server, decided, note, started};

fn id(text: &str) -> String {
    text.repeat(32)
}

/// A host with two admitted containers and one that nobody admitted.
async fn host(server: &Server) -> Client {
    server.client.set_policy(POLICY).await;
    let agent = server.client.enrol("host-1").await;
    let events = vec![
        started(&id("ab"), "shop", None, Some("host-1-1")),
        started(&id("ac"), "edge", None, Some("host-1-2")),
        started(&id("ef"), "odd", None, None),
    ];
    agent.report("spool", 1, events).await;
    agent
}

fn request(container: &str) -> BreakGlassRequest {
    BreakGlassRequest {
        container: container.to_owned(),
        host: "host-1".to_owned(),
        reason: "the disk is full".to_owned(),
        seconds: 900,
    }
}

fn news(grant: &str, state: &str) -> EventKind {
    EventKind::BreakGlass(Box::new(BreakGlassNews {
        grant: grant.to_owned(),
        container: id("ab"),
        by: "user alice".to_owned(),
        reason: "the disk is full".to_owned(),
        until: "2026-01-02T04:00:00Z".to_owned(),
        state: state.to_owned(),
    }))
}

fn command(grant: &str, argument: &str) -> EventKind {
    EventKind::SessionCommand(Box::new(SessionCommand {
        grant: grant.to_owned(),
        container: id("ab"),
        image_config: None,
        session: 77,
        entered: true,
        process: ProcessBody {
            pid: 77,
            exe: "/bin/sh".to_owned(),
            argv: vec!["sh".to_owned(), argument.to_owned()],
            uid: 33,
            ancestors: Vec::new(),
        },
        cut: false,
        outcome: "happened".to_owned(),
    }))
}

async fn leaves(client: &Client, kind: &str) -> Vec<String> {
    let page: AuditPage = client.get("/v1/audit?limit=1000").await;
    let leaves = page.entries.into_iter().map(|entry| entry.leaf);
    leaves.filter(|leaf| leaf.contains(&format!("\"kind\":\"{kind}\""))).collect()
}

#[tokio::test]
async fn one_is_opened_told_to_its_host_and_closed() {
    let (server, _directory) = Server::fresh().await;
    let agent = host(&server).await;
    let stranger = server.client.enrol("host-2").await;
    let alice = server.client.with(&server.client.new_token(TokenKind::User, "alice").await);
    let waiting = {
        let agent = agent.clone();
        tokio::spawn(async move { agent.get::<BreakGlassSnapshot>("/v1/agent/break-glass?wait=30").await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    let open: BreakGlassBody = alice.post("/v1/break-glass", &request("shop")).await;
    assert_eq!((open.state.as_str(), open.by.as_str(), open.name.as_str()), ("open", "user alice", "shop"));
    assert_eq!((open.container.as_str(), open.in_force.as_ref()), (id("ab").as_str(), None));
    let told = waiting.await.unwrap();
    assert_eq!(told.open, std::slice::from_ref(&open));
    let elsewhere: BreakGlassSnapshot = stranger.get("/v1/agent/break-glass").await;
    assert!(elsewhere.open.is_empty(), "no other host hears of it");
    assert_eq!(
        server.client.post_refused("/v1/break-glass", &request(&id("ab"))).await.0,
        409,
        "one at a time"
    );
    let beside: BreakGlassBody = server.client.post("/v1/break-glass", &request("edge")).await;

    agent.report("spool", 4, vec![news(&open.id, "open")]).await;
    let path = format!("/v1/break-glass/{}", open.id);
    let shown: BreakGlassBody = alice.get(&path).await;
    assert!(shown.in_force.is_some());
    let closed: BreakGlassBody = server.client.post(&format!("{path}/close"), &()).await;
    assert_eq!((closed.state.as_str(), closed.closed_by.as_deref()), ("closed", Some("user admin")));
    let again: BreakGlassBody = alice.post(&format!("{path}/close"), &()).await;
    assert_eq!(again, closed, "what is over is over");
    let after = told.revision;
    let left: BreakGlassSnapshot = agent.get(&format!("/v1/agent/break-glass?after={after}&wait=30")).await;
    assert_eq!(left.open, std::slice::from_ref(&beside));

    let listed: Vec<BreakGlassBody> = alice.get("/v1/break-glass").await;
    assert_eq!(listed, [beside, closed]);
    assert_eq!(leaves(&alice, "break-glass-opened").await.len(), 2);
    let opened = &leaves(&alice, "break-glass-opened").await[0];
    assert!(opened.contains("the disk is full") && opened.contains("user alice"), "{opened}");
    for kind in ["break-glass-closed", "break-glass-in-force"] {
        assert_eq!(leaves(&alice, kind).await.len(), 1, "{kind}");
    }
    server.stop().await;
}

#[tokio::test]
async fn it_expires_by_itself_and_that_is_on_record() {
    let (server, _directory) = Server::fresh().await;
    let agent = host(&server).await;
    let short = BreakGlassRequest { seconds: 1, ..request("shop") };
    let open: BreakGlassBody = server.client.post("/v1/break-glass", &short).await;
    let told: BreakGlassSnapshot = agent.get("/v1/agent/break-glass").await;
    let path = format!("/v1/agent/break-glass?after={}&wait=30", told.revision);
    let left: BreakGlassSnapshot = agent.get(&path).await;
    assert!(left.open.is_empty());
    let shown: BreakGlassBody = server.client.get(&format!("/v1/break-glass/{}", open.id)).await;
    assert_eq!((shown.state.as_str(), shown.closed_by), ("expired", None));
    assert_eq!(leaves(&server.client, "break-glass-expired").await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn what_happened_in_it_is_found_again_and_its_arguments_are_not_in_the_log() {
    let (server, _directory) = Server::fresh().await;
    let agent = host(&server).await;
    let open: BreakGlassBody = server.client.post("/v1/break-glass", &request("shop")).await;
    let mut let_in = decided("host-1-9", Some(&id("ab")), None, true);
    let EventKind::Decided { grant, .. } = &mut let_in else { panic!() };
    *grant = Some(GrantMark { id: open.id.clone(), by: open.by.clone(), reason: open.reason.clone() });
    let ended = SessionEnded {
        grant: open.id.clone(),
        container: id("ab"),
        session: 77,
        status: Some(0),
        commands: 1,
        untold: 0,
        killed: 0,
    };
    let told = vec![
        news(&open.id, "open"),
        note("something else"),
        let_in,
        command(&open.id, "password=hunter2"),
        EventKind::SessionEnded(ended),
        command("glass-of-nobody", "x"),
    ];
    agent.report("spool", 4, told.clone()).await;
    // Another host's agent has no say in it, and saying it twice changes nothing.
    let stranger = server.client.enrol("host-2").await;
    stranger.report("other", 1, vec![command(&open.id, "forged")]).await;
    agent.report("spool", 4, told.clone()).await;

    let path = format!("/v1/break-glass/{}/events", open.id);
    let page: EventPage = server.client.get(&path).await;
    let found: Vec<&EventKind> = page.events.iter().map(|event| &event.event.what).collect();
    assert_eq!(found, [&told[0], &told[2], &told[3], &told[4]]);
    let second: EventPage =
        server.client.get(&format!("{path}?after={}&limit=1", page.events[0].position)).await;
    assert_eq!(second.events, page.events[1..2]);
    let none: EventPage = server.client.get(&format!("{path}?after={}", page.next)).await;
    assert!(none.events.is_empty() && none.next == page.next);

    let commands = leaves(&server.client, "session-command").await;
    assert_eq!(commands.len(), 1);
    assert!(commands[0].contains("/bin/sh") && commands[0].contains("\"event\":\"sha256:"), "{commands:?}");
    let page: AuditPage = server.client.get("/v1/audit?limit=1000").await;
    assert!(page.entries.iter().all(|entry| !entry.leaf.contains("hunter2")));
    let decisions = leaves(&server.client, "decision").await;
    assert!(decisions.iter().any(|leaf| leaf.contains(&open.id)), "the decision names it: {decisions:?}");
    assert_eq!(leaves(&server.client, "session-ended").await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn wishes_that_are_refused() {
    let (server, _directory) = Server::fresh().await;
    let agent = host(&server).await;
    let admin = &server.client;
    let with_reason = |reason: &str| BreakGlassRequest { reason: reason.to_owned(), ..request("shop") };
    for (status, wish) in [
        (400, with_reason("")),
        (400, with_reason(" \t ")),
        (400, with_reason("two\nlines")),
        (400, with_reason(&"x".repeat(501))),
        (400, BreakGlassRequest { seconds: 0, ..request("shop") }),
        (400, BreakGlassRequest { seconds: 4 * 60 * 60 + 1, ..request("shop") }),
        (400, BreakGlassRequest { seconds: u32::MAX, ..request("shop") }),
        (404, request("nobody")),
        (404, request("")),
        (404, BreakGlassRequest { host: "host-2".to_owned(), ..request("shop") }),
        (409, request("odd")),
        (409, request("aaaa")),
    ] {
        if wish.container == "aaaa" {
            // Two ids that begin alike.
            let alike =
                ["b", "c"].map(|end| started(&format!("{}{end}", "a".repeat(63)), "x", None, Some("d")));
            agent.report("spool", 4, alike.to_vec()).await;
        }
        let (found, refusal) = admin.post_refused("/v1/break-glass", &wish).await;
        assert_eq!(found, status, "{wish:?}: {}", refusal.message);
    }
    for bad in [
        "{",
        "[]",
        r#"{"container":"shop","host":"host-1"}"#,
        r#"{"container":"shop","host":"host-1","reason":"x","seconds":-1}"#,
        r#"{"container":"shop","host":"host-1","reason":"x","for":1}"#,
        r#"{"container":"shop","host":"host-1","reason":"x","reason":"y"}"#,
    ] {
        assert_eq!(
            admin.refusal(Method::POST, "/v1/break-glass", Some(bad.to_owned())).await.0,
            400,
            "{bad}"
        );
    }
    assert_eq!(admin.get_refused("/v1/break-glass/none").await.0, 404);
    assert_eq!(admin.get_refused("/v1/break-glass/none/events").await.0, 404);
    assert_eq!(admin.post_refused("/v1/break-glass/none/close", &()).await.0, 404);
    assert_eq!(
        agent.post_refused("/v1/break-glass", &request("shop")).await.0,
        403,
        "no agent opens anything"
    );
    let listed: Vec<BreakGlassBody> = admin.get("/v1/break-glass").await;
    assert!(listed.is_empty() && leaves(admin, "break-glass-opened").await.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path()).await;
    let agent = host(&server).await;
    let (admin, key) = (server.client.token.clone(), agent.token);
    server.stop().await;
    let mut was = None;
    for round in 0..3 {
        let (mut process, url) = child(directory.path());
        let client = Client { http: reqwest::Client::new(), url, token: admin.clone() };
        if let Some(id) = was.take() {
            let told: BreakGlassSnapshot = client.with(&key).get("/v1/agent/break-glass").await;
            assert_eq!(told.open.len(), 1, "round {round}");
            assert_eq!(told.open[0].id, id);
            let _: BreakGlassBody = client.post(&format!("/v1/break-glass/{id}/close"), &()).await;
            process.kill().unwrap();
            process.wait().unwrap();
            let (again, url) = child(directory.path());
            let client = Client { http: reqwest::Client::new(), url, token: admin.clone() };
            let shown: BreakGlassBody = client.get(&format!("/v1/break-glass/{id}")).await;
            assert_eq!(shown.state, "closed");
            let open: BreakGlassBody = client.post("/v1/break-glass", &request("shop")).await;
            (process, was) = (again, Some(open.id));
        } else {
            let open: BreakGlassBody = client.post("/v1/break-glass", &request("shop")).await;
            was = Some(open.id);
        }
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let server = Server::start(directory.path()).await;
    assert_eq!(server.ready.log_closed, None, "the log is whole");
    assert_eq!(leaves(&server.client, "break-glass-opened").await.len(), 3);
    assert_eq!(leaves(&server.client, "break-glass-closed").await.len(), 2);
    server.stop().await;
}
