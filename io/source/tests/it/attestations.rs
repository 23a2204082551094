//! Envelopes beside an image.

use std::sync::Mutex;

use lazaret_model::{Digest, ImageReference};
use lazaret_source::{Attachment, ManifestDescriptor, Registry, RegistryOptions};
use reqwest::StatusCode;
use serde_json::json;

use crate::made::{Made, Packing, descriptor, sha256};
use crate::server::{Answer, DebianRegistry, Fake};

const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn client() -> Registry {
    Registry::new(RegistryOptions::default()).unwrap()
}

fn envelope(number: usize) -> Vec<u8> {
    json!({"payloadType": "application/vnd.in-toto+json", "payload": number.to_string(), "signatures": []})
        .to_string()
        .into_bytes()
}

async fn pushed(registry: &DebianRegistry) -> (ImageReference, ManifestDescriptor) {
    let manifest = registry.push("shop", "1", &Made::small(), Packing::Gzip).await;
    let named: ImageReference = format!("{}/shop:1", registry.address).parse().unwrap();
    let reference = named.with_digest(sha256(&manifest));
    let subject = client().describe(&reference).await.unwrap();
    assert_eq!(subject.digest, sha256(&manifest));
    (reference, subject)
}

#[tokio::test]
async fn what_is_attached_is_found_once() {
    let Some(registry) = DebianRegistry::start().await else { return };
    let (image, subject) = pushed(&registry).await;
    assert_eq!(client().attached(&image).await.unwrap(), (vec![], vec![]));

    let (one, two) = (envelope(1), envelope(2));
    let attachments = [
        Attachment { envelope: &one, predicate_type: "https://cyclonedx.org/bom" },
        Attachment { envelope: &two, predicate_type: "urn:lazaret:verdict:v1" },
    ];
    for _ in 0..2 {
        let digests = client().attach(&image, &subject, &attachments).await.unwrap();
        assert_eq!(digests, [sha256(&one), sha256(&two)]);
    }
    client().attach(&image, &subject, &attachments[..1]).await.unwrap();

    let (found, problems) = client().attached(&image).await.unwrap();
    assert_eq!(problems, []);
    let mut expected =
        [(sha256(&one), one, "https://cyclonedx.org/bom"), (sha256(&two), two, "urn:lazaret:verdict:v1")];
    expected.sort();
    let found: Vec<_> =
        found.into_iter().map(|it| (it.digest, it.envelope, it.predicate_type.unwrap_or_default())).collect();
    assert_eq!(found, expected.map(|(digest, bytes, kind)| (digest, bytes, kind.to_owned())));
    // The same by tag.
    let by_tag = ImageReference { tag: Some("1".to_owned()), digest: None, ..image };
    assert_eq!(client().attached(&by_tag).await.unwrap().0.len(), 2);
}

#[tokio::test]
async fn the_shapes_are_those_of_the_specification() {
    let Some(registry) = DebianRegistry::start().await else { return };
    let (image, subject) = pushed(&registry).await;
    let one = envelope(1);
    let attachment = Attachment { envelope: &one, predicate_type: "urn:lazaret:promotion:v1" };
    client().attach(&image, &subject, &[attachment]).await.unwrap();

    let (status, index) = registry.get(&format!("shop/manifests/sha256-{}", subject.digest.hex())).await;
    assert_eq!((status, index["mediaType"].as_str()), (StatusCode::OK, Some(INDEX)));
    let entries = index["manifests"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["artifactType"], ENVELOPE);
    assert_eq!(entries[0]["annotations"], json!({"in-toto.io/predicate-type": "urn:lazaret:promotion:v1"}));

    let (_, manifest) =
        registry.get(&format!("shop/manifests/{}", entries[0]["digest"].as_str().unwrap())).await;
    assert_eq!(
        manifest,
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": ENVELOPE,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [descriptor(ENVELOPE, &one)],
            "subject": {"mediaType": MANIFEST, "digest": subject.digest.to_string(), "size": subject.size},
            "annotations": {"in-toto.io/predicate-type": "urn:lazaret:promotion:v1"},
        })
    );
}

#[tokio::test]
async fn many_attach_at_once_and_none_is_lost() {
    let Some(registry) = DebianRegistry::start().await else { return };
    let (image, subject) = pushed(&registry).await;
    // Clients of their own, as in processes of their own, and two that share one.
    let shared = client();
    let mut tasks = Vec::new();
    for number in 0..8 {
        let (image, subject) = (image.clone(), subject.clone());
        let client = if number < 2 { shared.clone() } else { client() };
        tasks.push(tokio::spawn(async move {
            let bytes = envelope(number);
            client.attach(&image, &subject, &[Attachment { envelope: &bytes, predicate_type: "x" }]).await
        }));
    }
    let mut digests: Vec<Digest> = Vec::new();
    for task in tasks {
        digests.extend(task.await.unwrap().unwrap());
    }
    digests.sort();
    let (found, problems) = client().attached(&image).await.unwrap();
    assert_eq!(problems, []);
    assert_eq!(found.iter().map(|it| it.digest).collect::<Vec<_>>(), digests);
}

#[tokio::test]
async fn what_others_attached_stays_and_does_no_harm() {
    let Some(registry) = DebianRegistry::start().await else { return };
    let (image, subject) = pushed(&registry).await;
    let tag = format!("sha256-{}", subject.digest.hex());
    let blob = b"not an envelope".as_slice();
    registry.push_blob("shop", blob).await;
    registry.push_blob("shop", b"{}").await;
    let about = |digest: &str| {
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": ENVELOPE,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [descriptor(ENVELOPE, blob)],
            "subject": {"mediaType": MANIFEST, "digest": digest, "size": 1}})
        .to_string()
        .into_bytes()
    };
    // Another kind of artifact, an attestation of another image, one that is not there.
    let other = about(&format!("sha256:{}", "0".repeat(64)));
    registry.push_manifest("shop", "other", MANIFEST, &other).await;
    let mut foreign = descriptor(MANIFEST, &other);
    foreign["artifactType"] = json!(ENVELOPE);
    let mut signature = descriptor(MANIFEST, &other);
    signature["artifactType"] = json!("application/vnd.dev.cosign.simplesigning.v1+json");
    signature["data"] = json!("e30=");
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [signature, foreign], "annotations": {"a": "b"}});
    registry.push_manifest("shop", &tag, INDEX, index.to_string().as_bytes()).await;

    let one = envelope(1);
    client().attach(&image, &subject, &[Attachment { envelope: &one, predicate_type: "x" }]).await.unwrap();
    let (found, problems) = client().attached(&image).await.unwrap();
    assert_eq!((found.len(), problems.len()), (1, 1), "{problems:?}");
    assert!(problems[0].detail.contains("another image"), "{problems:?}");
    let (_, kept) = registry.get(&format!("shop/manifests/{tag}")).await;
    assert_eq!(kept["manifests"][0], signature);
    assert_eq!(kept["annotations"], json!({"a": "b"}));
}

#[tokio::test]
async fn a_registry_with_the_referrers_api_lists_them_itself() {
    let stored: Mutex<Vec<(String, Vec<u8>)>> = Mutex::default();
    let subject = sha256(b"the image");
    let fake = Fake::start(move |asked| {
        let mut stored = stored.lock().unwrap();
        let last = asked.path.rsplit('/').next().unwrap().to_owned();
        let found = |stored: &[(String, Vec<u8>)]| stored.iter().find(|(name, _)| *name == last).map(|(_, bytes)| bytes.clone());
        match asked.method.as_str() {
            "POST" => Answer::new(202, "").with("location", "/v2/shop/blobs/uploads/1?state=x"),
            "PUT" if asked.path.contains("uploads") => {
                assert!(asked.path.contains("state=x&digest=sha256%3A"), "{}", asked.path);
                stored.push((sha256(&asked.body).to_string(), asked.body.clone()));
                Answer::new(201, "")
            }
            "PUT" => {
                stored.push((last, asked.body.clone()));
                Answer::new(201, "").with("oci-subject", subject.to_string())
            }
            _ if asked.path.contains("/referrers/") => {
                let all: Vec<_> = stored
                    .iter()
                    .filter(|(_, bytes)| bytes.starts_with(b"{\"schemaVersion\""))
                    .map(|(name, bytes)| {
                        json!({"mediaType": MANIFEST, "digest": name, "size": bytes.len(), "artifactType": ENVELOPE})
                    })
                    .collect();
                // Two pages.
                let second = asked.path.contains("page=2");
                let page = &all[if second { all.len() / 2..all.len() } else { 0..all.len() / 2 }];
                let answer = Answer::new(200, json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": page}).to_string());
                if second { answer } else { answer.with("link", format!("<{}?page=2>; rel=\"next\"", asked.path)) }
            }
            _ => match found(&stored) {
                Some(bytes) => Answer::new(200, bytes),
                None => Answer::new(404, ""),
            },
        }
    })
    .await;
    let image: ImageReference = format!("{}/shop@{subject}", fake.address).parse().unwrap();
    let described = ManifestDescriptor { media_type: MANIFEST.to_owned(), digest: subject, size: 9 };
    for number in 0..3 {
        let bytes = envelope(number);
        let attachment = Attachment { envelope: &bytes, predicate_type: "x" };
        client().attach(&image, &described, &[attachment]).await.unwrap();
    }
    let (found, problems) = client().attached(&image).await.unwrap();
    assert_eq!((found.len(), problems.len()), (3, 0), "{problems:?}");
    assert_eq!(fake.count("GET", "/manifests/sha256-"), 0, "the fallback tag is not for such a registry");
}
