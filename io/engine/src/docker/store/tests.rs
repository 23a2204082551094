use std::os::unix::fs::symlink;

use lazaret_model::Mount;
use proptest::prelude::*;

use super::*;

struct Root {
    folder: tempfile::TempDir,
    store: StoreReader,
}

impl Root {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreReader::new(folder.path());
        Self { folder, store }
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Puts an image there and answers its ID.
    fn image(&self, user: &str) -> Digest {
        let content = format!(r#"{{"architecture":"amd64","config":{{"User":"{user}","Labels":null}}}}"#);
        let config = Digest::from_bytes(Sha256::digest(content.as_bytes()).into());
        self.write(&format!("image/overlay2/imagedb/content/sha256/{}", config.hex()), content);
        config
    }

    fn names(&self, names: &[(&str, &str, Digest)]) {
        let mut repositories: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
        for (repository, tagged, config) in names {
            repositories.entry(repository).or_default().insert(tagged, config.to_string());
        }
        self.write(
            "image/overlay2/repositories.json",
            serde_json::json!({ "Repositories": repositories }).to_string(),
        );
    }
}

#[test]
fn names_and_ids() {
    let root = Root::new();
    let (one, two) = (root.image("1000"), root.image(""));
    let digest = format!("shop@sha256:{}", "d".repeat(64));
    root.names(&[
        ("shop", "shop:v1", one),
        ("shop", "shop:latest", two),
        ("r.example/shop", "r.example/shop:v1", two),
        ("shop", &digest, one),
    ]);
    let find = |name: &str| root.store.image(name).unwrap().map(|image| image.config);
    for (name, expected) in [
        ("shop:v1", Some(one)),
        ("docker.io/library/shop:v1", Some(one)),
        ("shop", Some(two)),
        ("r.example/shop:v1", Some(two)),
        ("r.example/shop", None),
        (&digest, Some(one)),
        (&one.to_string(), Some(one)),
        (&one.hex(), Some(one)),
        (&one.hex()[..12], Some(one)),
        (&format!("sha256:{}", &one.hex()[..12]), Some(one)),
        (&"e".repeat(64), None),
        ("other", None),
        ("Not A Name", None),
        ("../../etc/passwd", None),
        ("", None),
    ] {
        assert_eq!(find(name), expected, "{name}");
    }
    assert_eq!(root.store.image("shop:v1").unwrap().unwrap().user, "1000");
    // A name comes before an ID, as in the engine.
    let prefix = one.hex()[..6].to_owned();
    root.names(&[(&prefix, &format!("{prefix}:latest"), two)]);
    assert_eq!(find(&prefix), Some(two));
}

#[test]
fn ids_that_are_not_clear() {
    let root = Root::new();
    root.names(&[]);
    let folder = "image/overlay2/imagedb/content/sha256";
    root.write(&format!("{folder}/abc{}", "0".repeat(61)), "{}");
    root.write(&format!("{folder}/abc{}", "1".repeat(61)), "{}");
    assert!(matches!(root.store.image("abc"), Err(EngineError::Ambiguous { .. })));
    assert_eq!(root.store.image("abcd").unwrap(), None);
    let changed = root.store.image("abc1").unwrap_err().to_string();
    assert!(changed.contains("another digest than its name"), "{changed}");
}

#[test]
fn files_that_are_not_what_they_should_be() {
    let root = Root::new();
    assert!(matches!(root.store.resolve("shop"), Err(EngineError::ForeignStore { .. })));
    std::fs::create_dir(root.folder.path().join("image")).unwrap();
    assert!(
        matches!(root.store.resolve("shop"), Err(EngineError::ForeignStore { .. })),
        "containerd's image store"
    );
    root.image("");
    assert_eq!(root.store.resolve("shop").unwrap(), None, "an engine without images");
    let path = "image/overlay2/repositories.json";
    for content in
        ["", "{", "[]", r#"{"Repositories": 1}"#, r#"{"Repositories":{"shop":{"shop:latest":"sha256:x"}}}"#]
    {
        root.write(path, content);
        assert!(matches!(root.store.image("shop"), Err(EngineError::File { .. })), "{content}");
    }
    let large = File::create(root.folder.path().join(path)).unwrap();
    large.set_len(LIMIT + 1).unwrap();
    assert!(matches!(root.store.image("shop"), Err(EngineError::File { .. })));
    std::fs::remove_file(root.folder.path().join(path)).unwrap();
    symlink("/etc/passwd", root.folder.path().join(path)).unwrap();
    assert!(matches!(root.store.image("shop"), Err(EngineError::File { .. })));
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/specs").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// A container's file as a real engine wrote it, and its id.
fn container_file(case: &str) -> (String, String) {
    let text = fixture(&format!("{case}.config.v2.json"));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    (value["ID"].as_str().unwrap().to_owned(), text)
}

#[test]
fn containers_as_a_real_engine_keeps_them() {
    let root = Root::new();
    for (case, weakened) in [
        ("plain", &[][..]),
        ("volumes", &[]),
        ("own-seccomp", &["seccomp profile of the caller"]),
        ("unconfined", &["seccomp profile unconfined"]),
    ] {
        let (id, text) = container_file(case);
        root.write(&format!("containers/{id}/config.v2.json"), text);
        let container = root.store.container(&id).unwrap();
        assert_eq!((container.name.as_str(), container.image_name.as_str()), (case, "lab:v1"));
        let mut run = RunConfiguration::default();
        container.add_to(&mut run);
        container.add_to(&mut run);
        assert_eq!(
            (run.name.as_deref(), run.weakened),
            (Some(case), weakened.iter().map(|word| (*word).to_owned()).collect())
        );
    }
}

#[test]
fn containers_that_are_not_there() {
    let root = Root::new();
    let (id, text) = container_file("plain");
    for wrong in ["", "shop", "../plain", &id[..12], &id.to_uppercase(), &"0".repeat(64)] {
        assert!(matches!(root.store.container(wrong), Err(EngineError::NotFound { .. })), "{wrong}");
    }
    root.write(&format!("containers/{}/config.v2.json", "0".repeat(64)), text);
    assert!(matches!(root.store.container(&"0".repeat(64)), Err(EngineError::File { .. })), "another's file");
}

#[test]
fn what_is_behind_a_volume() {
    let root = Root::new();
    root.write(
        "volumes/bound/opts.json",
        r#"{"MountType":"none","MountOpts":"bind","MountDevice":"/etc","Quota":{"Size":0}}"#,
    );
    root.write(
        "volumes/disk/opts.json",
        r#"{"MountType":"ext4","MountOpts":"","MountDevice":"/dev/vda1","Quota":{"Size":0}}"#,
    );
    root.write(
        "volumes/small/opts.json",
        r#"{"MountType":"","MountOpts":"","MountDevice":"","Quota":{"Size":1024}}"#,
    );
    root.write("volumes/broken/opts.json", "{");
    let look = |name: &str| {
        let mount = Mount {
            kind: MountKind::Volume,
            source: name.to_owned(),
            target: "/x".to_owned(),
            read_only: true,
        };
        let mut run = RunConfiguration { mounts: vec![mount], ..RunConfiguration::default() };
        root.store.reveal_volumes(&mut run);
        let mount = run.mounts.remove(0);
        assert!(mount.read_only && mount.target == "/x");
        (mount.kind, mount.source, run.escapes)
    };
    assert_eq!(look("bound"), (MountKind::Bind, "/etc".to_owned(), vec![]));
    assert_eq!(look("small"), (MountKind::Volume, "small".to_owned(), vec![]));
    assert_eq!(look("new"), (MountKind::Volume, "new".to_owned(), vec![]));
    assert_eq!(look(""), (MountKind::Volume, String::new(), vec![]));
    assert_eq!(look("disk").2, ["volume of type ext4 from /dev/vda1"]);
    for name in ["broken", "../x", "a/b", ".."] {
        let escapes = look(name).2;
        assert!(
            escapes.len() == 1 && escapes[0].starts_with("volume that cannot be looked into"),
            "{name}: {escapes:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn never_panics(name in "\\PC{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let root = Root::new();
        root.write("image/overlay2/repositories.json", &bytes);
        let _ = root.store.image(&name);
        let id = "0".repeat(64);
        root.write(&format!("containers/{id}/config.v2.json"), &bytes);
        let _ = root.store.container(&id);
        root.write("volumes/v/opts.json", &bytes);
        let _ = root.store.volume("v");
    }
}
