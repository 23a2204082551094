//! Files of a tree that can be read anywhere.

use std::io;

use lazaret_model::RandomAccess;

use super::input::{Window, truncated};
use super::reader::check_stored;
use super::sparse::{Segment, expand};
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

/// Where the bytes of a file are in another file, perhaps with holes between them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent<'a> {
    pub(crate) window: &'a Window,
    pub(crate) start: u64,
    pub(crate) stored: u64,
    /// Size of the file, holes included.
    pub(crate) size: u64,
    pub(crate) segments: Option<&'a [Segment]>,
}

impl<'a> Extent<'a> {
    /// All of a window.
    pub(crate) fn whole(window: &'a Window) -> Self {
        Self { window, start: 0, stored: window.len(), size: window.len(), segments: None }
    }

    pub(crate) fn open(self, deadline: Deadline) -> io::Result<InWindow<'a>> {
        let mut segment_starts = Vec::new();
        if let Some(segments) = self.segments {
            check_stored(self.stored, segments)?;
            let mut position = 0;
            for segment in segments {
                segment_starts.push(position);
                // The sum is what is stored, as was checked.
                position += segment.length;
            }
        }
        Ok(InWindow { extent: self, segment_starts, deadline })
    }

    /// The length of a content without holes that is there as a whole: as much memory is not too much.
    pub(crate) fn present(&self) -> Option<usize> {
        let end = self.start.checked_add(self.stored)?;
        let is_whole = self.segments.is_none() && self.stored == self.size && end <= self.window.len();
        usize::try_from(self.size).ok().filter(|_| is_whole)
    }

    /// Passes the content to the sink, in pieces.
    pub(crate) fn copy(
        self,
        buffer: &mut [u8],
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut start = self.start;
        let mut read = |length: u64, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>| {
            self.window.copy(start, length, buffer, sink)?;
            start += length;
            Ok(())
        };
        match self.segments {
            None => read(self.stored, sink),
            Some(segments) => {
                check_stored(self.stored, segments)?;
                expand(self.size, segments, sink, read)
            }
        }
    }
}

/// A file that is part of another file.
pub(crate) struct InWindow<'a> {
    extent: Extent<'a>,
    /// Where each segment begins in what is stored.
    segment_starts: Vec<u64>,
    deadline: Deadline,
}

impl InWindow<'_> {
    fn read_stored(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let extent = &self.extent;
        let mut filled = 0;
        while filled < buffer.len() {
            match extent.window.read_at(&mut buffer[filled..], extent.start + offset + filled as u64)? {
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
        for (segment, &stored) in segments.iter().zip(&self.segment_starts).skip(first) {
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
        self.extent.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.deadline.check().map_err(Exceeded::io)?;
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.extent.size) {
            return Err(beyond());
        }
        match self.extent.segments {
            None => self.read_stored(offset, buffer),
            Some(segments) => self.read_sparse(segments, offset, buffer),
        }
    }
}

fn beyond() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before")
}
