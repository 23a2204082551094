//! One path that was named, and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use lazaret_advisory::Feed;
use lazaret_advisory::feed::is_whole;
use lazaret_model::{Digest, Limits};
use lazaret_source::feed_files::{self, Shape};

use crate::failure::Failure;
use crate::images::source_failure;

pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) shape: Shape,
    pub(super) digest: Digest,
    /// The feed that it belongs to, where that was said.
    pub(super) name: Option<String>,
    /// The feed of its OSV documents, where all of them had to be read to know it.
    pub(super) found: Option<String>,
    pub(super) is_unchanged: bool,
    /// Why it could not be read.
    pub(super) problem: Option<String>,
    pub(super) told: Told,
}

/// What was found in a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) feeds: BTreeSet<String>,
    /// The feed of a document that is a whole feed by itself, and could not be read.
    pub(super) broken_table: Option<&'static str>,
    /// Documents of a known format.
    pub(super) documents: u64,
    pub(super) advisories: u64,
    pub(super) vulnerabilities: u64,
    pub(super) withdrawn: u64,
    /// Statements about ecosystems that Lazaret has no packages of.
    pub(super) passed_over: BTreeMap<String, u64>,
    pub(super) unknown: Counted,
    pub(super) unreadable: Counted,
    /// Parts of documents that were not understood, and documents that could not be taken out.
    pub(super) problems: Counted,
}

/// How many, and the first of them in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) count: u64,
    pub(super) first: Option<String>,
}

impl Counted {
    pub(super) fn add(&mut self, words: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(words);
    }

    pub(super) fn append(&mut self, other: Self) {
        self.count += other.count;
        if self.first.is_none() {
            self.first = other.first;
        }
    }
}

impl Source {
    pub(super) fn look(path: &Path, name: Option<String>, limits: &Limits) -> Result<Self, Failure> {
        let fail = |error| source_failure(&error);
        // What is wrong with the content is said of the feed when it is read.
        let digest = feed_files::digest(path, limits).map_err(fail)?;
        let shape = feed_files::shape(path, limits).unwrap_or(Shape::Archive);
        let (path, told) = (path.to_owned(), Told::default());
        Ok(Self { path, shape, digest, name, found: None, is_unchanged: false, problem: None, told })
    }

    /// Whether it is a whole feed, not a document of one.
    pub(super) fn is_whole(&self) -> bool {
        self.shape != Shape::Document || self.told.is_whole_table()
    }

    pub(super) fn is_in(&self, feeds: &[Feed]) -> bool {
        let is_meant = |feed: &&Feed| self.name.as_ref().is_none_or(|name| *name == feed.name);
        let is_recorded = feeds.iter().any(|feed| feed.name == self.record());
        !is_recorded
            && feeds
                .iter()
                .filter(is_meant)
                .any(|feed| feed.source == Some(self.digest) && feed.problem.is_none())
    }

    /// Nothing is read of it any more.
    pub(super) fn gives_nothing(&self) -> bool {
        self.is_unchanged || self.problem.is_some()
    }

    /// It failed, and feeds are not newer for that.
    pub(super) fn has_failed_feeds(&self) -> bool {
        self.problem.is_some() && self.is_whole()
    }

    /// The feeds that failed with it; where nothing of it could be read, the one that it was said to be, or a record of
    /// the file itself.
    pub(super) fn failed_feeds(&self) -> Vec<String> {
        match self.told.feeds.is_empty() {
            false => self.told.feeds.iter().cloned().collect(),
            true => vec![self.name.clone().unwrap_or_else(|| self.record())],
        }
    }

    /// What stands for the file in the list of feeds while nobody knows which feed it is.
    pub(super) fn record(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        format!("file:{}", name.to_string_lossy())
    }
}

impl Told {
    pub(super) fn append(&mut self, other: Self) {
        self.feeds.extend(other.feeds);
        self.broken_table = self.broken_table.or(other.broken_table);
        self.documents += other.documents;
        self.advisories += other.advisories;
        self.vulnerabilities += other.vulnerabilities;
        self.withdrawn += other.withdrawn;
        for (ecosystem, count) in other.passed_over {
            *self.passed_over.entry(ecosystem).or_default() += count;
        }
        self.unknown.append(other.unknown);
        self.unreadable.append(other.unreadable);
        self.problems.append(other.problems);
    }

    /// EPSS, Debian's tracker and others are published as one document.
    fn is_whole_table(&self) -> bool {
        !self.feeds.is_empty() && self.feeds.iter().all(|feed| is_whole(feed))
    }
}

/// Whether a file begins as databases do.
pub(super) fn is_database(path: &Path) -> bool {
    let mut start = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"LZDB"
}
