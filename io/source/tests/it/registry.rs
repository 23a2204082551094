//! Images in Debian's registry.

use lazaret_model::ImageReference;
use lazaret_source::{ErrorClass, Registry, RegistryOptions, SourceError, Target};
use serde_json::json;

use crate::made::{Made, Packing, descriptor, sha256, write};
use crate::server::DebianRegistry;
use crate::support::{essence, listed, listed_archive, options};

fn reference(text: &str) -> ImageReference {
    text.parse().unwrap()
}

#[tokio::test]
async fn an_image_is_the_same_from_registry_and_archive() {
    let Some(registry) = DebianRegistry::start().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let image = Made::small();
    let archived =
        listed_archive(&write(directory.path(), "image.tar", &image.saved(&["shop:1"]))).await.unwrap();
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        let tag = format!("{packing:?}").to_lowercase();
        let manifest = registry.push("team/shop", &tag, &image, packing).await;
        let named = reference(&format!("{}/team/shop:{tag}", registry.address));
        for target in [
            Target::Registry(named.clone()),
            Target::Registry(named.with_digest(sha256(&manifest))),
            Target::Detect(named.to_string()),
        ] {
            let found = listed(&target, &options()).await.unwrap();
            assert_eq!(found.problems, []);
            assert_eq!(found.image.manifest, Some(sha256(&manifest)));
            assert_eq!(found.opened.reference, Some(named.with_digest(sha256(&manifest))));
            assert_eq!(essence(&found.image), essence(&archived.image));
            assert_eq!(found.lines, archived.lines, "{target}");
            let sizes: Vec<u64> = found.image.layers.iter().map(|layer| layer.size).collect();
            assert_eq!(
                sizes,
                image.packed(packing).iter().map(|layer| layer.len() as u64).collect::<Vec<_>>()
            );
        }
    }
}

#[tokio::test]
async fn an_index_leads_to_the_platforms_image() {
    let Some(registry) = DebianRegistry::start().await else { return };
    let image = Made::small();
    let manifest = registry.push("shop", "plain", &image, Packing::Gzip).await;
    let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
    entry["platform"] = json!({"os": "linux", "architecture": "amd64"});
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]});
    let index = index.to_string().into_bytes();
    registry.push_manifest("shop", "multi", "application/vnd.oci.image.index.v1+json", &index).await;
    let named = reference(&format!("{}/shop:multi", registry.address));
    let found = listed(&Target::Registry(named.clone()), &options()).await.unwrap();
    assert_eq!((found.image.config, found.image.manifest), (image.id(), Some(sha256(&manifest))));
    let mut other = options();
    other.platform.architecture = "arm64".to_owned();
    let error = listed(&Target::Registry(named.clone()), &other).await.err().unwrap();
    assert!(matches!(error, SourceError::NoPlatform { .. }), "{error}");
    // What signatures are about is the index itself.
    let described = Registry::new(RegistryOptions::default()).unwrap().describe(&named).await.unwrap();
    assert_eq!((described.digest, described.size), (sha256(&index), index.len() as u64));
    assert_eq!(described.media_type, "application/vnd.oci.image.index.v1+json");
}

#[tokio::test]
async fn unknown_images_and_absent_registries_are_told_apart() {
    let Some(registry) = DebianRegistry::start().await else { return };
    registry.push("shop", "1", &Made::small(), Packing::Plain).await;
    for name in ["shop:2", "other:1", &format!("shop@sha256:{}", "0".repeat(64))] {
        let target = Target::Registry(reference(&format!("{}/{name}", registry.address)));
        let error = listed(&target, &options()).await.err().unwrap();
        assert!(matches!(error, SourceError::UnknownImage { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Input);
        assert!(error.to_string().contains(name.split('@').next().unwrap()), "{error}");
    }
    let address = registry.address.clone();
    drop(registry);
    let error =
        listed(&Target::Registry(reference(&format!("{address}/shop:1"))), &options()).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Unreachable);
    assert!(error.to_string().contains(&address) && error.to_string().contains("refused"), "{error}");
}
