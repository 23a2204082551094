//! The full check of a database that comes in.

use lazaret_model::Digest;
use sha2::{Digest as _, Sha256};

use super::find;
use super::layout::{
    ALIASES, BUCKETS, DatabaseError, FEEDS, HEADER, IDS, MEMBERS, NOTE_ROWS, NOTES, RELEASES, ROWS, TEXTS,
    VECTORS, VULNERABILITIES,
};
use super::read::{Database, to_index};
use super::record::{NONE, Note};
use super::texts::Texts;

impl Database {
    /// Reads everything: the SHA-256, the order of every table and every number in them. After this, no
    /// lookup fails.
    pub fn verify(&self) -> Result<(), DatabaseError> {
        let found: [u8; 32] = Sha256::digest(&self.content()[HEADER..]).into();
        if found != self.layout.content {
            let expected = Digest::from_bytes(self.layout.content);
            return Err(DatabaseError::Content { found: Digest::from_bytes(found), expected });
        }
        let starts = self.text_starts()?;
        let check = Check { database: self, starts };
        check.packages()?;
        check.rows()?;
        check.notes()?;
        check.ids()?;
        check.vulnerabilities()?;
        check.feeds()
    }

    /// Where texts begin, one bit for each byte of the section.
    fn text_starts(&self) -> Result<Vec<u64>, DatabaseError> {
        let texts = self.section(TEXTS);
        let mut starts = vec![0_u64; texts.len().div_ceil(64)];
        let mut at = 0;
        while at < texts.len() {
            let damaged = || DatabaseError::section(TEXTS, "there are more texts than can be numbered");
            let (bytes, next) = Texts(texts).raw(u32::try_from(at).map_err(|_| damaged())?)?;
            if std::str::from_utf8(bytes).is_err() {
                return Err(DatabaseError::section(TEXTS, "a text is not UTF-8"));
            }
            starts[at / 64] |= 1 << (at % 64);
            at = next;
        }
        Ok(starts)
    }
}

struct Check<'d> {
    database: &'d Database,
    starts: Vec<u64>,
}

impl<'d> Check<'d> {
    /// A text that is one of the section's.
    fn text(&self, at: u32) -> Result<&'d str, DatabaseError> {
        let index = to_index(at);
        if self.starts.get(index / 64).is_none_or(|bits| bits >> (index % 64) & 1 == 0) {
            return Err(DatabaseError::section(TEXTS, "a number is not that of a text"));
        }
        self.database.text(at)
    }

    fn optional(&self, at: Option<u32>) -> Result<(), DatabaseError> {
        at.map_or(Ok(()), |at| self.text(at).map(drop))
    }

    /// Releases and packages are sorted, and each has its part of the next table without a gap.
    fn packages(&self) -> Result<(), DatabaseError> {
        let damaged = |reason| Err(DatabaseError::section(RELEASES, reason));
        let mut last = None;
        let (mut package, mut row) = (0, 0);
        let mut hashes = Vec::with_capacity(self.database.packages());
        for release in 0..self.database.count(RELEASES) {
            self.text(self.database.number(RELEASES, release, 4)?)?;
            let (kind, key) = self.database.release_key(release)?;
            if kind.ecosystem().is_none() || kind.names().is_none() {
                return damaged("an ecosystem is not known");
            }
            if last.is_some_and(|last| last >= (kind, key)) {
                return damaged("the releases are not sorted");
            }
            last = Some((kind, key));
            let packages = self.database.packages_of(release)?;
            if packages.start != package {
                return damaged("there are packages that belong to no release");
            }
            let mut last_name: Option<&str> = None;
            for at in packages.clone() {
                let name = self.text(self.database.number(super::layout::PACKAGES, at, 0)?)?;
                let rows = self.database.rows_of_package(at)?;
                if last_name.is_some_and(|last| last.as_bytes() >= name.as_bytes()) {
                    return damaged("the packages are not sorted");
                }
                if rows.start != row {
                    return damaged("there are rows that belong to no package");
                }
                hashes.push(find::hash(name));
                (last_name, row) = (Some(name), rows.end);
            }
            package = packages.end;
        }
        if package != self.database.packages() || row != self.database.count(ROWS) {
            return damaged("there are packages or rows that belong to no release");
        }
        let damaged = || DatabaseError::section(BUCKETS, "the index does not agree with the packages");
        let (buckets, members) = find::index(&hashes).map_err(|_| damaged())?;
        let agrees = |section, expected: &[u32]| -> Result<bool, DatabaseError> {
            if self.database.count(section) != expected.len() {
                return Ok(false);
            }
            for (at, expected) in expected.iter().enumerate() {
                if self.database.number(section, at, 0)? != *expected {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        if agrees(BUCKETS, &buckets)? && agrees(MEMBERS, &members)? { Ok(()) } else { Err(damaged()) }
    }

    /// Rows name texts and notes, and stand in the order of their ids; notes know their rows.
    fn rows(&self) -> Result<(), DatabaseError> {
        let damaged = |reason| Err(DatabaseError::section(ROWS, reason));
        let mut rows_of: Vec<(u32, u32)> = Vec::with_capacity(self.database.count(ROWS));
        for package in 0..self.database.packages() {
            let mut last: Option<&str> = None;
            for at in self.database.rows_of_package(package)? {
                let row = self.database.row(at)?;
                self.optional(row.introduced)?;
                self.optional(row.end)?;
                if row.inclusive && row.end.is_none() {
                    return damaged("a row's last version is missing");
                }
                let id = self.text(self.database.note(row.note)?.id)?;
                if last.is_some_and(|last| last.as_bytes() > id.as_bytes()) {
                    return damaged("the rows are not sorted");
                }
                last = Some(id);
                rows_of.push((row.note, u32::try_from(at).unwrap_or(NONE)));
            }
        }
        rows_of.sort_unstable();
        let damaged = || DatabaseError::section(NOTE_ROWS, "it does not agree with the rows");
        if rows_of.len() != self.database.count(NOTE_ROWS) {
            return Err(damaged());
        }
        let mut next_note = 0;
        for (at, (note, row)) in rows_of.iter().enumerate() {
            if self.database.number(NOTE_ROWS, at, 0)? != *row {
                return Err(damaged());
            }
            if at == 0 || rows_of[at - 1].0 != *note {
                if *note != next_note || to_index(self.database.note(*note)?.first_row) != at {
                    return Err(damaged());
                }
                next_note += 1;
            }
        }
        if to_index(next_note) == self.database.count(NOTES) { Ok(()) } else { Err(damaged()) }
    }

    fn notes(&self) -> Result<(), DatabaseError> {
        let damaged = |reason| Err(DatabaseError::section(NOTES, reason));
        let mut used = vec![false; self.database.count(ALIASES)];
        for number in 0..self.database.count(NOTES) {
            let note: Note = self.database.note(u32::try_from(number).unwrap_or(NONE))?;
            for text in [note.id, note.document, note.summary] {
                self.text(text)?;
            }
            self.optional(note.published)?;
            self.optional(note.module)?;
            self.database.feed_name(note.feed)?;
            let first = to_index(note.first_alias);
            let aliases = first..first.saturating_add(note.aliases.into());
            for at in aliases.clone() {
                self.text(self.database.number(ALIASES, at, 0)?)?;
            }
            if let Some(used) = used.get_mut(aliases) {
                used.fill(true);
            }
            if let Some(first) = note.vulnerability {
                let first = to_index(first);
                let is_first = first.checked_sub(1).map(|before| {
                    self.database.vulnerability_record(before).map(|record| record.id != note.id)
                });
                let id = self.database.vulnerability_record(first)?.id;
                if id != note.id || !is_first.transpose()?.unwrap_or(true) {
                    return damaged("a note names another vulnerability");
                }
            }
        }
        if used.contains(&false) {
            return Err(DatabaseError::section(ALIASES, "there are aliases that belong to no note"));
        }
        Ok(())
    }

    fn ids(&self) -> Result<(), DatabaseError> {
        let mut expected: Vec<(&str, u32)> = Vec::with_capacity(self.database.count(IDS));
        for number in (0..self.database.count(NOTES)).filter_map(|number| u32::try_from(number).ok()) {
            let note = self.database.note(number)?;
            expected.push((self.database.text(note.id)?, number));
            expected.push((self.database.text(note.document)?, number));
            for alias in self.database.aliases(&note) {
                expected.push((alias?, number));
            }
        }
        expected.sort_unstable();
        expected.dedup();
        let damaged = || DatabaseError::section(IDS, "the index does not agree with the notes");
        if expected.len() != self.database.count(IDS) {
            return Err(damaged());
        }
        for (at, expected) in expected.into_iter().enumerate() {
            self.text(self.database.number(IDS, at, 0)?)?;
            if self.database.id(at)? != expected {
                return Err(damaged());
            }
        }
        Ok(())
    }

    fn vulnerabilities(&self) -> Result<(), DatabaseError> {
        let damaged = |reason| Err(DatabaseError::section(VULNERABILITIES, reason));
        let mut last: Option<(&str, u32, &str)> = None;
        let mut vector = 0;
        for at in 0..self.database.count(VULNERABILITIES) {
            let record = self.database.vulnerability_record(at)?;
            let key = (self.text(record.id)?, record.feed, self.text(record.document)?);
            if last.is_some_and(|last| last > key) {
                return damaged("the vulnerabilities are not sorted");
            }
            last = Some(key);
            self.text(record.summary)?;
            self.optional(record.published)?;
            self.optional(record.exploited)?;
            self.database.feed_name(record.feed)?;
            if to_index(record.first_vector) != vector {
                return damaged("there are vectors that belong to no vulnerability");
            }
            for at in vector..vector + usize::from(record.vectors) {
                self.text(self.database.number(VECTORS, at, 0)?)?;
                self.text(self.database.number(VECTORS, at, 4)?)?;
            }
            vector += usize::from(record.vectors);
        }
        if vector == self.database.count(VECTORS) {
            Ok(())
        } else {
            damaged("there are vectors that belong to no vulnerability")
        }
    }

    fn feeds(&self) -> Result<(), DatabaseError> {
        let mut counts = vec![[0_u64; 2]; self.database.count(FEEDS)];
        let outside = || DatabaseError::section(FEEDS, "a feed is outside the table");
        for at in 0..self.database.count(ROWS) {
            let note = self.database.note(self.database.row(at)?.note)?;
            counts.get_mut(to_index(note.feed)).ok_or_else(outside)?[0] += 1;
        }
        for at in 0..self.database.count(VULNERABILITIES) {
            let record = self.database.vulnerability_record(at)?;
            counts.get_mut(to_index(record.feed)).ok_or_else(outside)?[1] += 1;
        }
        let feeds = self.database.feeds()?;
        let agree =
            |(feed, counts): (&super::feeds::Feed, &[u64; 2])| [feed.rows, feed.vulnerabilities] == *counts;
        if !feeds.iter().zip(&counts).all(agree) || !feeds.is_sorted_by(|a, b| a.name < b.name) {
            return Err(DatabaseError::section(FEEDS, "the feeds are not sorted or their counts are others"));
        }
        Ok(())
    }
}
