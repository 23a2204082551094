//! Decompression of foreign bytes in bounded memory.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use lazaret_model::Limits;

/// Memory that the xz decoder may take. Level 9, the strongest there is, needs 65 MiB.
const XZ_MEMORY: u64 = 80 << 20;

/// Window that the zstd decoder may keep, as a power of two: 128 MiB, the most that `zstd` itself takes
/// without being told to.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Bytes from which on the ratio of [`Limits`] is held against the output.
const RATIO_FREE: u64 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

impl Compression {
    /// By the end of a file's name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.').map(|(_, end)| end) {
            Some("gz") => Some(Self::Gzip),
            Some("xz") => Some(Self::Xz),
            Some("zst") => Some(Self::Zstd),
            Some("tar") => Some(Self::None),
            _ => None,
        }
    }
}

/// Reads compressed bytes; fails once the output passes `most` bytes or the ratio of the limits.
pub(super) fn inflate<'a>(
    compression: Compression,
    bytes: &'a [u8],
    most: u64,
    limits: &Limits,
) -> io::Result<Box<dyn Read + 'a>> {
    let input = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let by_ratio = input.saturating_mul(limits.ratio.into()).saturating_add(RATIO_FREE);
    let inner: Box<dyn Read> = match compression {
        Compression::None => Box::new(bytes),
        Compression::Gzip => Box::new(MultiGzDecoder::new(bytes)),
        Compression::Xz => {
            let stream =
                liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(bytes, stream))
        }
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
    };
    Ok(Box::new(BufReader::with_capacity(1 << 16, Bounded { inner, left: most.min(by_ratio) })))
}

/// The error kind of a reader that reached its bound.
pub(super) const BOUND: io::ErrorKind = io::ErrorKind::FileTooLarge;

struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(u64::try_from(count).unwrap_or(u64::MAX))
            .ok_or_else(|| io::Error::new(BOUND, "it unpacks to more than the limit"))?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn read(compression: Compression, bytes: &[u8], most: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        inflate(compression, bytes, most, &Limits::default())?.read_to_end(&mut content)?;
        Ok(content)
    }

    fn xz(content: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), level);
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn reads_every_compression() {
        let content = b"the same content".repeat(1000);
        assert_eq!(read(Compression::None, &content, MIB).unwrap(), content);
        assert_eq!(read(Compression::Gzip, &gzip(&content), MIB).unwrap(), content);
        assert_eq!(read(Compression::Xz, &xz(&content, 9), MIB).unwrap(), content);
        assert_eq!(
            read(Compression::Zstd, &zstd::encode_all(&content[..], 19).unwrap(), MIB).unwrap(),
            content
        );
        let members = [gzip(b"one"), gzip(b"two")].concat();
        assert_eq!(read(Compression::Gzip, &members, MIB).unwrap(), b"onetwo");
    }

    #[test]
    fn stops_at_the_bound_and_at_the_ratio() {
        let zeros = vec![0; 8 << 20];
        assert_eq!(read(Compression::Xz, &xz(&zeros, 6), MIB).unwrap_err().kind(), BOUND);
        let packed = gzip(&zeros);
        let strict = Limits { ratio: 100, ..Limits::default() };
        let mut reader = inflate(Compression::Gzip, &packed, 64 * MIB, &strict).unwrap();
        assert_eq!(io::copy(&mut reader, &mut io::sink()).unwrap_err().kind(), BOUND);
    }

    /// A dictionary of 1.5 GiB, claimed by a stream of a few bytes, must not be allocated.
    #[test]
    fn an_xz_dictionary_beyond_the_memory_limit_is_refused() {
        let mut packed = xz(b"small", 6);
        // xz file format 3.1: the block header stands at 12, its size in words minus one first; LZMA2's
        // only property is the dictionary size, and a CRC32 ends the header.
        let header = 12..12 + (usize::from(packed[12]) + 1) * 4;
        let property =
            (header.start + 2..header.end).find(|at| packed[*at..].starts_with(&[0x21, 0x01])).unwrap() + 2;
        packed[property] = 37;
        let checksum = crc32(&packed[header.start..header.end - 4]);
        packed[header.end - 4..header.end].copy_from_slice(&checksum.to_le_bytes());
        let error = read(Compression::Xz, &packed, MIB).unwrap_err();
        assert!(error.to_string().contains("memory limit"), "{error}");

        packed[property] = 22;
        let checksum = crc32(&packed[header.start..header.end - 4]);
        packed[header.end - 4..header.end].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(read(Compression::Xz, &packed, MIB).unwrap(), b"small", "8 MiB are within the limit");
    }

    /// A window of 2 GiB, claimed by a frame of ten bytes, must not be allocated.
    #[test]
    fn a_zstd_window_beyond_the_limit_is_refused() {
        // RFC 8878, 3.1.1: magic number, frame header descriptor, window descriptor, one last raw block.
        let frame = |window_log: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3, 0x09, 0, 0, b'x'];
        assert_eq!(read(Compression::Zstd, &frame(27), MIB).unwrap(), b"x");
        assert!(read(Compression::Zstd, &frame(28), MIB).is_err());
        assert!(read(Compression::Zstd, &frame(31), MIB).is_err());
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), head in 0usize..4) {
            let heads: [&[u8]; 4] = [b"", b"\x1f\x8b\x08\0", b"\xfd7zXZ\0\0\x04", b"\x28\xb5\x2f\xfd"];
            let bytes = [heads[head], &bytes].concat();
            for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
                if let Ok(content) = read(compression, &bytes, 1000) {
                    prop_assert!(content.len() <= 1000);
                }
            }
        }
    }
}
