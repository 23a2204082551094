//! Reads records back in order, for sending, without holding up the writer.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::record::{self, Identity};
use super::segment::{self, Segment};

/// The longest record.
const RECORD_BYTES: usize = record::PAYLOAD_BYTES + record::FRAME_BYTES;

/// What the log holds at one moment.
pub(super) struct View {
    pub(super) identity: Identity,
    pub(super) segments: Vec<Segment>,
    /// Newest record that is safe on disk.
    pub(super) last: u64,
    /// Records up to this number that are missing were counted as lost before.
    pub(super) counted: u64,
}

/// A place in the log. Remembers the file position, so that reading on doesn't scan again.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// Number of the last record that was read.
    after: u64,
    segment: u64,
    offset: u64,
}

/// Records in order, and how many could not be read where some should have been.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) records: Vec<(u64, Vec<u8>)>,
    pub(super) unreadable: u64,
}

impl Cursor {
    pub(super) fn at(after: u64) -> Self {
        Self { after, segment: 0, offset: 0 }
    }

    pub(super) const fn after(&self) -> u64 {
        self.after
    }

    /// Reads the next records, at most `count`, and no more once `bytes` are reached.
    pub(super) fn read(&mut self, view: &View, count: usize, bytes: usize) -> Batch {
        let mut batch = Batch::default();
        let mut size = 0;
        while self.after < view.last && batch.records.len() < count && size < bytes {
            let Some((place, found)) = self.locate(view) else { break };
            match self.read_some(view, found, count - batch.records.len()) {
                Ok(records) if !records.is_empty() => {
                    for (seq, payload) in records {
                        batch.unreadable += (seq - 1).saturating_sub(self.after.max(view.counted));
                        self.after = seq;
                        size += payload.len();
                        batch.records.push((seq, payload));
                    }
                }
                nothing => {
                    if let Err(error) = nothing {
                        tracing::error!(path = %found.path.display(), %error, "cannot read a spool segment");
                    }
                    // The rest of this segment is gone: go on behind it, and say how much that was.
                    let behind = view.segments.get(place + 1).map_or(view.last, |next| next.first - 1);
                    batch.unreadable += behind.saturating_sub(self.after.max(view.counted));
                    self.after = self.after.max(behind);
                }
            }
        }
        batch
    }

    fn locate<'v>(&self, view: &'v View) -> Option<(usize, &'v Segment)> {
        let place = view.segments.iter().rposition(|segment| segment.first <= self.after + 1).unwrap_or(0);
        view.segments.get(place).map(|segment| (place, segment))
    }

    fn read_some(
        &mut self,
        view: &View,
        found: &Segment,
        count: usize,
    ) -> std::io::Result<Vec<(u64, Vec<u8>)>> {
        if self.segment != found.first {
            self.segment = found.first;
            self.offset = segment::HEADER_BYTES as u64;
        }
        let file = File::open(&found.path)?;
        let mut records: Vec<(u64, Vec<u8>)> = Vec::new();
        while records.is_empty() && self.offset < found.bytes {
            let left = usize::try_from(found.bytes - self.offset).unwrap_or(usize::MAX);
            let mut chunk = vec![0; left.min(2 * RECORD_BYTES)];
            file.read_exact_at(&mut chunk, self.offset)?;
            let mut at = 0;
            while records.len() < count
                && let Some((_, record)) = record::find(&view.identity, &chunk, at)
            {
                at = record.end;
                let last = records.last().map_or(self.after, |(seq, _)| *seq);
                if record.seq > last && record.seq <= view.last {
                    records.push((record.seq, record.payload.to_vec()));
                }
            }
            // No record begins in the first half of two lengths of rubbish; step over it.
            self.offset += if at == 0 { chunk.len().min(RECORD_BYTES) } else { at } as u64;
        }
        Ok(records)
    }
}
