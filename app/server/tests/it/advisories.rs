use lazaret_format::v1::{AffectedBody, ImageBody, ImportResponse};
use lazaret_model::Outcome;
use reqwest::Method;
use serde_json::json;

use crate::evidence::{Sample, finding, osv};
use crate::harness::{Server, started};

#[tokio::test]
async fn an_import_finds_images_and_what_runs_of_them() {
    let (server, directory) = Server::fresh().await;
    let admin = &server.client;
    let agent = admin.enrol("host-1").await;
    let old = Sample::new("old", &[("openssl", "3.0.15-1~deb12u1"), ("zlib", "1:1.2.13-1")]);
    let new = Sample::new("new", &[("openssl", "3.0.17-1~deb12u2")]);
    for sample in [&old, &new] {
        let _: ImageBody = admin.post("/v1/images", &sample.request(&sample.all())).await;
    }
    let (config, id) = (old.config.to_string(), "ab".repeat(32));
    let running = vec![
        started(&id, "shop", Some(&config), Some("host-1-1")),
        started("ns:1", "", None, None),
        started(&"cd".repeat(32), "new", Some(&new.config.to_string()), Some("host-1-2")),
    ];
    agent.report("spool", 1, running).await;

    assert_eq!(admin.get_refused("/v1/affected/CVE-2026-1000").await.0, 404, "nobody has said anything yet");
    let documents = json!([
        osv("DSA-1000-1", &["CVE-2026-1000"], "openssl", "3.0.17-1~deb12u1"),
        osv("CVE-2026-2000", &[], "nothing-here", "1"),
    ]);
    let import: ImportResponse = admin.post("/v1/advisories", &documents).await;
    assert_eq!(import.ids, ["CVE-2026-1000", "CVE-2026-2000"]);
    assert_eq!((import.advisories, import.images, import.containers), (2, 1, 1));
    assert!(import.micros > 0);

    for name in ["CVE-2026-1000", "cve-2026-1000", "DSA-1000-1"] {
        let affected: AffectedBody = admin.get(&format!("/v1/affected/{name}")).await;
        assert_eq!(affected.images.len(), 1, "{name}");
        let image = &affected.images[0];
        assert_eq!(
            (image.manifest.as_str(), image.package.as_str()),
            (old.manifest.to_string().as_str(), "openssl 3.0.15-1~deb12u1")
        );
        assert_eq!(
            (image.fixed.as_deref(), image.source.as_str()),
            (Some("3.0.17-1~deb12u1"), "imported advisory")
        );
        assert_eq!(image.containers.len(), 1);
        let container = &image.containers[0];
        assert_eq!(
            (container.host.as_str(), container.container.as_str(), container.name.as_str()),
            ("host-1", id.as_str(), "shop")
        );
    }
    let affected: AffectedBody = admin.get("/v1/affected/CVE-2026-2000").await;
    assert!(affected.images.is_empty(), "known, and nobody has it");
    let image: ImageBody = admin.get(&format!("/v1/images/{}", old.manifest)).await;
    assert_eq!((image.findings, image.running), (1, 1));
    server.stop().await;

    let server = Server::start(directory.path()).await;
    let affected: AffectedBody = server.client.get("/v1/affected/CVE-2026-1000").await;
    assert_eq!((affected.images.len(), affected.images[0].containers.len()), (1, 1), "also after a restart");
    // What the feed says later counts.
    let corrected = osv("DSA-1000-2", &["CVE-2026-1000"], "openssl", "3.0.14-1");
    let import: ImportResponse = server.client.post("/v1/advisories", &corrected).await;
    assert_eq!((import.images, import.containers), (0, 0));
    let affected: AffectedBody = server.client.get("/v1/affected/CVE-2026-1000").await;
    assert!(affected.images.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn attested_scans_say_who_is_affected_too() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let sample = Sample::new("shop", &[("openssl", "1.0-1"), ("zlib", "1.0-1")]);
    let findings =
        vec![finding("CVE-2026-1", "openssl"), finding("CVE-2026-2", "zlib"), finding("CVE-2026-2", "zlib")];
    let evidence = [sample.sbom(), sample.verdict(Outcome::Refuse, findings, "2026-01-02T00:00:00Z")];
    let image: ImageBody = admin.post("/v1/images", &sample.request(&evidence)).await;
    assert_eq!(image.findings, 2);
    let affected: AffectedBody = admin.get("/v1/affected/cve-2026-1").await;
    assert_eq!(
        (affected.images[0].source.as_str(), affected.images[0].fixed.as_deref()),
        ("attested scan", Some("1.0-2"))
    );

    let documents =
        json!([osv("CVE-2026-1", &[], "openssl", "1.0-2"), osv("CVE-2026-3", &[], "zlib", "1.0-2")]);
    let _: ImportResponse = admin.post("/v1/advisories", &documents).await;
    let affected: AffectedBody = admin.get("/v1/affected/CVE-2026-1").await;
    assert_eq!(affected.images.len(), 1);
    assert_eq!(affected.images[0].source, "attested scan, imported advisory");
    let image: ImageBody = admin.get(&format!("/v1/images/{}", sample.manifest)).await;
    assert_eq!(image.findings, 3, "what both say is one finding");
    server.stop().await;
}

#[tokio::test]
async fn an_image_that_comes_later_is_affected_as_well() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    let _: ImportResponse = admin.post("/v1/advisories", &osv("CVE-2026-1", &[], "openssl", "2")).await;
    let sample = Sample::new("shop", &[("openssl", "1")]);
    let image: ImageBody = admin.post("/v1/images", &sample.request(&sample.all())).await;
    assert_eq!(image.findings, 1);
    let affected: AffectedBody = admin.get("/v1/affected/CVE-2026-1").await;
    assert_eq!(affected.images.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn files_that_say_nothing_are_refused() {
    let (server, _directory) = Server::fresh().await;
    let admin = &server.client;
    for bad in ["", "{", "[]", "{}", "[{}]", "7", r#"{"id":"X-1","modified":"2026-01-01T00:00:00Z"}"#] {
        let (status, refusal) = admin.refusal(Method::POST, "/v1/advisories", Some(bad.to_owned())).await;
        assert_eq!((status, refusal.code.as_str()), (400, "invalid"), "{bad}");
    }
    server.stop().await;
}
