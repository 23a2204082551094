//! Compression of layers and whole archives, recognised by their first bytes as the engines do it:
//! media types lie.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use super::LayerBytes;
use super::input::{StreamInput, Window, WindowInput, fill};
use crate::budget::{Budget, Deadline, Exceeded};

/// An archive without its compression.
pub(crate) enum Uncompressed {
    Window(WindowInput),
    Stream(Stream<'static>),
}

pub(crate) type Stream<'a> = StreamInput<Box<dyn BufRead + 'a>>;

/// 128 MiB, the largest window that `zstd -d` accepts without being asked.
const ZSTD_WINDOW_LOG: u32 = 27;
const BUFFER: usize = 64 << 10;
/// The ratio is not looked at before this many bytes: small archives of zeros are common.
const RATIO_FREE: u64 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
    Unsupported(&'static str),
}

fn recognise(start: &[u8]) -> Compression {
    match start {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        // A frame, or a frame to be skipped (seekable and chunked archives may begin with one).
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        [b'B', b'Z', b'h', ..] => Compression::Unsupported("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Unsupported("xz"),
        _ => Compression::None,
    }
}

pub(crate) fn uncompressed(bytes: LayerBytes, budget: &Budget) -> io::Result<Uncompressed> {
    match bytes {
        LayerBytes::Window(window) if !is_compressed(&window)? => {
            Ok(Uncompressed::Window(WindowInput::new(window)))
        }
        LayerBytes::Window(window) => {
            uncompressed_stream(BufReader::with_capacity(BUFFER, WindowInput::new(window)), budget)
                .map(Uncompressed::Stream)
        }
        LayerBytes::Stream(stream) => {
            uncompressed_stream(BufReader::with_capacity(BUFFER, stream), budget).map(Uncompressed::Stream)
        }
    }
}

pub(crate) fn is_compressed(window: &Window) -> io::Result<bool> {
    let mut start = [0; 6];
    let read = window.read_at(&mut start, 0)?;
    Ok(recognise(&start[..read]) != Compression::None)
}

pub(crate) fn uncompressed_stream<'a>(
    mut inner: impl BufRead + 'a,
    budget: &Budget,
) -> io::Result<Stream<'a>> {
    let mut start = [0; 6];
    let read = fill(&mut inner, &mut start)?;
    let compression = recognise(&start[..read]);
    let counted = Counted::new(Cursor::new(start[..read].to_vec()).chain(inner));
    let taken = Rc::clone(&counted.taken);
    let metered = |decoder: Box<dyn Read + 'a>, ratio| metered(decoder, taken, ratio, budget);
    let ratio = Some(u64::from(budget.limits.ratio));
    Ok(match compression {
        Compression::None => metered(Box::new(counted), None),
        Compression::Gzip => metered(Box::new(MultiGzDecoder::new(counted)), ratio),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(counted)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            metered(Box::new(decoder), ratio)
        }
        Compression::Unsupported(name) => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("{name} compression is not read"),
            ));
        }
    })
}

/// What a decoder of another compression gives, held to the same bounds.
pub(crate) fn decoded<'a, R: BufRead + 'a>(
    inner: R,
    decoder: impl FnOnce(Counted<R>) -> Box<dyn Read + 'a>,
    budget: &Budget,
) -> Stream<'a> {
    let counted = Counted::new(inner);
    let taken = Rc::clone(&counted.taken);
    metered(decoder(counted), taken, Some(u64::from(budget.limits.ratio)), budget)
}

fn metered<'a>(
    decoder: Box<dyn Read + 'a>,
    taken: Rc<Cell<u64>>,
    ratio: Option<u64>,
    budget: &Budget,
) -> Stream<'a> {
    let (most, deadline) = (budget.limits.archive_bytes, budget.deadline);
    let metered = Metered { decoder, taken, given: 0, most, ratio, deadline };
    StreamInput::new(Box::new(BufReader::with_capacity(BUFFER, metered)))
}

/// Counts the compressed bytes that a decoder takes.
pub(crate) struct Counted<R> {
    inner: R,
    taken: Rc<Cell<u64>>,
}

impl<R> Counted<R> {
    fn new(inner: R) -> Self {
        Self { inner, taken: Rc::default() }
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.taken.set(self.taken.get() + read as u64);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.taken.set(self.taken.get() + bytes as u64);
        self.inner.consume(bytes);
    }
}

/// Stops a decoder that gives more than it should.
struct Metered<'a> {
    decoder: Box<dyn Read + 'a>,
    taken: Rc<Cell<u64>>,
    given: u64,
    most: u64,
    ratio: Option<u64>,
    deadline: Deadline,
}

impl Read for Metered<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.deadline.check().map_err(Exceeded::io)?;
        let read = self.decoder.read(out)?;
        self.given += read as u64;
        if self.given > self.most {
            return Err(Exceeded::new(format!("more than {} uncompressed bytes", self.most)).io());
        }
        if let Some(ratio) = self.ratio
            && self.given > RATIO_FREE
            && self.given / ratio > self.taken.get()
        {
            return Err(Exceeded::new(format!(
                "more than {ratio} uncompressed bytes for each compressed one"
            ))
            .io());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression as Level;
    use flate2::write::GzEncoder;
    use lazaret_model::Limits;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Level::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8], limits: &Limits) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        uncompressed_stream(bytes, &Budget::new(limits))?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn recognises_by_content() {
        let limits = Limits::default();
        let text = b"some bytes".repeat(1000);
        assert_eq!(read(&text, &limits).unwrap(), text);
        assert_eq!(read(&gzip(&text), &limits).unwrap(), text);
        assert_eq!(read(&zstd::encode_all(&text[..], 3).unwrap(), &limits).unwrap(), text);
        assert_eq!(read(b"", &limits).unwrap(), b"");
        let skippable =
            [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9][..], &zstd::encode_all(&b"x"[..], 3).unwrap()].concat();
        assert_eq!(read(&skippable, &limits).unwrap(), b"x");
        assert!(read(b"BZh91AY", &limits).unwrap_err().to_string().contains("bzip2"));
    }

    #[test]
    fn reads_all_members_and_frames() {
        let limits = Limits::default();
        let two = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(read(&two, &limits).unwrap(), b"one two");
        let two =
            [zstd::encode_all(&b"one "[..], 3).unwrap(), zstd::encode_all(&b"two"[..], 3).unwrap()].concat();
        assert_eq!(read(&two, &limits).unwrap(), b"one two");
    }

    #[test]
    fn notices_damage_and_truncation() {
        let limits = Limits::default();
        let text: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
        for whole in [gzip(&text), zstd::encode_all(&text[..], 3).unwrap()] {
            assert!(read(&whole[..whole.len() / 2], &limits).is_err());
            let mut flipped = whole.clone();
            let middle = whole.len() / 2;
            flipped[middle] ^= 0x55;
            assert!(read(&flipped, &limits).is_err() || read(&flipped, &limits).unwrap() != text);
        }
    }

    #[test]
    fn stops_bombs() {
        let zeros = vec![0; 8 << 20];
        let limits = Limits { ratio: 100, ..Limits::default() };
        for bomb in [gzip(&zeros), zstd::encode_all(&zeros[..], 19).unwrap()] {
            let error = read(&bomb, &limits).unwrap_err();
            assert!(error.get_ref().unwrap().is::<Exceeded>(), "{error}");
        }
        let limits = Limits { archive_bytes: 1 << 20, ..Limits::default() };
        assert!(read(&gzip(&zeros), &limits).unwrap_err().to_string().contains("1048576"));
        let limits = Limits { time: std::time::Duration::ZERO, ..Limits::default() };
        assert!(read(b"x", &limits).is_err());
    }
}
