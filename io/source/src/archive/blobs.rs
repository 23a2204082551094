//! Images whose blobs are files in a directory: OCI layouts, and containerd's content store.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_model::{Digest, Limits, Platform};

use super::layout::{self, Members};
use super::{Archived, from_windows, read_document};
use crate::error::SourceError;
use crate::layer::Window;

const INDEX: &[u8] = b"index.json";

/// Opens the image of an OCI image layout (OCI image specification, "Image Layout"), or the named one
/// of several.
pub(crate) fn open_layout(
    path: &Path,
    name: Option<&str>,
    platform: &Platform,
    limits: &Limits,
) -> Result<Archived, SourceError> {
    let subject = format!("the OCI layout {}", path.display());
    let blobs = Blobs { directory: path.to_owned(), most: limits.document_bytes };
    let index = match blobs.document(INDEX, &subject)? {
        Some(index) => index,
        None if path.is_dir() => {
            return Err(SourceError::NotAnImage { subject, why: "it has no index.json".to_owned() });
        }
        None => {
            let source = io::Error::from(ErrorKind::NotFound);
            return Err(SourceError::File { path: path.to_owned(), source });
        }
    };
    let chosen = layout::oci(&blobs, &index, &subject, name, platform)?;
    from_windows(|path| blobs.window(path).ok().flatten(), chosen, &subject, limits)
}

/// Opens the image of a manifest, or of an index, in a directory with `blobs/sha256/HEX` files.
pub(crate) fn open_manifest(
    directory: &Path,
    digest: Digest,
    subject: &str,
    platform: &Platform,
    limits: &Limits,
) -> Result<Archived, SourceError> {
    let blobs = Blobs { directory: directory.to_owned(), most: limits.document_bytes };
    let chosen = layout::manifest(&blobs, digest, subject, platform)?;
    from_windows(|path| blobs.window(path).ok().flatten(), chosen, subject, limits)
}

/// Every path asked of it is `index.json` or made from a digest: none leads out of the directory.
struct Blobs {
    directory: PathBuf,
    most: u64,
}

impl Blobs {
    fn path(&self, path: &[u8]) -> PathBuf {
        self.directory.join(std::ffi::OsStr::from_bytes(path))
    }

    fn window(&self, path: &[u8]) -> io::Result<Option<Window>> {
        let path = self.path(path);
        // What is no regular file is not opened: opening a pipe would wait for its other end.
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Some(Window::new(Arc::new(file), length)))
    }
}

impl Members for Blobs {
    fn size(&self, path: &[u8]) -> Option<u64> {
        Some(self.window(path).ok()??.len())
    }

    fn document(&self, path: &[u8], subject: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let fail = |source| SourceError::File { path: self.path(path), source };
        let Some(window) = self.window(path).map_err(fail)? else { return Ok(None) };
        if window.len() > self.most {
            return Err(layout::too_large(subject, path, self.most));
        }
        read_document(&window).map(Some).map_err(fail)
    }
}
