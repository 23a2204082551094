//! Digests and extracts of contents that are parts of files, on all processors.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use lazaret_model::{Visitor, Wanted};

use super::Indexed;
use super::contents::{Contents, Gathered, Key, WantedContent, extent_at, key_of};
use super::reduce::{BUFFER, Reduced, reduce};
use crate::layer::Extent;
use crate::problems::lossy;

/// Fewer contents are not worth a thread.
const JOBS_PER_THREAD: usize = 16;
/// One content, or one more name of a content from which something is extracted.
struct Job<'a> {
    key: Key,
    wanted: &'a WantedContent<'a>,
    digest: bool,
    extract: bool,
    extent: Extent<'a>,
}

pub(super) fn read(
    contents: &mut Contents<'_>,
    wanted: &[WantedContent<'_>],
    visitor: &dyn Visitor,
    gathered: &mut Gathered,
) {
    let mut jobs = jobs(contents.indexed, wanted);
    // In the order in which they are stored.
    jobs.sort_unstable_by_key(|job| (job.key.0, job.extent.start, job.wanted.number));
    let deadline = contents.budget.deadline;
    let next = AtomicUsize::new(0);
    let done = Mutex::new((Vec::with_capacity(jobs.len()), &mut *contents.budget));
    let work = || {
        let mut buffer = vec![0; BUFFER];
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(number) else { break };
            let mut result = reduce(
                job.extent,
                &job.wanted.entry,
                job.digest,
                job.extract,
                visitor,
                &mut buffer,
                deadline,
            );
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
        let Some(extent) = extent_at(indexed, key) else { continue };
        // One digest is enough for all names of a content.
        let digest = wanted.want.digest && hashed.insert(key);
        let extract = wanted.want.content == Wanted::Extract;
        if digest || extract {
            jobs.push(Job { key, wanted, digest, extract, extent });
        }
    }
    jobs
}

fn put(job: &Job<'_>, done: Reduced, contents: &mut Contents<'_>, gathered: &mut Gathered) {
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
            gathered.extracted.insert(job.wanted.number, Arc::new(extracted));
        }
        None => {}
    }
    if digest.is_some() {
        gathered.kept.entry(job.key).or_default().digest = digest;
    }
}
