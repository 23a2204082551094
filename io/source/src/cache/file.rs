//! One entry as a file: mark, key, length and SHA-256 of the content, then the content.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Take, Write};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use lazaret_model::Digest;
use sha2::{Digest as _, Sha256};

const MARK: &[u8; 8] = b"lazaret1";
const HEAD: usize = 8 + 32 + 8 + 32;
const BUFFER: usize = 64 << 10;

/// The content of an entry; its limit is its length.
pub(crate) type Reader = Take<BufReader<File>>;

/// Opens an entry and reads it once, to see that it is what was written.
pub(super) fn open(mut file: File, key: Digest) -> io::Result<(Reader, File)> {
    let damaged = |why: &str| io::Error::new(ErrorKind::InvalidData, why);
    let mut head = [0; HEAD];
    file.read_exact(&mut head)?;
    let (mark, rest) = head.split_at(MARK.len());
    let (stored_key, rest) = rest.split_at(32);
    let (length, digest) = rest.split_at(8);
    if mark != MARK || stored_key != key.as_bytes() {
        return Err(damaged("it is no entry of this key"));
    }
    let length = u64::from_le_bytes(length.try_into().unwrap_or_default());
    if file.metadata()?.len().checked_sub(HEAD as u64) != Some(length) {
        return Err(damaged("it is cut off or goes on behind its end"));
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; usize::try_from(length).unwrap_or(BUFFER).clamp(1, BUFFER)];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    if hash.finalize().as_slice() != digest {
        return Err(damaged("its content is not what was written"));
    }
    let shared = file.try_clone()?;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    io::Seek::seek(&mut reader, io::SeekFrom::Start(HEAD as u64))?;
    Ok((reader.take(length), shared))
}

/// Writes an entry, and gives its size. Fails with [`ErrorKind::FileTooLarge`] beyond `most` bytes.
pub(super) fn write(
    path: &Path,
    key: Digest,
    most: u64,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mut out =
        Hashing { out: BufWriter::with_capacity(BUFFER, &file), hash: Sha256::new(), length: 0, most };
    // The room of the head: its content is known at the end.
    out.out.write_all(&[0; HEAD])?;
    fill(&mut out)?;
    let Hashing { mut out, hash, length, .. } = out;
    out.flush()?;
    drop(out);
    let head = [&MARK[..], key.as_bytes(), &length.to_le_bytes(), hash.finalize().as_slice()].concat();
    file.write_all_at(&head, 0)?;
    Ok(HEAD as u64 + length)
}

struct Hashing<W> {
    out: W,
    hash: Sha256,
    length: u64,
    most: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len() as u64;
        if self.length > self.most {
            return Err(ErrorKind::FileTooLarge.into());
        }
        self.hash.update(bytes);
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
