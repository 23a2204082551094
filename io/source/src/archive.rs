//! Images in archives: what `docker save` writes (before and since version 25) and OCI layouts, as a
//! tar archive that may be compressed as a whole.

mod layout;
mod bundle;
mod blobs;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use lazaret_model::{Digest, Image, Limits, Platform};

use crate::budget::Budget;
use crate::cache::Identity;
use crate::error::SourceError;
use crate::image;
use crate::layer::{Kind, LayerBytes, Opener, TarReader, Uncompressed, Window, clean, uncompressed};
use crate::problems::Problems;
use crate::tree::{Layer, LayeredTree, SeparateLayers};
use layout::{Chosen, Members};

pub(crate) use blobs::{open_layout, open_manifest};
pub(crate) use bundle::{Bundle, Known, documents};
pub(crate) use layout::choose;

/// An image in an archive, and what it is called there.
pub(crate) struct Archived {
    pub(crate) image: Image,
    pub(crate) tree: LayeredTree,
    pub(crate) names: Vec<String>,
    /// Of the files in which it is; none where it comes by as a whole.
    pub(crate) identity: Option<Identity>,
}

/// Opens the image of an archive, or the named one of several.
pub(crate) fn open(
    path: &Path,
    name: Option<&str>,
    platform: &Platform,
    limits: &Limits,
) -> Result<Archived, SourceError> {
    let file_error = |source| SourceError::File { path: path.to_owned(), source };
    let subject = format!("the archive {}", path.display());
    let file = File::open(path).map_err(file_error)?;
    let metadata = file.metadata().map_err(file_error)?;
    if !metadata.is_file() {
        let why = "it is not a regular file".to_owned();
        return Err(SourceError::NotAnImage { subject, why });
    }
    if metadata.len() == 0 {
        let why = "it is empty: 0 bytes; what should have written it did not".to_owned();
        return Err(SourceError::NotAnImage { subject, why });
    }
    let window = Window::new(Arc::new(file), metadata.len());
    let budget = Budget::new(limits);
    match uncompressed(LayerBytes::Window(window.clone()), &budget).map_err(file_error)? {
        Uncompressed::Window(_) => in_place(&window, &subject, name, platform, limits, budget),
        Uncompressed::Stream(_) => as_stream(&window, &subject, name, platform, limits),
    }
}

/// Bodies of an archive that is not compressed are read where they are, if at all.
fn in_place(
    window: &Window,
    subject: &str,
    name: Option<&str>,
    platform: &Platform,
    limits: &Limits,
    mut budget: Budget,
) -> Result<Archived, SourceError> {
    let members = Placed::read(window, subject, limits, &mut budget)?;
    let chosen = choose(&members, subject, name, platform)?;
    from_windows(|path| members.window(path).cloned(), chosen, subject, limits)
}

/// An image whose layers are parts of files, or files.
fn from_windows(
    window: impl Fn(&[u8]) -> Option<Window>,
    chosen: Chosen,
    subject: &str,
    limits: &Limits,
) -> Result<Archived, SourceError> {
    let Chosen { config, layers, manifest, names } = chosen;
    let windows: Vec<Window> = layers
        .iter()
        .map(|layer| window(layer).ok_or_else(|| layout::missing(subject, layer)))
        .collect::<Result<_, _>>()?;
    let sizes: Vec<u64> = windows.iter().map(Window::len).collect();
    let image = image::read(&config, subject, manifest, &sizes)?;
    let digests = layers.iter().map(|path| stated_digest(path));
    let opened = label_layers(&image)
        .zip(windows.iter().zip(digests))
        .map(|(label, (window, digest))| Layer { label, opener: Box::new(window.clone()), digest })
        .collect();
    let tree = LayeredTree::new(SeparateLayers::new(opened), limits.clone());
    let identity = Identity::of_windows(image.config, &windows, tree.sound());
    Ok(Archived { tree, image, names, identity })
}

/// What comes by as a whole is read twice, and nothing is spooled: its documents come last.
pub(crate) fn as_stream(
    opener: &(impl Opener + Clone + 'static),
    subject: &str,
    name: Option<&str>,
    platform: &Platform,
    limits: &Limits,
) -> Result<Archived, SourceError> {
    let members = documents(opener, subject, limits)?;
    let Chosen { config, layers, manifest, names } = choose(&members, subject, name, platform)?;
    let sizes: Vec<u64> = layers
        .iter()
        .map(|layer| members.size(layer).ok_or_else(|| layout::missing(subject, layer)))
        .collect::<Result<_, _>>()?;
    let image = image::read(&config, subject, manifest, &sizes)?;
    let bundle = Bundle::new(Box::new(opener.clone()), subject, Known::Layers(layers), limits);
    let tree = LayeredTree::new(bundle, limits.clone());
    Ok(Archived { tree, image, names, identity: None })
}

/// The digest under which a blob is stored.
fn stated_digest(path: &[u8]) -> Option<Digest> {
    let hex = path.strip_prefix(b"blobs/sha256/")?;
    Digest::from_hex(std::str::from_utf8(hex).ok()?).ok()
}

/// What problems with each layer of an image are about.
pub(crate) fn label_layers(image: &Image) -> impl Iterator<Item = String> {
    let count = image.layers.len();
    (1..)
        .zip(&image.layers)
        .map(move |(number, layer)| format!("layer {number} of {count} (sha256:{})", layer.diff_id.short()))
}

/// The members of an archive that lie in a file.
struct Placed {
    windows: HashMap<Vec<u8>, Window>,
    links: HashMap<Vec<u8>, Vec<u8>>,
    most: u64,
}

impl Placed {
    fn read(
        window: &Window,
        subject: &str,
        limits: &Limits,
        budget: &mut Budget,
    ) -> Result<Self, SourceError> {
        let mut members =
            Self { windows: HashMap::new(), links: HashMap::new(), most: limits.document_bytes };
        let mut problems = Problems::default();
        let input = crate::layer::WindowInput::new(window.clone());
        let mut reader = TarReader::new(input, subject);
        let mut path = Vec::new();
        while let Some(member) = reader.next(&mut problems) {
            clean(reader.name(), &mut path);
            if let Err(exceeded) = budget.take_entry(path.len() + reader.link().len()) {
                return Err(SourceError::TooLarge { subject: subject.to_owned(), why: exceeded.to_string() });
            }
            match member.kind {
                Kind::File if member.segments.is_none() => {
                    members.windows.insert(path.clone(), window.part(member.start, member.stored));
                }
                Kind::Symlink | Kind::HardLink => {
                    members.links.insert(path.clone(), layout::link(&path, reader.link(), member.kind));
                }
                _ => {}
            }
        }
        layout::sound(problems, subject)?;
        Ok(members)
    }

    fn window(&self, path: &[u8]) -> Option<&Window> {
        self.windows.get(self.links.get(path).map_or(path, Vec::as_slice))
    }
}

impl Members for Placed {
    fn size(&self, path: &[u8]) -> Option<u64> {
        self.window(path).map(Window::len)
    }

    fn document(&self, path: &[u8], subject: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let Some(window) = self.window(path) else { return Ok(None) };
        if window.len() > self.most {
            return Err(layout::too_large(subject, path, self.most));
        }
        let read = read_document(window);
        read.map(Some)
            .map_err(|error| SourceError::Corrupt { subject: subject.to_owned(), why: error.to_string() })
    }
}

fn read_document(window: &Window) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    window.copy(0, window.len(), &mut buffer, &mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    Ok(bytes)
}
