//! Artifacts in a registry that are no images.

use std::collections::BTreeMap;

use lazaret_model::ImageReference;
use lazaret_source::{Artifact, Registry, RegistryOptions, SourceError};

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
    let artifact =
        Artifact { kind: KIND, media_type: "text/plain", content: &content, annotations: &annotations };
    let stored = registry.push_artifact(&reference, &artifact).await.unwrap();
    // The same content is the same artifact.
    assert_eq!(registry.push_artifact(&reference, &artifact).await.unwrap(), stored);

    let found = registry.find_artifact(&reference, KIND).await.unwrap();
    assert_eq!((&found.manifest, &found.annotations, found.size), (&stored, &annotations, 1_000_000));
    assert_eq!(registry.fetch_artifact(&reference, &found, 1_000_000).await.unwrap(), content);
    let refused = registry.fetch_artifact(&reference, &found, 999_999).await.unwrap_err();
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
