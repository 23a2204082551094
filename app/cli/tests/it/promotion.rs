//! A profile's way through the product: learned by hosts, shown, signed, promoted, handed to agents; and a successor's.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::Duration;

use lazaret_model::{
    Actor, Behaviour, Digest, Execution, Fact, FileAccess, FileOperation, FileOrigin, Phase, Session,
};
use lazaret_profile::learn::{Learned, Observation, Replica, Visit};
use lazaret_profile::{Profile, Subject, Variant};
use reqwest::Method;
use serde_json::{Value, json};

use crate::place::text;
use crate::world::{Server, World};

fn observe(learned: &mut Learned, replica: u32, fact: Fact) {
    let executable = "/app/serve".to_owned();
    let actor = Actor { pid: 1, executable, uid: 33, gid: 33, session: Session::Main };
    let behaviour = Behaviour { actor, fact };
    let (replica, phase, visit) = (Replica::of(&replica.to_string()), Phase::Steady, Visit::Program);
    learned.observe(Observation { replica, at: 50, phase, visit, behaviour: &behaviour });
}

fn write(path: &str) -> Fact {
    let (operation, origin) = (FileOperation::Write, FileOrigin::Upper);
    Fact::File(FileAccess { path: path.to_owned(), operation, other: None, origin })
}

/// Replicas that start, write and stop; what the last of many writes, no other does.
fn learned(config: Digest, replicas: std::ops::Range<u32>, lonely: Option<&str>) -> Learned {
    let variant = Variant {
        command: vec!["/app/serve".to_owned(), "--all".to_owned()],
        user: "33".to_owned(),
        architecture: "amd64".to_owned(),
    };
    let mut learned = Learned::new(Subject { image: config, variant });
    for number in replicas.clone() {
        let replica = Replica::of(&number.to_string());
        learned.started(replica, 10, 2);
        learned.stopped(replica, 90, 1);
        let arguments = vec!["/app/serve".to_owned(), "--all".to_owned()];
        let plain = Execution::plain("/app/serve".to_owned(), FileOrigin::Image, arguments);
        let execution = Execution { entered: true, ..plain };
        observe(&mut learned, number, Fact::Exec(execution));
        observe(&mut learned, number, write("/srv/data/state"));
    }
    if let Some(path) = lonely {
        observe(&mut learned, replicas.end - 1, write(path));
    }
    learned
}

#[test]
fn what_hosts_learn_becomes_what_agents_hold_containers_to() {
    let Some(world) = World::new() else { return };
    let (image, config) = world.image("#!/bin/sh\necho one\n");
    let agents = [world.agent("one"), world.agent("two")];
    let (code, said) = world.fails(&["profile", "learn", &image]);
    assert_eq!(code, 3);
    assert!(said.contains("nothing was learned of sha256:"), "{said}");
    let (code, said) = world.fails(&["profile", "learn", &image, "--wait", "--timeout", "1"]);
    assert_eq!(code, 1);
    assert!(said.contains("is not learned yet: nothing was seen"), "{said}");

    world.tell(&agents[0], &learned(config, 0..4, None));
    world.tell(&agents[1], &learned(config, 4..7, Some("/etc/hosts")));
    let known = world.ok(&["profile", "learn", &image]);
    assert_eq!(
        (&known["replicas"], &known["agents"], &known["learned"]),
        (&json!(7), &json!(2), &Value::Null)
    );
    let waiting = known["pending"][0]["id"].as_str().unwrap().to_owned();
    let variant = known["variant"].as_str().unwrap();
    let table = world.table(&["profile", "learn", &config.to_string()]);
    let expected = format!(
        "image     {config}\n\
         variant   {variant}  `/app/serve --all` as 33 on amd64\n\
         seen      7 containers on 2 hosts, 1970-01-01 00:00:10Z to 1970-01-01 00:01:30Z, 14 starts, 7 stops\n\
         missing   an entry waits for a person (decide with --accept or --drop of `lazaret profile promote`)\n\
         \n\
         PENDING   SECTION  DONE BY  ENTRY\n\
         {waiting}  files    1 of 7   {{path: /etc/hosts, by: /app/serve, operations: [write]}}\n"
    );
    assert_eq!(table, expected);
    // Everything but a person's word is there: there is nothing to wait for.
    world.ok(&["profile", "learn", &image, "--wait", "--timeout", "60"]);

    let (key, public) = (text(&world.key).to_owned(), text(&world.public).to_owned());
    let head = ["profile", "promote", image.as_str(), "--key", key.as_str()];
    let run = |more: &[&str]| world.ok(&[&head[..], more].concat());
    let refused = |more: &[&str]| world.fails(&[&head[..], more].concat());
    let (code, said) = refused(&[]);
    assert_eq!(code, 1);
    assert!(said.contains(&waiting) && said.contains("1 of 7") && said.contains("/etc/hosts"), "{said}");
    assert_eq!(refused(&["--accept", "00000000"]).0, 3);
    assert_eq!(refused(&["--accept", "all", "--drop", "all"]).0, 2);
    assert_eq!(refused(&["--drop", "all", "--mode", "netwrok=block"]).0, 2);
    let dry = run(&["--drop", "all", "--dry-run"]);
    assert_eq!(dry["envelope"], Value::Null);
    assert_eq!(world.admitted_profile(&agents[0]), None);

    let first = run(&["--drop", "all", "--mode", "files=block"]);
    assert!(first["envelope"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!((&first["modes"]["files"], &first["modes"]["network"]), (&json!("block"), &json!("alert")));
    let profile = Profile::parse(&world.admitted_profile(&agents[0]).unwrap()).unwrap();
    assert_eq!(profile.subject.image, config);
    let paths: Vec<&str> = profile.files.iter().map(|rule| rule.path.as_str()).collect();
    assert_eq!(paths, ["/srv/data/state"]);
    assert!(
        profile.executables.listed.is_some_and(|listed| listed.count == 1),
        "the image's own word is in it"
    );
    let shown =
        world.place.program().args(["profile", "show", &image, "--promoted", &public]).output().unwrap();
    assert_eq!(String::from_utf8(shown.stdout).unwrap(), profile.text());
    // Again: nothing to do. With the entry accepted: modes stay as they were promoted.
    assert_eq!(run(&["--drop", "all"])["envelope"], Value::Null);
    let second = run(&["--accept", "all"]);
    assert_ne!(second["envelope"], first["envelope"]);
    assert_eq!(second["changes"].as_array().unwrap().len(), 1, "{second}");
    assert_eq!(second["modes"], first["modes"]);
    let newest = Profile::parse(&world.admitted_profile(&agents[1]).unwrap()).unwrap();
    assert_eq!(newest.files.len(), 2);

    // What was dropped would have alerted; what was accepted would not.
    for (profile, code) in [(&profile, 1), (&newest, 0)] {
        let file = world.place.write("tried.yaml", profile.text());
        let (found, said) = world.fails(&["profile", "test", &image, "--profile", text(&file)]);
        assert_eq!(found, code, "{said}");
    }

    // A new build begins with what its predecessor did; what was blocked there is only told of at first.
    let (successor, other) = world.image("#!/bin/sh\necho two\n");
    assert_ne!(config, other);
    let (code, said) = world.fails(&["profile", "promote", &successor, "--key", &key]);
    assert_eq!(code, 3, "{said}");
    let inherited = world.ok(&["profile", "promote", &successor, "--key", &key, "--from", &image]);
    assert_eq!(inherited["modes"]["files"], "alert");
    let shown =
        world.place.program().args(["profile", "show", &successor, "--promoted", &public]).output().unwrap();
    let shown = Profile::parse(&String::from_utf8(shown.stdout).unwrap()).unwrap();
    assert_eq!((shown.state.name(), shown.files.len()), ("provisional", 2));
    assert_eq!(shown.subject.image, other);

    // Signed with a key that the server does not trust, it is told so, and agents keep what they had.
    let (stranger, _) = world.place.key("stranger");
    let file = world.place.write("own.yaml", profile.text());
    let (code, said) =
        world.fails(&["profile", "promote", &image, "--key", text(&stranger), "--profile", text(&file)]);
    assert!(code != 0 && said.contains("no trusted key"), "{code} {said}");
    let kept = world.admitted_profile(&agents[0]).unwrap();
    assert_eq!(Profile::parse(&kept).unwrap(), newest);
}

#[test]
fn followed_events_survive_a_restart_of_the_server() {
    let Some(mut world) = World::new() else { return };
    let agent = world.agent("one");
    let report = |world: &World, seq: u64, what: &str| {
        let deviation = json!({
            "seq": seq, "at": "2026-01-01T00:00:00Z", "kind": "deviation", "container": "ab".repeat(32),
            "dimension": "network", "category": "network.connect", "what": what, "severity": "high", "mode": "alert",
            "action": "alert", "outcome": "happened", "rung": "alert", "attack": ["T1071"],
            "process": {"pid": 4, "exe": "/usr/bin/perl", "argv": ["perl", "\u{1b}]0;x\u{7}"], "uid": 0,
                "ancestors": [{"pid": 3, "exe": "/bin/sh"}]},
        });
        let batch = json!({"spool": "spool-1", "events": [deviation], "lost": 0});
        let url = format!("http://{}/v1/agent/events", world.server.address);
        let (status, _, said) =
            world.send(Method::POST, &url, &agent, "application/json", batch.to_string().into_bytes());
        assert_eq!(status, 200, "{said}");
    };
    report(&world, 1, "first");
    let mut follow = world.place.program();
    follow.args(["events", "--follow"]).args(world.surroundings());
    let mut follow = follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut until = |word: &str| {
        let mut seen = Vec::new();
        for line in lines.by_ref() {
            let found = line.contains(word);
            seen.push(line);
            if found {
                return seen.join("\n");
            }
        }
        panic!("no `{word}`: {seen:?}");
    };
    let first = until("started by");
    for words in [
        "ONLY SEEN network.connect in abababababab: first",
        "high · ATT&CK T1071 · network alert, alert",
        r"by /usr/bin/perl `perl \u{1b}]0;x\u{7}`  pid 4 uid 0",
        "└ started by /bin/sh  pid 3",
    ] {
        assert!(first.contains(words), "{words}\n{first}");
    }
    assert!(!first.contains('\u{1b}') && !first.contains('\u{7}'));
    let _ = world.server.process.kill();
    let _ = world.server.process.wait();
    std::thread::sleep(Duration::from_millis(1500));
    world.server = Server::start(&world.place, &world.server.address.clone(), text(&world.public));
    report(&world, 2, "second");
    assert!(until("started by").contains(": second"), "what was shown is not shown again, what is new is");
    follow.kill().unwrap();
    let mut said = String::new();
    follow.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    follow.wait().unwrap();
    assert_eq!(said.matches("trying again").count(), 1, "{said}");
}
