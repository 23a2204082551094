//! Images behind an engine's socket. The engine is a server that answers as Docker 20.10 does; the
//! real one is in the end-to-end tests.

use std::path::Path;
use std::sync::Arc;

use lazaret_source::{Engine, ErrorClass, SourceError, Target};
use serde_json::{Value, json};

use crate::made::{Made, Packing, sha256, write};
use crate::server::{Answer, Asked, fake_engine};
use crate::support::{essence, listed, listed_archive, options};

struct Known {
    image: Made,
    history: Value,
    /// The image store is containerd's.
    descriptor: bool,
    export: Vec<u8>,
}

impl Known {
    fn new(image: Made) -> Self {
        // Newest first, and nothing tells the step without a layer but its size.
        let history = json!([
            {"CreatedBy": "RUN step 1", "Size": 10, "Comment": ""},
            {"CreatedBy": "CMD serve", "Size": 0, "Comment": ""},
            {"CreatedBy": "RUN step 0", "Size": 800_000, "Comment": ""},
        ]);
        let export = image.saved(&["shop:1"]);
        Self { image, history, descriptor: false, export }
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let id = self.image.id();
        let config: Value = serde_json::from_slice(&self.image.config).unwrap();
        let descriptor = if self.descriptor { json!({"digest": "x"}) } else { Value::Null };
        let path = asked.path.replace("%3A", ":");
        let Some(rest) =
            ["/images/shop:1/", &format!("/images/{id}/")].iter().find_map(|start| path.strip_prefix(start))
        else {
            return Answer::new(404, json!({"message": "No such image"}).to_string());
        };
        match rest {
            "json" => {
                let inspected = json!({
                    "Id": id.to_string(),
                    "RepoTags": ["shop:1"],
                    "RepoDigests": [format!("127.0.0.1:5000/shop@sha256:{}", "5".repeat(64))],
                    "Created": config["created"],
                    "Config": config["config"],
                    "Architecture": "amd64",
                    "Os": "linux",
                    "Size": 1,
                    "RootFS": {"Type": "layers", "Layers": config["rootfs"]["diff_ids"]},
                    "Descriptor": descriptor,
                    "GraphDriver": {"Name": "overlay2"},
                });
                Answer::new(200, inspected.to_string())
            }
            "history" => Answer::new(200, self.history.to_string()),
            "get" => Answer::new(200, self.export.clone()),
            _ => Answer::new(404, ""),
        }
    }
}

async fn start(directory: &Path, known: Known) -> Target {
    fake_engine(&directory.join("engine.sock"), {
        let known = Arc::new(known);
        move |asked| known.answer(asked)
    })
    .await;
    Target::Docker("shop:1".to_owned())
}

#[tokio::test]
async fn an_image_is_the_same_from_engine_and_archive() {
    let image = Made::small();
    let unclear =
        json!([{"CreatedBy": "a", "Size": 0}, {"CreatedBy": "b", "Size": 0}, {"CreatedBy": "c", "Size": 5}]);
    for (name, change) in [
        ("legacy", (|_| {}) as fn(&mut Known)),
        ("history does not tell", |_| {}),
        ("layout", |known| known.export = known.image.saved_as_layout(&["shop:1"], Packing::Plain)),
        ("containerd", |known| {
            known.descriptor = true;
            known.export = known.image.saved_as_layout(&["shop:1"], Packing::Gzip);
        }),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut known = Known::new(image.clone());
        change(&mut known);
        if name == "history does not tell" {
            known.history = unclear.clone();
        }
        let target = start(directory.path(), known).await;
        let archived =
            listed_archive(&write(directory.path(), "image.tar", &image.saved(&["shop:1"]))).await.unwrap();
        let mut options = options();
        options.engine_socket = directory.path().join("engine.sock");
        for target in [target, Target::Detect("shop:1".to_owned())] {
            let found = listed(&target, &options).await.unwrap();
            assert_eq!(found.problems, [], "{name}");
            assert_eq!(essence(&found.image), essence(&archived.image), "{name}");
            assert_eq!(found.lines, archived.lines, "{name}");
            let pushed = found.opened.reference.unwrap();
            assert_eq!(found.image.manifest, pushed.digest);
            assert_eq!(pushed.name(), "127.0.0.1:5000/shop");
        }
        let engine = Engine::new(&options.engine_socket, &options.limits).unwrap();
        let inspected = engine.inspect("shop:1").await.unwrap();
        assert_eq!((inspected.id, inspected.tags), (image.id(), vec!["shop:1".to_owned()]));
    }
}

#[tokio::test]
async fn an_export_of_another_image_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut known = Known::new(Made::small());
    known.export = Made::new(vec![]).saved(&["shop:1"]);
    let target = start(directory.path(), known).await;
    let mut options = options();
    options.engine_socket = directory.path().join("engine.sock");
    let found = listed(&target, &options).await.unwrap();
    assert!(found.lines.is_empty());
    assert!(format!("{:?}", found.problems).contains("another image"), "{:?}", found.problems);
}

#[tokio::test]
async fn an_export_that_breaks_off_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let image = Made::small();
    fake_engine(&directory.path().join("engine.sock"), {
        let known = Known::new(image);
        move |asked| {
            let answer = known.answer(asked);
            if asked.path.ends_with("/get") { answer.cut_at(300_000) } else { answer }
        }
    })
    .await;
    let mut options = options();
    options.engine_socket = directory.path().join("engine.sock");
    let found = listed(&Target::Docker("shop:1".to_owned()), &options).await.unwrap();
    assert!(
        found.problems.iter().any(|it| it.kind == lazaret_model::ProblemKind::Unreadable),
        "{:?}",
        found.problems
    );
}

#[tokio::test]
async fn unknown_images_and_absent_engines_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    start(directory.path(), Known::new(Made::small())).await;
    let mut options = options();
    options.engine_socket = directory.path().join("engine.sock");
    for name in ["nothing", "../containers/json", "a b", "x?y"] {
        let error = listed(&Target::Docker(name.to_owned()), &options).await.err().unwrap();
        assert!(matches!(error, SourceError::UnknownImage { .. }), "{name}: {error}");
        assert_eq!(error.class(), ErrorClass::Input);
    }
    options.engine_socket = directory.path().join("absent.sock");
    let error = listed(&Target::Docker("shop:1".to_owned()), &options).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Unreachable);
    assert!(error.to_string().contains("absent.sock"), "{error}");
    // Without a prefix all places are asked, and the sentence names them.
    let error = listed(&Target::Detect("Not A Name".to_owned()), &options).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Usage);
    assert!(
        error.to_string().contains("no such file") && error.to_string().contains("absent.sock"),
        "{error}"
    );
    assert_eq!(sha256(b"").hex().len(), 64);
}
