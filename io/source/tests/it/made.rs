//! A small image, stored in all the ways in which images are stored.

use std::io::Write;
use std::path::{Path, PathBuf};

use lazaret_model::Digest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixture::Tar;

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

pub(crate) fn pack(bytes: &[u8], packing: Packing) -> Vec<u8> {
    match packing {
        Packing::Plain => bytes.to_vec(),
        Packing::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Packing::Zstd => zstd::encode_all(bytes, 3).unwrap(),
    }
}

/// An image: its configuration and its layers.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) config: Vec<u8>,
    pub(crate) layers: Vec<Vec<u8>>,
}

impl Made {
    pub(crate) fn new(layers: Vec<Vec<u8>>) -> Self {
        let diff_ids: Vec<String> = layers.iter().map(|layer| sha256(layer).to_string()).collect();
        let mut history: Vec<Value> =
            (0..layers.len()).map(|number| json!({"created_by": format!("RUN step {number}")})).collect();
        history.insert(layers.len().min(1), json!({"created_by": "CMD serve", "empty_layer": true}));
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-01-02T03:04:05.678Z",
            "config": {
                "User": "www-data",
                "Env": ["PATH=/usr/bin", "A=b"],
                "Cmd": ["serve"],
                "WorkingDir": "/srv",
                "ExposedPorts": {"80/tcp": {}},
                "Labels": {"a": "b"},
                "Healthcheck": {"Test": ["CMD", "/bin/true"]},
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        });
        Self { config: config.to_string().into_bytes(), layers }
    }

    /// Two layers: a base with packages, and one that changes and removes files.
    pub(crate) fn small() -> Self {
        let noise: Vec<u8> =
            (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let base = Tar::default()
            .directory("./etc/")
            .file("./etc/os-release", b"ID=debian\n")
            .file("./etc/removed", b"x")
            .program("./usr/bin/tool", &noise)
            .hard_link("./usr/bin/tool2", "./usr/bin/tool")
            .symlink("./bin", "usr/bin")
            .file("./var/lib/dpkg/status", b"Package: a\nStatus: install ok installed\nVersion: 1\n")
            .directory("./var/cache")
            .file("./var/cache/old", b"old")
            .finish();
        let change = Tar::default()
            .file("etc/.wh.removed", b"")
            .file("var/cache/.wh..wh..opq", b"")
            .file("var/cache/new", b"new")
            .program("usr/bin/tool", &noise[..1000])
            .file("var/lib/dpkg/status", b"Package: a\nStatus: install ok installed\nVersion: 2\n")
            .finish();
        Self::new(vec![base, change])
    }

    pub(crate) fn id(&self) -> Digest {
        sha256(&self.config)
    }

    /// `docker save` until version 24.
    pub(crate) fn saved(&self, tags: &[&str]) -> Vec<u8> {
        saved_together(&[(self, tags)])
    }

    fn add_saved(&self, mut tar: Tar) -> Tar {
        for (number, layer) in self.layers.iter().enumerate() {
            let id = self.layer_id(number);
            tar = tar.directory(&format!("{id}/")).file(&format!("{id}/VERSION"), b"1.0");
            tar = tar.file(&format!("{id}/json"), b"{\"id\":\"x\"}");
            // A layer that was stored already is linked to.
            let first = self.layers.iter().position(|other| other == layer).unwrap();
            let path = format!("{id}/layer.tar");
            tar = match first == number {
                true => tar.file(&path, layer),
                false => tar.symlink(&path, &format!("../{}/layer.tar", self.layer_id(first))),
            };
        }
        tar.file(&format!("{}.json", self.id().hex()), &self.config)
    }

    fn layer_id(&self, number: usize) -> String {
        sha256(format!("{}{number}", self.id()).as_bytes()).hex()
    }

    fn saved_entry(&self, tags: &[&str]) -> Value {
        let layers: Vec<String> =
            (0..self.layers.len()).map(|number| format!("{}/layer.tar", self.layer_id(number))).collect();
        let tags = if tags.is_empty() { Value::Null } else { json!(tags) };
        json!({"Config": format!("{}.json", self.id().hex()), "RepoTags": tags, "Layers": layers})
    }

    /// `docker save` since version 25: an OCI layout with a manifest.json.
    pub(crate) fn saved_as_layout(&self, tags: &[&str], packing: Packing) -> Vec<u8> {
        let layers: Vec<String> = self.packed(packing).iter().map(|layer| blob(layer)).collect();
        let entry = json!([{"Config": blob(&self.config), "RepoTags": tags, "Layers": layers}]);
        self.layout_members(packing, "").file("manifest.json", entry.to_string().as_bytes()).finish()
    }

    /// An OCI image layout.
    pub(crate) fn layout(&self, packing: Packing, name: &str) -> Vec<u8> {
        self.layout_members(packing, name).finish()
    }

    fn layout_members(&self, packing: Packing, name: &str) -> Tar {
        let manifest = self.manifest(packing).to_string().into_bytes();
        let index = json!({"schemaVersion": 2, "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": sha256(&manifest).to_string(),
            "size": manifest.len(),
            "annotations": {"org.opencontainers.image.ref.name": name},
        }]});
        let mut tar = Tar::default().directory("blobs/").directory("blobs/sha256/");
        for bytes in self.packed(packing).iter().chain([&self.config, &manifest]) {
            tar = tar.file(&blob(bytes), bytes);
        }
        tar.file("index.json", index.to_string().as_bytes())
            .file("oci-layout", b"{\"imageLayoutVersion\": \"1.0.0\"}")
    }

    pub(crate) fn packed(&self, packing: Packing) -> Vec<Vec<u8>> {
        self.layers.iter().map(|layer| pack(layer, packing)).collect()
    }

    pub(crate) fn manifest(&self, packing: Packing) -> Value {
        let suffix = match packing {
            Packing::Plain => "",
            Packing::Gzip => "+gzip",
            Packing::Zstd => "+zstd",
        };
        let layers: Vec<Value> = self
            .packed(packing)
            .iter()
            .map(|layer| descriptor(&format!("application/vnd.oci.image.layer.v1.tar{suffix}"), layer))
            .collect();
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &self.config),
            "layers": layers,
        })
    }
}

/// Several images in one `docker save` archive.
pub(crate) fn saved_together(images: &[(&Made, &[&str])]) -> Vec<u8> {
    let entries: Vec<Value> = images.iter().map(|(image, tags)| image.saved_entry(tags)).collect();
    let members = images.iter().fold(Tar::default(), |tar, (image, _)| image.add_saved(tar));
    members.file("manifest.json", json!(entries).to_string().as_bytes()).file("repositories", b"{}").finish()
}

fn blob(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", sha256(bytes).hex())
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes).to_string(), "size": bytes.len()})
}

pub(crate) fn write(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}
