//! Collecting what a database is to hold.

use std::collections::HashMap;

use jiff::Timestamp;
use lazaret_model::{Advisory, AdvisoryStatus, Severity, Ssvc, Vulnerability};

use super::codes::Kind;
use super::feeds::Feed;
use super::intern::Interner;
use super::write;

/// Collects advisories and makes them a file.
///
/// What is pushed is kept in a compact form at once: a million rows need about a hundred megabytes.
#[derive(Debug)]
pub struct Builder {
    pub(super) texts: Interner,
    pub(super) rows: Vec<PendingRow>,
    pub(super) notes: Vec<PendingNote>,
    known_notes: HashMap<PendingNote, u32>,
    pub(super) alias_lists: Vec<Box<[u32]>>,
    known_lists: HashMap<Box<[u32]>, u32>,
    pub(super) vulnerabilities: Vec<PendingVulnerability>,
    pub(super) vectors: Vec<(u32, u32)>,
    pub(super) feeds: Vec<PendingFeed>,
    /// By feed and document: how many rows and vulnerabilities there were when it was forgotten.
    pub(super) forgotten: HashMap<(u32, u32), (usize, usize)>,
    /// The first thing that did not fit; said when the file is built.
    failure: Option<BuildError>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error("the advisories have more {0} than the format can number")]
    TooMany(&'static str),
}

/// Numbers are those of texts, notes, lists and feeds here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PendingRow {
    pub(super) kind: Kind,
    pub(super) release: u32,
    pub(super) package: u32,
    pub(super) introduced: Option<u32>,
    pub(super) end: Option<u32>,
    pub(super) note: u32,
    pub(super) status: AdvisoryStatus,
    pub(super) inclusive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PendingNote {
    pub(super) id: u32,
    pub(super) document: u32,
    pub(super) summary: u32,
    pub(super) published: Option<u32>,
    pub(super) module: Option<u32>,
    pub(super) feed: u32,
    pub(super) aliases: u32,
    pub(super) severity: Severity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PendingVulnerability {
    pub(super) id: u32,
    pub(super) document: u32,
    pub(super) summary: u32,
    pub(super) published: Option<u32>,
    pub(super) exploited: Option<u32>,
    pub(super) epss: Option<u32>,
    pub(super) feed: u32,
    pub(super) first_vector: usize,
    pub(super) vectors: u16,
    pub(super) severity: Severity,
    pub(super) ssvc: Option<Ssvc>,
    pub(super) withdrawn: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PendingFeed {
    pub(super) name: u32,
    /// Source, when and problem, once somebody said something of the feed itself.
    pub(super) state: Option<[Option<u32>; 3]>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    pub fn new() -> Self {
        Self {
            texts: Interner::new(),
            rows: Vec::new(),
            notes: Vec::new(),
            known_notes: HashMap::new(),
            alias_lists: Vec::new(),
            known_lists: HashMap::new(),
            vulnerabilities: Vec::new(),
            vectors: Vec::new(),
            feeds: Vec::new(),
            forgotten: HashMap::new(),
            failure: None,
        }
    }

    /// Adds an advisory that is a document of its own.
    pub fn push(&mut self, advisory: Advisory) {
        self.push_of(&advisory.id, &advisory);
    }

    /// Adds an advisory that stands in a document with an id of its own, by which it can be
    /// [forgotten](Self::forget).
    ///
    /// An advisory that no version can be affected by (`fixed` at or below `introduced`) is left out.
    pub fn push_of(&mut self, document: &str, advisory: &Advisory) {
        let result = self.add(document, advisory);
        self.note_failure(result);
    }

    /// Adds what a feed knows of a vulnerability itself. What several feeds know is put together when it is
    /// read.
    pub fn push_vulnerability(&mut self, feed: &str, document: &str, vulnerability: &Vulnerability) {
        let result = self.add_vulnerability(feed, document, vulnerability);
        self.note_failure(result);
    }

    /// States what is known of a feed itself: its source, when it was read, and what went wrong. The counts are
    /// those of what was pushed, not those given here.
    pub fn feed(&mut self, feed: &Feed) {
        let result = self.state(feed);
        self.note_failure(result);
    }

    /// Takes back what was pushed so far from a document of a feed: it was withdrawn, or a newer version of it
    /// follows.
    pub fn forget(&mut self, feed: &str, document: &str) {
        let (rows, vulnerabilities) = (self.rows.len(), self.vulnerabilities.len());
        let key = self.feed_index(feed).and_then(|feed| Ok((feed, self.texts.number(document)?)));
        let result = key.map(|key| {
            self.forgotten.insert(key, (rows, vulnerabilities));
        });
        self.note_failure(result);
    }

    /// The file's bytes. The same content gives the same bytes, in whatever order it was pushed.
    pub fn build(self, built: Timestamp) -> Result<Vec<u8>, BuildError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => write::file(self, built),
        }
    }

    pub(super) fn note_failure(&mut self, result: Result<(), BuildError>) {
        if let Err(failure) = result {
            self.failure.get_or_insert(failure);
        }
    }

    fn add(&mut self, document: &str, advisory: &Advisory) -> Result<(), BuildError> {
        let Advisory { ecosystem, introduced, fixed, last_affected, .. } = advisory;
        if let (Some(start), Some(end)) = (introduced, fixed)
            && ecosystem.compare(start, end).is_ge()
        {
            return Ok(());
        }
        let mut aliases: Vec<u32> = advisory
            .aliases
            .iter()
            .filter(|alias| **alias != advisory.id)
            .map(|alias| self.texts.number(alias))
            .collect::<Result<_, _>>()?;
        self.sort_texts(&mut aliases);
        let note = PendingNote {
            id: self.texts.number(&advisory.id)?,
            document: self.texts.number(document)?,
            summary: self.texts.number(&advisory.summary)?,
            published: self.texts.optional(advisory.published.as_deref())?,
            module: self.texts.optional(advisory.module.as_deref())?,
            feed: self.feed_index(&advisory.feed)?,
            aliases: self.list(aliases)?,
            severity: advisory.severity,
        };
        let row = PendingRow {
            kind: Kind::new(*ecosystem, advisory.names),
            release: self.texts.number(&advisory.release)?,
            package: self.texts.number(&ecosystem.normalised(&advisory.package))?,
            introduced: self.texts.optional(introduced.as_deref())?,
            end: self.texts.optional(fixed.as_deref().or(last_affected.as_deref()))?,
            note: self.note(note)?,
            status: advisory.status,
            inclusive: fixed.is_none() && last_affected.is_some(),
        };
        self.rows.push(row);
        Ok(())
    }

    fn add_vulnerability(
        &mut self,
        feed: &str,
        document: &str,
        vulnerability: &Vulnerability,
    ) -> Result<(), BuildError> {
        let first_vector = self.vectors.len();
        for (who, vector) in &vulnerability.cvss {
            let vector = (self.texts.number(who)?, self.texts.number(vector)?);
            self.vectors.push(vector);
        }
        let pending = PendingVulnerability {
            id: self.texts.number(&vulnerability.id)?,
            document: self.texts.number(document)?,
            summary: self.texts.number(&vulnerability.summary)?,
            published: self.texts.optional(vulnerability.published.as_deref())?,
            exploited: self.texts.optional(vulnerability.exploited.as_deref())?,
            epss: vulnerability.epss,
            feed: self.feed_index(feed)?,
            first_vector,
            vectors: u16::try_from(vulnerability.cvss.len()).map_err(|_| BuildError::TooMany("vectors"))?,
            severity: vulnerability.severity,
            ssvc: vulnerability.ssvc.and_then(Ssvc::if_decided),
            withdrawn: vulnerability.withdrawn,
        };
        self.vulnerabilities.push(pending);
        Ok(())
    }

    fn state(&mut self, feed: &Feed) -> Result<(), BuildError> {
        let index = self.feed_index(&feed.name)?;
        let source = feed.source.as_ref().map(ToString::to_string);
        let mut state = [None; 3];
        for (place, text) in state.iter_mut().zip([source, feed.read.clone(), feed.problem.clone()]) {
            *place = self.texts.optional(text.as_deref())?;
        }
        if let Some(known) = usize::try_from(index).ok().and_then(|index| self.feeds.get_mut(index)) {
            known.state = Some(state);
        }
        Ok(())
    }

    pub(super) fn feed_index(&mut self, name: &str) -> Result<u32, BuildError> {
        let name = self.texts.number(name)?;
        // There are few feeds, and the last one is the most likely.
        let at = match self.feeds.iter().rposition(|feed| feed.name == name) {
            Some(at) => at,
            None => {
                self.feeds.push(PendingFeed { name, state: None });
                self.feeds.len() - 1
            }
        };
        u32::try_from(at).map_err(|_| BuildError::TooMany("feeds"))
    }

    pub(super) fn note(&mut self, note: PendingNote) -> Result<u32, BuildError> {
        if let Some(number) = self.known_notes.get(&note) {
            return Ok(*number);
        }
        let number = u32::try_from(self.notes.len()).map_err(|_| BuildError::TooMany("notes"))?;
        self.notes.push(note);
        self.known_notes.insert(note, number);
        Ok(number)
    }

    /// Numbers a list of aliases, sorted by text.
    pub(super) fn list(&mut self, list: Vec<u32>) -> Result<u32, BuildError> {
        if let Some(number) = self.known_lists.get(list.as_slice()) {
            return Ok(*number);
        }
        if u16::try_from(list.len()).is_err() {
            return Err(BuildError::TooMany("aliases"));
        }
        let number = u32::try_from(self.alias_lists.len()).map_err(|_| BuildError::TooMany("aliases"))?;
        let list = list.into_boxed_slice();
        self.alias_lists.push(list.clone());
        self.known_lists.insert(list, number);
        Ok(number)
    }

    pub(super) fn sort_texts(&self, numbers: &mut Vec<u32>) {
        numbers.sort_unstable_by(|a, b| self.texts.text(*a).cmp(self.texts.text(*b)));
        numbers.dedup();
    }
}
