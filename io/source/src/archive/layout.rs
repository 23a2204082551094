//! Which members of an archive make up an image.

use lazaret_model::{Digest, ImageReference, Platform};
use serde::Deserialize;

use crate::error::SourceError;
use crate::image::sha256;
use crate::layer::{Kind, clean};
use crate::manifest::{Descriptor, Manifest, is_image, select};
use crate::problems::{Problems, lossy};

/// The files of an archive, by their paths; links are followed.
pub(crate) trait Members {
    fn size(&self, path: &[u8]) -> Option<u64>;
    fn document(&self, path: &[u8], subject: &str) -> Result<Option<Vec<u8>>, SourceError>;
}

#[derive(Debug)]
pub(crate) struct Chosen {
    /// The image's configuration.
    pub(crate) config: Vec<u8>,
    /// Paths of the layers, lowest first.
    pub(crate) layers: Vec<Vec<u8>>,
    pub(crate) manifest: Option<Digest>,
    pub(crate) names: Vec<String>,
}

/// Indexes within indexes end somewhere.
const DEEPEST: usize = 4;

/// An entry of `manifest.json` of `docker save`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// Finds the image, or the named one of several.
pub(crate) fn choose(
    members: &dyn Members,
    subject: &str,
    name: Option<&str>,
    platform: &Platform,
) -> Result<Chosen, SourceError> {
    // Since version 25 `docker save` writes both; `docker load` reads manifest.json.
    if let Some(bytes) = members.document(b"manifest.json", subject)? {
        return saved(members, &bytes, subject, name);
    }
    if let Some(bytes) = members.document(b"index.json", subject)? {
        return oci(members, &bytes, subject, name, platform);
    }
    let why = match members.size(b"etc/passwd").or_else(|| members.size(b"bin/sh")) {
        Some(_) => "it holds a file tree (`docker import` makes an image of it)",
        None => "it has neither manifest.json nor index.json",
    };
    Err(SourceError::NotAnImage { subject: subject.to_owned(), why: why.to_owned() })
}

fn saved(
    members: &dyn Members,
    bytes: &[u8],
    subject: &str,
    name: Option<&str>,
) -> Result<Chosen, SourceError> {
    let corrupt = |why: String| SourceError::Corrupt { subject: subject.to_owned(), why };
    let entries: Vec<Saved> = serde_json::from_slice(bytes)
        .map_err(|error| corrupt(format!("its manifest.json is malformed ({error})")))?;
    let names: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| match &entry.repo_tags {
            Some(tags) if !tags.is_empty() => tags.clone(),
            _ => vec![named_by_digest(&entry.config)],
        })
        .collect();
    let number = pick(&names, subject, name)?;
    let entry = &entries[number];
    let path = path(&entry.config);
    let config = members.document(&path, subject)?.ok_or_else(|| missing(subject, &path))?;
    check_digest(&entry.config, &config, subject)?;
    Ok(Chosen {
        config,
        layers: entry.layers.iter().flatten().map(|layer| self::path(layer)).collect(),
        // What the archive has besides is not the manifest that a registry knows.
        manifest: None,
        names: entry.repo_tags.clone().unwrap_or_default(),
    })
}

/// Configurations are stored under their digests; one that lies is not read.
fn check_digest(stored: &str, bytes: &[u8], subject: &str) -> Result<(), SourceError> {
    let base = stored.rsplit('/').next().unwrap_or(stored);
    match Digest::from_hex(base.strip_suffix(".json").unwrap_or(base)) {
        Ok(digest) if digest != sha256(bytes) => {
            let why = format!("{stored} does not have the digest that it is stored under");
            Err(SourceError::Corrupt { subject: subject.to_owned(), why })
        }
        _ => Ok(()),
    }
}

/// Finds the image of an OCI index, or the named one of several.
pub(crate) fn oci(
    members: &dyn Members,
    bytes: &[u8],
    subject: &str,
    name: Option<&str>,
    platform: &Platform,
) -> Result<Chosen, SourceError> {
    let Manifest::Index(entries) = Manifest::read(bytes, subject)? else {
        let why = "its index.json is not an index".to_owned();
        return Err(SourceError::Corrupt { subject: subject.to_owned(), why });
    };
    let entries: Vec<Descriptor> = entries.into_iter().filter(is_image).collect();
    let names: Vec<Vec<String>> = entries.iter().map(names).collect();
    // An index of platforms may be written flat: then the platform chooses.
    let flat = name.is_none() && entries.len() > 1 && entries.iter().all(|entry| entry.platform.is_some());
    let entry = if flat {
        select(&entries, platform, subject)?.clone()
    } else {
        entries[pick(&names, subject, name)?].clone()
    };
    let digest = entry.digest().map_err(|why| SourceError::Corrupt { subject: subject.to_owned(), why })?;
    Ok(Chosen { names: names_of(&entry), ..manifest(members, digest, subject, platform)? })
}

/// Reads a manifest, or the one of an index that fits the platform.
pub(crate) fn manifest(
    members: &dyn Members,
    mut digest: Digest,
    subject: &str,
    platform: &Platform,
) -> Result<Chosen, SourceError> {
    for _ in 0..DEEPEST {
        let digest_of = |descriptor: &Descriptor| {
            descriptor.digest().map_err(|why| SourceError::Corrupt { subject: subject.to_owned(), why })
        };
        match Manifest::read(&blob(members, digest, subject)?, subject)? {
            Manifest::Index(entries) => digest = digest_of(select(&entries, platform, subject)?)?,
            Manifest::Image(manifest) => {
                let layers: Result<_, SourceError> =
                    manifest.layers.iter().map(|layer| Ok(blob_path(digest_of(layer)?))).collect();
                return Ok(Chosen {
                    config: blob(members, digest_of(&manifest.config)?, subject)?,
                    layers: layers?,
                    manifest: Some(digest),
                    names: Vec::new(),
                });
            }
        }
    }
    let why = "its indexes are nested too deeply".to_owned();
    Err(SourceError::Corrupt { subject: subject.to_owned(), why })
}

fn blob(members: &dyn Members, digest: Digest, subject: &str) -> Result<Vec<u8>, SourceError> {
    let path = blob_path(digest);
    let bytes = members.document(&path, subject)?.ok_or_else(|| missing(subject, &path))?;
    check_digest(&digest.hex(), &bytes, subject)?;
    Ok(bytes)
}

fn blob_path(digest: Digest) -> Vec<u8> {
    format!("blobs/sha256/{}", digest.hex()).into_bytes()
}

fn names_of(entry: &Descriptor) -> Vec<String> {
    ["io.containerd.image.name", "org.opencontainers.image.ref.name"]
        .iter()
        .filter_map(|key| entry.annotation(key).map(str::to_owned))
        .collect()
}

fn names(entry: &Descriptor) -> Vec<String> {
    let mut names = names_of(entry);
    names.push(entry.digest.clone());
    names
}

fn named_by_digest(config: &str) -> String {
    let base = config.rsplit('/').next().unwrap_or(config);
    format!("sha256:{}", base.strip_suffix(".json").unwrap_or(base))
}

/// The number of the image that is meant.
fn pick(names: &[Vec<String>], subject: &str, wanted: Option<&str>) -> Result<usize, SourceError> {
    let subject = subject.to_owned();
    let first_names = || names.iter().filter_map(|names| names.first().cloned()).collect();
    match wanted {
        Some(wanted) => {
            names.iter().position(|names| names.iter().any(|name| same_name(name, wanted))).ok_or_else(|| {
                SourceError::NotInArchive { subject, name: wanted.to_owned(), names: first_names() }
            })
        }
        None if names.len() == 1 => Ok(0),
        None if names.is_empty() => {
            Err(SourceError::NotAnImage { subject, why: "it lists no images".to_owned() })
        }
        None => Err(SourceError::SeveralImages { subject, names: first_names() }),
    }
}

/// Whether two spellings name one image: `nginx` is `docker.io/library/nginx:latest`; digests may be
/// cut short.
fn same_name(name: &str, wanted: &str) -> bool {
    const SHORTEST: usize = 12;
    let canonical = |text: &str| {
        let mut reference: ImageReference = text.parse().ok()?;
        if reference.tag.is_none() && reference.digest.is_none() {
            reference.tag = Some("latest".to_owned());
        }
        Some(reference)
    };
    let hex = name.strip_prefix("sha256:");
    let cut = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    name == wanted
        || hex.is_some_and(|hex| cut.len() >= SHORTEST && hex.starts_with(cut))
        || hex.is_none() && canonical(name).is_some_and(|name| Some(name) == canonical(wanted))
}

fn path(name: &str) -> Vec<u8> {
    let mut path = Vec::new();
    clean(name.as_bytes(), &mut path);
    path
}

/// The path that a link in the archive leads to: `docker save` stores a layer once.
pub(super) fn link(from: &[u8], target: &[u8], kind: Kind) -> Vec<u8> {
    let mut path = Vec::new();
    let directory = from.iter().rposition(|&byte| byte == b'/').map_or(&b""[..], |slash| &from[..=slash]);
    match kind {
        Kind::Symlink if target.first() != Some(&b'/') => clean(&[directory, target].concat(), &mut path),
        _ => clean(target, &mut path),
    };
    path
}

/// An archive that cannot be read to its end is not scanned in part.
pub(super) fn sound(problems: Problems, subject: &str) -> Result<(), SourceError> {
    match problems.into_list().into_iter().next() {
        Some(problem) => Err(SourceError::Corrupt { subject: subject.to_owned(), why: problem.detail }),
        None => Ok(()),
    }
}

pub(super) fn missing(subject: &str, path: &[u8]) -> SourceError {
    let why = format!("it lacks its member {}", lossy(path));
    SourceError::Corrupt { subject: subject.to_owned(), why }
}

pub(super) fn too_large(subject: &str, path: &[u8], most: u64) -> SourceError {
    let why = format!("its document {} has more than {most} bytes", lossy(path));
    SourceError::TooLarge { subject: subject.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_names_in_all_spellings() {
        let digest = format!("sha256:{}", "ab12".repeat(16));
        assert!(same_name("nginx:latest", "nginx"));
        assert!(same_name("docker.io/library/nginx:1", "nginx:1"));
        assert!(same_name(&digest, &digest));
        assert!(same_name(&digest, "ab12ab12ab12"));
        assert!(same_name(&digest, "sha256:ab12ab12ab12ab"));
        assert!(!same_name(&digest, "ab12"));
        assert!(!same_name("nginx:1", "nginx"));
    }

    #[test]
    fn follows_links_within_the_archive() {
        assert_eq!(link(b"b/layer.tar", b"../a/layer.tar", Kind::Symlink), b"a/layer.tar");
        assert_eq!(link(b"b/layer.tar", b"/a/layer.tar", Kind::Symlink), b"a/layer.tar");
        assert_eq!(link(b"b/layer.tar", b"a/layer.tar", Kind::HardLink), b"a/layer.tar");
        assert_eq!(link(b"x", b"y", Kind::Symlink), b"y");
    }
}
