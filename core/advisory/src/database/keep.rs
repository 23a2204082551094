//! Taking over from the present database what the feeds that did not change gave.

use super::builder::{BuildError, Builder, PendingNote, PendingRow, PendingVulnerability};
use super::layout::{DatabaseError, FEEDS, NOTES, RELEASES, VULNERABILITIES};
use super::read::Database;
use super::record::{Note, VulnerabilityRecord};

impl Builder {
    /// Copies what the named feeds gave: rows, vulnerabilities and what is known of the feeds themselves. Names of
    /// which the database knows nothing are passed over.
    pub fn keep_from(&mut self, database: &Database, feeds: &[&str]) -> Result<(), DatabaseError> {
        self.keep(database, |name| feeds.contains(&name))
    }

    /// Copies what all feeds gave but those named.
    pub fn keep_all_but(&mut self, database: &Database, feeds: &[&str]) -> Result<(), DatabaseError> {
        self.keep(database, |name| !feeds.contains(&name))
    }

    fn keep(&mut self, database: &Database, is_kept: impl Fn(&str) -> bool) -> Result<(), DatabaseError> {
        let mut places = Vec::with_capacity(database.count(FEEDS));
        for feed in database.feeds()? {
            let place = is_kept(&feed.name).then(|| self.feed_index(&feed.name));
            if place.is_some() {
                self.feed(&feed);
            }
            places.push(place.transpose().unwrap_or_else(|failure| {
                self.note_failure(Err(failure));
                None
            }));
        }
        let place = |feed: u32| {
            let known = usize::try_from(feed).ok().and_then(|feed| places.get(feed)).copied();
            known.ok_or(DatabaseError::section(FEEDS, "a feed is outside the table"))
        };
        let mut notes = Vec::with_capacity(database.count(NOTES));
        for number in (0..database.count(NOTES)).filter_map(|number| u32::try_from(number).ok()) {
            let note = database.note(number)?;
            notes.push(match place(note.feed)? {
                Some(feed) => Some(self.kept_note(database, &note, feed)?),
                None => None,
            });
        }
        for release in 0..database.count(RELEASES) {
            self.keep_release(database, release, &notes)?;
        }
        for at in 0..database.count(VULNERABILITIES) {
            let record = database.vulnerability_record(at)?;
            if let Some(feed) = place(record.feed)? {
                self.keep_vulnerability(database, &record, feed)?;
            }
        }
        Ok(())
    }

    pub(super) fn kept_note(
        &mut self,
        database: &Database,
        note: &Note,
        feed: u32,
    ) -> Result<u32, DatabaseError> {
        let mut aliases = Vec::with_capacity(note.aliases.into());
        for alias in database.aliases(note) {
            aliases.push(self.taken(alias?));
        }
        let list = self.list(aliases);
        let pending = PendingNote {
            id: self.taken_from(database, note.id)?,
            document: self.taken_from(database, note.document)?,
            summary: self.taken_from(database, note.summary)?,
            published: self.taken_optional(database.optional_text(note.published)?),
            module: self.taken_optional(database.optional_text(note.module)?),
            feed,
            aliases: self.or_failure(list),
            severity: note.severity,
        };
        let number = self.note(pending);
        Ok(self.or_failure(number))
    }

    fn keep_release(
        &mut self,
        database: &Database,
        release: usize,
        notes: &[Option<u32>],
    ) -> Result<(), DatabaseError> {
        let (kind, key) = database.release_key(release)?;
        let release_text = self.taken(key);
        for package in database.packages_of(release)? {
            let name = self.taken(database.package_name(package)?);
            for at in database.rows_of_package(package)? {
                let row = database.row(at)?;
                let note = usize::try_from(row.note).ok().and_then(|note| notes.get(note));
                let note = note.ok_or(DatabaseError::section(NOTES, "a note is outside the table"))?;
                let Some(note) = *note else { continue };
                let pending = PendingRow {
                    kind,
                    release: release_text,
                    package: name,
                    introduced: self.taken_optional(database.optional_text(row.introduced)?),
                    end: self.taken_optional(database.optional_text(row.end)?),
                    note,
                    status: row.status,
                    inclusive: row.inclusive,
                };
                self.rows.push(pending);
            }
        }
        Ok(())
    }

    pub(super) fn keep_vulnerability(
        &mut self,
        database: &Database,
        record: &VulnerabilityRecord,
        feed: u32,
    ) -> Result<(), DatabaseError> {
        let first_vector = self.vectors.len();
        for vector in database.vectors(record) {
            let (who, vector) = vector?;
            let pair = (self.taken(who), self.taken(vector));
            self.vectors.push(pair);
        }
        let pending = PendingVulnerability {
            id: self.taken_from(database, record.id)?,
            document: self.taken_from(database, record.document)?,
            summary: self.taken_from(database, record.summary)?,
            published: self.taken_optional(database.optional_text(record.published)?),
            exploited: self.taken_optional(database.optional_text(record.exploited)?),
            epss: record.epss,
            feed,
            first_vector,
            vectors: record.vectors,
            severity: record.severity,
            ssvc: record.ssvc,
            withdrawn: record.withdrawn,
        };
        self.vulnerabilities.push(pending);
        Ok(())
    }

    fn taken_from(&mut self, database: &Database, text: u32) -> Result<u32, DatabaseError> {
        Ok(self.taken(database.text(text)?))
    }

    pub(super) fn taken(&mut self, text: &str) -> u32 {
        let number = self.texts.number(text);
        self.or_failure(number)
    }

    pub(super) fn taken_optional(&mut self, text: Option<&str>) -> Option<u32> {
        text.map(|text| self.taken(text))
    }

    /// What did not fit is said when the file is built.
    pub(super) fn or_failure<T: Default>(&mut self, result: Result<T, BuildError>) -> T {
        result.unwrap_or_else(|failure| {
            self.note_failure(Err(failure));
            T::default()
        })
    }
}
