use lazaret_format::v1::{ExplainBody, ImageBody, PromotionResponse};
use lazaret_model::Outcome;

use crate::evidence::{Sample, finding};
use crate::harness::{POLICY, Server, decided, started};

#[tokio::test]
async fn a_container_that_was_admitted_properly_lacks_nothing() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let agent = admin.enrol("host-1").await;
    admin.set_policy(POLICY).await;
    let sample = Sample::new("shop", &[("openssl", "3.0.15-1"), ("nginx", "1.22.1-9")]);
    let evidence = sample.all();
    let _: ImageBody = admin.post("/v1/images", &sample.request(&evidence)).await;
    for (to, from) in [("dev", None), ("qa", Some("dev"))] {
        let promotion = sample.promotion_request(&sample.promotion(to, from, &evidence));
        let _: PromotionResponse = admin.post("/v1/promotions", &promotion).await;
    }
    let (config, id) = (sample.config.to_string(), "ab".repeat(32));
    let events = vec![
        decided("host-1-1", None, Some(&config), true),
        decided("host-1-2", Some(&id), Some(&config), true),
        started(&id, "shop", Some(&config), Some("host-1-2")),
    ];
    agent.report("spool", 1, events).await;

    for subject in ["shop", &id[..12], &id] {
        let chain: ExplainBody = admin.get(&format!("/v1/explain/{subject}")).await;
        assert_eq!(chain.missing, Vec::<String>::new());
        let container = chain.container.unwrap();
        assert_eq!(
            (container.stage.as_deref(), container.decision.as_deref()),
            (Some("qa"), Some("host-1-2"))
        );
        assert_eq!(chain.image.unwrap().manifest, sample.manifest.to_string());
        assert_eq!(chain.packages, ["libnginx 1.22.1-9", "libopenssl 3.0.15-1"]);
        let layers: Vec<(&str, u64)> =
            chain.layers.iter().map(|l| (l.created_by.as_str(), l.packages)).collect();
        assert_eq!(layers, [("base", 2), ("shop", 0)]);
        assert_eq!(chain.statements.len(), 6);
        assert!(chain.statements.iter().all(|statement| statement.verified));
        assert_eq!(chain.statements[5].title, "promoted from dev to qa");
        assert_eq!(chain.verdict.unwrap().outcome, "pass");
        assert_eq!(chain.decisions.len(), 1);
        assert!(chain.decisions[0].allow && chain.decisions[0].audit > 0);
        // Each link of the chain can be looked up in the log.
        let page: lazaret_format::v1::AuditPage =
            admin.get(&format!("/v1/audit?from={}", chain.decisions[0].audit)).await;
        assert!(page.entries[0].leaf.contains("host-1-2"), "{}", page.entries[0].leaf);
        let statement = &chain.statements[5];
        let page: lazaret_format::v1::AuditPage =
            admin.get(&format!("/v1/audit?from={}", statement.audit)).await;
        assert!(page.entries[0].leaf.contains(&statement.envelope), "{}", page.entries[0].leaf);
    }
    for digest in [sample.manifest, sample.config] {
        let chain: ExplainBody = admin.get(&format!("/v1/explain/{digest}")).await;
        assert!(chain.container.is_none() && chain.missing.is_empty());
        assert_eq!(chain.decisions.len(), 2);
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_missing_is_said_in_plain_words() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let agent = admin.enrol("host-1").await;
    let sample = Sample::new("shop", &[]);
    let refused =
        sample.verdict(Outcome::Refuse, vec![finding("CVE-2026-1", "openssl")], "2026-01-02T00:00:00Z");
    let _: ImageBody = admin.post("/v1/images", &sample.request(&[refused])).await;
    let config = sample.config.to_string();
    let events = vec![
        started("ns:4026531836", "stray", None, None),
        started(&"ab".repeat(32), "pulled", Some(&format!("sha256:{}", "1".repeat(64))), None),
        started(&"cd".repeat(32), "claims", Some(&config), Some("host-1-99")),
        decided("host-1-5", Some(&"ef".repeat(32)), Some(&config), false),
        started(&"ef".repeat(32), "refused", Some(&config), Some("host-1-5")),
    ];
    agent.report("spool", 1, events).await;
    let missing = async |subject: &str| {
        let chain: ExplainBody = admin.get(&format!("/v1/explain/{subject}")).await;
        chain.missing.join("\n")
    };
    let stray = missing("stray").await;
    assert!(
        stray.contains("was never admitted") && stray.contains("no image that an engine knows"),
        "{stray}"
    );
    let pulled = missing("pulled").await;
    assert!(pulled.contains("was never admitted") && pulled.contains("nothing was ever stated"), "{pulled}");
    let claims = missing("claims").await;
    for part in [
        "host-1-99, was never reported",
        "no signature",
        "no bill of material",
        "refused the image",
        "no stage",
    ] {
        assert!(claims.contains(part), "{part}: {claims}");
    }
    let refused = missing("refused").await;
    assert!(refused.contains("host-1-5, which it claims to be admitted by, refused it"), "{refused}");

    let (status, _) = admin.get_refused("/v1/explain/nobody").await;
    assert_eq!(status, 404);
    let (status, _) = admin.get_refused(&format!("/v1/explain/sha256:{}", "9".repeat(64))).await;
    assert_eq!(status, 404);
    let other = admin.enrol("host-2").await;
    other.report("spool", 1, vec![started("ns:1", "stray", None, None)]).await;
    let (status, refusal) = admin.get_refused("/v1/explain/stray").await;
    assert_eq!(status, 409);
    assert!(refusal.message.contains("host-2"), "{}", refusal.message);
    server.stop().await;
}
