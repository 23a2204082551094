//! Archives of images.

use lazaret_model::Limits;
use lazaret_source::{ErrorClass, OpenOptions, SourceError, Target};

use crate::fixture::Tar;
use crate::made::{Made, Packing, pack, saved_together, sha256, write};
use crate::support::{essence, listed, listed_archive, options};

#[tokio::test]
async fn every_kind_of_archive_gives_the_same_image() {
    let directory = tempfile::tempdir().unwrap();
    let image = Made::small();
    let archives = [
        ("saved", image.saved(&["shop:1"])),
        ("saved-as-layout", image.saved_as_layout(&["shop:1"], Packing::Plain)),
        ("saved-as-layout-gzip", image.saved_as_layout(&["shop:1"], Packing::Gzip)),
        ("layout", image.layout(Packing::Plain, "1")),
        ("layout-gzip", image.layout(Packing::Gzip, "1")),
        ("layout-zstd", image.layout(Packing::Zstd, "1")),
    ];
    let first = listed_archive(&write(directory.path(), "first.tar", &archives[0].1)).await.unwrap();
    assert_eq!(first.problems, []);
    assert_eq!(first.image.config, image.id());
    assert_eq!(first.image.manifest, None);
    let steps: Vec<_> =
        first.image.layers.iter().map(|layer| (layer.diff_id, layer.created_by.as_str())).collect();
    assert_eq!(steps, [(sha256(&image.layers[0]), "RUN step 0"), (sha256(&image.layers[1]), "RUN step 1")]);
    assert_eq!(first.image.configuration.user, "www-data");
    assert_eq!(first.lines.len(), 13, "{:#?}", first.lines);
    assert!(first.lines.iter().all(|line| !line.contains("removed") && !line.contains("old")));

    for (name, bytes) in &archives {
        for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
            let path = write(directory.path(), &format!("{name}-{packing:?}.tar"), &pack(bytes, packing));
            let other =
                listed_archive(&path).await.unwrap_or_else(|error| panic!("{name} {packing:?}: {error}"));
            assert_eq!(essence(&other.image), essence(&first.image), "{name} {packing:?}");
            assert_eq!(other.lines, first.lines, "{name} {packing:?}");
            assert_eq!(other.problems, [], "{name} {packing:?}");
            let layout = name.starts_with("layout");
            assert_eq!(other.image.manifest.is_some(), layout, "{name}");
        }
    }
}

#[tokio::test]
async fn a_tree_can_be_walked_again() {
    let directory = tempfile::tempdir().unwrap();
    for packing in [Packing::Plain, Packing::Gzip] {
        let path = write(directory.path(), "image.tar", &pack(&Made::small().saved(&[]), packing));
        let mut first = listed_archive(&path).await.unwrap();
        let again = crate::support::list(&mut *first.opened.tree);
        assert_eq!(again.0, first.lines);
    }
}

#[tokio::test]
async fn a_layer_stored_once_can_be_there_twice() {
    let directory = tempfile::tempdir().unwrap();
    let layer = Tar::default().file("a", b"1").finish();
    let image = Made::new(vec![layer.clone(), Tar::default().file(".wh.a", b"").finish(), layer]);
    for packing in [Packing::Plain, Packing::Gzip] {
        for bytes in [image.saved(&["x"]), image.layout(Packing::Plain, "")] {
            let found =
                listed_archive(&write(directory.path(), "image.tar", &pack(&bytes, packing))).await.unwrap();
            assert_eq!((found.lines.len(), found.problems.len()), (1, 0));
            assert!(found.lines[0].contains("0:0 2 "), "{:?}", found.lines);
        }
    }
}

#[tokio::test]
async fn one_of_several_images_must_be_named() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (Made::small(), Made::new(vec![Tar::default().file("only", b"1").finish()]));
    let both = saved_together(&[(&one, &["shop:1", "shop:latest"]), (&two, &[])]);
    for packing in [Packing::Plain, Packing::Gzip] {
        let path = write(directory.path(), "both.tar", &pack(&both, packing));
        let error = listed_archive(&path).await.err().unwrap();
        assert_eq!(error.class(), ErrorClass::Input);
        let text = error.to_string();
        assert!(
            text.contains("2 images") && text.contains("shop:1") && text.contains(&two.id().to_string()),
            "{text}"
        );
        assert!(error.remedy().contains('#'));
        for (name, id) in [
            ("shop:1", one.id()),
            ("docker.io/library/shop", one.id()),
            (&two.id().hex()[..12], two.id()),
            (&two.id().to_string(), two.id()),
        ] {
            let target = Target::parse(&format!("archive:{}#{name}", path.display())).unwrap();
            assert_eq!(listed(&target, &options()).await.unwrap().image.config, id, "{name}");
        }
        let target = Target::parse(&format!("archive:{}#other", path.display())).unwrap();
        let error = listed(&target, &options()).await.err().unwrap();
        assert!(matches!(error, SourceError::NotInArchive { .. }), "{error}");
    }
}

#[tokio::test]
async fn says_what_is_wrong_with_an_archive() {
    let directory = tempfile::tempdir().unwrap();
    let image = Made::small();
    let saved = image.saved(&["shop:1"]);
    let mut lying = image.clone();
    lying.config.push(b' ');
    let wrong_config = Tar::default()
        .file(&format!("{}.json", image.id().hex()), &lying.config)
        .file(
            "manifest.json",
            format!(r#"[{{"Config":"{}.json","Layers":[]}}]"#, image.id().hex()).as_bytes(),
        )
        .finish();
    for (name, bytes, class, text) in [
        ("empty", vec![], ErrorClass::Input, "it is empty: 0 bytes"),
        ("text", b"hello".repeat(200), ErrorClass::Input, "checksum is wrong"),
        ("rootfs", Tar::default().file("./etc/passwd", b"").finish(), ErrorClass::Input, "holds a file tree"),
        ("cut", saved[..saved.len() / 2].to_vec(), ErrorClass::Input, "ends within"),
        ("cut.gz", pack(&saved, Packing::Gzip)[..5000].to_vec(), ErrorClass::Input, "damaged"),
        (
            "no-layer",
            Tar::default()
                .file("manifest.json", br#"[{"Config":"c.json","Layers":["x/layer.tar"]}]"#)
                .finish(),
            ErrorClass::Input,
            "lacks its member c.json",
        ),
        ("no-json", Tar::default().file("manifest.json", b"{").finish(), ErrorClass::Input, "malformed"),
        (
            "no-images",
            Tar::default().file("manifest.json", b"[]").finish(),
            ErrorClass::Input,
            "lists no images",
        ),
        ("lying", wrong_config, ErrorClass::Input, "does not have the digest"),
    ] {
        let path = write(directory.path(), name, &bytes);
        let error = listed_archive(&path).await.err().unwrap_or_else(|| panic!("{name} was read"));
        assert_eq!(error.class(), class, "{name}");
        assert!(error.to_string().contains(text), "{name}: {error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
        assert!(!error.remedy().is_empty());
    }
    let error = listed_archive(&directory.path().join("missing.tar")).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Input);
    let error = listed_archive(directory.path()).await.err().unwrap();
    assert!(matches!(error, SourceError::NotAnImage { .. }), "{error}");
}

#[tokio::test]
async fn picks_the_platform_of_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let image = Made::small();
    let manifest = image.manifest(Packing::Gzip).to_string().into_bytes();
    let entry = |architecture: &str| {
        let mut entry = crate::made::descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
        entry["platform"] = serde_json::json!({"os": "linux", "architecture": architecture});
        entry
    };
    let inner =
        serde_json::json!({"schemaVersion": 2, "manifests": [entry("unknown"), entry("amd64")]}).to_string();
    let outer = serde_json::json!({"schemaVersion": 2, "manifests": [
        crate::made::descriptor("application/vnd.oci.image.index.v1+json", inner.as_bytes())]});
    let mut tar = Tar::default().file("index.json", outer.to_string().as_bytes());
    for bytes in
        image.packed(Packing::Gzip).iter().chain([&image.config, &manifest, &inner.clone().into_bytes()])
    {
        tar = tar.file(&format!("blobs/sha256/{}", sha256(bytes).hex()), bytes);
    }
    let path = write(directory.path(), "index.tar", &tar.finish());
    let found = listed_archive(&path).await.unwrap();
    assert_eq!((found.image.config, found.image.manifest), (image.id(), Some(sha256(&manifest))));
    let mut other = options();
    other.platform.architecture = "s390x".to_owned();
    let error = listed(&Target::Archive { path, image: None }, &other).await.err().unwrap();
    assert!(
        error.to_string().contains("no image for linux/s390x, only for linux/unknown, linux/amd64"),
        "{error}"
    );
}

#[tokio::test]
async fn bombs_cost_no_more_than_the_limits() {
    let directory = tempfile::tempdir().unwrap();
    let bomb = Made::new(vec![Tar::default().program("zeros", &vec![0; 64 << 20]).finish()]);
    let limits = Limits { ratio: 200, ..Limits::default() };
    for (name, bytes) in [
        ("layer", bomb.saved_as_layout(&["x"], Packing::Gzip)),
        ("layer-zstd", bomb.saved_as_layout(&["x"], Packing::Zstd)),
    ] {
        let path = write(directory.path(), name, &bytes);
        let options = OpenOptions { limits: limits.clone(), ..options() };
        let found = listed(&Target::Archive { path, image: None }, &options).await.unwrap();
        assert!(!found.problems.is_empty(), "{name}");
        assert!(
            found.problems.iter().all(|it| it.kind == lazaret_model::ProblemKind::Limit),
            "{:?}",
            found.problems
        );
    }
    let path = write(directory.path(), "whole", &pack(&bomb.saved(&["x"]), Packing::Gzip));
    let options = OpenOptions { limits, ..options() };
    let error = listed(&Target::Archive { path, image: None }, &options).await.err().unwrap();
    assert!(error.to_string().contains("uncompressed bytes"), "{error}");
}
