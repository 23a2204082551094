//! The spool's files: one writer, synchronous, every answer given after `fdatasync`.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::SpoolError;
use super::group::{Group, Importance};
use super::meta::Meta;
use super::record::{self, Identity};
use super::recovery::{self, Recovered};
use super::segment::{self, Segment};
use crate::files;

pub(super) struct Log {
    directory: PathBuf,
    meta: Meta,
    meta_is_stale: bool,
    /// Oldest first; the last one is written to. Never empty.
    segments: VecDeque<Segment>,
    active: File,
    /// The active segment had an I/O error: what it holds on disk is unknown, so it is written no more.
    broken: bool,
    next: u64,
    limit: u64,
    segment_bytes: u64,
}

impl Log {
    /// Opens or creates the spool. The second value says what was damaged, one sentence each.
    pub(super) fn open(directory: &Path, limit: u64, fresh: Identity) -> io::Result<(Self, Vec<String>)> {
        let Recovered { meta, mut segments, next, damage } = recovery::recover(directory, fresh)?;
        let active = match segments.back() {
            Some(segment) => recovery::truncate(segment)?,
            None => {
                let (segment, file) = create(directory, &meta.identity, next)?;
                segments.push_back(segment);
                file
            }
        };
        let log = Self {
            directory: directory.to_owned(),
            meta,
            meta_is_stale: false,
            segments,
            active,
            broken: false,
            next,
            limit,
            segment_bytes: (limit / 8).min(4 << 20),
        };
        Ok((log, damage))
    }

    /// Writes groups one after the other with a single `fdatasync`; answers with their first numbers.
    pub(super) fn append(&mut self, groups: Vec<Group>) -> Vec<Result<u64, SpoolError>> {
        let answers = groups.len();
        match self.try_append(groups) {
            Ok(results) => results,
            Err(error) => {
                let text = error.to_string();
                (0..answers).map(|_| Err(SpoolError::Disk(text.clone()))).collect()
            }
        }
    }

    fn try_append(&mut self, groups: Vec<Group>) -> io::Result<Vec<Result<u64, SpoolError>>> {
        self.roll_if_due()?;
        let used = self.used();
        let mut buffer = Vec::new();
        let mut next = self.next;
        let mut results = Vec::with_capacity(groups.len());
        for group in groups {
            let (start, first) = (buffer.len(), next);
            let mut outcome = Ok(first);
            for build in group.records {
                if record::encode(&self.meta.identity, next, &build(next), &mut buffer).is_err() {
                    outcome = Err(SpoolError::TooLong);
                    break;
                }
                next += 1;
            }
            let allowance = match group.importance {
                Importance::Decision => self.limit,
                Importance::Event => self.limit - self.limit / 8,
            };
            if outcome.is_ok() && used + buffer.len() as u64 > allowance {
                outcome = Err(SpoolError::Full { mebibytes: self.limit >> 20 });
            }
            if outcome.is_err() {
                buffer.truncate(start);
                next = first;
            }
            results.push(outcome);
        }
        if buffer.is_empty() {
            return Ok(results);
        }
        let end = self.segments.back().map_or(0, |segment| segment.bytes);
        let written = self.active.write_all_at(&buffer, end).and_then(|()| self.active.sync_data());
        if let Err(error) = written {
            // After a failed fdatasync the kernel forgets which pages were dirty: retrying would lie.
            self.broken = true;
            let _ = self.active.set_len(end);
            return Err(error);
        }
        if let Some(active) = self.segments.back_mut() {
            active.bytes = end + buffer.len() as u64;
        }
        self.next = next;
        Ok(results)
    }

    fn roll_if_due(&mut self) -> io::Result<()> {
        let full = self.segments.back().is_some_and(|segment| segment.bytes >= self.segment_bytes);
        if !full && !self.broken {
            return Ok(());
        }
        let (segment, file) = create(&self.directory, &self.meta.identity, self.next)?;
        if self.segments.back().is_some_and(|last| last.first == segment.first) {
            self.segments.pop_back();
        }
        self.segments.push_back(segment);
        self.active = file;
        self.broken = false;
        self.delete_acked();
        Ok(())
    }

    /// Notes that the server has everything up to `through`, and deletes segments that nobody needs.
    pub(super) fn ack(&mut self, through: u64) {
        let through = through.min(self.last());
        if through > self.meta.acked {
            self.meta.acked = through;
            self.meta_is_stale = true;
            self.delete_acked();
        }
    }

    fn delete_acked(&mut self) {
        while self.segments.get(1).is_some_and(|second| second.first <= self.meta.acked + 1) {
            if let Some(oldest) = self.segments.pop_front()
                && let Err(error) = std::fs::remove_file(&oldest.path)
            {
                tracing::warn!(path = %oldest.path.display(), %error, "cannot delete a sent spool segment");
            }
        }
    }

    pub(super) fn add_lost(&mut self, events: u64) {
        if events > 0 {
            self.meta.lost += events;
            self.meta_is_stale = true;
        }
    }

    /// Saves acknowledgement and losses if they changed; called now and then, since both may be stale.
    pub(super) fn save_meta(&mut self) {
        if self.meta_is_stale {
            match self.meta.save(&self.directory) {
                Ok(()) => self.meta_is_stale = false,
                Err(error) => tracing::warn!(%error, "cannot save the spool's meta.json"),
            }
        }
    }

    pub(super) const fn identity(&self) -> &Identity {
        &self.meta.identity
    }

    pub(super) const fn lost(&self) -> u64 {
        self.meta.lost
    }

    pub(super) const fn acked(&self) -> u64 {
        self.meta.acked
    }

    /// Missing records up to this number are in `lost`.
    pub(super) const fn counted(&self) -> u64 {
        self.meta.counted
    }

    /// Number of the newest record that is on disk.
    pub(super) const fn last(&self) -> u64 {
        self.next - 1
    }

    pub(super) fn segments(&self) -> Vec<Segment> {
        self.segments.iter().cloned().collect()
    }

    fn used(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}

fn create(directory: &Path, identity: &Identity, first: u64) -> io::Result<(Segment, File)> {
    let path = segment::path(directory, first);
    let header = segment::header(identity);
    let made =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).and_then(|file| {
            file.write_all_at(&header, 0)?;
            file.sync_all()?;
            files::sync_directory(directory)?;
            Ok(file)
        });
    match made {
        Ok(file) => Ok((Segment { first, path, bytes: header.len() as u64 }, file)),
        Err(error) => {
            let _ = std::fs::remove_file(&path);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests;
