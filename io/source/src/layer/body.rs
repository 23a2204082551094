//! The stored bytes of one member, as an input of their own: a layer within an archive is read so.

use std::io::{self, BufRead, Read};

use super::input::{Input, truncated};

pub(crate) struct Body<'a, I> {
    input: &'a mut I,
    left: &'a mut u64,
}

impl<'a, I: Input> Body<'a, I> {
    pub(super) fn new(input: &'a mut I, left: &'a mut u64) -> Self {
        Self { input, left }
    }

    pub(super) fn copy(
        &mut self,
        mut length: u64,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        while length > 0 {
            let there = self.fill_buf()?;
            let part = there.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            if part == 0 {
                return Err(truncated());
            }
            sink(&there[..part])?;
            self.consume(part);
            length -= part as u64;
        }
        Ok(())
    }
}

impl<I: Input> BufRead for Body<'_, I> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if *self.left == 0 {
            return Ok(&[]);
        }
        let there = self.input.fill_buf()?;
        Ok(&there[..there.len().min(usize::try_from(*self.left).unwrap_or(usize::MAX))])
    }

    fn consume(&mut self, bytes: usize) {
        *self.left -= bytes as u64;
        self.input.consume(bytes);
    }
}

impl<I: Input> Read for Body<'_, I> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let there = self.fill_buf()?;
        let part = there.len().min(out.len());
        out[..part].copy_from_slice(&there[..part]);
        self.consume(part);
        Ok(part)
    }
}
