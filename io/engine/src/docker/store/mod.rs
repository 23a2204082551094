//! The engine's own files, read without asking the engine: while it waits for a plugin's or a hook's answer, it
//! may answer nobody else.
//!
//! The files belong to root and to the engine, but names, labels and options in them were chosen by callers.
//! Everything is bounded, and what is not understood is an error, never a guess.

mod configuration;
mod names;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use lazaret_model::{Digest, MountKind, RunConfiguration};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::volume::Content;
use super::{EngineError, defaults, shorten};

/// Largest file that is read. Real ones have a few kilobytes; `repositories.json` grows with the images.
const LIMIT: u64 = 16 << 20;

/// Where a storage driver's folder has the configurations of images, each named by its digest.
const CONTENT: &str = "imagedb/content/sha256";

/// The files under an engine's data root (`/var/lib/docker`).
#[derive(Debug, Clone)]
pub struct StoreReader {
    data_root: PathBuf,
}

/// An image as the engine keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// Digest of its configuration: the engine's image ID.
    pub config: Digest,
    /// The image's own user; empty: root.
    pub user: String,
}

/// A container as the engine keeps it; there from its creation on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRecord {
    /// Digest of the image's configuration, fixed when the container was created.
    pub image_config: Digest,
    /// Without the leading slash.
    pub name: String,
    /// What its creator called the image.
    pub image_name: String,
    pub labels: Vec<(String, String)>,
    /// Entrypoint and command together, as they are run; without the engine's own `--init`.
    pub command: Vec<String>,
    /// The run's user or the image's; empty: root.
    pub user: String,
    /// Protections switched off that the runtime's configuration does not show as such.
    weakened: Vec<String>,
}

impl StoreReader {
    pub fn new(data_root: impl Into<PathBuf>) -> Self {
        Self { data_root: data_root.into() }
    }

    pub fn data_root(&self) -> &Path {
        &self.data_root
    }

    /// `image/<driver>`. There is one folder for each storage driver that was ever used; the one in use was
    /// written last.
    fn images(&self) -> Result<PathBuf, EngineError> {
        let folder = self.data_root.join("image");
        let fail = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => EngineError::ForeignStore { path: folder.clone() },
            _ => unreadable(&folder, &error),
        };
        let mut newest = None;
        for entry in std::fs::read_dir(&folder).map_err(fail)? {
            let driver = entry.map_err(fail)?.path();
            let Ok(metadata) = std::fs::metadata(driver.join(CONTENT)) else { continue };
            let changed = metadata.modified().map_err(fail)?;
            if newest.as_ref().is_none_or(|(time, _)| changed > *time) {
                newest = Some((changed, driver));
            }
        }
        newest.map(|(_, driver)| driver).ok_or(EngineError::ForeignStore { path: folder })
    }

    /// The image that the engine would take for a name or an ID right now, by its configuration's digest;
    /// `None` if it has none.
    ///
    /// As in the engine, a name with tag or digest comes first, then an ID or its beginning.
    pub fn resolve(&self, name: &str) -> Result<Option<Digest>, EngineError> {
        let images = self.images()?;
        let has = |config: &Digest| images.join(CONTENT).join(config.hex()).exists();
        let id = name.strip_prefix("sha256:").unwrap_or(name);
        if let Ok(config) = Digest::from_hex(id) {
            return Ok(Some(config).filter(has));
        }
        // What is no reference is refused by engines before they look for an ID.
        let Some((repository, tagged)) = names::familiar(name) else { return Ok(None) };
        let path = images.join("repositories.json");
        if let Some(bytes) = read(&path)? {
            let file: RepositoriesFile = parse(&path, &bytes)?;
            if let Some(id) = file.repositories.get(&repository).and_then(|names| names.get(&tagged)) {
                let config =
                    id.parse().map_err(|error: lazaret_model::DigestError| malformed(&path, error))?;
                return Ok(Some(config).filter(has));
            }
        }
        find_id(&images.join(CONTENT), id, name)
    }

    /// The image, with what its configuration says; `None` if the engine has none of this name.
    pub fn image(&self, name: &str) -> Result<Option<StoredImage>, EngineError> {
        let Some(config) = self.resolve(name)? else { return Ok(None) };
        let path = self.images()?.join(CONTENT).join(config.hex());
        let Some(bytes) = read(&path)? else { return Ok(None) };
        if Digest::from_bytes(Sha256::digest(&bytes).into()) != config {
            return Err(malformed(&path, "its content has another digest than its name"));
        }
        let image: ImageFile = parse(&path, &bytes)?;
        Ok(Some(StoredImage { config, user: image.config.unwrap_or_default().user.unwrap_or_default() }))
    }

    /// What the engine keeps of a container; `id` has 64 hexadecimal digits.
    pub fn container(&self, id: &str) -> Result<ContainerRecord, EngineError> {
        // The id becomes part of a path.
        let unknown = || EngineError::NotFound { what: format!("container {}", shorten(id)) };
        Digest::from_hex(id).map_err(|_| unknown())?;
        let path = self.data_root.join("containers").join(id).join("config.v2.json");
        let bytes = read(&path)?.ok_or_else(unknown)?;
        let file: ContainerFile = parse(&path, &bytes)?;
        if file.id != id {
            return Err(malformed(&path, format!("it is about container {}", shorten(&file.id))));
        }
        let mut weakened = Vec::new();
        match file.seccomp_profile.as_deref() {
            None | Some("" | "builtin") => {}
            Some("unconfined") => weakened.push(defaults::NO_SECCOMP.to_owned()),
            Some(_) => weakened.push(defaults::OWN_SECCOMP.to_owned()),
        }
        match file.apparmor_profile.as_deref() {
            None | Some("" | "docker-default") => {}
            Some(profile) => weakened.push(defaults::apparmor(&shorten(profile))),
        }
        let image_config =
            file.image.parse().map_err(|error: lazaret_model::DigestError| malformed(&path, error))?;
        Ok(ContainerRecord {
            image_config,
            name: file.name.trim_start_matches('/').to_owned(),
            image_name: file.config.image.unwrap_or_default(),
            labels: file.config.labels.unwrap_or_default().into_iter().collect(),
            command: Some(file.path)
                .filter(|path| !path.is_empty())
                .into_iter()
                .chain(file.args.unwrap_or_default())
                .collect(),
            user: file.config.user.unwrap_or_default(),
            weakened,
        })
    }

    /// Puts in the place of volumes what is behind them: with the right options, a volume is a path of the host.
    pub fn reveal_volumes(&self, run: &mut RunConfiguration) {
        let mounts = std::mem::take(&mut run.mounts);
        for mount in mounts {
            if mount.kind != MountKind::Volume || mount.source.is_empty() {
                run.mounts.push(mount);
                continue;
            }
            let content = self.volume(&mount.source).unwrap_or_else(|error| {
                // A wish that cannot be understood is not granted.
                Content::Foreign(format!("volume that cannot be looked into: {error}"))
            });
            content.add_to(run, &mount.source, &mount.target, mount.read_only);
        }
    }

    fn volume(&self, name: &str) -> Result<Content, EngineError> {
        let is_name =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
                && !name.starts_with('.');
        let path = self.data_root.join("volumes").join(name).join("opts.json");
        if !is_name {
            return Err(EngineError::NotFound { what: format!("volume {}", shorten(name)) });
        }
        let Some(bytes) = read(&path)? else { return Ok(Content::Own) };
        let options: VolumeFile = parse(&path, &bytes)?;
        Ok(Content::mounted(&options.kind, &options.options, &options.device))
    }
}

impl ContainerRecord {
    /// Adds what the runtime's configuration cannot tell: the name, and the origin of security profiles.
    pub fn add_to(&self, run: &mut RunConfiguration) {
        run.name = Some(self.name.clone());
        for word in &self.weakened {
            if !run.weakened.contains(word) {
                run.weakened.push(word.clone());
            }
        }
    }
}

/// The one image whose ID begins so.
fn find_id(folder: &Path, prefix: &str, name: &str) -> Result<Option<Digest>, EngineError> {
    let is_hex = !prefix.is_empty() && prefix.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hex {
        return Ok(None);
    }
    let mut found = None;
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let file = entry.map_err(|error| unreadable(folder, &error))?.file_name();
        let Some(id) = file.to_str().filter(|id| id.starts_with(prefix)) else { continue };
        let Ok(config) = Digest::from_hex(id) else { continue };
        if found.replace(config).is_some() {
            return Err(EngineError::Ambiguous { name: shorten(name) });
        }
    }
    Ok(found)
}

/// The whole file; `None` if there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, EngineError> {
    let unreadable = |error: std::io::Error| unreadable(path, &error);
    let file = File::options().read(true).custom_flags(NO_FOLLOW).open(path);
    let file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LIMIT {
        return Err(malformed(path, format!("it has more than {LIMIT} bytes")));
    }
    Ok(Some(bytes))
}

/// `O_NOFOLLOW | O_NONBLOCK`: the engine writes plain files, and nobody shall make us wait for a pipe.
const NO_FOLLOW: i32 = 0o400_000 | 0o4_000;

fn parse<'b, T: Deserialize<'b>>(path: &Path, bytes: &'b [u8]) -> Result<T, EngineError> {
    serde_json::from_slice(bytes).map_err(|error| malformed(path, error))
}

fn malformed(path: &Path, why: impl ToString) -> EngineError {
    EngineError::File { path: path.to_owned(), why: why.to_string() }
}

fn unreadable(path: &Path, error: &std::io::Error) -> EngineError {
    malformed(path, error)
}

#[derive(Deserialize)]
struct ImageFile {
    config: Option<ImageConfigFile>,
}

#[derive(Deserialize, Default)]
struct ImageConfigFile {
    #[serde(rename = "User")]
    user: Option<String>,
}

#[derive(Deserialize)]
struct RepositoriesFile {
    #[serde(rename = "Repositories")]
    repositories: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct ContainerFile {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Image")]
    image: String,
    #[serde(rename = "Config")]
    config: ContainerConfigFile,
    #[serde(rename = "Path", default)]
    path: String,
    #[serde(rename = "Args")]
    args: Option<Vec<String>>,
    #[serde(rename = "SeccompProfile")]
    seccomp_profile: Option<String>,
    #[serde(rename = "AppArmorProfile")]
    apparmor_profile: Option<String>,
}

#[derive(Deserialize)]
struct ContainerConfigFile {
    #[serde(rename = "Image")]
    image: Option<String>,
    #[serde(rename = "User")]
    user: Option<String>,
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct VolumeFile {
    #[serde(rename = "MountType", default)]
    kind: String,
    #[serde(rename = "MountOpts", default)]
    options: String,
    #[serde(rename = "MountDevice", default)]
    device: String,
}

#[cfg(test)]
mod tests;
