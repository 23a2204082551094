//! Files of a tree that can be read anywhere.

use std::io;

use lazaret_model::RandomAccess;

use super::index::Record;
use super::input::{Window, truncated};
use super::reader::check_stored;
use super::sparse::Segment;
use crate::budget::{Deadline, Exceeded};

/// A file whose content is in memory.
pub(crate) struct InMemory<'a>(pub(crate) &'a [u8]);

impl RandomAccess for InMemory<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(buffer.len());
        buffer.copy_from_slice(self.0.get(start..end).ok_or_else(beyond)?);
        Ok(())
    }
}

/// A file that is part of another file, perhaps with holes.
pub(crate) struct InWindow<'a> {
    window: &'a Window,
    start: u64,
    size: u64,
    segments: Option<&'a [Segment]>,
    /// Where each segment begins in what is stored.
    stored: Vec<u64>,
    deadline: Deadline,
}

impl<'a> InWindow<'a> {
    pub(crate) fn new(window: &'a Window, record: &'a Record, deadline: Deadline) -> io::Result<Self> {
        let segments = record.segments();
        let mut stored = Vec::new();
        if let Some(segments) = segments {
            check_stored(record.stored, segments)?;
            let mut position = 0;
            for segment in segments {
                stored.push(position);
                // The sum is what is stored, as was checked.
                position += segment.length;
            }
        }
        Ok(Self { window, start: record.start, size: record.size, segments, stored, deadline })
    }

    fn read_stored(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.window.read_at(&mut buffer[filled..], self.start + offset + filled as u64)? {
                0 => return Err(truncated()),
                read => filled += read,
            }
        }
        Ok(())
    }

    /// Fills the buffer from the segments that it touches, and with zeros between.
    fn read_sparse(&self, segments: &[Segment], offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        buffer.fill(0);
        let end = offset + buffer.len() as u64;
        let first = segments.partition_point(|segment| segment.offset + segment.length <= offset);
        for (segment, &stored) in segments.iter().zip(&self.stored).skip(first) {
            if segment.offset >= end {
                break;
            }
            let from = segment.offset.max(offset);
            let to = (segment.offset + segment.length).min(end);
            let (Ok(start), Ok(stop)) = (usize::try_from(from - offset), usize::try_from(to - offset)) else {
                return Err(beyond());
            };
            self.read_stored(stored + (from - segment.offset), &mut buffer[start..stop])?;
        }
        Ok(())
    }
}

impl RandomAccess for InWindow<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.deadline.check().map_err(Exceeded::io)?;
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(beyond());
        }
        match self.segments {
            None => self.read_stored(offset, buffer),
            Some(segments) => self.read_sparse(segments, offset, buffer),
        }
    }
}

fn beyond() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before")
}
