//! Fetching packages and reading their changelogs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use lazaret_advisory::feed::apt::{Changelog, changelog_of, entries, fixes};
use lazaret_model::{Limits, Problem, ProblemKind};

use super::cache::{Cache, Known};
use super::config::Folders;
use super::error::AptError;
use super::fetch::AptProgress;
use super::offers::Candidate;
use super::run::{Invocation, percent, run};

/// One version of a source whose changelog is looked for.
#[derive(Debug)]
pub(super) struct Search {
    source: String,
    version: String,
    /// Packages not tried yet, the next one first.
    candidates: Vec<Candidate>,
    tries: usize,
    /// What went wrong with a package tried before.
    failure: Option<Problem>,
}

impl Search {
    pub(super) fn new(source: &str, version: &str, candidates: Vec<Candidate>) -> Self {
        Self { source: source.to_owned(), version: version.to_owned(), candidates, tries: 0, failure: None }
    }

    fn problem(&self, kind: ProblemKind, detail: String) -> Problem {
        Problem::new(kind, format!("{} {}", self.source, self.version), detail)
    }

    fn next_size(&self) -> u64 {
        self.candidates.first().map_or(0, |candidate| candidate.size)
    }
}

/// Packages of one source that are tried before it counts as having no changelog.
const MOST_TRIES: usize = 8;
/// Packages and bytes of one call of apt.
const BATCH_PACKAGES: usize = 60;
const BATCH_BYTES: u64 = 256 << 20;
/// Largest package that is fetched for its changelog.
const MOST_BYTES: u64 = 256 << 20;

pub(super) struct Downloads<'a> {
    pub(super) folders: &'a Folders,
    pub(super) cache: &'a Cache,
    pub(super) limits: &'a Limits,
    pub(super) cancel: &'a AtomicBool,
    pub(super) progress: &'a mut dyn FnMut(AptProgress),
    pub(super) problems: Vec<Problem>,
    pub(super) packages: u64,
    pub(super) bytes: u64,
}

/// What is known, by source and version.
type Found = BTreeMap<(String, String), Known>;

/// What came of one package.
enum Answer {
    Known(Known),
    Next { prefer: Option<String> },
    Failed(Problem),
}

impl Downloads<'_> {
    /// Searches the changelogs of all sources; each comes with what is known then.
    pub(super) fn search(&mut self, searches: Vec<Search>) -> Result<Found, AptError> {
        let total = searches.len();
        let mut found = Found::new();
        let mut waiting = searches;
        while !waiting.is_empty() {
            let mut again = Vec::new();
            while !waiting.is_empty() {
                let batch = self.affordable(next_batch(&mut waiting), &mut found);
                (self.progress)(AptProgress::Fetching { done: found.len(), total, percent: 0 });
                let complaints = self.download(&batch, found.len(), total)?;
                for mut search in batch {
                    let candidate = search.candidates.remove(0);
                    search.tries += 1;
                    let answer = self.read(&search, &candidate, &complaints);
                    again.extend(self.settle(search, answer, &mut found)?);
                }
                self.clear()?;
            }
            waiting = again;
        }
        (self.progress)(AptProgress::Fetching { done: total, total, percent: 100 });
        Ok(found)
    }

    /// Keeps an answer, or gives the search back for another try.
    fn settle(
        &mut self,
        mut search: Search,
        answer: Answer,
        found: &mut Found,
    ) -> Result<Option<Search>, AptError> {
        let is_over = search.tries >= MOST_TRIES || search.candidates.is_empty();
        let known = match answer {
            Answer::Known(known) => known,
            Answer::Next { prefer } if !is_over => {
                let wanted = |next: &Candidate| prefer.as_ref() == Some(&next.name);
                if let Some(at) = search.candidates.iter().position(wanted) {
                    search.candidates[..=at].rotate_right(1);
                }
                return Ok(Some(search));
            }
            // Another package may be whole; the mirror that lacks two of a version lacks all.
            Answer::Failed(problem) if !is_over && search.failure.is_none() => {
                search.failure = Some(problem);
                return Ok(Some(search));
            }
            Answer::Failed(problem) => {
                let problem = search.failure.take().unwrap_or(problem);
                self.fail(&search, problem, found);
                return Ok(None);
            }
            Answer::Next { .. } => match search.failure.take() {
                Some(problem) => {
                    self.fail(&search, problem, found);
                    return Ok(None);
                }
                None => Known { version: search.version.clone(), fixes: None },
            },
        };
        self.cache.put(&search.source, &known)?;
        found.insert((search.source, search.version), known);
        Ok(None)
    }

    /// Sorts out what would cost more than its changelog is worth.
    fn affordable(&mut self, batch: Vec<Search>, found: &mut Found) -> Vec<Search> {
        let (batch, oversized): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|search| search.next_size() <= MOST_BYTES);
        for search in oversized {
            let size = search.next_size();
            let detail = format!(
                "its package with the changelog has {size} bytes, and at most {MOST_BYTES} are fetched"
            );
            self.fail(&search, search.problem(ProblemKind::Limit, detail), found);
        }
        batch
    }

    /// Calls apt for the first candidate of each; gives its complaints.
    fn download(&mut self, batch: &[Search], done: usize, total: usize) -> Result<Vec<String>, AptError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut arguments: Vec<String> =
            ["-q=2", "-o", "APT::Status-Fd=1", "download"].map(str::to_owned).to_vec();
        let names = batch.iter().filter_map(|search| search.candidates.first());
        arguments.extend(names.map(|candidate| format!("{}={}", candidate.name, candidate.version)));
        let download = Invocation {
            program: "apt-get",
            arguments,
            settings: Some(&self.folders.settings),
            folder: Some(&self.folders.download),
        };
        let progress = &mut *self.progress;
        let finished = run(&download, self.cancel, &mut |line| {
            if let Some(percent) = percent(line) {
                progress(AptProgress::Fetching { done, total, percent });
            }
        })?;
        Ok(finished.serious().map(str::to_owned).collect())
    }

    fn read(&mut self, search: &Search, candidate: &Candidate, complaints: &[String]) -> Answer {
        let name = &candidate.name;
        let deb = match std::fs::read(self.path(candidate)) {
            Ok(deb) => deb,
            Err(error) => {
                let reason = complaint(complaints, name).map_or_else(|| error.to_string(), str::to_owned);
                let detail = format!("the package `{name}` could not be fetched: {reason}");
                return Answer::Failed(search.problem(ProblemKind::Unreadable, detail));
            }
        };
        self.packages += 1;
        self.bytes += candidate.size;
        match changelog_of(&deb, name, self.limits) {
            Ok(Changelog::Found(text)) if entries(&text).any(|entry| entry.package == search.source) => {
                Answer::Known(Known {
                    version: search.version.clone(),
                    fixes: Some(fixes(&text, &search.source)),
                })
            }
            // Upstream's changelog, or that of another source.
            Ok(Changelog::Found(_) | Changelog::Missing) => Answer::Next { prefer: None },
            Ok(Changelog::Elsewhere { package }) => Answer::Next { prefer: Some(package) },
            Err(error) => {
                let kind = if error.is_limit() { ProblemKind::Limit } else { ProblemKind::Malformed };
                Answer::Failed(search.problem(kind, format!("the package `{name}` cannot be read: {error}")))
            }
        }
    }

    /// A source that failed is answered by what was read of it last, if anything, and said to be.
    fn fail(&mut self, search: &Search, mut problem: Problem, found: &mut Found) {
        match self.cache.newest(&search.source) {
            Some(known) => {
                problem.detail += &format!("; what its version {} said is used", known.version);
                found.insert((search.source.clone(), search.version.clone()), known);
            }
            None => problem.detail += "; nothing is known of it",
        }
        self.problems.push(problem);
    }

    /// Where apt puts a package: colons would be special in its cache.
    fn path(&self, candidate: &Candidate) -> PathBuf {
        let Candidate { name, version, architecture, .. } = candidate;
        self.folders.download.join(format!("{name}_{}_{architecture}.deb", version.replace(':', "%3a")))
    }

    fn clear(&self) -> Result<(), AptError> {
        let folder = &self.folders.download;
        std::fs::remove_dir_all(folder)
            .and_then(|()| std::fs::create_dir(folder))
            .map_err(AptError::file(folder))
    }
}

/// What apt said of one package, or else what it said first.
fn complaint<'a>(complaints: &'a [String], package: &str) -> Option<&'a str> {
    let file = format!("/{}_", package.replace('+', "%2b"));
    let about = complaints.iter().find(|line| line.contains(&file)).or(complaints.first())?;
    about.get(3..)
}

/// Takes as many searches as fit into one call.
fn next_batch(waiting: &mut Vec<Search>) -> Vec<Search> {
    let mut bytes: u64 = 0;
    let fitting = waiting
        .iter()
        .take(BATCH_PACKAGES)
        .take_while(|search| {
            bytes = bytes.saturating_add(search.next_size());
            bytes <= BATCH_BYTES
        })
        .count();
    waiting.drain(..fitting.max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(size: u64) -> Search {
        let candidate = Candidate { size, name: "a".into(), version: "1".into(), architecture: "all".into() };
        Search::new("a", "1", vec![candidate])
    }

    #[test]
    fn complaints_are_those_about_the_package() {
        let complaints =
            ["E: Failed to fetch http://m/x_1.deb  404", "E: Failed to fetch http://m/liba%2b%2b_2.deb  500"];
        let complaints = complaints.map(str::to_owned);
        assert_eq!(complaint(&complaints, "liba++"), Some("Failed to fetch http://m/liba%2b%2b_2.deb  500"));
        assert_eq!(complaint(&complaints, "other"), Some("Failed to fetch http://m/x_1.deb  404"));
        assert_eq!(complaint(&[], "other"), None);
    }

    #[test]
    fn batches_are_bounded_and_never_empty() {
        let mut waiting: Vec<_> = (0..100).map(|_| search(1)).collect();
        assert_eq!(next_batch(&mut waiting).len(), BATCH_PACKAGES);
        let mut waiting = vec![search(BATCH_BYTES), search(1)];
        assert_eq!(next_batch(&mut waiting).len(), 1);
        let mut waiting = vec![search(u64::MAX), search(1)];
        assert_eq!(next_batch(&mut waiting).len(), 1);
        assert_eq!(waiting.len(), 1);
    }
}
