//! Digests and extracts of contents that are parts of files, on all processors.

use std::collections::HashSet;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lazaret_model::{Extracted, RandomAccess as _, Visitor, Wanted};
use sha2::{Digest as _, Sha256};

use super::Indexed;
use super::contents::{Contents, Gathered, Key, WantedContent, key_of, record_at};
use crate::budget::{Deadline, Exceeded};
use crate::layer::{InMemory, InWindow, Record, Window, read_record};
use crate::problems::lossy;

/// Fewer contents are not worth a thread.
const JOBS_PER_THREAD: usize = 16;
/// Contents up to this size are read at once; of larger ones, only what is asked for.
const BUFFER: usize = 128 << 10;

/// One content, or one more name of a content from which something is extracted.
struct Job<'a> {
    key: Key,
    wanted: &'a WantedContent<'a>,
    digest: bool,
    extract: bool,
    window: &'a Window,
    record: &'a Record,
}

#[derive(Default)]
struct Done {
    digest: Option<io::Result<[u8; 32]>>,
    extracted: Option<io::Result<Extracted>>,
}

pub(super) fn read(
    contents: &mut Contents<'_>,
    wanted: &[WantedContent<'_>],
    visitor: &dyn Visitor,
    gathered: &mut Gathered,
) {
    let mut jobs = jobs(contents.indexed, wanted);
    // In the order in which they are stored.
    jobs.sort_unstable_by_key(|job| (job.key.0, job.record.start, job.wanted.number));
    let deadline = contents.budget.deadline;
    let next = AtomicUsize::new(0);
    let done = Mutex::new((Vec::with_capacity(jobs.len()), &mut *contents.budget));
    let work = || {
        let mut buffer = vec![0; BUFFER];
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(number) else { break };
            let mut result = job.work(visitor, &mut buffer, deadline);
            if let Ok(mut locked) = done.lock() {
                let (done, budget) = &mut *locked;
                if let Some(Ok(extracted)) = &result.extracted
                    && let Err(exceeded) = budget.keep(extracted.bytes.len() as u64)
                {
                    result.extracted = Some(Err(exceeded.io()));
                }
                done.push((number, result));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(jobs.len() / JOBS_PER_THREAD);
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let Ok((mut done, _)) = done.into_inner() else { return };
    done.sort_unstable_by_key(|(number, _)| *number);
    for (number, result) in done {
        put(&jobs[number], result, contents, gathered);
    }
}

fn jobs<'a>(indexed: &'a Indexed, wanted: &'a [WantedContent<'a>]) -> Vec<Job<'a>> {
    let mut hashed = HashSet::new();
    let mut jobs = Vec::new();
    for wanted in wanted {
        let key = key_of(indexed, wanted.place);
        let (index, record) = record_at(indexed, key);
        let Some(window) = &index.window else { continue };
        // One digest is enough for all names of a content.
        let digest = wanted.want.digest && hashed.insert(key);
        let extract = wanted.want.content == Wanted::Extract;
        if digest || extract {
            jobs.push(Job { key, wanted, digest, extract, window, record });
        }
    }
    jobs
}

fn put(job: &Job<'_>, done: Done, contents: &mut Contents<'_>, gathered: &mut Gathered) {
    let mut failed = |error: &io::Error| {
        contents.problems.io(lossy(job.wanted.entry.path), error);
        gathered.kept.entry(job.key).or_default().failed = true;
    };
    let digest = match done.digest {
        Some(Err(error)) => {
            failed(&error);
            None
        }
        Some(Ok(digest)) => Some(digest),
        None => None,
    };
    match done.extracted {
        Some(Err(error)) => failed(&error),
        Some(Ok(extracted)) => {
            gathered.extracted.insert(job.wanted.number, extracted);
        }
        None => {}
    }
    if digest.is_some() {
        gathered.kept.entry(job.key).or_default().digest = digest;
    }
}

impl Job<'_> {
    fn work(&self, visitor: &dyn Visitor, buffer: &mut [u8], deadline: Deadline) -> Done {
        let mut done = Done::default();
        let small = usize::try_from(self.record.size).is_ok_and(|size| size <= buffer.len());
        if small && (self.digest || self.extract) {
            match self.read_whole(buffer, deadline) {
                Ok(bytes) => {
                    done.digest = self.digest.then(|| Ok(Sha256::digest(bytes).into()));
                    done.extracted =
                        self.extract.then(|| Ok(visitor.extract(&self.wanted.entry, &mut InMemory(bytes))));
                }
                Err(error) if self.digest => done.digest = Some(Err(error)),
                Err(error) => done.extracted = Some(Err(error)),
            }
            return done;
        }
        if self.digest {
            done.digest = Some(self.hash(buffer, deadline));
        }
        if self.extract {
            let opened = InWindow::new(self.window, self.record, deadline);
            done.extracted = Some(opened.map(|mut file| visitor.extract(&self.wanted.entry, &mut file)));
        }
        done
    }

    fn read_whole<'b>(&self, buffer: &'b mut [u8], deadline: Deadline) -> io::Result<&'b [u8]> {
        let mut file = InWindow::new(self.window, self.record, deadline)?;
        let size = usize::try_from(self.record.size).unwrap_or(usize::MAX).min(buffer.len());
        let bytes = &mut buffer[..size];
        file.read_at(0, bytes)?;
        Ok(bytes)
    }

    fn hash(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<[u8; 32]> {
        let mut hash = Sha256::new();
        read_record(self.window, self.record, buffer, &mut |part| {
            hash.update(part);
            deadline.check().map_err(Exceeded::io)
        })?;
        Ok(hash.finalize().into())
    }
}
