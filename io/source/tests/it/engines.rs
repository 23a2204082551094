//! Real engines other than Docker: Debian's Podman and containerd, each with a storage of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lazaret_source::{ContainerdOptions, ErrorClass, OpenOptions, Source, SourceError, Target};

use crate::made::{Made, Packing, write};
use crate::support::{essence, listed, listed_archive, options, skipped};

/// A server that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Asked first: both leave mounts behind when they are killed.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        for _ in 0..50 {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server and waits for its socket; nothing where that does not work here.
async fn start(command: &mut Command, socket: &Path) -> Option<Running> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Ok(child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        skipped(&format!("{name} is not installed"));
        return None;
    };
    let running = Running(child);
    for _ in 0..100 {
        if std::os::unix::net::UnixStream::connect(socket).is_ok() {
            return Some(running);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    skipped(&format!("{name} does not start here"));
    None
}

#[tokio::test]
async fn podman_has_the_same_image() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let podman = || {
        let mut podman = Command::new("podman");
        podman.arg("--root").arg(at("root")).arg("--runroot").arg(at("run"));
        podman.args(["--storage-driver", "vfs"]).env("TMPDIR", directory.path());
        podman
    };
    let socket = at("podman.sock");
    let mut service = podman();
    service.args(["system", "service", "--time", "300"]).arg(format!("unix://{}", socket.display()));
    let Some(_running) = start(&mut service, &socket).await else { return };
    let image = Made::small();
    let archive = write(directory.path(), "image.tar", &image.saved(&["localhost/shop:1"]));
    let loaded = podman().arg("load").arg("-i").arg(&archive).output().unwrap();
    if !loaded.status.success() {
        let why = String::from_utf8_lossy(&loaded.stderr).into_owned();
        return skipped(&format!("podman cannot store images here: {why}"));
    }
    let expected = listed_archive(&archive).await.unwrap();
    let options = OpenOptions { podman_sockets: vec![at("none"), socket], ..options() };
    let id = image.id().to_string();
    for target in [
        Target::Podman("localhost/shop:1".to_owned()),
        Target::Podman("shop:1".to_owned()),
        Target::Podman(id),
        Target::Detect("localhost/shop:1".to_owned()),
    ] {
        let found = listed(&target, &options).await.unwrap_or_else(|error| panic!("{target}: {error}"));
        assert_eq!(found.problems, [], "{target}");
        assert_eq!(found.lines, expected.lines, "{target}");
        assert_eq!(essence(&found.image), essence(&expected.image), "{target}");
        assert_eq!(found.opened.source, Source::Engine);
    }
    let error = listed(&Target::Podman("localhost/none:1".to_owned()), &options).await.err().unwrap();
    assert!(matches!(error, SourceError::UnknownImage { .. }), "{error}");
}

#[tokio::test]
async fn containerd_has_the_same_image() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (socket, config) = (at("containerd.sock"), at("config.toml"));
    let text = format!(
        "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
         [grpc]\naddress = {socket:?}\n[ttrpc]\naddress = {:?}\n",
        at("root"),
        at("state"),
        at("ttrpc.sock"),
    );
    std::fs::write(&config, text).unwrap();
    let Some(_running) = start(Command::new("containerd").arg("--config").arg(&config), &socket).await else {
        return;
    };
    let image = Made::small();
    let containerd =
        ContainerdOptions { socket: socket.clone(), namespace: "ours".to_owned(), root: at("root") };
    let expected =
        listed_archive(&write(directory.path(), "saved.tar", &image.saved(&["shop:1"]))).await.unwrap();
    let archive =
        write(directory.path(), "image.tar", &image.layout(Packing::Gzip, "docker.io/library/shop:1"));
    let imported = Command::new("ctr")
        .arg("--address")
        .arg(&socket)
        .args(["--namespace", "ours", "images", "import", "--no-unpack"])
        .args(["--platform", "linux/amd64"])
        .arg(&archive)
        .output()
        .unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));

    // Where its store may be read, and where it may not.
    for root in [at("root"), at("none")] {
        let containerd = ContainerdOptions { root, ..containerd.clone() };
        let options = OpenOptions { containerd, ..options() };
        for name in ["shop:1", "docker.io/library/shop:1"] {
            let found = listed(&Target::Containerd(name.to_owned()), &options).await.unwrap();
            assert_eq!(found.problems, []);
            assert_eq!(found.lines, expected.lines);
            assert_eq!(essence(&found.image), essence(&expected.image));
            // An export has a `manifest.json`, and that names none.
            let from_store = options.containerd.root.exists();
            assert_eq!(found.image.manifest.is_some() && found.opened.reference.is_some(), from_store);
        }
        for name in ["shop:2", "no image"] {
            let error = listed(&Target::Containerd(name.to_owned()), &options).await.err().unwrap();
            assert_eq!(error.class(), ErrorClass::Input, "{error}");
            assert!(error.to_string().contains("namespace ours"), "{error}");
        }
    }
    let away = ContainerdOptions { socket: at("away.sock"), ..containerd };
    let away = OpenOptions { containerd: away, ..options() };
    let error = listed(&Target::Containerd("shop:1".to_owned()), &away).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Unreachable, "{error}");
}
