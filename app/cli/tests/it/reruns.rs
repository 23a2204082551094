//! The same image gives the same bytes, and its own bill of material the same scan.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::place::{Place, corpus, skipped, text};

/// Formats whose documents depend on the scan alone.
const FORMATS: &[&str] = &[
    "table",
    "json",
    "cyclonedx",
    "cyclonedx-1.7",
    "spdx",
    "sarif",
    "junit",
    "gitlab",
    "openvex",
    "html",
    "markdown",
];

/// What packages say of themselves on this machine, as the layers of an image: a distribution's, and what was installed
/// on top of it.
const LAYERS: &[(&str, &[&str])] = &[
    ("debootstrap", &["etc/os-release", "usr/lib/os-release", "var/lib/dpkg/status", "var/lib/dpkg/info"]),
    ("apt-get install python3", &["usr/lib/python3", "usr/lib/python3/dist-packages"]),
];

/// An image of this machine's own packages, as `docker save` writes one.
fn image_of_this_machine(place: &Place) -> Option<PathBuf> {
    if !Path::new("/var/lib/dpkg/status").exists() || !Path::new("/etc/os-release").exists() {
        skipped("this machine has no dpkg");
        return None;
    }
    let root = place.path("image");
    fs::create_dir_all(&root).unwrap();
    let (mut digests, mut history, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (created_by, paths)) in LAYERS.iter().enumerate() {
        let name = format!("{number}/layer.tar");
        let layer = root.join(&name);
        fs::create_dir_all(layer.parent().unwrap()).unwrap();
        let there = paths.iter().filter(|path| Path::new("/").join(path).exists());
        let mut tar = Command::new("tar");
        tar.args(["-C", "/", "--exclude=*.pyc", "--sort=name", "-cf"]).arg(&layer).args(there);
        assert!(tar.stderr(std::process::Stdio::null()).status().unwrap().success());
        digests.push(format!("sha256:{}", hex::encode(Sha256::digest(fs::read(&layer).unwrap()))));
        history.push(json!({ "created_by": created_by }));
        names.push(name);
    }
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": digests }, "history": history,
    })
    .to_string();
    let config_name = format!("{}.json", hex::encode(Sha256::digest(&config)));
    fs::write(root.join(&config_name), config).unwrap();
    let manifest = json!([{ "Config": config_name, "RepoTags": ["here:1"], "Layers": names }]);
    fs::write(root.join("manifest.json"), manifest.to_string()).unwrap();
    let archive = place.path("image.tar");
    let tar = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status();
    assert!(tar.unwrap().success());
    Some(archive)
}

/// Standard output of a command that succeeds.
fn output(place: &Place, arguments: &[&str]) -> String {
    let output = place.program().args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_real_image_gives_the_same_bytes_and_the_same_scan_from_its_own_bill() {
    let (Some(debian), Some(pypa)) = (corpus("debian.tar.zst"), corpus("pypa.tar.zst")) else { return };
    let place = Place::new();
    let Some(archive) = image_of_this_machine(&place) else { return };
    place.ok(&["db", "import", text(&debian), text(&pypa)]);
    let archive = text(&archive);
    let scan: Value = serde_json::from_str(&output(&place, &["scan", "--format", "json", archive])).unwrap();
    let counts = ["packages", "findings"].map(|part| scan[part].as_array().unwrap().len());
    assert!(counts[0] > 50 && counts[1] > 0, "{counts:?}");
    let has_layer = |finding: &Value| {
        let layer = finding["package"]["layer"].as_u64().and_then(|at| usize::try_from(at).ok());
        layer.is_some_and(|at| scan["image"]["layers"][at]["created_by"].is_string())
    };
    assert!(scan["findings"].as_array().unwrap().iter().all(has_layer));

    for format in FORMATS {
        let made = || output(&place, &["scan", "--format", format, archive]);
        assert!(made() == made(), "two reports as {format} differ");
    }
    for format in ["cyclonedx", "cyclonedx-1.7", "spdx"] {
        let bill = output(&place, &["sbom", "--format", format, archive]);
        assert!(
            bill == output(&place, &["sbom", "--format", format, archive]),
            "two documents as {format} differ"
        );
        let bill = place.write(&format!("bill.{format}"), bill);
        let again = output(&place, &["scan", "--format", "json", &format!("sbom:{}", bill.display())]);
        let again: Value = serde_json::from_str(&again).unwrap();
        for part in ["distribution", "packages", "findings"] {
            assert!(again[part] == scan[part], "{part} differ in a scan of the bill as {format}");
        }
    }
}
