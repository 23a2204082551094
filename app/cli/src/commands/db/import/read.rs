//! The documents of a source, told apart by content and parsed on all cores.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use lazaret_advisory::feed::osv;
use lazaret_advisory::{Builder, Database};
use lazaret_model::{Advisory, Limits};
use lazaret_source::feed_files;

use super::parsed::{Document, Parsed};
use super::source::{Source, Told};
use crate::progress::Progress;

/// Why a source was not read to its end.
pub(super) enum Stop {
    Interrupted,
    /// All of its documents belong to a feed of another name than its first ones seemed to.
    Name(String),
    Failed(String, Box<Told>),
}

/// Documents that are parsed at once: enough for all cores, little enough to be in memory as they are.
const ROUND_BYTES: usize = 16 << 20;
const ROUND: usize = 4_096;

/// The reading of one source.
pub(super) struct Read<'a> {
    present: Option<&'a Database>,
    limits: &'a Limits,
    progress: &'a Progress,
    cancel: &'a AtomicBool,
    round: Vec<Document>,
    round_bytes: usize,
    /// The feed of OSV documents.
    name: Option<String>,
    /// Rows by ecosystem or distribution.
    ecosystems: BTreeMap<String, u64>,
    told: Told,
}

impl<'a> Read<'a> {
    pub(super) fn new(
        present: Option<&'a Database>,
        limits: &'a Limits,
        progress: &'a Progress,
        cancel: &'a AtomicBool,
    ) -> Self {
        let (round, ecosystems) = (Vec::new(), BTreeMap::new());
        Self {
            present,
            limits,
            progress,
            cancel,
            round,
            round_bytes: 0,
            name: None,
            ecosystems,
            told: Told::default(),
        }
    }

    pub(super) fn source(mut self, source: &Source, builder: &mut Builder) -> Result<Told, Stop> {
        self.name = source.name.clone().or_else(|| source.found.clone());
        let file = source.path.file_name().unwrap_or(source.path.as_os_str()).to_string_lossy().into_owned();
        let mut given = 0_u64;
        let passed = feed_files::documents(&source.path, self.limits, &mut |name, bytes| {
            given += 1;
            if given % 256 == 1 {
                self.progress.say(format!("reading {file}: {given} documents"));
            }
            self.round_bytes = self.round_bytes.saturating_add(bytes.len());
            self.round.push((name.to_owned(), bytes));
            if self.round_bytes >= ROUND_BYTES || self.round.len() >= ROUND {
                self.parse_round(source, builder);
            }
            match self.cancel.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Stop::Interrupted);
        }
        self.parse_round(source, builder);
        let passed = match passed {
            Ok(passed) => passed,
            Err(error) => return Err(self.failed(source, error.to_string())),
        };
        for problem in passed.problems {
            self.told.problems.add(|| problem.to_string());
        }
        if self.told.documents == 0 {
            self.told.feeds.extend(self.told.broken_table.map(str::to_owned));
            let why = self.why_nothing(given);
            return Err(self.failed(source, why));
        }
        // The first documents may have been of one ecosystem and the rest of others.
        match &self.name {
            Some(name) if source.is_whole() && self.is_guessed(source) && *name != self.feed_name() => {
                Err(Stop::Name(self.feed_name()))
            }
            _ => Ok(self.told),
        }
    }

    fn is_guessed(&self, source: &Source) -> bool {
        source.name.is_none() && source.found.is_none()
    }

    fn failed(mut self, source: &Source, why: String) -> Stop {
        // Of a feed that was named it is known which one failed, whatever could be read of it.
        self.told.feeds.extend(source.name.clone());
        Stop::Failed(why, Box::new(self.told))
    }

    fn why_nothing(&self, given: u64) -> String {
        match (&self.told.unreadable.first, &self.told.unknown.first) {
            (Some(first), _) => first.clone(),
            (None, Some(first)) => {
                format!("none of its {given} documents has a format that is known; the first is `{first}`")
            }
            (None, None) => "there is no document in it".to_owned(),
        }
    }

    fn parse_round(&mut self, source: &Source, builder: &mut Builder) {
        let documents = std::mem::take(&mut self.round);
        self.round_bytes = 0;
        if documents.is_empty() {
            return;
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let feed = self.name.as_deref().unwrap_or(osv::FEED);
        let chunks = documents.chunks(documents.len().div_ceil(cores));
        let mut parsed: Vec<Parsed> = std::thread::scope(|scope| {
            let running: Vec<_> =
                chunks.map(|chunk| scope.spawn(|| Parsed::of(chunk, feed, self.limits))).collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        for chunk in &parsed {
            for advisory in &chunk.osv.advisories {
                let count = self.ecosystems.entry(family(advisory).to_owned());
                *count.or_default() += 1;
            }
        }
        if self.name.is_none() && parsed.iter().any(|chunk| chunk.osv.documents > 0) {
            let name = self.known_name(source, &parsed).unwrap_or_else(|| self.feed_name());
            for chunk in &mut parsed {
                chunk.rename(&name);
            }
            self.name = Some(name);
        }
        for chunk in parsed {
            self.push(chunk, source, builder);
        }
    }

    fn push(&mut self, chunk: Parsed, source: &Source, builder: &mut Builder) {
        let Parsed { osv, knowledge, published, told } = chunk;
        osv.push_into(builder);
        if osv.documents > 0 {
            self.told.feeds.insert(osv.name.clone());
        }
        for (format, knowledge) in knowledge {
            let feed = source.name.as_deref().unwrap_or(format.name);
            knowledge.push_into(feed, builder);
            self.told.feeds.insert(feed.to_owned());
        }
        for mut published in published {
            if let Some(name) = &source.name {
                published.rename(name);
            }
            published.push_into(builder);
            self.told.feeds.extend(published.feeds().into_iter().map(str::to_owned));
        }
        self.told.append(told);
    }

    /// The name of a feed after what its rows are about, if nine tenths of them agree.
    fn feed_name(&self) -> String {
        let all: u64 = self.ecosystems.values().sum();
        match self.ecosystems.iter().max_by_key(|(_, count)| **count) {
            Some((family, count)) if count.saturating_mul(10) >= all.saturating_mul(9) => {
                format!("{}-{family}", osv::FEED)
            }
            _ => osv::FEED.to_owned(),
        }
    }

    /// The feed that has an earlier version of a document that comes alone.
    fn known_name(&self, source: &Source, parsed: &[Parsed]) -> Option<String> {
        let present = self.present.filter(|_| !source.is_whole())?;
        let ids = parsed.iter().flat_map(|chunk| {
            let rows = chunk.osv.advisories.iter().map(|advisory| advisory.id.as_str());
            rows.chain(chunk.osv.withdrawn.iter().map(String::as_str))
        });
        let of_osv = |row: &Advisory| row.feed == osv::FEED || row.feed.starts_with("osv-");
        let mut feeds: Vec<String> = ids
            .take(100)
            .filter_map(|id| present.by_id(id).ok())
            .flatten()
            .filter(of_osv)
            .map(|row| row.feed)
            .collect();
        let usual = self.feed_name();
        match feeds.contains(&usual) {
            true => Some(usual),
            false => feeds.pop(),
        }
    }
}

/// `almalinux` of its releases, `pypi` of what is no distribution's.
fn family(advisory: &Advisory) -> &str {
    match advisory.release.split(':').next() {
        Some(distribution) if !distribution.is_empty() => distribution,
        _ => advisory.ecosystem.name(),
    }
}
