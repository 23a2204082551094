//! Wanted contents, from wherever they are.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lazaret_model::{Content, Want};
use sha2::{Digest as _, Sha256};

use super::{Indexed, LayerSource, Needs};
use crate::budget::{Budget, Exceeded};
use crate::layer::{Kept, LayerIndex, Place, Record, Window, read_record};
use crate::problems::{Problems, lossy};

/// Where a content is: the number of its archive and of its record.
type Key = (usize, u32);

pub(super) struct Contents<'a> {
    indexed: &'a Indexed,
    kept: HashMap<Key, Kept>,
    budget: &'a mut Budget,
    problems: &'a mut Problems,
}

impl<'a> Contents<'a> {
    /// Brings together what is not read at the moment it is visited: contents of layers that came by,
    /// and digests, which take all processors.
    pub(super) fn gather<'p>(
        indexed: &'a Indexed,
        kept: Vec<HashMap<u32, Kept>>,
        wanted: impl Iterator<Item = (&'p [u8], Place, Want)>,
        source: &mut dyn LayerSource,
        budget: &'a mut Budget,
        problems: &'a mut Problems,
    ) -> Self {
        let mut came_by: HashMap<Key, Kept> = (0..)
            .zip(kept)
            .flat_map(|(archive, kept)| kept.into_iter().map(move |(record, kept)| ((archive, record), kept)))
            .collect();
        let mut kept = HashMap::new();
        let mut needs = Needs::new();
        let mut digests: HashMap<Key, &[u8]> = HashMap::new();
        for (path, place, want) in wanted {
            let key = (indexed.archive(place), place.record);
            if indexed.archives[key.0].window.is_some() {
                if want == Want::Digest {
                    digests.insert(key, path);
                }
            } else if let Some(content) = came_by.remove(&key) {
                kept.insert(key, content);
            }
            let enough = match kept.get(&key) {
                _ if indexed.archives[key.0].window.is_some() => true,
                Some(Kept::Digest(_)) => want == Want::Digest,
                Some(_) => true,
                None => false,
            };
            if !enough {
                let need = needs.entry(key.0).or_default().entry(key.1).or_insert(want);
                if want == Want::Bytes {
                    *need = want;
                }
            }
        }
        for hidden in came_by.into_values() {
            if let Kept::Bytes(bytes) = hidden {
                budget.release(bytes.len() as u64);
            }
        }
        if !needs.is_empty() {
            for (archive, fetched) in source.fetch(&needs, budget, problems) {
                kept.extend(fetched.into_iter().map(|(record, content)| ((archive, record), content)));
            }
        }
        let digests: Vec<(Key, &[u8])> = digests.into_iter().collect();
        let mut contents = Self { indexed, kept, budget, problems };
        contents.digest(digests);
        contents
    }

    /// Computes digests of contents that are parts of files.
    fn digest(&mut self, mut jobs: Vec<(Key, &[u8])>) {
        // In the order in which they are stored.
        jobs.sort_unstable_by_key(|(key, _)| *key);
        let indexed = self.indexed;
        let deadline = self.budget.deadline;
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(jobs.len()));
        let work = || {
            let mut buffer = vec![0; DIGEST_BUFFER];
            while let Some((key, path)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (index, record) = place(indexed, *key);
                let mut hash = Sha256::new();
                let result = match &index.window {
                    Some(window) => read_record(window, record, &mut buffer, &mut |part| {
                        hash.update(part);
                        deadline.check().map_err(Exceeded::io)
                    }),
                    None => Ok(()),
                };
                let digest = result.map(|()| <[u8; 32]>::from(hash.finalize()));
                if let Ok(mut done) = done.lock() {
                    done.push((*key, *path, digest));
                }
            }
        };
        let threads =
            thread::available_parallelism().map_or(1, usize::from).min(jobs.len() / JOBS_PER_THREAD);
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_unstable_by_key(|(key, ..)| *key);
        for (key, path, digest) in done {
            let content = digest.map(Kept::Digest).unwrap_or_else(|error| {
                self.problems.io(lossy(path), &error);
                Kept::Failed
            });
            self.kept.insert(key, content);
        }
    }

    /// Gives the wanted content of one entry.
    pub(super) fn give(&mut self, path: &[u8], at: Place, want: Want, visit: &mut dyn FnMut(Content<'_>)) {
        let key = (self.indexed.archive(at), at.record);
        let (index, record) = place(self.indexed, key);
        match (want, self.kept.get(&key), &index.window) {
            (Want::Bytes, Some(Kept::Bytes(bytes)), _) => visit(Content::Bytes(bytes)),
            (Want::Digest, Some(Kept::Digest(digest)), _) => visit(Content::Digest(*digest)),
            (Want::Digest, Some(Kept::Bytes(bytes)), _) => {
                visit(Content::Digest(Sha256::digest(bytes).into()))
            }
            (Want::Bytes, _, Some(window)) => match read_bytes(window, record, self.budget) {
                Ok(bytes) => {
                    visit(Content::Bytes(&bytes));
                    self.budget.release(record.size);
                }
                Err(error) => {
                    self.problems.io(lossy(path), &error);
                    visit(Content::Nothing);
                }
            },
            (_, Some(Kept::Failed), _) => visit(Content::Nothing),
            _ => {
                self.problems
                    .malformed(lossy(path), "its content was not there when the layer was read again");
                visit(Content::Nothing);
            }
        }
    }
}

/// Fewer digests are not worth a thread.
const JOBS_PER_THREAD: usize = 16;
const DIGEST_BUFFER: usize = 128 << 10;

fn place(indexed: &Indexed, key: Key) -> (&LayerIndex, &Record) {
    let index = &indexed.archives[key.0];
    (index, &index.records[key.1 as usize])
}

fn read_bytes(window: &Window, record: &Record, budget: &mut Budget) -> io::Result<Vec<u8>> {
    budget.check_file(record.size).map_err(Exceeded::io)?;
    budget.keep(record.size).map_err(Exceeded::io)?;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; usize::try_from(record.size).unwrap_or(usize::MAX).min(DIGEST_BUFFER)];
    read_record(window, record, &mut buffer, &mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    Ok(bytes)
}
