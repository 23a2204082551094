//! What is made of a content that can be read anywhere.

use std::io;

use lazaret_model::{Entry, Extracted, RandomAccess as _, Visitor};
use sha2::{Digest as _, Sha256};

use crate::budget::{Deadline, Exceeded};
use crate::layer::{Extent, InMemory};

/// Contents up to this size are read at once; of larger ones, only what is asked for.
pub(crate) const BUFFER: usize = 128 << 10;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Reduced {
    pub(crate) digest: Option<io::Result<[u8; 32]>>,
    pub(crate) extracted: Option<io::Result<Extracted>>,
}

/// Digest and extract of a content. The buffer, of [`BUFFER`] bytes, is used again and again.
pub(crate) fn reduce(
    extent: Extent<'_>,
    entry: &Entry<'_>,
    digest: bool,
    extract: bool,
    visitor: &dyn Visitor,
    buffer: &mut [u8],
    deadline: Deadline,
) -> Reduced {
    if usize::try_from(extent.size).is_ok_and(|size| size <= buffer.len()) {
        return match read_whole(extent, buffer, deadline) {
            Ok(bytes) => Reduced {
                digest: digest.then(|| Ok(Sha256::digest(bytes).into())),
                extracted: extract.then(|| Ok(visitor.extract(entry, &mut InMemory(bytes)))),
            },
            Err(error) if digest => Reduced { digest: Some(Err(error)), extracted: None },
            Err(error) => Reduced { digest: None, extracted: Some(Err(error)) },
        };
    }
    let extracted = || extent.open(deadline).map(|mut file| visitor.extract(entry, &mut file));
    Reduced { digest: digest.then(|| hash(extent, buffer, deadline)), extracted: extract.then(extracted) }
}

fn read_whole<'b>(extent: Extent<'_>, buffer: &'b mut [u8], deadline: Deadline) -> io::Result<&'b [u8]> {
    let size = usize::try_from(extent.size).unwrap_or(usize::MAX).min(buffer.len());
    let bytes = &mut buffer[..size];
    extent.open(deadline)?.read_at(0, bytes)?;
    Ok(bytes)
}

fn hash(extent: Extent<'_>, buffer: &mut [u8], deadline: Deadline) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    extent.copy(buffer, &mut |part| {
        hash.update(part);
        deadline.check().map_err(Exceeded::io)
    })?;
    Ok(hash.finalize().into())
}
