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
mod tests {
    use proptest::prelude::*;

    use super::super::group::Builder;
    use super::super::reader::{Cursor, View};
    use super::*;

    const LIMIT: u64 = 64 << 10;
    const FRESH: Identity = [9; 16];

    fn open(directory: &Path) -> (Log, Vec<String>) {
        Log::open(directory, LIMIT, FRESH).unwrap()
    }

    fn payload(seq: u64, size: usize) -> Vec<u8> {
        let mut payload = format!("{seq}:").into_bytes();
        payload.resize(payload.len() + size, b'x');
        payload
    }

    fn group(size: usize, importance: Importance) -> Group {
        Group { records: vec![Box::new(move |seq| payload(seq, size))], importance }
    }

    fn read_all(log: &Log) -> (Vec<(u64, Vec<u8>)>, u64) {
        let view = View {
            identity: *log.identity(),
            segments: log.segments(),
            last: log.last(),
            counted: log.counted(),
        };
        let mut cursor = Cursor::at(log.acked());
        let (mut records, mut unreadable) = (Vec::new(), 0);
        while cursor.after() < view.last {
            let batch = cursor.read(&view, 7, 4096);
            records.extend(batch.records);
            unreadable += batch.unreadable;
        }
        (records, unreadable)
    }

    #[derive(Debug, Clone)]
    enum Step {
        Append(Vec<usize>),
        Ack(u64),
        Reopen,
        /// Rubbish behind the last record, as a write that was cut short leaves it.
        Torn(Vec<u8>),
        LoseMeta,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => proptest::collection::vec(0usize..3000, 1..8).prop_map(Step::Append),
            2 => (0u64..40).prop_map(Step::Ack),
            1 => Just(Step::Reopen),
            1 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Step::Torn),
            1 => Just(Step::LoseMeta),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        /// Whatever happens, what was answered for and not acknowledged is read back, once and in order.
        #[test]
        fn keeps_what_it_promised(steps in proptest::collection::vec(step(), 1..40)) {
            let directory = tempfile::tempdir().unwrap();
            let (mut log, _) = open(directory.path());
            let mut promised = Vec::new();
            let mut acked = 0;
            for step in steps {
                match step {
                    Step::Append(sizes) => {
                        let groups = sizes.iter().map(|size| group(*size, Importance::Decision)).collect();
                        for (size, result) in sizes.iter().zip(log.append(groups)) {
                            match result {
                                Ok(seq) => promised.push((seq, payload(seq, *size))),
                                Err(error) => prop_assert_eq!(error, SpoolError::Full { mebibytes: 0 }),
                            }
                        }
                    }
                    Step::Ack(more) => {
                        acked = (acked + more).min(log.last());
                        log.ack(acked);
                        log.save_meta();
                    }
                    Step::Reopen => {
                        drop(log);
                        log = open(directory.path()).0;
                    }
                    Step::Torn(rubbish) => {
                        let end = log.segments.back().unwrap().bytes;
                        log.active.write_all_at(&rubbish, end).unwrap();
                        drop(log);
                        log = open(directory.path()).0;
                    }
                    Step::LoseMeta => {
                        drop(log);
                        std::fs::remove_file(directory.path().join("meta.json")).unwrap();
                        log = open(directory.path()).0;
                        prop_assert_eq!(log.identity(), &FRESH);
                        prop_assert!(log.acked() <= acked);
                    }
                }
                let (records, unreadable) = read_all(&log);
                let unsent: Vec<_> = records.into_iter().filter(|(seq, _)| *seq > acked).collect();
                let expected: Vec<_> = promised.iter().filter(|(seq, _)| *seq > acked).cloned().collect();
                prop_assert_eq!(unsent, expected);
                prop_assert_eq!(unreadable, 0);
                prop_assert_eq!(log.lost(), 0);
            }
        }

        /// A crash at any byte leaves the records that were whole; the next number follows them.
        #[test]
        fn a_cut_at_any_byte_leaves_the_whole_records(sizes in proptest::collection::vec(0usize..300, 1..20), cut in any::<prop::sample::Index>()) {
            let directory = tempfile::tempdir().unwrap();
            let (mut log, _) = open(directory.path());
            let mut ends = Vec::new();
            for size in &sizes {
                log.append(vec![group(*size, Importance::Event)])[0].clone().unwrap();
                ends.push(log.segments.back().unwrap().bytes);
            }
            let segment = log.segments.back().unwrap().clone();
            drop(log);
            let cut = cut.index(usize::try_from(segment.bytes).unwrap()) as u64;
            OpenOptions::new().write(true).open(&segment.path).unwrap().set_len(cut).unwrap();
            let (mut log, damage) = open(directory.path());
            let whole = ends.iter().filter(|end| **end <= cut).count() as u64;
            prop_assert_eq!(log.last(), whole);
            prop_assert_eq!(damage.len(), 0);
            prop_assert_eq!(log.append(vec![group(5, Importance::Event)])[0].clone(), Ok(whole + 1));
            prop_assert_eq!(read_all(&log).0.len() as u64, whole + 1);
        }

        /// A flipped byte costs the record it is in, is counted once, and nothing else.
        #[test]
        fn damage_is_counted_not_hidden(sizes in proptest::collection::vec(0usize..300, 2..20), place in any::<prop::sample::Index>()) {
            let directory = tempfile::tempdir().unwrap();
            let (mut log, _) = open(directory.path());
            for size in &sizes {
                log.append(vec![group(*size, Importance::Event)])[0].clone().unwrap();
            }
            let segment = log.segments.back().unwrap().clone();
            drop(log);
            let mut bytes = std::fs::read(&segment.path).unwrap();
            let place = segment::HEADER_BYTES + place.index(bytes.len() - segment::HEADER_BYTES);
            bytes[place] ^= 0x20;
            std::fs::write(&segment.path, &bytes).unwrap();
            for _ in 0..2 {
                let (mut log, _) = open(directory.path());
                log.append(vec![group(0, Importance::Event)])[0].clone().unwrap();
                let (records, unreadable) = read_all(&log);
                prop_assert_eq!(unreadable, 0);
                prop_assert!(records.windows(2).all(|pair| pair[0].0 < pair[1].0));
                let own = |(seq, payload): &(u64, Vec<u8>)| payload.starts_with(format!("{seq}:").as_bytes());
                prop_assert!(records.iter().all(own));
                prop_assert!(log.lost() <= 1);
            }
        }
    }

    #[test]
    fn the_last_eighth_is_for_decisions() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = open(directory.path());
        while log.append(vec![group(500, Importance::Event)])[0].is_ok() {}
        assert_eq!(log.append(vec![group(500, Importance::Decision)])[0], Ok(log.last()));
        while log.append(vec![group(500, Importance::Decision)])[0].is_ok() {}
        log.ack(log.last());
        assert!(
            log.append(vec![group(500, Importance::Event)])[0].is_ok(),
            "acknowledged segments are deleted"
        );
    }

    #[test]
    fn a_group_is_kept_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = open(directory.path());
        let records: Vec<Builder> =
            vec![Box::new(|_| vec![0; 10]), Box::new(|_| vec![0; record::PAYLOAD_BYTES + 1])];
        assert_eq!(
            log.append(vec![Group { records, importance: Importance::Decision }])[0],
            Err(SpoolError::TooLong)
        );
        assert_eq!(log.last(), 0);
        assert_eq!(log.append(vec![group(1, Importance::Decision)])[0], Ok(1));
    }
}
