//! Artifacts in a registry that are no images.

use std::collections::BTreeMap;

use lazaret_model::ImageReference;
use lazaret_source::{Artifact, ArtifactContent, Registry, RegistryOptions, SourceError};

use crate::made::{Made, Packing};
use crate::server::DebianRegistry;

const KIND: &str = "application/vnd.example.thing";

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_is_stored_and_found_again() {
    let Some(server) = DebianRegistry::start().await else { return };
    let registry = Registry::new(RegistryOptions::default()).unwrap();
    let reference: ImageReference = format!("{}/things/one:new", server.address).parse().unwrap();
    let annotations = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let content = b"0123456789".repeat(100_000);
    let of = |bytes: &[u8]| ArtifactContent {
        media_type: "text/plain".to_owned(),
        bytes: bytes.to_vec().into(),
        annotations: annotations.clone(),
    };
    let contents = [of(&content), of(b"other")];
    let artifact = Artifact { kind: KIND, contents: &contents, annotations: &annotations };
    let stored = registry.push_artifact(&reference, &artifact).await.unwrap();
    assert_eq!(stored.sent, 1_000_005);
    // The same content is the same artifact, and what is there is not sent.
    let again = registry.push_artifact(&reference, &artifact).await.unwrap();
    assert_eq!((again.manifest, again.sent), (stored.manifest.clone(), 0));

    let found = registry.find_artifact(&reference, KIND).await.unwrap();
    assert_eq!((&found.manifest, &found.annotations), (&stored.manifest, &annotations));
    assert_eq!((found.contents[0].size, &found.contents[1].annotations), (1_000_000, &annotations));
    let fetch = async |most| {
        let mut all = Vec::new();
        let mut take = |content: &lazaret_source::FoundContent, bytes: Vec<u8>| {
            all.push((content.digest, bytes));
            true
        };
        registry.fetch_contents(&reference, &found.contents, most, &mut take).await.map(|()| all)
    };
    let mut fetched = fetch(1_000_005).await.unwrap();
    fetched.sort_by_key(|(_, bytes)| bytes.len());
    assert_eq!(fetched[0], (found.contents[1].digest, b"other".to_vec()));
    assert_eq!(fetched[1], (found.contents[0].digest, content));
    let refused = fetch(1_000_004).await.unwrap_err();
    assert!(matches!(refused, SourceError::TooLarge { .. }), "{refused}");

    let other = registry.find_artifact(&reference, "application/other").await.unwrap_err();
    assert!(other.to_string().contains(KIND), "{other}");
    let absent =
        registry.find_artifact(&format!("{}/things/two", server.address).parse().unwrap(), KIND).await;
    assert!(matches!(absent, Err(SourceError::UnknownImage { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_no_artifact() {
    let Some(server) = DebianRegistry::start().await else { return };
    server.push("shop", "1", &Made::small(), Packing::Plain).await;
    let registry = Registry::new(RegistryOptions::default()).unwrap();
    let reference: ImageReference = format!("{}/shop:1", server.address).parse().unwrap();
    let error = registry.find_artifact(&reference, KIND).await.unwrap_err();
    assert!(error.to_string().contains("it is an image"), "{error}");
}
