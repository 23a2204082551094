//! Opening and listing images.

use std::path::Path;

use lazaret_model::{
    Content, Digest, Entry, EntryKind, Extracted, Image, Limits, Passing, Platform, Problem, RandomAccess,
    Tree, Visitor, Want,
};
use lazaret_source::{OpenOptions, OpenedImage, RegistryOptions, SourceError, Target, open};

#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
pub(crate) fn skipped(what: &str) {
    eprintln!("SKIPPED: {what}");
}

pub(crate) fn options() -> OpenOptions {
    OpenOptions {
        platform: amd64(),
        registry: RegistryOptions { attempts: 3, ..RegistryOptions::default() },
        engine_socket: "/nonexistent/docker.sock".into(),
        limits: Limits { time: std::time::Duration::from_secs(60), ..Limits::default() },
    }
}

pub(crate) fn amd64() -> Platform {
    Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
}

/// `path kind mode uid:gid layer digest`, one line for each entry.
pub(crate) fn list(tree: &mut dyn Tree) -> (Vec<String>, Vec<Problem>) {
    let mut lister = Lister(Vec::new());
    let problems = tree.walk(&mut lister);
    (lister.0, problems)
}

struct Lister(Vec<String>);

impl Visitor for Lister {
    fn want(&self, _: &Entry<'_>) -> Want {
        Want::DIGEST
    }

    fn extract(&self, _: &Entry<'_>, _: &mut dyn RandomAccess) -> Extracted {
        Extracted::default()
    }

    fn extract_passing(&self, _: &Entry<'_>) -> Option<Box<dyn Passing + '_>> {
        None
    }

    fn visit(&mut self, entry: &Entry<'_>, content: Content<'_>) {
        let path = String::from_utf8_lossy(entry.path);
        let kind = match entry.kind {
            EntryKind::File => format!("file:{}", entry.size),
            EntryKind::Directory => "dir".to_owned(),
            EntryKind::Symlink { target } => format!("->{}", String::from_utf8_lossy(target)),
            EntryKind::Special => "special".to_owned(),
        };
        let digest =
            content.digest.map_or_else(|| "-".to_owned(), |digest| Digest::from_bytes(digest).short());
        self.0.push(format!(
            "{path:?} {kind} {:o} {}:{} {} {digest}",
            entry.mode, entry.uid, entry.gid, entry.layer
        ));
    }
}

pub(crate) struct Listed {
    pub(crate) image: Image,
    pub(crate) lines: Vec<String>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) opened: OpenedImage,
}

pub(crate) async fn listed(target: &Target, options: &OpenOptions) -> Result<Listed, SourceError> {
    let mut opened = open(target, options).await?;
    let walking = tokio::task::spawn_blocking(move || {
        let (lines, problems) = list(&mut *opened.tree);
        Listed { image: opened.image.clone(), lines, problems, opened }
    });
    Ok(walking.await.unwrap())
}

pub(crate) async fn listed_archive(path: &Path) -> Result<Listed, SourceError> {
    listed(&Target::Archive { path: path.to_owned(), image: None }, &options()).await
}

/// The image without what each source knows differently: its manifest, and how layers are stored.
pub(crate) fn essence(image: &Image) -> Image {
    let mut image = image.clone();
    image.manifest = None;
    for layer in &mut image.layers {
        layer.size = 0;
    }
    image
}
