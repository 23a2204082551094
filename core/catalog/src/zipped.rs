//! One document out of a zip archive: what packages say of themselves that are used without being unpacked.

use lazaret_model::{Extracted, Limits, RandomAccess};

use crate::jvm::inflate::{InflateError, Inflater};
use crate::jvm::zip::{Directory, Place, ZipError};
use crate::reading::lossy;

/// Larger documents are none.
const MOST_BYTES: u64 = 4 << 20;

/// The first document in an archive whose name is the one; nothing where there is none, or where the file is no archive.
/// Only the directory and the document are read.
pub(crate) fn document(
    file: &mut dyn RandomAccess,
    path: &[u8],
    limits: &Limits,
    is_it: impl Fn(&[u8]) -> bool,
) -> Extracted {
    match find(file, limits, is_it) {
        Ok(bytes) => Extracted { bytes, problems: Vec::new() },
        Err(InflateError::Zip(ZipError::NoArchive)) => Extracted::default(),
        Err(error) => Extracted { bytes: Vec::new(), problems: vec![error.of(&lossy(path))] },
    }
}

fn find(
    file: &mut dyn RandomAccess,
    limits: &Limits,
    is_it: impl Fn(&[u8]) -> bool,
) -> Result<Vec<u8>, InflateError> {
    if file.size() == 0 {
        return Ok(Vec::new());
    }
    let mut inflater = Inflater::new(file.size(), limits);
    let directory = Directory::find(file)?;
    inflater.spend(directory.bytes.min(file.size()))?;
    let mut found: Option<(String, Place)> = None;
    let whole = directory.each(file, |entry| {
        if found.is_none() && is_it(entry.name) {
            found = Some((lossy(entry.name), entry.place));
        }
    });
    match found {
        // Entries before the damage count.
        Some((name, place)) => inflater.whole(file, place, &name, MOST_BYTES.min(limits.file_bytes)),
        None => whole.map(|()| Vec::new()).map_err(InflateError::from),
    }
}
