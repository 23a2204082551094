//! `kill -9` of a server while agents report: every acknowledged event is there afterwards, once.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lazaret_format::v1::{AgentEvent, EventAck, EventBatch, EventPage};
use lazaret_server::serve;

use crate::harness::{Client, Server, at, decided, options};

const STATE: &str = "LAZARET_TEST_SERVE_STATE";

/// Does nothing unless a test starts it in a process of its own: then it is a server.
#[tokio::test]
async fn child_that_serves() {
    let Some(state) = std::env::var_os(STATE) else { return };
    let say = |ready: &lazaret_server::Ready| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "listening on {}", ready.address).and_then(|()| out.flush()).expect("the parent reads");
    };
    serve(options(Path::new(&state)), say).await.expect("the server ends in good order");
}

pub(crate) fn child(state: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_serves", "--nocapture"])
        .env(STATE, state)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.by_ref().find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
    // The test harness in the child has more to say and would fail if nobody read it.
    std::thread::spawn(move || lines.count());
    (child, format!("http://{}", address.expect("the child says where it listens")))
}

/// Sends batches until the server is gone; answers what the last acknowledgement said.
async fn report_until_gone(agent: Client, spool: &str, mut through: u64) -> u64 {
    loop {
        let events = (through + 1..through + 6)
            .map(|seq| AgentEvent {
                seq,
                at: at(seq),
                what: decided(&format!("{spool}-{seq}"), None, None, true),
            })
            .collect();
        let batch = EventBatch { spool: spool.to_owned(), events, lost: 0 };
        let request =
            agent.http.post(format!("{}/v1/agent/events", agent.url)).bearer_auth(&agent.token).json(&batch);
        let Ok(response) = request.send().await else { return through };
        let Ok(ack) = response.json::<EventAck>().await else { return through };
        through = ack.through;
    }
}

#[tokio::test]
async fn no_acknowledged_event_is_lost_by_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path()).await;
    let agents = [
        server.client.enrol("host-0").await,
        server.client.enrol("host-1").await,
        server.client.enrol("host-2").await,
    ];
    server.stop().await;
    let mut through = [0; 3];
    for round in 0..4 {
        let (mut process, url) = child(directory.path());
        let mut tasks = Vec::new();
        for (host, agent) in agents.iter().enumerate() {
            let agent = Client { url: url.clone(), http: reqwest::Client::new(), token: agent.token.clone() };
            let before = through[host];
            tasks.push(tokio::spawn(async move {
                report_until_gone(agent, &format!("spool-{host}"), before).await
            }));
        }
        tokio::time::sleep(Duration::from_millis(250 + 70 * round)).await;
        process.kill().unwrap();
        process.wait().unwrap();
        for (host, task) in tasks.into_iter().enumerate() {
            through[host] = task.await.unwrap();
        }
    }
    assert!(through.iter().all(|through| *through > 0), "{through:?}");

    // What is left of the killed server's lock does not keep the next one out.
    let server = Server::start(directory.path()).await;
    assert_eq!(server.ready.log_closed, None, "the log is whole");
    let (mut after, mut stored) = (0, vec![Vec::new(); 3]);
    loop {
        let page: EventPage = server.client.get(&format!("/v1/events?after={after}&limit=1000")).await;
        if page.events.is_empty() {
            break;
        }
        after = page.next;
        for event in page.events {
            let host: usize = event.host.strip_prefix("host-").unwrap().parse().unwrap();
            stored[host].push(event.event.seq);
        }
    }
    for (host, stored) in stored.iter().enumerate() {
        let last = *stored.last().unwrap();
        assert!(last >= through[host], "host-{host}: {last} stored, {} acknowledged", through[host]);
        assert_eq!(
            *stored,
            (1..=last).collect::<Vec<_>>(),
            "host-{host}: each once, in order, without a hole"
        );
    }
    eprintln!("acknowledged through {through:?} over four kills");
    server.stop().await;
}

#[tokio::test]
async fn a_signal_ends_the_server_in_good_order() {
    let directory = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let (mut process, _) = child(directory.path());
        let pid = process.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        let status = tokio::task::spawn_blocking(move || process.wait()).await.unwrap().unwrap();
        assert!(status.success(), "SIG{signal}: {status}");
    }
}
