//! What is kept of images between runs, with the program itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A tar archive of these files, as GNU tar writes it.
fn tar(folder: &Path, files: &[(&str, &[u8])]) -> Vec<u8> {
    let tree = folder.join("tree");
    let _ = fs::remove_dir_all(&tree);
    for (path, content) in files {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let output = Command::new("tar")
        .args(["--create", "--sort=name", "--owner=0", "--group=0", "--mtime=@0", "--directory"])
        .arg(&tree)
        .arg(".")
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

/// An OCI archive whose layers are compressed with zstd.
fn archive(folder: &Path, name: &str, layers: &[Vec<u8>]) -> PathBuf {
    let mut blobs: Vec<Vec<u8>> = Vec::new();
    let mut blob = |media_type: &str, bytes: Vec<u8>| {
        let descriptor = json!({
            "mediaType": media_type, "digest": format!("sha256:{}", digest(&bytes)), "size": bytes.len(),
        });
        blobs.push(bytes);
        descriptor
    };
    let diff_ids: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", digest(layer))).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": layers.iter().map(|_| json!({ "created_by": "COPY" })).collect::<Vec<_>>(),
    });
    let config = blob("application/vnd.oci.image.config.v1+json", config.to_string().into_bytes());
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| {
            blob("application/vnd.oci.image.layer.v1.tar+zstd", zstd::encode_all(&layer[..], 1).unwrap())
        })
        .collect();
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
    let manifest = blob("application/vnd.oci.image.manifest.v1+json", manifest.to_string().into_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string();
    let named: Vec<(String, Vec<u8>)> =
        blobs.into_iter().map(|bytes| (format!("blobs/sha256/{}", digest(&bytes)), bytes)).collect();
    let mut files: Vec<(&str, &[u8])> =
        named.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    files.push(("index.json", index.as_bytes()));
    let path = folder.join(name);
    fs::write(&path, tar(folder, &files)).unwrap();
    // A file that was written just now may be written again at the same time of its clock.
    std::thread::sleep(Duration::from_millis(100));
    path
}

const BASE: &[(&str, &[u8])] = &[
    ("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n"),
    (
        "var/lib/dpkg/status",
        b"Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13-1\n\n",
    ),
];
const ON_TOP: &[(&str, &[u8])] = &[
    ("opt/app/six-1.16.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n"),
    ("opt/app/node_modules/left-pad/package.json", b"{\"name\":\"left-pad\",\"version\":\"1.3.0\"}"),
    ("opt/app/node_modules/broken/package.json", b"{"),
];

fn command(home: &Path, image: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
    command.arg("sbom").arg(format!("archive:{}", image.display())).args(arguments);
    command.env("HOME", home).env_remove("XDG_CACHE_HOME").env_remove("LAZARET_CACHE_DIR");
    command.env_remove("LAZARET_NO_CACHE").stdin(Stdio::null());
    command
}

/// The bill of material, and what was said on standard error.
fn said(output: &Output) -> (Vec<u8>, String) {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    (output.stdout.clone(), errors)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort_unstable();
    paths
}

#[test]
fn the_same_report_with_any_cache_or_none() {
    let home = tempfile::tempdir().unwrap();
    let (base, on_top) = (tar(home.path(), BASE), tar(home.path(), ON_TOP));
    let image = archive(home.path(), "image.tar", &[base.clone(), on_top]);
    let kept = home.path().join(".cache/lazaret");
    let run =
        |image: &Path, arguments: &[&str]| said(&command(home.path(), image, arguments).output().unwrap());

    let (expected, errors) = run(&image, &["--no-cache"]);
    for package in ["pkg:pypi/six@1.16.0", "pkg:npm/left-pad@1.3.0", "node_modules/broken/package.json"] {
        assert!(String::from_utf8_lossy(&expected).contains(package), "{package}");
    }
    assert_eq!((errors.as_str(), entries(&kept).len()), ("", 0));

    assert_eq!(run(&image, &[]).0, expected);
    let cold = entries(&kept);
    // Two layers, that the file has them, and what is in the image.
    assert_eq!(cold.len(), 5, "{cold:?}");
    assert_eq!(run(&image, &[]), (expected.clone(), String::new()));
    assert_eq!(entries(&kept), cold);

    // The same image in another file: its layers are known.
    let again = home.path().join("again.tar");
    fs::copy(&image, &again).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let (copied, _) = run(&again, &[]);
    // The report names the file, and its serial number depends on that.
    let renamed = |report: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(report).replace("again.tar", "image.tar");
        text.lines().filter(|line| !line.contains("serialNumber")).map(str::to_owned).collect()
    };
    assert!(renamed(&copied) == renamed(&expected));

    for path in entries(&kept) {
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 0x20;
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(run(&image, &[]), (expected.clone(), String::new()));
    for path in entries(&kept) {
        fs::write(path, "").unwrap();
    }
    assert_eq!(run(&image, &[]), (expected.clone(), String::new()));

    // An image of which one layer changed.
    let changed = [("opt/app/six-1.17.0.dist-info/METADATA", &b"Name: six\nVersion: 1.17.0\n"[..])];
    let changed = archive(home.path(), "changed.tar", &[base, tar(home.path(), &changed)]);
    let (warm, _) = run(&changed, &[]);
    assert_eq!(warm, run(&changed, &["--no-cache"]).0);
    assert!(String::from_utf8_lossy(&warm).contains("six@1.17.0"));
}

#[test]
fn runs_side_by_side_share_a_cache() {
    let home = tempfile::tempdir().unwrap();
    let image = archive(home.path(), "image.tar", &[tar(home.path(), BASE), tar(home.path(), ON_TOP)]);
    let expected = said(&command(home.path(), &image, &["--no-cache"]).output().unwrap());
    let running: Vec<_> = (0..6)
        .map(|_| {
            let mut command = command(home.path(), &image, &[]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in running {
        assert_eq!(said(&child.wait_with_output().unwrap()), expected);
    }
    assert_eq!(entries(&home.path().join(".cache/lazaret")).len(), 5);
}

#[test]
fn a_cache_that_cannot_be_used_is_told_once_and_stops_nothing() {
    let home = tempfile::tempdir().unwrap();
    let image = archive(home.path(), "image.tar", &[tar(home.path(), BASE)]);
    let run = |arguments: &[&str]| said(&command(home.path(), &image, arguments).output().unwrap());
    let (expected, _) = run(&["--no-cache"]);
    let below_a_file = home.path().join("image.tar/cache").display().to_string();
    let for_all = home.path().join("for-all");
    fs::create_dir(&for_all).unwrap();
    fs::set_permissions(&for_all, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let for_all = for_all.display().to_string();
    // No room for anything, as on a full disk.
    for folder in [below_a_file.as_str(), &for_all, "/dev/full", "/proc/self"] {
        let (report, errors) = run(&["--cache-dir", folder]);
        assert_eq!(report, expected, "{folder}");
        assert_eq!(errors.matches("note: ").count(), 1, "{folder}: {errors}");
        assert_eq!(run(&["--cache-dir", folder, "--quiet"]), (expected.clone(), String::new()));
    }
}
