//! `lazaret db import`: files that feeds are published in, into the database.
//!
//! An archive or a directory is a whole feed: it takes the place of what that feed said before, and of what its publisher
//! said there of distributions that it is silent of now. A document by itself takes the place of what it said before.
//! Everything else stays as it was, and so does all of a feed that cannot be read to its end; the database then says why
//! it is not newer.

mod parsed;
mod publisher;
mod read;
mod report;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use lazaret_advisory::{Builder, Database, Feed};
use lazaret_model::{DatabaseSnapshot, Limits};

use super::exchange::{beside, checked, put, sha256};
use super::import_limits;
use super::store::{Writing, blocking, interrupted};
use crate::args::DatabaseArg;
use crate::failure::{Code, Failure, Outcome};
use crate::progress::Progress;
use crate::settings::Settings;
use read::{Read, Stop};
use source::Source;

pub(super) struct Wish {
    pub(super) paths: Vec<PathBuf>,
    pub(super) name: Option<String>,
    pub(super) again: bool,
    pub(super) database: DatabaseArg,
}

/// What an import came to.
struct Done {
    sources: Vec<Source>,
    /// The database as it is now; nothing where none was made.
    snapshot: Option<DatabaseSnapshot>,
}

pub(super) async fn run(settings: &Settings, wish: Wish) -> Outcome {
    let started = std::time::Instant::now();
    let progress = Progress::spinner(settings, "looking at the files");
    let path = wish.database.db.clone();
    let done = blocking(move |cancel| import(&wish, &progress, cancel)).await?;
    report::print_all(settings, &path, &done, started.elapsed())
}

fn import(wish: &Wish, progress: &Progress, cancel: &AtomicBool) -> Result<Done, Failure> {
    if let Some(path) = wish.paths.iter().find(|path| source::is_database(path)) {
        return whole(wish, path, progress, cancel);
    }
    let limits = import_limits();
    let mut sources = Vec::new();
    for path in &wish.paths {
        interrupted(cancel)?;
        sources.push(Source::look(path, wish.name.clone(), &limits)?);
    }
    let writing = Writing::begin(&wish.database, progress, cancel)?;
    let present = writing.present()?;
    let feeds = present.as_ref().map(Database::feeds).transpose();
    let feeds = feeds.map_err(|error| Failure::input(format!("{}: {error}", wish.database.db.display())))?;
    let feeds = feeds.unwrap_or_default();
    for source in &mut sources {
        source.is_unchanged = !wish.again && source.is_in(&feeds);
    }
    let session = Session { present, feeds, limits, progress, cancel };
    let builder = loop {
        let is_recorded = session.present.is_some() && sources.iter().any(Source::has_failed_feeds);
        if sources.iter().all(Source::gives_nothing) && !is_recorded {
            break None;
        }
        if let Some(builder) = session.attempt(&mut sources)? {
            break Some(builder);
        }
    };
    progress.say("writing the database");
    let snapshot = match builder {
        Some(builder) => Some(writing.save(builder)?),
        None => session.present.as_ref().map(Database::snapshot),
    };
    Ok(Done { sources, snapshot })
}

/// A database file, which takes the place of the whole database.
fn whole(
    wish: &Wish,
    path: &std::path::Path,
    progress: &Progress,
    cancel: &AtomicBool,
) -> Result<Done, Failure> {
    if wish.paths.len() > 1 || wish.name.is_some() {
        return Err(Failure::new(Code::Usage, format!("{} is a whole database", path.display()))
            .hint("import it alone and without --name, and feeds after it"));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    let database = checked(bytes, &path.display().to_string())?;
    let writing = Writing::begin(&wish.database, progress, cancel)?;
    put(&wish.database.db, &beside(path, sha256(&database.bytes)))?;
    writing.replace(&database.bytes)?;
    Ok(Done { sources: Vec::new(), snapshot: Some(database.snapshot) })
}

struct Session<'a> {
    present: Option<Database>,
    feeds: Vec<Feed>,
    limits: Limits,
    progress: &'a Progress,
    cancel: &'a AtomicBool,
}

impl Session<'_> {
    /// Collects a new database; nothing where one of the sources turned out to be other than it seemed, and
    /// everything is to be done again with what was learned. What was collected cannot be taken apart again.
    fn attempt(&self, sources: &mut [Source]) -> Result<Option<Builder>, Failure> {
        let mut builder = Builder::new();
        let mut replaced = BTreeSet::new();
        for source in sources.iter_mut().filter(|source| source.is_whole() && !source.gives_nothing()) {
            if !self.read(source, &mut builder)? {
                return Ok(None);
            }
            replaced.extend(source.told.feeds.iter().cloned());
            let silenced = publisher::silenced(&self.feeds, &source.told.feeds);
            replaced.extend(silenced.map(|feed| feed.name.clone()));
        }
        // Now that a file could be read, it is no mystery any more.
        let read = sources.iter().filter(|source| source.problem.is_none() && !source.is_unchanged);
        replaced.extend(read.map(Source::record));
        if let Some(present) = &self.present {
            let names: Vec<&str> = replaced.iter().map(String::as_str).collect();
            let kept = builder.keep_all_but(present, &names);
            kept.map_err(|error| Failure::input(format!("the advisory database is damaged: {error}")))?;
        }
        // A document by itself comes last: it takes the place of what is kept of it.
        for source in sources.iter_mut().filter(|source| !source.is_whole() && !source.gives_nothing()) {
            // A table by itself is whole after all, which only its content tells.
            if !self.read(source, &mut builder)? || source.is_whole() && self.present.is_some() {
                return Ok(None);
            }
        }
        for feed in self.states(sources) {
            builder.feed(&feed);
        }
        Ok(Some(builder))
    }

    /// Whether the source was read as expected.
    fn read(&self, source: &mut Source, builder: &mut Builder) -> Result<bool, Failure> {
        match Read::new(self.present.as_ref(), &self.limits, self.progress, self.cancel)
            .source(source, builder)
        {
            Ok(told) => source.told = told,
            Err(Stop::Interrupted) => interrupted(self.cancel)?,
            Err(Stop::Name(name)) => {
                source.found = Some(name);
                return Ok(false);
            }
            Err(Stop::Failed(why, told)) => {
                source.told = *told;
                source.problem = Some(why);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is known of the feeds now.
    fn states(&self, sources: &[Source]) -> Vec<Feed> {
        let mut states: BTreeMap<String, Feed> = BTreeMap::new();
        let before = |name: &str| self.feeds.iter().find(|feed| feed.name == name);
        let now = jiff::Timestamp::now().to_string();
        for source in sources.iter().filter(|source| !source.is_unchanged && source.problem.is_none()) {
            for name in &source.told.feeds {
                let whole = source.is_whole();
                let problem = before(name).filter(|_| !whole).and_then(|feed| feed.problem.clone());
                // A feed of several sources is none of them.
                let source = Some(source.digest).filter(|_| whole && !states.contains_key(name.as_str()));
                let feed = Feed { source, read: Some(now.clone()), problem, ..Feed::new(name) };
                states.insert(name.clone(), feed);
            }
        }
        for source in sources.iter().filter(|source| source.has_failed_feeds()) {
            let Some(why) = &source.problem else { continue };
            for name in source.failed_feeds() {
                let known = before(&name).cloned().unwrap_or_else(|| Feed::new(&name));
                states.entry(name).or_insert(known).problem = Some(why.clone());
            }
        }
        states.into_values().collect()
    }
}
