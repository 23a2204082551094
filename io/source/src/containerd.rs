//! Images of containerd.
//!
//! containerd speaks gRPC only; its own client `ctr` tells which manifest a name leads to. The blobs are
//! then read where containerd stores them, which takes the right to read its directory (root's), or else
//! come through `ctr image export`.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use lazaret_model::{Digest, ImageReference};

use crate::archive::{self, Archived};
use crate::error::SourceError;
use crate::layer::{LayerBytes, Opener};
use crate::open::{OpenOptions, OpenedImage, Source};
use crate::problems::{SourceFailed, lossy};

/// Where containerd is and which of its images are meant.
#[derive(Debug, Clone)]
pub struct ContainerdOptions {
    pub socket: PathBuf,
    /// `default`; `k8s.io` has the images of Kubernetes, `moby` those of Docker.
    pub namespace: String,
    /// containerd's root directory: its content store is read directly where that is allowed.
    pub root: PathBuf,
}

impl Default for ContainerdOptions {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/run/containerd/containerd.sock"),
            namespace: "default".to_owned(),
            root: PathBuf::from("/var/lib/containerd"),
        }
    }
}

const CONTENT: &str = "io.containerd.content.v1.content";
/// `ctr` answers at once or never.
const LONGEST: Duration = Duration::from_secs(20);

pub(crate) async fn open(name: &str, options: &OpenOptions) -> Result<OpenedImage, SourceError> {
    let containerd = &options.containerd;
    let (full_name, digest) = find(name, containerd).await?;
    let subject = format!("the image {full_name} of containerd");
    let (named, options, cache) = (full_name.clone(), options.clone(), options.cache.as_ref());
    let opening = move || read(&named, digest, &subject, &options);
    let opened = tokio::task::spawn_blocking(opening).await;
    let archived = opened.map_err(|error| failed(containerd, "reading an image", error.to_string()))??;
    let reference = full_name.parse::<ImageReference>().ok();
    Ok(OpenedImage {
        reference: reference.zip(archived.image.manifest).map(|(name, digest)| name.with_digest(digest)),
        image: Some(archived.image),
        tree: Box::new(archived.tree.remembering(cache)),
        identity: archived.identity,
        name: name.to_owned(),
        source: Source::Engine,
    })
}

/// The name that containerd knows the image by, and the manifest or index behind it.
async fn find(name: &str, containerd: &ContainerdOptions) -> Result<(String, Digest), SourceError> {
    let what = "listing its images";
    let unknown = || SourceError::UnknownImage {
        name: name.to_owned(),
        place: format!("the namespace {} of containerd", containerd.namespace),
    };
    // A name becomes part of a filter: what is no reference is no image either.
    let mut reference: ImageReference = name.parse().map_err(|_| unknown())?;
    if reference.tag.is_none() && reference.digest.is_none() {
        reference.tag = Some("latest".to_owned());
    }
    let names = [reference.to_string(), name.to_owned()];
    let mut command = tokio::process::Command::from(ctr(containerd));
    command.args(["images", "ls"]).args(names.iter().map(|name| format!("name=={name}"))).kill_on_drop(true);
    let output = tokio::time::timeout(LONGEST, command.output()).await;
    let output = output
        .map_err(|_| failed(containerd, what, "`ctr` did not answer in time"))?
        .map_err(|error| failed(containerd, what, format!("`ctr` cannot be run ({error})")))?;
    if !output.status.success() {
        return Err(failed(containerd, what, lossy(output.stderr.trim_ascii())));
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    let found = listed.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let found = words.next().filter(|found| names.iter().any(|name| name == found))?;
        Some((found.to_owned(), words.find_map(|word| word.parse().ok())?))
    });
    found.ok_or_else(unknown)
}

fn read(name: &str, digest: Digest, subject: &str, options: &OpenOptions) -> Result<Archived, SourceError> {
    let OpenOptions { containerd, platform, limits, .. } = options;
    let content = containerd.root.join(CONTENT);
    match archive::open_manifest(&content, digest, subject, platform, limits) {
        Err(error @ (SourceError::File { .. } | SourceError::Corrupt { .. })) => {
            tracing::debug!("{} is not read ({error}), exporting the image", content.display());
        }
        result => return result,
    }
    let export =
        Export { containerd: containerd.clone(), name: name.to_owned(), platform: platform.to_string() };
    archive::as_stream(&export, subject, None, platform, limits)
}

fn ctr(containerd: &ContainerdOptions) -> Command {
    let mut command = Command::new("ctr");
    command.arg("--address").arg(&containerd.socket).arg("--namespace").arg(&containerd.namespace);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn failed(containerd: &ContainerdOptions, what: &str, why: impl Into<String>) -> SourceError {
    SourceError::EngineFailed { socket: containerd.socket.clone(), what: what.to_owned(), why: why.into() }
}

/// What `ctr image export` writes: an OCI layout as an archive.
#[derive(Clone)]
struct Export {
    containerd: ContainerdOptions,
    name: String,
    platform: String,
}

impl Opener for Export {
    fn open(&self) -> io::Result<LayerBytes> {
        let mut command = ctr(&self.containerd);
        command.args(["images", "export", "--platform", &self.platform, "-", &self.name]);
        let mut child = command.stderr(Stdio::null()).spawn()?;
        let output = child.stdout.take();
        let running =
            Running { child, output: output.ok_or_else(|| SourceFailed::io("`ctr` has no output"))? };
        Ok(LayerBytes::Stream(Box::new(running)))
    }
}

/// A program whose output is read; it ends with the reader.
struct Running {
    child: Child,
    output: ChildStdout,
}

impl Read for Running {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.output.read(out)?;
        if read == 0 && !out.is_empty() && !self.child.wait()?.success() {
            return Err(SourceFailed::io("`ctr image export` failed"));
        }
        Ok(read)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be writing still; nobody reads on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
