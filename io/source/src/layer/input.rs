//! The two ways to read an archive: by place in a file, or as it comes by.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A source of bytes that can pass over some of them.
pub(crate) trait Input: BufRead {
    /// Bytes read or passed over so far.
    fn position(&self) -> u64;

    /// Passes over bytes and tells how many there were: fewer at the end of the input.
    fn skip(&mut self, bytes: u64) -> io::Result<u64>;
}

/// Part of a file.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    file: Arc<File>,
    start: u64,
    length: u64,
}

impl Window {
    pub(crate) fn new(file: Arc<File>, length: u64) -> Self {
        Self { file, start: 0, length }
    }

    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// A part of this part, cut off where this one ends.
    pub(crate) fn part(&self, start: u64, length: u64) -> Self {
        let start = start.min(self.length);
        Self {
            file: Arc::clone(&self.file),
            start: self.start + start,
            length: length.min(self.length - start),
        }
    }

    /// Reads what there is at an offset, at most the buffer's length; nothing at the end.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.length.saturating_sub(offset);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        loop {
            match self.file.read_at(&mut buffer[..most], self.start + offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Passes bytes to the sink in pieces; fails where the file is shorter than it was.
    pub(crate) fn copy(
        &self,
        mut offset: u64,
        length: u64,
        buffer: &mut [u8],
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let end = offset.saturating_add(length);
        while offset < end {
            let most = usize::try_from(end - offset).unwrap_or(usize::MAX).min(buffer.len());
            let read = self.read_at(&mut buffer[..most], offset)?;
            if read == 0 {
                return Err(truncated());
            }
            sink(&buffer[..read])?;
            offset += read as u64;
        }
        Ok(())
    }
}

pub(crate) fn truncated() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends within it")
}

/// Reads a window front to back; passing over bytes costs nothing.
#[derive(Debug)]
pub(crate) struct WindowInput {
    window: Window,
    position: u64,
    buffer: Box<[u8]>,
    /// Where in the window the buffer's first byte is.
    buffer_start: u64,
    filled: usize,
    /// How much is read at once: more where small files follow each other, so that their headers come
    /// with one call; less where most of it would be passed over.
    ahead: usize,
}

const LEAST_AHEAD: usize = 4 << 10;
const MOST_AHEAD: usize = 64 << 10;

impl WindowInput {
    pub(crate) fn new(window: Window) -> Self {
        let buffer = vec![0; MOST_AHEAD].into();
        Self { window, position: 0, buffer, buffer_start: 0, filled: 0, ahead: LEAST_AHEAD }
    }

    pub(crate) fn window(&self) -> &Window {
        &self.window
    }

    /// The bytes at the position that are in the buffer.
    fn buffered(&self) -> &[u8] {
        self.position
            .checked_sub(self.buffer_start)
            .and_then(|start| usize::try_from(start).ok())
            .and_then(|start| self.buffer[..self.filled].get(start..))
            .unwrap_or_default()
    }
}

impl BufRead for WindowInput {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffered().is_empty() {
            let passed_over = self.position.saturating_sub(self.buffer_start + self.filled as u64);
            self.ahead = match passed_over < MOST_AHEAD as u64 / 2 {
                true => (self.ahead * 2).min(MOST_AHEAD),
                false => LEAST_AHEAD,
            };
            self.filled = 0;
            self.filled = self.window.read_at(&mut self.buffer[..self.ahead], self.position)?;
            self.buffer_start = self.position;
        }
        Ok(self.buffered())
    }

    fn consume(&mut self, bytes: usize) {
        self.position += bytes as u64;
    }
}

impl Read for WindowInput {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}

impl Input for WindowInput {
    fn position(&self) -> u64 {
        self.position
    }

    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let bytes = bytes.min(self.window.len().saturating_sub(self.position));
        self.position += bytes;
        Ok(bytes)
    }
}

/// Reads what comes by.
#[derive(Debug)]
pub(crate) struct StreamInput<R> {
    inner: R,
    position: u64,
}

impl<R: BufRead> StreamInput<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, position: 0 }
    }

    /// Reads to the end: a source that verifies what it gave does so there.
    pub(crate) fn drain(&mut self) -> io::Result<()> {
        self.skip(u64::MAX).map(drop)
    }
}

impl<R: BufRead> BufRead for StreamInput<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.position += bytes as u64;
        self.inner.consume(bytes);
    }
}

impl<R: BufRead> Read for StreamInput<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}

impl<R: BufRead> Input for StreamInput<R> {
    fn position(&self) -> u64 {
        self.position
    }

    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let mut left = bytes;
        while left > 0 {
            let there = self.fill_buf()?.len();
            if there == 0 {
                break;
            }
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(there);
            self.consume(part);
            left -= part as u64;
        }
        Ok(bytes - left)
    }
}

fn read_buffered(input: &mut impl BufRead, out: &mut [u8]) -> io::Result<usize> {
    let there = input.fill_buf()?;
    let part = there.len().min(out.len());
    out[..part].copy_from_slice(&there[..part]);
    input.consume(part);
    Ok(part)
}

/// Fills the buffer as far as the input reaches.
pub(crate) fn fill(input: &mut impl BufRead, out: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match read_buffered(input, &mut out[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn window(bytes: &[u8]) -> Window {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Window::new(Arc::new(file), bytes.len() as u64)
    }

    #[test]
    fn both_inputs_read_alike() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        let mut by_place = WindowInput::new(window(&bytes));
        let mut by_stream = StreamInput::new(&bytes[..]);
        for (skip, read) in
            [(0, 512), (100, 512), (20_000, 4000), (7, 1), (50_000, 512), (0, 9000), (90_000, 10), (5, 5)]
        {
            let mut one = vec![0; read];
            let mut two = vec![0; read];
            assert_eq!(by_place.skip(skip).unwrap(), by_stream.skip(skip).unwrap());
            assert_eq!(fill(&mut by_place, &mut one).unwrap(), fill(&mut by_stream, &mut two).unwrap());
            assert_eq!(one, two);
            assert_eq!(by_place.position(), by_stream.position());
        }
    }

    #[test]
    fn parts_stay_within() {
        let window = window(b"0123456789");
        let part = window.part(2, 5).part(1, 100);
        let mut read = Vec::new();
        WindowInput::new(part.clone()).read_to_end(&mut read).unwrap();
        assert_eq!(read, b"3456");
        assert_eq!(window.part(99, 1).len(), 0);
        let mut buffer = [0; 2];
        let error = part.copy(2, 9, &mut buffer, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
