//! What a publisher's file gives, whichever format it is in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lazaret_model::{Advisory, Limits, Problem, ProblemKind, Vulnerability};

use super::line::one_line;
use crate::database::Builder;

/// Everything that was read from one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The name of the format. Feeds of distributions are named after both: `oval-debian`, `updateinfo-amzn`. They
    /// come from publishers of their own, and one is no newer version of another.
    pub format: &'static str,
    pub advisories: Vec<Advisory>,
    pub vulnerabilities: Vec<Vulnerability>,
    /// Definitions, packages, advisories: what the format counts in, whatever came of them.
    pub documents: u64,
    /// Ids that their publisher took back.
    pub withdrawn: Vec<String>,
    /// Statements passed over, by the product or kind they are about: those that Lazaret has no packages of.
    pub passed_over: BTreeMap<String, u64>,
    /// What was not understood although it is about packages that Lazaret knows.
    pub problems: Vec<Problem>,
    /// What the caller calls the feed.
    renamed: Option<String>,
    /// Which rows a document of the database holds: its id, and up to where they go.
    parts: Vec<(String, usize, usize)>,
    /// Rows and problems beyond the most that one file may give.
    dropped: u64,
}

/// Why nothing could be read from a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    #[error("the file has {bytes} bytes, and at most {limit} are read")]
    Size { bytes: usize, limit: u64 },
    #[error("the file is not {expected}: {reason}")]
    Format { expected: &'static str, reason: String },
}

/// Most rows that one file may give: rows are what stays in memory.
const MOST_ROWS: usize = 5_000_000;
/// Most problems that are told one by one.
const MOST_PROBLEMS: usize = 10_000;
/// Most products that are told apart in what was passed over.
const MOST_PRODUCTS: usize = 10_000;

impl Parsed {
    pub(super) fn new(format: &'static str) -> Self {
        Self {
            format,
            renamed: None,
            advisories: Vec::new(),
            vulnerabilities: Vec::new(),
            documents: 0,
            withdrawn: Vec::new(),
            passed_over: BTreeMap::new(),
            problems: Vec::new(),
            parts: Vec::new(),
            dropped: 0,
        }
    }

    pub(super) fn row(&mut self, advisory: Advisory) {
        if self.advisories.len() < MOST_ROWS {
            let feed = feed_of(self.format, &advisory.release);
            self.advisories.push(Advisory { feed, ..advisory });
        } else {
            self.dropped += 1;
        }
    }

    /// No more rows are taken.
    pub(super) fn is_full(&mut self) -> bool {
        let is_full = self.advisories.len() >= MOST_ROWS;
        self.dropped += u64::from(is_full);
        is_full
    }

    pub(super) fn vulnerability(&mut self, vulnerability: Vulnerability) {
        if self.vulnerabilities.len() < MOST_ROWS {
            self.vulnerabilities.push(vulnerability);
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn problem(&mut self, kind: ProblemKind, subject: &str, detail: impl Into<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem::new(kind, one_line(subject, 200), detail));
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn pass_over(&mut self, product: &str) {
        let product = one_line(product, 100);
        if self.passed_over.len() < MOST_PRODUCTS || self.passed_over.contains_key(&product) {
            *self.passed_over.entry(product).or_default() += 1;
        } else {
            self.dropped += 1;
        }
    }

    /// Everything read since the last call is what a document of the database says.
    pub(super) fn end_document(&mut self, id: impl Into<String>) {
        self.parts.push((id.into(), self.advisories.len(), self.vulnerabilities.len()));
    }

    /// The whole file is one document, and what went beyond a bound is told.
    pub(super) fn finish(mut self, id: impl Into<String>) -> Self {
        self.end_document(id);
        if self.dropped > 0 {
            let detail = format!("{} rows or problems are more than one file may give", self.dropped);
            self.problems.push(Problem::new(ProblemKind::Limit, self.format, detail));
        }
        self
    }

    /// Files everything under another name than its own.
    pub fn rename(&mut self, feed: &str) {
        for advisory in &mut self.advisories {
            feed.clone_into(&mut advisory.feed);
        }
        self.renamed = Some(feed.to_owned());
    }

    /// The feeds that this is all of, or a part of.
    pub fn feeds(&self) -> BTreeSet<&str> {
        let of_rows = self.advisories.iter().map(|row| row.feed.as_str());
        let has_no_rows = self.advisories.is_empty() || !self.vulnerabilities.is_empty();
        of_rows.chain(has_no_rows.then_some(self.own_feed())).collect()
    }

    fn own_feed(&self) -> &str {
        self.renamed.as_deref().unwrap_or(self.format)
    }

    /// Hands everything to a builder, where each document takes the place of what it said before.
    pub fn push_into(&self, builder: &mut Builder) {
        let feeds = self.feeds();
        let forget = |builder: &mut Builder, document: &str| {
            feeds.iter().for_each(|feed| builder.forget(feed, document));
        };
        for document in &self.withdrawn {
            forget(builder, document);
        }
        let (mut advisory, mut vulnerability) = (0, 0);
        for (document, advisories, vulnerabilities) in &self.parts {
            forget(builder, document);
            for row in self.advisories.get(advisory..*advisories).into_iter().flatten() {
                builder.push_of(document, row);
            }
            for known in self.vulnerabilities.get(vulnerability..*vulnerabilities).into_iter().flatten() {
                builder.push_vulnerability(self.own_feed(), document, known);
            }
            (advisory, vulnerability) = (*advisories, *vulnerabilities);
        }
    }
}

/// `oval-debian` of `oval` and `debian:12`; languages have no releases.
fn feed_of(format: &str, release: &str) -> String {
    let family = release.split(':').next().unwrap_or_default();
    // Debian's tracker is nobody else's.
    if family.is_empty() || format.starts_with(family) {
        format.to_owned()
    } else {
        format!("{format}-{family}")
    }
}

/// The name of the document that a file is, where nothing in it tells: its path, the end of it where it is long.
pub(super) fn document_of(path: &str) -> String {
    let start = path.char_indices().rev().nth(MOST_PATH - 1).map_or(0, |(at, _)| at);
    one_line(path.get(start..).unwrap_or(path), MOST_PATH)
}

/// Longest name of a document.
const MOST_PATH: usize = 200;

impl FeedError {
    pub(super) fn not(expected: &'static str, reason: &dyn fmt::Display) -> Self {
        Self::Format { expected, reason: one_line(&reason.to_string(), 300) }
    }
}

/// JSON, YAML and Markdown are read as a whole.
pub(super) fn check_size(bytes: &[u8], limits: &Limits) -> Result<(), FeedError> {
    check(bytes, limits.kept_bytes)
}

/// XML is read event by event, so that a file may be as large as an archive's content.
pub(super) fn check_stream(bytes: &[u8], limits: &Limits) -> Result<(), FeedError> {
    check(bytes, limits.archive_bytes)
}

fn check(bytes: &[u8], limit: u64) -> Result<(), FeedError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(FeedError::Size { bytes: bytes.len(), limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lazaret_model::Ecosystem;

    use super::*;

    #[test]
    fn what_is_beyond_a_bound_is_told() {
        let mut parsed = Parsed::new("x");
        for number in 0..=MOST_PROBLEMS {
            parsed.problem(ProblemKind::Malformed, &number.to_string(), "no");
        }
        parsed.row(Advisory::new("CVE-2020-1", Ecosystem::Deb, "debian:12", "a"));
        let parsed = parsed.finish("all");
        assert_eq!(parsed.problems.len(), MOST_PROBLEMS + 1);
        assert_eq!(parsed.problems.last().map(|problem| problem.kind), Some(ProblemKind::Limit));
        assert_eq!((parsed.advisories[0].feed.as_str(), parsed.parts.len()), ("x-debian", 1));
    }

    #[test]
    fn publishers_of_one_format_have_feeds_of_their_own() {
        let mut parsed = Parsed::new("oval");
        for release in ["debian:12", "debian:11", "sles:15.4"] {
            parsed.row(Advisory::new("CVE-2020-1", Ecosystem::Deb, release, "a"));
        }
        assert_eq!(parsed.feeds().into_iter().collect::<Vec<_>>(), ["oval-debian", "oval-sles"]);
        assert_eq!(feed_of("rustsec", ""), "rustsec");
        assert_eq!(feed_of("debian-tracker", "debian:12"), "debian-tracker");
        parsed.rename("mine");
        assert_eq!(parsed.feeds().into_iter().collect::<Vec<_>>(), ["mine"]);
        assert_eq!(Parsed::new("oval").feeds().into_iter().collect::<Vec<_>>(), ["oval"]);
    }

    #[test]
    fn files_have_a_largest_size() {
        let limits = Limits { kept_bytes: 2, ..Limits::default() };
        assert_eq!(check_size(b"abc", &limits), Err(FeedError::Size { bytes: 3, limit: 2 }));
        assert_eq!(check_stream(b"abc", &limits), Ok(()));
    }
}
