//! What other engines say of their containers, in the files that they keep beside what watches over each of them.
//!
//! Nothing is decided by it: such containers are unmanaged, and this gives them their names.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::inventory::EngineSays;
use crate::files;

/// Bytes. Podman keeps one list of all containers.
const MOST_LIST: u64 = 4 << 20;
const MOST_COMMAND: u64 = 64 << 10;

/// What the engine that started this process as a container's first one knows of it.
pub(super) fn of(pid: u32, id: &str) -> Option<EngineSays> {
    let monitor = parent(pid)?;
    let line = files::read_bounded(format!("/proc/{monitor}/cmdline").as_ref(), MOST_COMMAND).ok()?;
    let words: Vec<String> =
        line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    match Path::new(words.first()?).file_name()?.to_str()? {
        "conmon" => podman(Path::new(argument(&words, "-b")?), id),
        "containerd-shim-runc-v2" => containerd(&fs::read_link(format!("/proc/{monitor}/cwd")).ok()?, id),
        _ => None,
    }
}

/// Podman and CRI-O (containers/storage): `overlay-containers/ID/userdata` is a container's bundle, and the list of all
/// containers lies beside the containers.
fn podman(bundle: &Path, id: &str) -> Option<EngineSays> {
    let list = bundle.parent()?.parent()?.join("containers.json");
    let list: Vec<Value> = serde_json::from_slice(&files::read_bounded(&list, MOST_LIST).ok()?).ok()?;
    let one = list.iter().find(|one| one["id"] == id)?;
    let metadata: Value = serde_json::from_str(one["metadata"].as_str()?).ok()?;
    let image = one["image"].as_str().filter(|image| is_digest(image));
    Some(EngineSays {
        name: text(&metadata["name"]).or_else(|| text(&one["names"][0]))?,
        image_name: text(&metadata["image-name"]).unwrap_or_default(),
        image_config: image.map(|image| format!("sha256:{image}")),
    })
}

/// containerd: shims work in the bundle of their first container, and bundles are named after containers. What Kubernetes
/// and nerdctl call them stands in the annotations; plain containerd keeps names of images to itself.
fn containerd(bundle: &Path, id: &str) -> Option<EngineSays> {
    let named: PathBuf = bundle.parent()?.join(id);
    let bundle = if named.is_dir() { named } else { bundle.to_owned() };
    let name = bundle.file_name()?.to_string_lossy().into_owned();
    let config = files::read_bounded(&bundle.join("config.json"), MOST_LIST).ok();
    let config: Value = config.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let annotation = |names: [&str; 2]| names.iter().find_map(|name| text(&config["annotations"][*name]));
    Some(EngineSays {
        name: annotation(["io.kubernetes.cri.container-name", "nerdctl/name"]).unwrap_or(name),
        image_name: annotation(["io.kubernetes.cri.image-name", "nerdctl/image"]).unwrap_or_default(),
        image_config: None,
    })
}

/// The word after an option.
fn argument<'w>(words: &'w [String], option: &str) -> Option<&'w str> {
    words.iter().skip_while(|word| *word != option).nth(1).map(String::as_str)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Names are shown and stored: of a sane length.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(|text| text.chars().take(512).collect())
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, content: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn a_container_of_podman_has_its_name_and_image() {
        let folder = tempfile::tempdir().unwrap();
        let (id, image) = ("a".repeat(64), "b".repeat(64));
        let list = folder.path().join("overlay-containers/containers.json");
        let bundle = folder.path().join("overlay-containers").join(&id).join("userdata");
        let metadata = r#"{\"image-name\":\"localhost/odd:1\",\"name\":\"odd\"}"#;
        write(
            &list,
            &format!(
                r#"[{{"id":"x"}},{{"id":"{id}","names":["n"],"image":"{image}","metadata":"{metadata}"}}]"#
            ),
        );
        let said = podman(&bundle, &id).unwrap();
        let expected = EngineSays {
            name: "odd".to_owned(),
            image_name: "localhost/odd:1".to_owned(),
            image_config: Some(format!("sha256:{image}")),
        };
        assert_eq!(said, expected);
        assert_eq!(podman(&bundle, "another"), None);
        for damaged in ["", "[", "{}", "[1]", r#"[{"id":1,"metadata":[]}]"#] {
            write(&list, damaged);
            assert_eq!(podman(&bundle, &id), None, "{damaged}");
        }
    }

    #[test]
    fn a_container_of_containerd_is_called_as_its_bundle_or_as_kubernetes_calls_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = |id: &str| folder.path().join(id).join("config.json");
        write(&config("plain"), "{}");
        let annotated = r#"{"annotations":{"io.kubernetes.cri.container-name":"web","io.kubernetes.cri.image-name":"r/web:1"}}"#;
        write(&config("cd"), annotated);
        let plain = containerd(&folder.path().join("plain"), "ns:4026532000").unwrap();
        assert_eq!((plain.name.as_str(), plain.image_name.as_str()), ("plain", ""));
        // One shim for all containers of a pod.
        let other = containerd(&folder.path().join("plain"), "cd").unwrap();
        assert_eq!((other.name.as_str(), other.image_name.as_str()), ("web", "r/web:1"));
    }

    #[test]
    fn options_are_found_by_the_word_before() {
        let words = ["conmon", "-c", "id", "-b", "/there"].map(str::to_owned);
        assert_eq!((argument(&words, "-b"), argument(&words, "-x")), (Some("/there"), None));
        assert_eq!(parent(std::process::id()), Some(std::os::unix::process::parent_id()));
        assert_eq!(of(std::process::id(), "id"), None);
    }
}
