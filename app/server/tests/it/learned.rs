//! What agents learn of images, and what is promoted of it.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use lazaret_format::v1::{AdmissionSnapshot, ImageBody, LearnedBody, LearnedList, TokenKind};
use lazaret_model::{Actor, Behaviour, Digest, Fact, FileAccess, FileOperation, FileOrigin, Phase, Session};
use lazaret_profile::learn::{Learned, MOST_STORED_BYTES, Observation, Replica, Visit};
use lazaret_profile::{Profile, Subject, Variant};
use lazaret_store::{NewLearned, Store, Write, Writer};
use lazaret_trust::{Envelope, Predicate, ProfilePredicate};
use reqwest::{Method, StatusCode};

use crate::crash;
use crate::evidence::{REPOSITORY, Sample};
use crate::harness::{Client, Server};

fn subject(image: Digest, command: &str) -> Subject {
    let variant = Variant {
        command: vec!["/app/serve".to_owned(), command.to_owned()],
        user: "root".to_owned(),
        architecture: "amd64".to_owned(),
    };
    Subject { image, variant }
}

fn writing(learned: &mut Learned, replica: &str, at: i64, path: &str) {
    let actor = Actor { pid: 1, executable: "/app/serve".to_owned(), uid: 0, gid: 0, session: Session::Main };
    let (operation, origin) = (FileOperation::Write, FileOrigin::Upper);
    let access = FileAccess { path: path.to_owned(), operation, other: None, origin };
    let behaviour = Behaviour { actor, fact: Fact::File(access) };
    let (replica, phase, visit) = (Replica::of(replica), Phase::Steady, Visit::Program);
    learned.observe(Observation { replica, at, phase, visit, behaviour: &behaviour });
}

fn learned(subject: &Subject, replicas: std::ops::Range<u32>, path: &str) -> Learned {
    let mut learned = Learned::new(subject.clone());
    for replica in replicas {
        let replica = replica.to_string();
        learned.started(Replica::of(&replica), 10, 2);
        learned.stopped(Replica::of(&replica), 90, 1);
        writing(&mut learned, &replica, 50, path);
        writing(&mut learned, &replica, 60, "/srv/data/state");
    }
    learned
}

fn address(subject: &Subject) -> String {
    format!("/v1/learned/{}/{}", subject.image, subject.variant.key())
}

async fn tell(agent: &Client, learned: &Learned) {
    let body = String::from_utf8(learned.to_json()).unwrap();
    let (status, text) = agent.send(Method::PUT, &address(learned.subject()), Some(body)).await;
    assert_eq!((status, text.as_str()), (StatusCode::NO_CONTENT, ""));
}

#[tokio::test]
async fn what_hosts_learn_is_brought_together_in_any_order() {
    let (server, directory) = Server::fresh().await;
    let subject = subject(Digest::from_bytes([7; 32]), "--all");
    let parts = [
        learned(&subject, 0..3, "/srv/data/a"),
        learned(&subject, 3..6, "/srv/data/b"),
        learned(&subject, 6..7, "/etc/hosts"),
    ];
    let mut whole = parts[0].clone();
    assert!(whole.merge(parts[2].clone()) && whole.merge(parts[1].clone()));
    let mut agents = Vec::new();
    for host in ["one", "two", "three"] {
        agents.push(server.client.enrol(host).await);
    }
    // The last one first, and the first one twice, the first time with less.
    tell(&agents[2], &parts[2]).await;
    tell(&agents[0], &Learned::new(subject.clone())).await;
    tell(&agents[1], &parts[1]).await;
    tell(&agents[0], &parts[0]).await;
    tell(&agents[0], &parts[0]).await;

    let body: LearnedBody = server.client.get(&address(&subject)).await;
    assert_eq!(
        serde_json::to_vec(&body.learned).map(|json| Learned::from_json(&json)).unwrap(),
        Ok(whole.clone())
    );
    assert_eq!(body.profile, whole.profile_alone().text());
    assert_eq!((body.subject.agents, body.replicas), (3, 7));
    let coverage = body.coverage.unwrap();
    assert_eq!((coverage.starts, coverage.stops, coverage.gaps), (14, 7, 0));
    // One of seven did it, and nobody else.
    let pending: Vec<_> =
        body.pending.iter().map(|one| (one.section.as_str(), one.replicas, one.of)).collect();
    assert_eq!(pending, [("files", 1, 7)], "{:?}", body.pending);
    assert!(body.pending[0].entry.contains("/etc/hosts"));
    let missing: Vec<_> = body.missing.iter().map(|one| one.rule.as_str()).collect();
    assert_eq!(missing, ["pending"], "long ago, restarted and stopped: only a person is missing");

    let list: LearnedList = server.client.get("/v1/learned").await;
    assert_eq!(list.learned.as_slice(), std::slice::from_ref(&body.subject));
    assert_eq!(
        (list.learned[0].command.as_slice(), list.learned[0].repository.as_deref()),
        (&subject.variant.command[..], None)
    );
    let other = Digest::from_bytes([8; 32]);
    let none: LearnedList = server.client.get(&format!("/v1/learned?image_config={other}")).await;
    assert!(none.learned.is_empty());

    server.stop().await;
    let server = Server::start(directory.path()).await;
    let again: LearnedBody = server.client.get(&address(&subject)).await;
    assert_eq!(again.learned, body.learned, "a restart forgets nothing");
    server.stop().await;
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_told_why() {
    let (server, _directory) = Server::fresh().await;
    let agent = server.client.enrol("one").await;
    let subject = subject(Digest::from_bytes([7; 32]), "--all");
    let there = address(&subject);
    let good = String::from_utf8(learned(&subject, 0..1, "/a").to_json()).unwrap();
    let other = address(&self::subject(Digest::from_bytes([7; 32]), "--other"));
    let deep = "[".repeat(100_000);
    for (path, body, status, word) in [
        (&there, "{}".to_owned(), 400, "version"),
        (&there, good.replace(r#""version":1"#, r#""version":2"#), 400, "version 2"),
        (&there, deep, 400, "not the JSON"),
        (
            &there,
            good.replace("/app/serve", "app/serve").replace(r#""command":["app"#, r#""command":["/app"#),
            400,
            "a path",
        ),
        (&there, " ".repeat(MOST_STORED_BYTES + 1), 413, "larger"),
        (&other, good.clone(), 400, "own address"),
        (&"/v1/learned/nothing/00".to_owned(), good.clone(), 400, "image_config"),
    ] {
        let (code, body) = agent.refusal(Method::PUT, path, Some(body)).await;
        assert_eq!(code, status, "{body:?}");
        assert!(body.message.contains(word), "{word}: {body:?}");
    }
    // Users don't tell, and agents don't ask.
    let user = server.client.with(&server.client.new_token(TokenKind::User, "u").await);
    assert_eq!(user.refusal(Method::PUT, &there, Some(good)).await.0, 403);
    assert_eq!(agent.get_refused("/v1/learned").await.0, 403);
    assert_eq!(agent.get_refused(&there).await.0, 403);
    let (code, body) = user.get_refused(&there).await;
    assert_eq!((code, body.code.as_str()), (404, "not-found"), "nothing of all that was kept");
    server.stop().await;
}

#[tokio::test]
async fn an_agent_has_bounds_and_is_told_when_it_meets_them() {
    let (server, _directory) = Server::fresh().await;
    let agent = server.client.enrol("one").await;
    let subjects: Vec<Subject> =
        (0..1001_u32).map(|number| subject(Digest::from_bytes([9; 32]), &number.to_string())).collect();
    for some in subjects[..1000].chunks(50) {
        join_all(some.iter().map(|one| async { tell(&agent, &Learned::new(one.clone())).await })).await;
    }
    let body = String::from_utf8(Learned::new(subjects[1000].clone()).to_json()).unwrap();
    let (code, refused) = agent.refusal(Method::PUT, &address(&subjects[1000]), Some(body.clone())).await;
    assert_eq!((code, refused.code.as_str()), (409, "conflict"));
    assert!(refused.message.contains("the most that are kept"), "{refused:?}");
    // What is there already may change, and other agents have bounds of their own.
    tell(&agent, &learned(&subjects[3], 0..2, "/srv/data/x")).await;
    tell(&server.client.enrol("two").await, &Learned::new(subjects[1000].clone())).await;
    server.stop().await;
}

#[tokio::test]
async fn what_many_hosts_told_is_brought_together_and_nothing_is_lost() {
    let (server, directory) = Server::fresh().await;
    let sample = Sample::new("shop", &[("openssl", "1")]);
    let _: ImageBody = server.client.post("/v1/images", &sample.request(&sample.all())).await;
    let (many, gone) = (subject(sample.config, "--all"), subject(Digest::from_bytes([255; 32]), "--all"));
    for host in 0..70 {
        server.client.enrol(&format!("host-{host}")).await;
    }
    server.stop().await;

    let mut whole = Learned::new(many.clone());
    let minutes_ago = |minutes| (Timestamp::now() - SignedDuration::from_mins(minutes)).to_string();
    let (recent, old) = (minutes_ago(1), minutes_ago(8 * 24 * 60));
    let (store, mut writer) = open(directory.path()).await;
    let mut write = writer.begin().await.unwrap();
    for agent in 1..=70_u32 {
        let one = learned(&many, agent..agent + 1, &format!("/srv/data/{agent}"));
        assert!(whole.merge(one.clone()));
        put(&mut write, agent.into(), &one, &recent).await;
    }
    put(&mut write, 1, &Learned::new(gone.clone()), &old).await;
    write.commit().await.unwrap();
    writer.close().await.unwrap();
    store.close().await;

    let server = Server::start(directory.path()).await;
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let list: LearnedList = server.client.get("/v1/learned").await;
        match &list.learned[..] {
            [one] => break assert_eq!((one.agents, &one.image_config), (70, &sample.config.to_string())),
            // Images come in the order of their digests: the last one goes last.
            _ => assert!(Instant::now() < until, "nothing was brought together"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let body: LearnedBody = server.client.get(&address(&many)).await;
    let told = serde_json::to_vec(&body.learned).map(|json| Learned::from_json(&json)).unwrap();
    assert_eq!((told, body.replicas), (Ok(whole.clone()), 70));

    // Whose word is among the rest tells it again, and more.
    let agent = server.client.enrol("host-0").await;
    let more = learned(&many, 1..2, "/srv/data/new");
    assert!(whole.merge(more.clone()));
    tell(&agent, &more).await;
    let body: LearnedBody = server.client.get(&address(&many)).await;
    assert_eq!(serde_json::to_vec(&body.learned).map(|json| Learned::from_json(&json)).unwrap(), Ok(whole));
    server.stop().await;

    let (store, writer) = open(directory.path()).await;
    let mut apart = 0;
    for agent in 1..=70 {
        let mut read = store.read().await.unwrap();
        let nothing = Digest::from_bytes([0; 32]);
        apart += read.view().learned_total(agent, &nothing, "").await.unwrap().entries;
    }
    assert!((64..=65).contains(&apart), "{apart} are kept apart");
    writer.close().await.unwrap();
    store.close().await;
}

async fn open(state: &Path) -> (Store, Writer) {
    let file = std::fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path());
    let mut databases = file.filter(|path| path.extension().is_some_and(|end| end == "sqlite"));
    Store::open(&databases.next().expect("a database")).await.unwrap()
}

async fn put(write: &mut Write<'_>, agent: i64, learned: &Learned, at: &str) {
    let subject = learned.subject();
    let Variant { command, user, architecture } = &subject.variant;
    let told = serde_json::json!({ "command": command, "user": user, "architecture": architecture });
    let (variant, told, body) = (subject.variant.key(), told.to_string(), learned.to_json());
    let image_config = subject.image;
    let new = NewLearned { agent, image_config, variant: &variant, subject: &told, body: &body, at };
    write.put_learned(&new).await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path()).await;
    let agent = server.client.enrol("one").await;
    server.stop().await;
    let subject = subject(Digest::from_bytes([7; 32]), "--all");
    let (mut process, url) = crash::child(directory.path());
    let agent = Client { url, http: reqwest::Client::new(), token: agent.token };
    let mut acknowledged = 0;
    let kill = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        process.kill().unwrap();
        process.wait().unwrap();
    };
    let send = async {
        for count in 1_u32.. {
            let body = learned(&subject, 0..count, "/srv/data/a").to_json();
            let request = agent.http.put(format!("{}{}", agent.url, address(&subject)));
            let request = request.bearer_auth(&agent.token).header("content-type", "application/json");
            match request.body(body).send().await {
                Ok(response) if response.status() == StatusCode::NO_CONTENT => acknowledged = count,
                _ => return,
            }
        }
    };
    tokio::join!(kill, send);
    assert!(acknowledged > 0);
    let server = Server::start(directory.path()).await;
    let body: LearnedBody = server.client.get(&address(&subject)).await;
    assert!(body.replicas >= acknowledged, "{} of {acknowledged}", body.replicas);
    server.stop().await;
}

fn stated(sample: &Sample, profile: &Profile, variant: &str, at: &str) -> Envelope {
    sample.state(Predicate::Profile(ProfilePredicate {
        config: sample.config,
        variant: variant.to_owned(),
        profile: profile.text(),
        at: at.to_owned(),
    }))
}

#[tokio::test]
async fn agents_get_the_newest_profile_that_is_believed() {
    let (server, _directory) = Server::fresh().await;
    let agent = server.client.enrol("one").await;
    let sample = Sample::new("shop", &[("openssl", "1")]);
    let subject = subject(sample.config, "--all");
    let variant = subject.variant.key();
    let profile = |path: &str| learned(&subject, 0..2, path).profile_alone();
    let snapshot = async || -> AdmissionSnapshot { agent.get("/v1/agent/admissions").await };
    let _: ImageBody = server.client.post("/v1/images", &sample.request(&sample.all())).await;
    assert_eq!(snapshot().await.images[0].profile, None);

    let new = stated(&sample, &profile("/new"), &variant, "2026-11-02T00:00:00Z");
    let old = stated(&sample, &profile("/old"), &variant, "2026-11-01T00:00:00Z");
    let _: ImageBody = server.client.post("/v1/images", &sample.request(&[new, old])).await;
    let known = snapshot().await;
    assert_eq!(known.images[0].profile.as_deref(), Some(profile("/new").text().as_str()));

    // A profile of another image or variant, or that is none, is not kept.
    let mut foreign = profile("/foreign");
    foreign.subject.image = Digest::from_bytes([3; 32]);
    let mut broken = profile("/broken");
    broken.subject.variant.user.clear();
    let wrong = [
        stated(&sample, &foreign, &variant, "2026-11-03T00:00:00Z"),
        stated(&sample, &profile("/other"), &"0".repeat(32), "2026-11-03T00:00:00Z"),
        stated(&sample, &broken, &variant, "2026-11-03T00:00:00Z"),
    ];
    let (code, refused) = server.client.post_refused("/v1/images", &sample.request(&wrong)).await;
    assert_eq!((code, refused.reasons.len()), (400, 3), "{refused:?}");
    assert_eq!(snapshot().await, known);

    // A promotion moves the image; the profile is of its digest, and goes with it.
    server.client.set_policy("stages:\n  - dev: {requires: [signature]}\nscan: []\n").await;
    let promotion = sample.promotion("dev", None, &[]);
    let _: ImageBody = server.client.post("/v1/images", &sample.request(&[promotion])).await;
    let promoted = snapshot().await;
    assert_eq!((promoted.images.len(), &promoted.images[0].profile), (1, &known.images[0].profile));
    assert_eq!(promoted.images[0].repository, REPOSITORY);
    server.stop().await;
}
