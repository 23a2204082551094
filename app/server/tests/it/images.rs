use lazaret_format::v1::{AdmissionSnapshot, ErrorBody, ImageBody};
use lazaret_model::Outcome;
use lazaret_trust::Predicate;

use crate::evidence::{Sample, body, finding};
use crate::harness::{Server, strange_key};

#[tokio::test]
async fn evidence_is_kept_and_listed() {
    let (server, directory) = Server::fresh().await;
    let admin = &server.client;
    let sample = Sample::new("shop", &[("openssl", "3.0.15-1"), ("nginx", "1.22.1-9")]);
    let first: ImageBody = admin.post("/v1/images", &sample.request(&sample.all())).await;
    assert!(first.signed && first.has_sbom && first.rejected.is_empty());
    assert_eq!((first.packages, first.findings, first.verdict.as_deref()), (2, 0, Some("pass")));
    assert!(first.stages.is_empty());
    assert_eq!(first.config, sample.config.to_string());

    let again: ImageBody = admin.post("/v1/images", &sample.request(&sample.all())).await;
    assert_eq!(again, first, "sending it again changes nothing");
    let page: lazaret_format::v1::AuditPage = admin.get("/v1/audit").await;
    assert_eq!(page.entries.iter().filter(|entry| entry.leaf.contains("\"evidence\"")).count(), 4);
    for digest in [sample.manifest, sample.config] {
        let one: ImageBody = admin.get(&format!("/v1/images/{digest}")).await;
        assert_eq!(one, first);
    }
    let none = format!("/v1/images/sha256:{}", "0".repeat(64));
    assert_eq!(admin.get_refused(&none).await.0, 404);
    server.stop().await;

    let server = Server::start(directory.path()).await;
    let listed: Vec<ImageBody> = server.client.get("/v1/images").await;
    assert_eq!(listed, [first]);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_believed_is_not_kept() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let sample = Sample::new("shop", &[]);
    let other = Sample::new("other", &[]);
    let strange = sample.state_as(Predicate::Signature, &strange_key());
    let replayed = other.state(Predicate::Signature);
    let foreign_sbom = sample.state(Predicate::Sbom(
        r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}"#.to_owned(),
    ));
    let mut altered = body(&sample.verdict(Outcome::Refuse, vec![], "2026-01-02T00:00:00Z"));
    let mut passed = body(&sample.verdict(Outcome::Pass, vec![], "2026-01-02T00:00:00Z"));
    std::mem::swap(&mut altered.payload, &mut passed.payload);

    let mut request = sample.request(&[strange, replayed, foreign_sbom]);
    request.envelopes.push(altered);
    let (status, refusal): (u16, ErrorBody) = admin.post_refused("/v1/images", &request).await;
    assert_eq!((status, refusal.code.as_str(), refusal.reasons.len()), (400, "invalid", 4));
    let said: String = refusal.reasons.iter().map(|reason| reason.message.clone() + "\n").collect();
    for part in ["no trusted key", "not about", "was altered", "not written by Lazaret"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let images: Vec<ImageBody> = admin.get("/v1/images").await;
    assert!(images.is_empty());

    // One that can be believed is kept, and the others are named.
    request.envelopes.push(body(&sample.state(Predicate::Signature)));
    let kept: ImageBody = admin.post("/v1/images", &request).await;
    assert!(kept.signed && !kept.has_sbom && kept.verdict.is_none());
    assert_eq!(kept.rejected.len(), 4);
    server.stop().await;
}

#[tokio::test]
async fn manifests_that_do_not_fit_are_refused() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let (sample, other) = (Sample::new("shop", &[]), Sample::new("other", &[]));
    let good = sample.request(&sample.all());
    let mut bad = Vec::new();
    for _ in 0..5 {
        bad.push(good.clone());
    }
    bad[0].manifest_bytes = other.request(&[]).manifest_bytes;
    bad[1].manifest_bytes = "not base64!".to_owned();
    bad[2].manifest = "sha256:xyz".to_owned();
    bad[3].repository = "shop:v1".to_owned();
    bad[4].envelopes.clear();
    for request in &bad {
        let (status, refusal) = admin.post_refused("/v1/images", request).await;
        assert_eq!((status, refusal.code.as_str()), (400, "invalid"), "{}", refusal.message);
    }
    server.stop().await;
}

#[tokio::test]
async fn the_newest_scan_counts() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let sample = Sample::new("shop", &[("openssl", "1.0-1")]);
    let newer =
        sample.verdict(Outcome::Refuse, vec![finding("CVE-2026-1", "openssl")], "2026-01-03T00:00:00Z");
    let older = sample.verdict(Outcome::Pass, vec![], "2026-01-02T00:00:00Z");
    let image: ImageBody = admin.post("/v1/images", &sample.request(&[newer])).await;
    assert_eq!((image.verdict.as_deref(), image.findings), (Some("refuse"), 1));
    let image: ImageBody = admin.post("/v1/images", &sample.request(&[older])).await;
    assert_eq!((image.verdict.as_deref(), image.findings), (Some("refuse"), 1));
    let newest = sample.verdict(Outcome::Pass, vec![], "2026-01-04T00:00:00Z");
    let image: ImageBody = admin.post("/v1/images", &sample.request(&[newest])).await;
    assert_eq!((image.verdict.as_deref(), image.findings), (Some("pass"), 0));
    server.stop().await;
}

#[tokio::test]
async fn agents_get_what_they_decide_by() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let agent = admin.enrol("host-1").await;
    let empty: AdmissionSnapshot = agent.get("/v1/agent/admissions").await;
    assert_eq!((empty.revision, empty.policy.text.as_str(), empty.images.len()), (0, "", 0));

    let sample = Sample::new("shop", &[]);
    let _: ImageBody = admin.post("/v1/images", &sample.request(&sample.all())).await;
    let snapshot: AdmissionSnapshot = agent.get("/v1/agent/admissions?after=0&wait=30").await;
    assert_eq!((snapshot.revision, snapshot.images.len(), snapshot.images[0].envelopes.len()), (1, 1, 3));
    assert_eq!(snapshot.images[0].config, sample.config.to_string());

    // A policy that asks for bills of material brings them along.
    let policy = admin.set_policy("stages:\n  - dev: {requires: [sbom]}\nscan: []\n").await;
    let snapshot: AdmissionSnapshot = agent.get("/v1/agent/admissions?after=1").await;
    assert_eq!((snapshot.revision, snapshot.images[0].envelopes.len()), (2, 4));
    assert_eq!(snapshot.policy, policy);
    let page: AdmissionSnapshot = agent.get("/v1/agent/admissions?after=2&wait=1").await;
    assert_eq!(page.revision, 2);
    server.stop().await;
}
