use std::time::Duration;

use lazaret_format::v1::{AdmissionSnapshot, AuditPage, ImageBody, PolicyBody, PromotionResponse};
use lazaret_model::Outcome;
use lazaret_trust::Predicate;

use crate::evidence::Sample;
use crate::harness::{POLICY, Server, strange_key};

#[tokio::test]
async fn images_go_from_stage_to_stage() {
    let (server, directory) = Server::fresh().await;
    let admin = &server.client;
    let agent = admin.enrol("host-1").await;
    admin.set_policy(POLICY).await;
    let sample = Sample::new("shop", &[("openssl", "3.0.15-1")]);
    let evidence = sample.all();
    let _: ImageBody = admin.post("/v1/images", &sample.request(&evidence)).await;
    let before: AdmissionSnapshot = agent.get("/v1/agent/admissions").await;
    let waiting = {
        let (agent, path) =
            (agent.clone(), format!("/v1/agent/admissions?after={}&wait=30", before.revision));
        tokio::spawn(async move { agent.get::<AdmissionSnapshot>(&path).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());

    let dev = sample.promotion("dev", None, &evidence);
    let answer: PromotionResponse = admin.post("/v1/promotions", &sample.promotion_request(&dev)).await;
    assert_eq!((answer.stage.as_str(), answer.revision), ("dev", before.revision + 1));
    let woken = waiting.await.unwrap();
    assert_eq!((woken.revision, woken.images[0].envelopes.len()), (answer.revision, evidence.len() + 1));
    let again: PromotionResponse = admin.post("/v1/promotions", &sample.promotion_request(&dev)).await;
    assert_eq!(again, answer, "sending it again changes nothing");

    let qa = sample.promotion("qa", Some("dev"), &evidence);
    let prod = sample.promotion("prod", Some("qa"), &evidence);
    let (status, refusal) = admin.post_refused("/v1/promotions", &sample.promotion_request(&prod)).await;
    assert_eq!((status, refusal.code.as_str(), refusal.reasons.len()), (403, "refused", 1));
    assert!(refusal.reasons[0].message.contains("not promoted to qa"), "{:?}", refusal.reasons);
    assert!(!refusal.reasons[0].remedy.is_empty());
    for envelope in [&qa, &prod] {
        let _: PromotionResponse = admin.post("/v1/promotions", &sample.promotion_request(envelope)).await;
    }
    let image: ImageBody = admin.get(&format!("/v1/images/{}", sample.manifest)).await;
    assert_eq!(image.stages, ["dev", "qa", "prod"]);
    let page: AuditPage = admin.get("/v1/audit").await;
    let kinds = |kind: &str| page.entries.iter().filter(|entry| entry.leaf.contains(kind)).count();
    assert_eq!((kinds("\"kind\":\"promotion\""), kinds("\"kind\":\"promotion-refused\"")), (3, 1));
    server.stop().await;

    let server = Server::start(directory.path()).await;
    let image: ImageBody = server.client.get(&format!("/v1/images/{}", sample.manifest)).await;
    assert_eq!(image.stages, ["dev", "qa", "prod"]);
    server.stop().await;
}

#[tokio::test]
async fn promotions_without_ground_are_refused() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let sample = Sample::new("shop", &[]);
    let evidence = sample.all();
    let dev = sample.promotion_request(&sample.promotion("dev", None, &evidence));
    assert_eq!(admin.post_refused("/v1/promotions", &dev).await.0, 404, "nothing is known of the image");

    let refused = sample.verdict(Outcome::Refuse, vec![], "2026-01-01T00:00:00Z");
    let _: ImageBody = admin.post("/v1/images", &sample.request(&[refused])).await;
    let (status, refusal) = admin.post_refused("/v1/promotions", &dev).await;
    assert_eq!((status, refusal.reasons[0].rule.as_str()), (403, "no-policy"));
    assert_eq!(admin.get_refused("/v1/policy").await.0, 404);

    admin.set_policy(POLICY).await;
    let (status, refusal) = admin.post_refused("/v1/promotions", &dev).await;
    assert_eq!(status, 403);
    let rules: Vec<&str> = refusal.reasons.iter().map(|reason| reason.rule.as_str()).collect();
    assert!(rules.contains(&"dev-requires-signature") && rules.contains(&"dev-requires-sbom"), "{rules:?}");
    assert!(rules.contains(&"unknown-evidence"), "{rules:?}");

    let _: ImageBody = admin.post("/v1/images", &sample.request(&evidence)).await;
    let nowhere = sample.promotion_request(&sample.promotion("nowhere", None, &evidence));
    let (status, refusal) = admin.post_refused("/v1/promotions", &nowhere).await;
    assert_eq!((status, refusal.reasons[0].rule.as_str()), (403, "unknown-stage"));
    let _: PromotionResponse = admin.post("/v1/promotions", &dev).await;
    let qa = sample.promotion_request(&sample.promotion("qa", Some("dev"), &evidence));
    let _: PromotionResponse = admin.post("/v1/promotions", &qa).await;

    // A promotion by a stranger, of another image, or that is none.
    let other = Sample::new("other", &[]);
    let Ok(Predicate::Promotion(promotion)) = promotion_of(&sample.promotion("prod", Some("qa"), &evidence))
    else {
        panic!("a promotion");
    };
    let strange = sample.state_as(Predicate::Promotion(promotion), &strange_key());
    let replayed = other.promotion("prod", Some("qa"), &evidence);
    for envelope in [strange, replayed, sample.state(Predicate::Signature)] {
        let (status, refusal) =
            admin.post_refused("/v1/promotions", &sample.promotion_request(&envelope)).await;
        assert_eq!((status, refusal.code.as_str()), (400, "invalid"), "{}", refusal.message);
    }
    server.stop().await;
}

fn promotion_of(envelope: &lazaret_trust::Envelope) -> Result<Predicate, lazaret_trust::StatementError> {
    lazaret_trust::Statement::parse(envelope.payload_type(), envelope.unverified_payload())
        .map(|s| s.predicate)
}

#[tokio::test]
async fn promotions_found_with_other_evidence_are_held_to_the_policy_too() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    admin.set_policy(POLICY).await;
    let sample = Sample::new("shop", &[]);
    let evidence = sample.all();
    let mut all = evidence.clone();
    all.insert(0, sample.promotion("dev", None, &evidence));
    all.insert(0, sample.promotion("prod", Some("qa"), &evidence));
    let image: ImageBody = admin.post("/v1/images", &sample.request(&all)).await;
    assert_eq!(image.stages, ["dev"]);
    assert_eq!(image.rejected.len(), 1, "{:?}", image.rejected);
    server.stop().await;
}

#[tokio::test]
async fn policies_are_read_before_they_are_in_force() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let put = |text: &str, digest: &str| {
        let body = PolicyBody { text: text.to_owned(), digest: digest.to_owned() };
        serde_json::to_string(&body).unwrap()
    };
    for (text, digest) in [("", ""), ("stages: {", ""), ("unknown: 1", ""), (POLICY, "sha256:00")] {
        let (status, refusal) =
            admin.refusal(reqwest::Method::PUT, "/v1/policy", Some(put(text, digest))).await;
        assert_eq!((status, refusal.code.as_str()), (400, "invalid"), "{text}");
    }
    let set = admin.set_policy(POLICY).await;
    assert_eq!(set.digest, lazaret_trust::digest_of(POLICY.as_bytes()).to_string());
    assert_eq!(admin.set_policy(POLICY).await, set);
    assert_eq!(admin.get::<PolicyBody>("/v1/policy").await, set);
    let page: AuditPage = admin.get("/v1/audit").await;
    assert_eq!(page.entries.iter().filter(|entry| entry.leaf.contains("policy-set")).count(), 1);
    server.stop().await;
}
