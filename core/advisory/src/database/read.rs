//! Reading a database.

use std::ops::Range;

use jiff::Timestamp;
use lazaret_model::{Advisory, DatabaseSnapshot, Digest, Ecosystem, NamedPackage};

use super::bytes::Bytes;
use super::codes::Kind;
use super::layout::{
    ALIASES, DatabaseError, IDS, Layout, NOTE_ROWS, NOTES, PACKAGES, RELEASES, ROWS, TEXTS, WIDTHS, to_u64,
    u32_at,
};
use super::record::{Note, Row};
use super::texts::Texts;

/// An open advisory database. Cheap to open, safe to share between threads.
#[derive(Debug)]
pub struct Database {
    bytes: Bytes,
    pub(super) layout: Layout,
}

/// What a database knows of one release, or of one language's ecosystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    pub ecosystem: Ecosystem,
    /// Empty for ecosystems that are no distribution's.
    pub release: String,
    /// Which packages the rows name.
    pub names: NamedPackage,
    pub packages: u64,
    pub advisories: u64,
}

impl Database {
    /// Opens a database that is in memory. Checks the header, not the content.
    pub fn open(bytes: impl Into<Vec<u8>>) -> Result<Self, DatabaseError> {
        Self::new(Bytes::Owned(bytes.into()))
    }

    /// [`Database::map`] without the file, which `mapped.rs` alone touches.
    pub(crate) fn from_mapping(mapping: memmap2::Mmap) -> Result<Self, DatabaseError> {
        Self::new(Bytes::Mapped(mapping))
    }

    fn new(bytes: Bytes) -> Result<Self, DatabaseError> {
        let layout = Layout::read(bytes.as_ref())?;
        Ok(Self { bytes, layout })
    }

    /// What to cite when something was decided by this database.
    pub fn snapshot(&self) -> DatabaseSnapshot {
        DatabaseSnapshot {
            digest: Digest::from_bytes(self.layout.content),
            built: self.layout.built.to_string(),
            advisories: to_u64(self.count(ROWS)),
        }
    }

    pub fn built(&self) -> Timestamp {
        self.layout.built
    }

    /// Rows in the order of the file: by ecosystem, release, package and id.
    pub fn advisories(&self) -> impl Iterator<Item = Result<Advisory, DatabaseError>> {
        let mut release = 0;
        let mut package = 0;
        (0..self.count(ROWS)).map(move |at| {
            while self.rows_of_package(package)?.end <= at {
                package += 1;
            }
            while self.packages_of(release)?.end <= package {
                release += 1;
            }
            self.advisory(release, package, &self.row(at)?)
        })
    }

    /// All rows that carry an id, or have it as an alias, or stand in the document of that id; in the order of
    /// the file.
    pub fn by_id(&self, id: &str) -> Result<Vec<Advisory>, DatabaseError> {
        let first = self.partition(0..self.count(IDS), |at| Ok(self.id(at)?.0.as_bytes() < id.as_bytes()))?;
        let mut rows = Vec::new();
        for at in first..self.count(IDS) {
            let (known, note) = self.id(at)?;
            if known != id {
                break;
            }
            rows.extend(self.rows_of_note(note)?);
        }
        rows.sort_unstable();
        rows.into_iter()
            .map(|at| {
                let package = self.package_of_row(at)?;
                self.advisory(self.release_of_package(package)?, package, &self.row(at)?)
            })
            .collect()
    }

    /// All rows of one package: of a source or installable package in one release, or of a language's package,
    /// where the release is empty.
    pub fn by_package(
        &self,
        ecosystem: Ecosystem,
        release: &str,
        package: &str,
    ) -> Result<Vec<Advisory>, DatabaseError> {
        let mut found = Vec::new();
        for names in [NamedPackage::Source, NamedPackage::Binary] {
            let Some(release) = self.release(Kind::new(ecosystem, names), release)? else { continue };
            let rows = self.rows_of(&release, &ecosystem.normalised(package))?;
            for at in rows.clone() {
                let package = self.package_of_row(at)?;
                found.push(self.advisory(self.release_of_package(package)?, package, &self.row(at)?)?);
            }
        }
        Ok(found)
    }

    /// What the database knows, by ecosystem and release.
    pub fn coverage(&self) -> Result<Vec<Coverage>, DatabaseError> {
        let of = |at| {
            let (kind, release) = self.release_key(at)?;
            let packages = self.packages_of(at)?;
            let first = self.rows_of_package(packages.start)?.start;
            let end = self.rows_of_package(packages.end - 1)?.end;
            let damaged = || DatabaseError::section(RELEASES, "an ecosystem is not known");
            Ok(Coverage {
                ecosystem: kind.ecosystem().ok_or_else(damaged)?,
                names: kind.names().ok_or_else(damaged)?,
                release: release.to_owned(),
                packages: to_u64(packages.len()),
                advisories: to_u64(end.saturating_sub(first)),
            })
        };
        (0..self.count(RELEASES)).map(of).collect()
    }

    #[inline]
    pub(crate) fn row(&self, at: usize) -> Result<Row, DatabaseError> {
        Row::read(self.element(ROWS, at)?)
    }

    /// Rows that stand side by side.
    pub(crate) fn rows(
        &self,
        range: Range<usize>,
    ) -> Result<impl Iterator<Item = Result<Row, DatabaseError>>, DatabaseError> {
        let bytes = |at: usize| at.checked_mul(WIDTHS[ROWS]);
        let rows = bytes(range.start)
            .zip(bytes(range.end))
            .and_then(|(start, end)| self.section(ROWS).get(start..end));
        let rows = rows.ok_or(DatabaseError::section(ROWS, "an element is outside the table"))?;
        Ok(rows.chunks_exact(WIDTHS[ROWS]).map(Row::read))
    }

    #[inline]
    pub(crate) fn note(&self, at: u32) -> Result<Note, DatabaseError> {
        Note::read(self.element(NOTES, to_index(at))?)
    }

    #[inline]
    pub(crate) fn text(&self, at: u32) -> Result<&str, DatabaseError> {
        Texts(self.section(TEXTS)).get(at)
    }

    pub(super) fn text_bytes(&self, at: u32) -> Result<&[u8], DatabaseError> {
        Texts(self.section(TEXTS)).raw(at).map(|(bytes, _)| bytes)
    }

    #[inline]
    pub(crate) fn optional_text(&self, at: Option<u32>) -> Result<Option<&str>, DatabaseError> {
        at.map(|at| self.text(at)).transpose()
    }

    pub(crate) fn aliases(&self, note: &Note) -> impl Iterator<Item = Result<&str, DatabaseError>> {
        let first = to_index(note.first_alias);
        (first..first.saturating_add(note.aliases.into())).map(|at| self.text(self.number(ALIASES, at, 0)?))
    }

    pub(super) fn advisory(
        &self,
        release: usize,
        package: usize,
        row: &Row,
    ) -> Result<Advisory, DatabaseError> {
        let note = self.note(row.note)?;
        let text = |at: u32| self.text(at).map(str::to_owned);
        let optional = |at: Option<u32>| at.map(text).transpose();
        let (kind, release) = self.release_key(release)?;
        let damaged = || DatabaseError::section(RELEASES, "an ecosystem is not known");
        let end = optional(row.end)?;
        let (fixed, last_affected) = if row.inclusive { (None, end) } else { (end, None) };
        Ok(Advisory {
            id: text(note.id)?,
            aliases: self.aliases(&note).map(|alias| alias.map(str::to_owned)).collect::<Result<_, _>>()?,
            ecosystem: kind.ecosystem().ok_or_else(damaged)?,
            release: release.to_owned(),
            package: self.package_name(package)?.to_owned(),
            names: kind.names().ok_or_else(damaged)?,
            introduced: optional(row.introduced)?,
            fixed,
            last_affected,
            status: row.status,
            module: optional(note.module)?,
            severity: note.severity,
            summary: text(note.summary)?,
            published: optional(note.published)?,
            feed: self.feed_name(note.feed)?.to_owned(),
        })
    }

    /// Indices of the rows that a note belongs to.
    pub(super) fn rows_of_note(&self, note: u32) -> Result<Vec<usize>, DatabaseError> {
        let first = to_index(self.note(note)?.first_row);
        let end = match note.checked_add(1) {
            Some(next) if to_index(next) < self.count(NOTES) => to_index(self.note(next)?.first_row),
            _ => self.count(NOTE_ROWS),
        };
        if first >= end || end > self.count(NOTE_ROWS) {
            return Err(DatabaseError::section(NOTES, "the rows of a note are outside the table"));
        }
        (first..end).map(|at| self.number(NOTE_ROWS, at, 0).map(to_index)).collect()
    }

    /// An element of the section `ids`: the id and the note that has it.
    pub(super) fn id(&self, at: usize) -> Result<(&str, u32), DatabaseError> {
        Ok((self.text(self.number(IDS, at, 0)?)?, self.number(IDS, at, 4)?))
    }

    pub(super) fn content(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    #[inline]
    pub(super) fn section(&self, section: usize) -> &[u8] {
        &self.bytes.as_ref()[self.layout.sections[section].clone()]
    }

    pub(super) fn count(&self, section: usize) -> usize {
        self.layout.sections[section].len() / WIDTHS[section]
    }

    #[inline]
    pub(super) fn number(&self, section: usize, at: usize, offset: usize) -> Result<u32, DatabaseError> {
        u32_at(self.element(section, at)?, offset)
            .ok_or(DatabaseError::section(section, "an element is too short"))
    }

    #[inline]
    pub(super) fn element(&self, section: usize, at: usize) -> Result<&[u8], DatabaseError> {
        let width = WIDTHS[section];
        at.checked_mul(width)
            .and_then(|start| self.section(section).get(start..start.checked_add(width)?))
            .ok_or(DatabaseError::section(section, "an element is outside the table"))
    }

    pub(super) fn packages(&self) -> usize {
        self.count(PACKAGES)
    }
}

/// Numbers of the file as indices; one that does not fit is outside every table.
pub(super) fn to_index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
