//! What goes in comes out again.

use lazaret_model::{
    Advisory, AdvisoryStatus, Ecosystem, NamedPackage, Package, PackageEvidence, Severity, SourcePackage,
};
use lazaret_store::{
    AuditLeaf, ContainerRow, DecisionRow, EndedRun, FindingRow, NewAgent, NewEnvelope, NewEvent, NewImage,
    NewPromotion, NewReplacement, PolicyRow, StepRow, TokenKind, TokenRow, VerdictRow, Write,
};

use crate::{AT, digest, event, open, with_agent};

fn package(name: &str, layer: u32) -> Package {
    Package {
        architecture: (layer > 0).then(|| "amd64".to_owned()),
        source: SourcePackage { name: format!("{name}-source"), version: "2.0-1".to_owned() },
        location: "var/lib/dpkg/status".to_owned(),
        layer,
        evidence: PackageEvidence::Declared,
        licences: vec!["MIT".to_owned(), "a \"quote\"".to_owned()],
        owner: (layer > 0).then(|| "owner".to_owned()),
        module: (layer > 0).then(|| "perl:5.26".to_owned()),
        ..Package::new(Ecosystem::Deb, name, "1:2.0-1")
    }
}

async fn image(write: &mut Write<'_>, repository: &str, manifest: u8, config: u8) -> i64 {
    let new = NewImage {
        repository,
        manifest: digest(manifest),
        config: digest(config),
        manifest_bytes: b"{}",
        first_seen: AT,
    };
    write.put_image(&new).await.unwrap()
}

#[tokio::test]
async fn credentials() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&directory.path().join("s")).await;
    let agent = with_agent(&mut writer).await;
    let token = TokenRow {
        hash: digest(9),
        kind: TokenKind::Enrolment,
        name: "ci".to_owned(),
        created: AT.to_owned(),
        expires: None,
    };
    let mut write = writer.begin().await.unwrap();
    write.add_token(&token).await.unwrap();
    let again = NewAgent {
        agent: "agent-2",
        host: "host-renamed",
        machine: "machine-1",
        version: "0.2.0",
        key_hash: digest(2),
        enrolled: AT,
    };
    let enrolled = write.enrol(&again).await.unwrap();
    write.agent_seen(agent, AT).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!((enrolled.id, enrolled.agent.as_str()), (agent, "agent-1"), "the machine keeps its identity");

    let mut read = store.read().await.unwrap();
    let mut view = read.view();
    assert_eq!(view.tokens().await.unwrap(), [token]);
    let credentials = view.agent_credentials().await.unwrap();
    assert_eq!(credentials, [enrolled], "the old key is gone");
    let agents = view.agents().await.unwrap();
    assert_eq!(
        (agents[0].host.as_str(), agents[0].events, agents[0].last_seen.as_deref()),
        ("host-renamed", 0, Some(AT))
    );
    assert_eq!(view.machine_of_host("host-renamed").await.unwrap().as_deref(), Some("machine-1"));
}

#[tokio::test]
async fn events_and_decisions() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&directory.path().join("s")).await;
    let agent = with_agent(&mut writer).await;
    let mut write = writer.begin().await.unwrap();
    let image = image(&mut write, "r.example/shop", 3, 4).await;
    let mut spool = write.spool(agent, "spool").await.unwrap();
    assert_eq!((spool.through, spool.lost), (0, 0));
    let about = NewEvent { container: Some("c1"), image_config: Some(digest(4)), ..event(2) };
    let first = 1;
    let events = [event(1), about, NewEvent { seq: None, ..event(0) }];
    write.add_events(spool.id, first, &events).await.unwrap();
    (spool.through, spool.lost, spool.events) = (2, 7, 3);
    write.set_spool(&spool).await.unwrap();
    let decision = DecisionRow {
        position: first + 1,
        agent,
        decision: "host-1-1".to_owned(),
        container: None,
        image_config: Some(digest(4)),
        audit: None,
    };
    write.add_decisions(std::slice::from_ref(&decision)).await.unwrap();
    write.commit().await.unwrap();

    let mut write = writer.begin().await.unwrap();
    assert_eq!(write.spool(agent, "spool").await.unwrap(), spool);
    assert_eq!(write.view().stored_numbers(spool.id, 1, 9).await.unwrap(), [1, 2].into());
    assert!(write.add_events(spool.id, 4, &[event(2)]).await.is_err(), "a number is stored once");

    // The failed transaction is left as it is.
    let mut write = writer.begin().await.unwrap();
    let unlogged = write.view().unlogged_decisions(10).await.unwrap();
    assert_eq!((unlogged.len(), unlogged[0].host.as_str()), (1, "host-1"));
    write.set_decision_logged(first + 1, 42).await.unwrap();
    write.commit().await.unwrap();

    let mut read = store.read().await.unwrap();
    let mut view = read.view();
    let rows = view.events_after(first, 10).await.unwrap();
    assert_eq!(rows.len(), 2);
    let name = format!("r.example/shop@{}", digest(3));
    assert_eq!(rows[0].image.as_deref(), Some(name.as_str()));
    let agents = view.agents().await.unwrap();
    assert_eq!((agents[0].lost, agents[0].events), (7, 3));
    let logged = DecisionRow { audit: Some(42), ..decision };
    let by_image = view.decisions_of_image(&digest(4), 10).await.unwrap();
    assert_eq!(by_image, [(logged.clone(), "{\"seq\":2}".to_owned())]);
    let by_container = view.decisions_of_container(agent, "c1", Some("host-1-1")).await.unwrap();
    assert_eq!(by_container[0].0, logged);
    assert!(view.decisions_of_container(agent, "c1", None).await.unwrap().is_empty());
    assert!(image > 0);
}

#[tokio::test]
async fn containers_and_their_runs() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&directory.path().join("s")).await;
    let agent = with_agent(&mut writer).await;
    let shop = ContainerRow {
        agent,
        host: "host-1".to_owned(),
        container: "aabbccdd".to_owned(),
        name: "shop".to_owned(),
        image_name: "r.example/shop".to_owned(),
        image_config: Some(digest(4)),
        decision: Some("host-1-1".to_owned()),
        command: "nginx".to_owned(),
        pid: 7,
        running: true,
        started: AT.to_owned(),
        ended: None,
        exit_code: None,
        presumed: false,
    };
    let stray = ContainerRow { container: "ns:4026531836".to_owned(), name: String::new(), ..shop.clone() };
    let run = EndedRun {
        container: shop.container.clone(),
        image_config: None,
        decision: None,
        started: AT.to_owned(),
        ended: Some(AT.to_owned()),
        exit_code: Some(3),
    };
    let mut write = writer.begin().await.unwrap();
    write.put_containers(agent, &[&shop, &stray]).await.unwrap();
    write.add_run(agent, &run).await.unwrap();
    let ended =
        ContainerRow { running: false, ended: Some(AT.to_owned()), exit_code: Some(3), ..stray.clone() };
    write.put_containers(agent, &[&ended]).await.unwrap();
    write.commit().await.unwrap();

    let mut read = store.read().await.unwrap();
    let mut view = read.view();
    assert_eq!(view.containers(false).await.unwrap(), std::slice::from_ref(&shop));
    assert_eq!(view.containers(true).await.unwrap(), [shop.clone(), ended.clone()]);
    assert_eq!(view.running_on(agent).await.unwrap(), std::slice::from_ref(&shop));
    let by_id = view.containers_with_ids(agent, &["ns:4026531836", "\"quoted\"", "none"]).await.unwrap();
    assert_eq!(by_id, [ended]);
    assert_eq!(view.runs_of(agent, "aabbccdd").await.unwrap(), [run]);
    let found = view.find_containers("shop", None).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&shop));
    assert_eq!(view.find_containers("aabb", Some("host-1")).await.unwrap(), found);
    assert!(view.find_containers("aabb", Some("host-2")).await.unwrap().is_empty());
    assert!(view.find_containers("aab", None).await.unwrap().is_empty(), "too short to be an id");
    let running = view.running_containers().await.unwrap();
    assert_eq!((running.len(), running[0].container.as_str()), (1, "aabbccdd"));
}

#[tokio::test]
async fn images_share_their_packages() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&directory.path().join("s")).await;
    let packages: Vec<Package> = (0..777).map(|n| package(&format!("p{n:03}"), n % 3)).collect();
    let mut write = writer.begin().await.unwrap();
    let first = image(&mut write, "r.example/a", 1, 2).await;
    let second = image(&mut write, "r.example/b", 7, 2).await;
    assert_ne!(first, second);
    assert_eq!(image(&mut write, "r.example/a", 1, 2).await, first);
    for id in [first, second, second] {
        write.set_packages(id, &packages).await.unwrap();
    }
    write.set_release(first, "debian:12").await.unwrap();
    let layers = [("sha256:a".to_owned(), "ADD".to_owned()), ("sha256:b".to_owned(), "RUN".to_owned())];
    write.set_layers(first, &layers).await.unwrap();
    write.commit().await.unwrap();

    let mut read = store.read().await.unwrap();
    let mut view = read.view();
    let count = view.package_count().await.unwrap();
    assert_eq!((count.distinct, count.in_images), (777, 2 * 777));
    assert_eq!(view.packages_of(second).await.unwrap(), packages);
    let images = view.images_with(&digest(2)).await.unwrap();
    assert_eq!((images.len(), images[0].packages, images[0].release.as_str()), (2, 777, "debian:12"));
    assert_eq!(view.layers_of(first).await.unwrap()[1].packages, 259);
    assert_eq!(view.image(&digest(7)).await.unwrap().unwrap().id, second);
    assert_eq!(view.manifest_bytes(first).await.unwrap(), b"{}");
}

#[tokio::test]
async fn statements() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&directory.path().join("s")).await;
    let mut write = writer.begin().await.unwrap();
    let image = image(&mut write, "r.example/a", 1, 2).await;
    for (byte, kind) in [(10, "bom"), (11, "promotion")] {
        let new = NewEnvelope {
            digest: digest(byte),
            image,
            predicate_type: kind,
            title: "a statement",
            key: "key",
            at: AT,
            audit: u64::from(byte),
            body: "{}",
        };
        write.add_envelope(&new).await.unwrap();
    }
    let promotion =
        NewPromotion { image, envelope: digest(11), stage: "qa", from: Some("dev"), key: "key", at: AT };
    write.add_promotion(&promotion).await.unwrap();
    let verdict = VerdictRow {
        image,
        envelope: digest(12),
        outcome: "pass".to_owned(),
        policy: "p".to_owned(),
        database: "d".to_owned(),
        database_built: AT.to_owned(),
        reasons: "[]".to_owned(),
        at: AT.to_owned(),
    };
    let finding = FindingRow {
        vulnerability: "CVE-2026-1".to_owned(),
        package: "libssl3".to_owned(),
        version: "3".to_owned(),
        source: "openssl".to_owned(),
        fixed: None,
        severity: "high".to_owned(),
    };
    write.set_verdict(&verdict, &[finding.clone(), finding.clone()]).await.unwrap();
    write.set_verdict(&verdict, std::slice::from_ref(&finding)).await.unwrap();
    let policy = PolicyRow {
        digest: "x".to_owned(),
        text: "rules: []".to_owned(),
        at: AT.to_owned(),
        by: "a".to_owned(),
    };
    write.add_policy(&policy).await.unwrap();
    assert_eq!(write.next_revision().await.unwrap(), 1);
    assert_eq!(write.next_revision().await.unwrap(), 2);
    write.commit().await.unwrap();

    let mut read = store.read().await.unwrap();
    let mut view = read.view();
    assert_eq!(view.revision().await.unwrap(), 2);
    assert!(view.has_envelope(&digest(10)).await.unwrap());
    assert!(!view.has_envelope(&digest(99)).await.unwrap());
    assert_eq!(view.envelopes_of(image, &[]).await.unwrap().len(), 2);
    let without = view.envelopes_of(image, &["bom"]).await.unwrap();
    assert_eq!((without.len(), without[0].audit), (1, 11));
    assert_eq!(view.statement_types(Some(image)).await.unwrap().len(), 2);
    assert_eq!(view.promotions().await.unwrap(), view.promotions_of(image).await.unwrap());
    assert_eq!(view.promotions().await.unwrap()[0].from.as_deref(), Some("dev"));
    assert_eq!(view.verdict_of(image).await.unwrap().as_ref(), Some(&verdict));
    assert_eq!(view.verdicts().await.unwrap(), [verdict]);
    assert_eq!(view.findings_of(image).await.unwrap(), std::slice::from_ref(&finding));
    assert_eq!(view.findings_named("CVE-2026-1").await.unwrap(), [(image, finding)]);
    assert_eq!(view.findings_named("cve-2026-1").await.unwrap().len(), 1);
    assert_eq!(view.finding_counts(None).await.unwrap(), [(image, 1)]);
    assert_eq!(view.policy().await.unwrap(), Some(policy));
}

#[tokio::test]
async fn advisories_replacements_and_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&directory.path().join("s")).await;
    let agent = with_agent(&mut writer).await;
    let advisory = Advisory {
        aliases: vec!["DSA-1".to_owned(), "with \"quotes\"".to_owned()],
        names: NamedPackage::Binary,
        last_affected: Some("3.0.16-1".to_owned()),
        status: AdvisoryStatus::WillNotFix,
        module: Some("perl:5.26".to_owned()),
        severity: Severity::High,
        summary: "bad".to_owned(),
        feed: "osv".to_owned(),
        ..Advisory::new("CVE-2026-1", Ecosystem::Deb, "debian:12", "openssl")
    };
    let mut write = writer.begin().await.unwrap();
    write.add_advisories(&[advisory.clone(), advisory.clone()], AT).await.unwrap();
    assert_eq!(write.remove_advisories_like(std::slice::from_ref(&advisory)).await.unwrap(), 2);
    write.add_advisories(std::slice::from_ref(&advisory), AT).await.unwrap();
    let new = NewReplacement {
        replacement: "r-1",
        agent,
        container: "c",
        image: "r.example/a@sha256:…",
        health_seconds: 60,
        state: "planned",
        requested: AT,
    };
    write.add_replacement(&new).await.unwrap();
    let id = write.view().replacement("r-1").await.unwrap().unwrap().id;
    let step = StepRow { at: AT.to_owned(), text: "started".to_owned() };
    write.add_replacement_step(id, 0, &step, "starting", false, Some("c2")).await.unwrap();
    assert_eq!(write.view().open_replacements(agent).await.unwrap().len(), 1);
    write.add_replacement_step(id, 1, &step, "done", true, None).await.unwrap();
    let leaves: Vec<AuditLeaf> =
        (0..600).map(|index| AuditLeaf { index, leaf: format!("{index}") }).collect();
    write.add_audit_leaves(&leaves).await.unwrap();
    write.add_checkpoint(600, "note").await.unwrap();
    write.commit().await.unwrap();

    let mut read = store.read().await.unwrap();
    let mut view = read.view();
    assert_eq!(view.advisories().await.unwrap(), [advisory]);
    assert!(view.open_replacements(agent).await.unwrap().is_empty());
    let row = view.replacement("r-1").await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.successor.as_deref(), row.steps.len()), ("done", Some("c2"), 2));
    assert_eq!(view.audit_leaves(598, 10).await.unwrap(), leaves[598..]);
    assert_eq!(view.audit_size().await.unwrap(), 600);
    assert_eq!(view.newest_checkpoint().await.unwrap(), Some((600, "note".to_owned())));
    assert_eq!(view.checkpoints(601, 10).await.unwrap(), []);
    assert_eq!(view.checkpoints(600, 10).await.unwrap().len(), 1);
    assert!(view.bytes().await.unwrap() > 0);
}
