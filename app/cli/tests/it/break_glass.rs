//! Opening a container to log-ins, what is told of it, and closing it, as people type it.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::place::{Place, text};
use crate::world::Server;

struct Fleet {
    place: Place,
    server: Server,
    http: tokio::runtime::Runtime,
    agent: String,
}

const CONTAINER: &str = "abababababababababababababababababababababababababababababababab";

impl Fleet {
    /// A server that knows of one container, by the word of its agent.
    fn new() -> Self {
        let place = Place::new();
        let (_, public) = place.key("keys");
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let server = Server::start(&place, &address, text(&public));
        let http = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut fleet = Self { place, server, http, agent: String::new() };
        let token = fleet.ok(&["token", "create", "--kind", "enrolment", "--name", "rack-7"]);
        fleet.agent = token["token"].as_str().unwrap().to_owned();
        let enrol = json!({"host": "rack-7", "machine_id": "m", "version": "0.1.0"});
        fleet.agent = fleet.post("/v1/agents/enroll", &enrol)["key"].as_str().unwrap().to_owned();
        fleet.report(
            1,
            &json!({
                "kind": "container-started", "container": CONTAINER, "name": "shop", "image_name": "shop:1",
                "decision": "rack-7-1", "command": "serve", "pid": 42, "started": "2026-01-02T03:04:05Z",
            }),
        );
        fleet
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("http://{}{path}", self.server.address);
        self.http.block_on(async {
            let request = reqwest::Client::new().post(url).header("content-type", "application/json");
            let answer = request.bearer_auth(&self.agent).body(body.to_string()).send().await.unwrap();
            let status = answer.status();
            let said = answer.text().await.unwrap();
            assert!(status.is_success(), "{status} {said}");
            serde_json::from_str(&said).unwrap()
        })
    }

    fn report(&self, seq: u64, what: &Value) {
        let mut event = what.clone();
        (event["seq"], event["at"]) = (seq.into(), "2026-01-02T03:04:05Z".into());
        self.post("/v1/agent/events", &json!({"spool": "s", "events": [event]}));
    }

    fn surroundings(&self) -> Vec<String> {
        let token = text(&self.place.path("state/admin.token")).to_owned();
        let server = format!("http://{}", self.server.address);
        vec!["--server".to_owned(), server, "--token-file".to_owned(), token]
    }

    fn ok(&self, arguments: &[&str]) -> Value {
        let more = self.surroundings();
        let all: Vec<&str> = arguments.iter().copied().chain(more.iter().map(String::as_str)).collect();
        self.place.ok(&all)
    }

    fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let more = self.surroundings();
        let all: Vec<&str> = arguments.iter().copied().chain(more.iter().map(String::as_str)).collect();
        self.place.fails(&all)
    }

    fn table(&self, arguments: &[&str]) -> String {
        let output = self.place.program().args(arguments).args(self.surroundings()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn a_container_is_opened_its_transcript_is_read_and_it_is_closed() {
    let fleet = Fleet::new();
    let open = ["break-glass", "open", "shop", "--host", "rack-7", "--reason", "orders hang"];
    let opened = fleet.ok(&[&open[..], &["--for", "10m"]].concat());
    let id = opened["id"].as_str().unwrap();
    assert_eq!(opened["container"], CONTAINER);
    assert_eq!((&opened["state"], &opened["by"]), (&"open".into(), &"user admin".into()));
    assert_eq!(fleet.fails(&open).0, 6, "one at a time");

    fleet.report(2, &json!({
        "kind": "break-glass", "grant": id, "container": CONTAINER, "by": "user admin", "reason": "orders hang",
        "until": opened["until"], "state": "open",
    }));
    fleet.report(
        3,
        &json!({
            "kind": "session-command", "grant": id, "container": CONTAINER, "session": 77, "entered": true,
            "process": {"pid": 77, "exe": "/bin/cat", "argv": ["cat", "/etc/\u{1b}[2Jhostname"], "uid": 33},
            "outcome": "happened",
        }),
    );
    fleet.report(4, &json!({
        "kind": "session-ended", "grant": id, "container": CONTAINER, "session": 77, "status": 0, "commands": 1,
        "untold": 0,
    }));
    let transcript = fleet.table(&["break-glass", "show", id]);
    for words in [
        "orders hang",
        "in force on the host",
        "(uid 33, comes in) ran /bin/cat `cat /etc/\\u{1b}[2Jhostname`",
    ] {
        assert!(transcript.contains(words), "{words}: {transcript}");
    }
    assert!(transcript.contains("session 77 in abababababab ended: 1 commands"), "{transcript}");
    let read = fleet.ok(&["break-glass", "show", id]);
    assert_eq!(read["events"].as_array().unwrap().len(), 3);
    assert!(fleet.table(&["events"]).contains("BREAK-GLASS"));

    let closed = fleet.table(&["break-glass", "close", id]);
    assert!(closed.contains("closed") && closed.contains("user admin"), "{closed}");
    let listed = fleet.ok(&["break-glass", "list"]);
    assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&opened["id"], &"closed".into()));
    let table = fleet.table(&["break-glass", "list"]);
    assert!(table.contains(id) && table.contains("orders hang"), "{table}");
}

#[test]
fn what_is_typed_wrongly_is_told() {
    let fleet = Fleet::new();
    let open =
        |more: &[&'static str]| [&["break-glass", "open", "shop", "--host", "rack-7"][..], more].concat();
    for (code, arguments) in [
        (2, open(&[])),
        (2, open(&["--reason", "x", "--for", "5h"])),
        (2, open(&["--reason", "x", "--for", "soon"])),
        (2, vec!["break-glass", "open", "shop", "--reason", "x"]),
        (3, open(&["--reason", " "])),
        (3, vec!["break-glass", "open", "nobody", "--host", "rack-7", "--reason", "x"]),
        (3, vec!["break-glass", "close", "../tokens"]),
        (3, vec!["break-glass", "show", "glass-0"]),
    ] {
        let (found, said) = fleet.fails(&arguments);
        assert_eq!(found, code, "{arguments:?}: {said}");
    }
}
