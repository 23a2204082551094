//! Compression of files that feeds are published in, told by their first bytes.

use std::io::{self, BufRead, Cursor, Read};

use bzip2::bufread::MultiBzDecoder;
use liblzma::bufread::XzDecoder;

use crate::budget::Budget;
use crate::layer::{Stream, decoded, fill, uncompressed_stream};

/// What an xz decoder may take; the highest preset needs 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

/// What is in the file: of gzip, zstd, bzip2 and xz all members and frames, of others the file itself.
pub(super) fn open<'a>(mut inner: impl BufRead + 'a, budget: &Budget) -> io::Result<Stream<'a>> {
    let mut start = [0; 6];
    let read = fill(&mut inner, &mut start)?;
    let start = &start[..read];
    let whole = Cursor::new(start.to_vec()).chain(inner);
    match start {
        [b'B', b'Z', b'h', ..] => Ok(decoded(whole, |input| Box::new(MultiBzDecoder::new(input)), budget)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let decoder =
                liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
            Ok(decoded(whole, |input| Box::new(XzDecoder::new_stream(input, decoder)), budget))
        }
        _ => uncompressed_stream(whole, budget),
    }
}

/// A file's name without the ending that tells its compression.
pub(super) fn stripped(name: &str) -> &str {
    const ENDINGS: [&str; 5] = [".gz", ".zst", ".bz2", ".xz", ".zstd"];
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}
