//! The run over all repositories.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::{StreamExt, stream};
use lazaret_advisory::feed::updateinfo;
use lazaret_model::{Advisory, Digest, Limits, Problem, ProblemKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::cache::{Folder, Kept, State, lock};
use super::error::YumError;
use super::look::{Look, LookError};
use super::repository::{Key, Repository, merge, shown};
use super::root::YumRoot;
use crate::error::SourceError;
use crate::feed_files;

/// What to fetch.
#[derive(Debug, Clone)]
pub struct YumRequest {
    /// Who is configured for repositories: this machine, images.
    pub roots: Vec<YumRoot>,
    /// Whether what an image names counts without the signature of a key of this machine.
    pub trusts_images: bool,
    /// Whether an index counts that is older than one which was taken before, and no metalink vouches for.
    pub allows_older: bool,
    /// A folder that is kept between runs; made if it is not there.
    pub cache: PathBuf,
    /// RFC 3339.
    pub now: String,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YumProgress {
    /// Another run uses the cache.
    Waiting,
    Asking {
        done: usize,
        total: usize,
    },
}

/// What a run gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct YumFeed {
    /// By name of the feed.
    pub repositories: Vec<YumRepository>,
    /// Settings that could not be read or are not supported.
    pub problems: Vec<Problem>,
    /// Repositories that give nothing, one sentence each.
    pub skipped: Vec<String>,
    /// Repositories that only an image names and nobody vouches for, one sentence each.
    pub untrusted: Vec<String>,
}

/// What is known of one repository; of several, where several of one release have the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YumRepository {
    /// `updateinfo/rocky:9/baseos`
    pub feed: String,
    /// Digest of everything that its rows are made from; none if a part of it was never seen.
    pub source: Option<Digest>,
    /// Why it is not the newest.
    pub problem: Option<String>,
    /// Who vouches for the least sure part.
    pub vouched: Vouched,
    /// Whether `repomd.xml` was another one than last time.
    pub is_new: bool,
    parts: Vec<Part>,
}

/// Who says that what a repository says is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vouched {
    /// Nobody: it came without TLS and without a signature.
    Nothing,
    /// TLS, or the folder of this machine that it lies in.
    Transport,
    /// A metalink that came by TLS.
    Metalink,
    /// A key that this machine trusts.
    Signature,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    file: PathBuf,
    kept: Kept,
    /// That of the system which gets its packages from there, where it is known.
    release: Option<String>,
    /// Whether it may speak for that release alone.
    is_image: bool,
}

/// What the updates of a repository say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct YumUpdates {
    /// With the feed's name.
    pub advisories: Vec<Advisory>,
    pub updates: u64,
    /// What was not understood, and what it may not speak for.
    pub problems: Vec<Problem>,
    pub passed_over: BTreeMap<String, u64>,
}

/// Repositories that are asked at once.
const AT_ONCE: usize = 4;
/// To be raised when the same file gives other rows than before.
const EXTRACTION: &str = "1";

/// Asks all configured repositories.
pub async fn fetch(
    request: &YumRequest,
    progress: &mut (dyn FnMut(YumProgress) + Send),
) -> Result<YumFeed, YumError> {
    let cache = lock(&request.cache, &mut || progress(YumProgress::Waiting)).await?;
    let (repositories, problems) = merge(&request.roots);
    if repositories.is_empty() && problems.is_empty() {
        let names: Vec<&str> = request.roots.iter().map(|root| root.name.as_str()).collect();
        return Err(YumError::NoRepositories { roots: names.join(", ") });
    }
    let keys = machine_keys(&request.roots);
    let total = repositories.len();
    let mut feed = YumFeed { problems, ..YumFeed::default() };
    let (keys, path) = (&keys, &cache.path);
    let mut asked = stream::iter(&repositories)
        .map(|repository| async move { (repository, ask(request, repository, keys, path).await) })
        .buffered(AT_ONCE);
    let mut done = 0;
    while let Some((repository, outcome)) = asked.next().await {
        done += 1;
        progress(YumProgress::Asking { done, total });
        feed.add(repository, outcome?);
    }
    drop(asked);
    feed.repositories.sort_by(|one, other| one.feed.cmp(&other.feed));
    feed.skipped.sort();
    feed.untrusted.sort();
    Ok(feed)
}

/// What was kept, and what is kept now or why nothing new is.
struct Outcome {
    before: Option<State>,
    now: Result<State, LookError>,
    folder: Folder,
}

async fn ask(
    request: &YumRequest,
    repository: &Repository,
    machine_keys: &[Key],
    cache: &std::path::Path,
) -> Result<Outcome, YumError> {
    let folder = Folder::of(cache, repository)?;
    let before = folder.state();
    let look = Look {
        repository,
        folder: &folder,
        machine_keys,
        trusts_images: request.trusts_images,
        allows_older: request.allows_older,
        now: &request.now,
    };
    match look.look(before.clone()).await {
        // This machine's fault.
        Err(LookError::Cache(error)) => Err(error),
        now => Ok(Outcome { before, now, folder }),
    }
}

/// The keys that this machine has for packages.
fn machine_keys(roots: &[YumRoot]) -> Vec<Key> {
    let mut keys = Vec::new();
    for folder in roots.iter().filter_map(|root| root.below("etc/pki/rpm-gpg")) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        keys.extend(entries.map(|entry| entry.path()).filter(|path| path.is_file()).map(Key::File));
    }
    keys
}

impl YumFeed {
    fn add(&mut self, repository: &Repository, outcome: Outcome) {
        let Repository { id, root, .. } = repository;
        let Outcome { before, now, folder } = outcome;
        let (state, problem) = match now {
            Ok(state) => (Some(state), None),
            Err(error @ LookError::Untrusted) => {
                return self.untrusted.push(format!("`{id}` of {root} is left out: {error}"));
            }
            Err(error) => {
                let address = repository.bases.iter().chain(&repository.lists).next().map(shown);
                let mut why = format!("{}: {error}", address.unwrap_or_default());
                if let Some(before) = &before {
                    why += &format!("; what it said on {} is used", before.asked);
                }
                (before.clone(), Some(why))
            }
        };
        let kept = state.as_ref().and_then(|state| state.updateinfo.clone());
        if state.is_some() && kept.is_none() && problem.is_none() {
            self.skipped.push(format!("`{id}` of {root} gives nothing: it has no updateinfo"));
            return;
        }
        let (release, is_image) = (repository.release.clone(), repository.is_image);
        let part = |kept| Part { file: folder.updateinfo(&kept), kept, release, is_image };
        let parts: Vec<Part> = kept.map(part).into_iter().collect();
        let new = YumRepository {
            feed: repository.feed(),
            source: (!parts.is_empty()).then(|| source(&parts)),
            problem,
            vouched: state.as_ref().map_or(Vouched::Nothing, |state| state.vouched),
            is_new: state.map(|state| state.index) != before.map(|before| before.index),
            parts,
        };
        match self.repositories.iter_mut().find(|known| known.feed == new.feed) {
            Some(known) => known.append(new),
            None => self.repositories.push(new),
        }
    }
}

/// The same as long as the rows are.
fn source(parts: &[Part]) -> Digest {
    let mut words: Vec<String> = parts
        .iter()
        .map(|Part { kept, release, is_image, .. }| {
            let release = release.as_deref().unwrap_or_default();
            format!("{EXTRACTION} {} {} {release} {is_image}", kept.kind, kept.hex)
        })
        .collect();
    words.sort();
    Digest::from_bytes(Sha256::digest(words.join("\n")).into())
}

impl YumRepository {
    fn append(&mut self, other: Self) {
        let is_whole = self.source.is_some() && other.source.is_some();
        self.parts.extend(other.parts);
        self.source = is_whole.then(|| source(&self.parts));
        self.problem = match (self.problem.take(), other.problem) {
            (Some(one), Some(two)) => Some(format!("{one}; {two}")),
            (one, two) => one.or(two),
        };
        self.vouched = self.vouched.min(other.vouched);
        self.is_new |= other.is_new;
    }

    /// Reads what is kept of it. Blocks.
    pub fn read(&self, limits: &Limits) -> Result<YumUpdates, SourceError> {
        let mut updates = YumUpdates::default();
        for part in &self.parts {
            let corrupt =
                |why: String| SourceError::Corrupt { subject: part.file.display().to_string(), why };
            let mut failure = None;
            let passed = feed_files::documents(&part.file, limits, &mut |name, bytes| {
                let parsed = match &part.release {
                    Some(release) => updateinfo::parse_for(release, &bytes, limits),
                    None => updateinfo::parse(&bytes, name, limits),
                };
                match parsed {
                    Ok(parsed) => self.add(part, parsed, &mut updates),
                    Err(error) => failure = Some(error.to_string()),
                }
                std::ops::ControlFlow::Continue(())
            })?;
            if let Some(why) = failure.or_else(|| passed.problems.first().map(ToString::to_string)) {
                return Err(corrupt(why));
            }
        }
        Ok(updates)
    }

    fn add(&self, part: &Part, parsed: lazaret_advisory::feed::Parsed, updates: &mut YumUpdates) {
        updates.updates += parsed.documents;
        updates.problems.extend(parsed.problems);
        for (product, count) in parsed.passed_over {
            *updates.passed_over.entry(product).or_default() += count;
        }
        let before = updates.advisories.len();
        let total = parsed.advisories.len();
        let own = parsed
            .advisories
            .into_iter()
            .filter(|row| !part.is_image || part.release.as_ref() == Some(&row.release));
        updates.advisories.extend(own.map(|row| Advisory { feed: self.feed.clone(), ..row }));
        let foreign = total - (updates.advisories.len() - before);
        if foreign > 0 {
            let detail =
                format!("{foreign} rows are about other releases than the image's own, and left out");
            updates.problems.push(Problem::new(ProblemKind::Unsupported, &self.feed, detail));
        }
    }
}
