//! What decompression costs that does nothing else: no scanner of compressed layers is faster.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::read::MultiGzDecoder;

use crate::{Context as _, Failure, Result};

/// The first argument with which a program that calls [`decompress`] does it.
pub const WORD: &str = "decompress";

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Decompresses all layers of an OCI archive, several at once, and keeps nothing. Gives the bytes they had.
pub fn decompress(archive: &Path) -> Result<u64> {
    let blobs = members(archive).context(|| format!("cannot read {}", archive.display()))?;
    let (next, processors) =
        (AtomicUsize::new(0), std::thread::available_parallelism().map_or(1, usize::from));
    let work = || -> io::Result<u64> {
        let mut bytes = 0;
        while let Some(&(start, size)) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut file = File::open(archive)?;
            file.seek(SeekFrom::Start(start))?;
            let mut blob = BufReader::with_capacity(1 << 17, file.take(size));
            let magic = blob.fill_buf()?;
            if magic.starts_with(&GZIP) {
                bytes += drain(MultiGzDecoder::new(blob))?;
            } else if magic.starts_with(&ZSTD) {
                bytes += drain(zstd::Decoder::with_buffer(blob)?)?;
            }
        }
        Ok(bytes)
    };
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut total = 0;
    for result in results {
        let bytes = result.map_err(|_| Failure::new("a thread that decompresses panicked"))?;
        total += bytes.context(|| format!("cannot decompress {}", archive.display()))?;
    }
    Ok(total)
}

fn drain(mut reader: impl Read) -> io::Result<u64> {
    let (mut buffer, mut total) = (vec![0; 1 << 17], 0);
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(total),
            count => total += count as u64,
        }
    }
}

/// Where the members of an archive that we wrote ourselves lie (POSIX ustar), as start and size.
fn members(archive: &Path) -> io::Result<Vec<(u64, u64)>> {
    let mut file = File::open(archive)?;
    let (mut members, mut header) = (Vec::new(), [0; 512]);
    loop {
        file.read_exact(&mut header)?;
        if header[0] == 0 {
            members.sort_unstable_by_key(|&(_, size)| std::cmp::Reverse(size));
            return Ok(members);
        }
        let digits = std::str::from_utf8(&header[124..135]).unwrap_or_default();
        let size = u64::from_str_radix(digits.trim(), 8).map_err(io::Error::other)?;
        let start = file.stream_position()?;
        members.push((start, size));
        file.seek(SeekFrom::Start(start + size.next_multiple_of(512)))?;
    }
}
