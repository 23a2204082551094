//! `lazaret profile`, with the program itself, on an image that is made here.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn write(path: &Path, content: &[u8], mode: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn tar(directory: &Path, out: &Path) {
    let done = Command::new("tar").arg("-cf").arg(out).arg("-C").arg(directory).arg(".").status().unwrap();
    assert!(done.success());
}

/// An archive as `docker save` writes it, with these programs.
fn image(place: &Path, name: &str, programs: &[(&str, &str, u32)]) -> PathBuf {
    let root = place.join(format!("{name}-root"));
    for (path, content, mode) in programs {
        write(&root.join(path), content.as_bytes(), *mode);
    }
    let saved = place.join(format!("{name}-saved"));
    std::fs::create_dir_all(&saved).unwrap();
    tar(&root, &saved.join("layer.tar"));
    let layer = std::fs::read(saved.join("layer.tar")).unwrap();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": "33",
            "Entrypoint": ["/app/serve"],
            "Cmd": ["--port", "8080"],
            "ExposedPorts": {"8080/tcp": {}},
            "Volumes": {"/srv/data": {}},
            "Healthcheck": {"Test": ["CMD", "/app/check", "--quick"]},
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sha256(&layer))]},
        "history": [{"created_by": "COPY . /"}],
    })
    .to_string();
    let file = format!("{}.json", sha256(config.as_bytes()));
    write(&saved.join(&file), config.as_bytes(), 0o644);
    let manifest = json!([{"Config": file, "RepoTags": ["shop:1"], "Layers": ["layer.tar"]}]).to_string();
    write(&saved.join("manifest.json"), manifest.as_bytes(), 0o644);
    let archive = place.join(format!("{name}.tar"));
    tar(&saved, &archive);
    archive
}

fn lazaret(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .arg("profile")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn ok(arguments: &[&str]) -> String {
    let output = lazaret(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_image_says_what_its_containers_do() {
    let place = tempfile::tempdir().unwrap();
    let programs = [
        ("app/serve", "#!/bin/sh\n", 0o755),
        ("app/check", "#!/bin/sh\nexit\n", 0o755),
        ("usr/bin/su", "su", 0o4755),
    ];
    let archive = image(place.path(), "one", &programs);
    let archive = archive.to_str().unwrap();
    let text = ok(&["show", archive]);
    let serve = sha256(b"#!/bin/sh\n");
    for line in [
        r#"variant: {command: [/app/serve, "--port", "8080"], user: "33", architecture: "amd64"}"#,
        "state: derived",
        "  executables: block",
        "  processes: learn",
        r#"  - {uid: 33, by: "*"}"#,
        &format!(
            r#"  - {{path: /app/serve, digest: sha256:{serve}, parent: "@runtime", arguments: [["--port", "8080"]]}}"#
        ),
        "  listed: {count: 3, digest: sha256:",
        "  set-user-id: [/usr/bin/su]",
        "  - {target: /srv/data}",
        r#"    - {transport: tcp, port: 8080, by: "*"}"#,
        r#"login: {health-check: [/app/check, "--quick"]}"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }

    let file = place.path().join("one.yaml");
    let file = file.to_str().unwrap();
    assert_eq!(ok(&["show", archive, "--out", file]), "");
    assert_eq!(ok(&["show", file]), text, "a file is printed as it is");

    let newer = image(place.path(), "two", &[("app/serve", "#!/bin/sh\nnew\n", 0o755)]);
    let newer = newer.to_str().unwrap();
    let changes: Value = serde_json::from_str(&ok(&["diff", file, newer, "--format", "json"])).unwrap();
    let of = |section: &str| {
        changes.as_array().unwrap().iter().filter(|change| change["section"] == section).count()
    };
    assert_eq!((of("executables.set-user-id"), of("processes"), of("volumes")), (1, 2, 0), "{changes}");
    let inherited = ok(&["inherit", file, newer]);
    assert!(
        inherited.contains("state: provisional") && inherited.contains(&sha256(b"#!/bin/sh\nnew\n")),
        "{inherited}"
    );

    let policy = ok(&["export", file, "--as", "network-policy", "--selector", "app=shop"]);
    assert!(policy.contains("- ports: [{protocol: TCP, port: 8080}]"), "{policy}");
    assert!(ok(&["export", file, "--as", "apparmor"]).contains("\"/app/serve\" mrix,"));
    let refused = lazaret(&["export", file, "--as", "seccomp"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("knows no system calls"));
}

#[test]
fn mistakes_are_told_with_their_place() {
    let place = tempfile::tempdir().unwrap();
    let archive = image(place.path(), "one", &[("app/serve", "x", 0o755)]);
    let text = ok(&["show", archive.to_str().unwrap()]).replace("state: derived", "state: derieved");
    let file = place.path().join("bad.yaml");
    write(&file, text.as_bytes(), 0o644);
    let output = lazaret(&["show", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("unknown state `derieved`"), "{said}");
    write(&place.path().join("tree/a"), b"", 0o755);
    let directory = format!("dir:{}", place.path().join("tree").display());
    let output = lazaret(&["show", &directory]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no profile"));
    assert!(
        ok(&["rules"]).contains("- id: core-pattern") && ok(&["schema"]).contains("urn:lazaret:profile:v1")
    );
}
