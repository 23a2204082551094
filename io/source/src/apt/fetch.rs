//! The run from mirrors to advisories.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lazaret_model::{Advisory, Limits, Problem, ProblemKind};

use super::cache::{Cache, Known};
use super::config::Folders;
use super::download::{Downloads, Search};
use super::error::AptError;
use super::offers::{self, SourceKey, SourceOffer};
use super::plan::{Plan, Wanted, plan};
use super::root::AptRoot;
use super::run::{Finished, Invocation, percent, run};
use super::sources::merge;
use super::targets::{self, Target};

/// What to fetch.
#[derive(Debug, Clone)]
pub struct AptRequest {
    /// Whose `etc/apt` names the mirrors: this machine, images.
    pub roots: Vec<AptRoot>,
    /// Debian's name of the processor: `amd64`.
    pub architecture: String,
    pub wanted: Wanted,
    /// A folder that is kept between runs; made if it is not there.
    pub cache: PathBuf,
    pub limits: Limits,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AptProgress {
    /// Another run uses the cache.
    Waiting,
    /// Package lists are fetched.
    Updating { percent: u8 },
    /// Package lists are read.
    Reading,
    /// Packages are fetched and read; `percent` is that of the current batch.
    Fetching { done: usize, total: usize, percent: u8 },
}

/// What a run gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AptFeed {
    pub advisories: Vec<Advisory>,
    /// What could not be fetched or read. Nothing is missing in silence.
    pub problems: Vec<Problem>,
    /// Repositories that were left out, one sentence each.
    pub skipped: Vec<String>,
    /// Releases and sources whose advisories are those of this run: older rows of this feed about them
    /// are superseded.
    pub covered: BTreeSet<(String, String)>,
    /// Wanted sources that no list of their release offers: nothing can be known of them here.
    pub unknown: Vec<(String, String)>,
    /// Sources whose packages were fetched in this run, or had been in an earlier one.
    pub fetched: usize,
    pub cached: usize,
    /// Wanted sources that are installed as new as the mirrors have them.
    pub current: usize,
    /// Packages fetched, and their bytes.
    pub packages: u64,
    pub bytes: u64,
}

/// Builds advisories from the configured mirrors. Blocks; setting `cancel` ends it within moments.
pub fn fetch(
    request: &AptRequest,
    progress: &mut dyn FnMut(AptProgress),
    cancel: &AtomicBool,
) -> Result<AptFeed, AptError> {
    let folders = Folders::create_locked(&request.cache, progress, cancel)?;
    let mut feed = AptFeed::default();
    let (sources, problems) = merge(&request.roots, &request.architecture);
    feed.problems = problems;
    if sources.is_empty() {
        let names: Vec<&str> = request.roots.iter().map(|root| root.name.as_str()).collect();
        return Err(AptError::NoSources { roots: names.join(", ") });
    }
    folders.write_settings(&request.roots, &sources, &request.architecture, cancel)?;
    let targets = update(&folders, &mut feed, progress, cancel)?;
    progress(AptProgress::Reading);
    let releases: BTreeSet<String> = targets.iter().map(|target| target.release.clone()).collect();
    let offers = offers::read(&targets, request.wanted.names().as_ref(), &mut feed.problems)?;
    let Plan { needed, current, unknown, unknown_releases } = plan(&request.wanted, offers, &releases);
    for release in unknown_releases {
        let reason = "no configured mirror has package lists of this release";
        feed.problems.push(Problem::new(ProblemKind::Unsupported, release, reason));
    }
    feed.unknown = unknown;
    feed.current = current.len();

    let cache = Cache::new(folders.parsed.clone());
    let mut known = from_cache(&cache, needed.iter().chain(&current));
    let searches = missing(&needed, &known);
    (feed.cached, feed.fetched) = (known.len(), searches.len());
    let problems = std::mem::take(&mut feed.problems);
    let mut downloads = Downloads {
        folders: &folders,
        cache: &cache,
        limits: &request.limits,
        cancel,
        progress,
        problems,
        packages: 0,
        bytes: 0,
    };
    known.extend(downloads.search(searches)?);
    (feed.problems, feed.packages, feed.bytes) = (downloads.problems, downloads.packages, downloads.bytes);
    collect(&mut feed, needed.into_iter().chain(current), &known);
    Ok(feed)
}

/// Fetches package lists. Gives those of Debian that are there then, be it from an earlier run.
fn update(
    folders: &Folders,
    feed: &mut AptFeed,
    progress: &mut dyn FnMut(AptProgress),
    cancel: &AtomicBool,
) -> Result<Vec<Target>, AptError> {
    let apt = |arguments: &[&str]| Invocation {
        program: "apt-get",
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        settings: Some(&folders.settings),
        folder: None,
    };
    progress(AptProgress::Updating { percent: 0 });
    let updated = run(&apt(&["-q=2", "-o", "APT::Status-Fd=1", "update"]), cancel, &mut |line| {
        if let Some(percent) = percent(line) {
            progress(AptProgress::Updating { percent });
        }
    })?;
    let listed = run(
        &apt(&["indextargets", "--format", targets::FORMAT, "Created-By: Packages"]),
        cancel,
        &mut |_| {},
    )?;
    if !listed.status.success() {
        return Err(AptError::Failed { program: "apt-get indextargets", detail: listed.reason() });
    }
    let (targets, skipped) = targets::parse(&listed.lines);
    feed.skipped = skipped;
    feed.problems.extend(complaints(&updated));
    if targets.is_empty() {
        let reasons =
            [updated.reason()].into_iter().filter(|_| !updated.status.success()).chain(feed.skipped.clone());
        let detail: Vec<String> = reasons.take(4).collect();
        let detail = if detail.is_empty() { "they have none".to_owned() } else { detail.join("; ") };
        return Err(AptError::NoLists { detail });
    }
    Ok(targets)
}

/// What apt had to complain about. Lists of an earlier run stay in use, which it says itself.
fn complaints(updated: &Finished) -> Vec<Problem> {
    const MOST: usize = 50;
    let subject = "package lists";
    let mut problems: Vec<Problem> = updated
        .serious()
        .take(MOST)
        .map(|line| Problem::new(ProblemKind::Unreadable, subject, line.get(3..).unwrap_or(line)))
        .collect();
    if problems.is_empty() && !updated.status.success() {
        problems.push(Problem::new(ProblemKind::Unreadable, subject, updated.reason()));
    }
    problems
}

type KnownSources = BTreeMap<(String, String), Known>;

/// What earlier runs read, by source and version.
fn from_cache<'a>(
    cache: &Cache,
    offers: impl Iterator<Item = (&'a SourceKey, &'a SourceOffer)>,
) -> KnownSources {
    offers
        .filter_map(|((_, source), offer)| {
            Some(((source.clone(), offer.version.clone()), cache.get(source, &offer.version)?))
        })
        .collect()
}

/// What is needed and not known. Two releases may have the same version of a source.
fn missing(needed: &BTreeMap<SourceKey, SourceOffer>, known: &KnownSources) -> Vec<Search> {
    let mut searches = BTreeMap::new();
    for ((_, source), offer) in needed {
        let key = (source.clone(), offer.version.clone());
        if !known.contains_key(&key) {
            let search = Search::new(source, &offer.version, offer.candidates.clone());
            searches.entry(key).or_insert(search);
        }
    }
    searches.into_values().collect()
}

fn collect(feed: &mut AptFeed, offers: impl Iterator<Item = (SourceKey, SourceOffer)>, known: &KnownSources) {
    for ((release, source), offer) in offers {
        let Some(known) = known.get(&(source.clone(), offer.version.clone())) else { continue };
        let Some(fixes) = &known.fixes else {
            let subject = format!("{source} {}", offer.version);
            let reason = "none of its packages has a changelog: nothing is known of it";
            feed.problems.push(Problem::new(ProblemKind::Unsupported, subject, reason));
            continue;
        };
        feed.advisories.extend(fixes.iter().map(|fix| fix.clone().advisory(&release, &source)));
        feed.covered.insert((release, source));
    }
}

impl Folders {
    /// One run at a time: apt's own lock would make the second one fail.
    fn create_locked(
        cache: &Path,
        progress: &mut dyn FnMut(AptProgress),
        cancel: &AtomicBool,
    ) -> Result<Locked, AptError> {
        std::fs::create_dir_all(cache).map_err(AptError::file(cache))?;
        let path = cache.join("lock");
        let lock = std::fs::File::create(&path).map_err(AptError::file(&path))?;
        let mut waits = false;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(std::fs::TryLockError::Error(error)) => return Err(AptError::File { path, error }),
                Err(std::fs::TryLockError::WouldBlock) if cancel.load(Ordering::Relaxed) => {
                    return Err(AptError::Cancelled);
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    if !std::mem::replace(&mut waits, true) {
                        progress(AptProgress::Waiting);
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        }
        Ok(Locked { folders: Self::create(cache)?, _lock: lock })
    }
}

/// The folders while nobody else uses them.
struct Locked {
    folders: Folders,
    _lock: std::fs::File,
}

impl std::ops::Deref for Locked {
    type Target = Folders;

    fn deref(&self) -> &Folders {
        &self.folders
    }
}
