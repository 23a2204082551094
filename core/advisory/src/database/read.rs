//! Reading a database.

use std::ops::Range;

use jiff::Timestamp;
use lazaret_model::{Advisory, DatabaseSnapshot, Digest, Ecosystem};

use super::bytes::Bytes;
use super::layout::{
    ALIASES, DatabaseError, IDS, Layout, PACKAGES, ROWS, STRING_BYTES, STRING_ENDS, WIDTHS, to_u64, u32_at,
};
use super::row::{self, Row, ecosystem_code};
use super::strings::Strings;

/// An open advisory database. Cheap to open, safe to share between threads.
#[derive(Debug)]
pub struct Database {
    bytes: Bytes,
    pub(super) layout: Layout,
}

/// What a database knows of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    pub ecosystem: Ecosystem,
    pub release: String,
    pub packages: u64,
    pub advisories: u64,
}

/// One element of the section `packages`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PackageKey {
    pub(super) ecosystem: u32,
    pub(super) release: u32,
    pub(super) package: u32,
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
        (0..self.count(ROWS)).map(|at| self.row(at).and_then(|row| self.advisory(&row)))
    }

    /// All rows that carry an id or have it as an alias.
    pub fn by_id(&self, id: &str) -> Result<Vec<Advisory>, DatabaseError> {
        let Some(id) = self.strings().find(id)? else { return Ok(Vec::new()) };
        let first = self.partition(IDS, |at| Ok(self.id(at)?.0 < id))?;
        let mut found = Vec::new();
        for at in first..self.count(IDS) {
            let (known, row) = self.id(at)?;
            if known != id {
                break;
            }
            found.push(self.advisory(&self.row(row)?)?);
        }
        Ok(found)
    }

    /// All rows of one source package in one release.
    pub fn by_package(
        &self,
        ecosystem: Ecosystem,
        release: &str,
        package: &str,
    ) -> Result<Vec<Advisory>, DatabaseError> {
        self.rows_of(ecosystem, release, package)?.map(|at| self.advisory(&self.row(at)?)).collect()
    }

    /// What the database knows, by release.
    pub fn coverage(&self) -> Result<Vec<Coverage>, DatabaseError> {
        let mut all: Vec<Coverage> = Vec::new();
        let mut last = None;
        for at in 0..self.count(PACKAGES) {
            let (key, rows) = self.package(at)?;
            if last != Some((key.ecosystem, key.release)) {
                last = Some((key.ecosystem, key.release));
                let ecosystem = u8::try_from(key.ecosystem).ok().and_then(row::ecosystem);
                all.push(Coverage {
                    ecosystem: ecosystem
                        .ok_or(DatabaseError::section(PACKAGES, "an ecosystem is not known"))?,
                    release: self.strings().get(key.release)?.to_owned(),
                    packages: 0,
                    advisories: 0,
                });
            }
            if let Some(coverage) = all.last_mut() {
                coverage.packages += 1;
                coverage.advisories += to_u64(rows.len());
            }
        }
        Ok(all)
    }

    /// Indices of the rows of one source package in one release.
    pub(crate) fn rows_of(
        &self,
        ecosystem: Ecosystem,
        release: &str,
        package: &str,
    ) -> Result<Range<usize>, DatabaseError> {
        let strings = self.strings();
        let (Some(release), Some(package)) = (strings.find(release)?, strings.find(package)?) else {
            return Ok(0..0);
        };
        let wanted = PackageKey { ecosystem: u32::from(ecosystem_code(ecosystem)), release, package };
        let at = self.partition(PACKAGES, |at| Ok(self.package_key(at)? < wanted))?;
        if at == self.count(PACKAGES) {
            return Ok(0..0);
        }
        let (key, rows) = self.package(at)?;
        Ok(if key == wanted { rows } else { 0..0 })
    }

    pub(crate) fn row(&self, at: usize) -> Result<Row, DatabaseError> {
        Row::read(self.element(ROWS, at)?)
    }

    pub(crate) fn text(&self, number: u32) -> Result<&str, DatabaseError> {
        self.strings().get(number)
    }

    pub(crate) fn advisory(&self, row: &Row) -> Result<Advisory, DatabaseError> {
        let text = |number: u32| self.text(number).map(str::to_owned);
        let optional = |number: Option<u32>| number.map(text).transpose();
        Ok(Advisory {
            id: text(row.id)?,
            aliases: self.aliases(row)?,
            ecosystem: row.ecosystem,
            release: text(row.release)?,
            package: text(row.package)?,
            names: row.names,
            last_affected: optional(row.last_affected)?,
            status: row.status,
            module: optional(row.module)?,
            fixed: optional(row.fixed)?,
            introduced: optional(row.introduced)?,
            severity: row.severity,
            summary: text(row.summary)?,
            published: optional(row.published)?,
            feed: text(row.feed)?,
        })
    }

    fn aliases(&self, row: &Row) -> Result<Vec<String>, DatabaseError> {
        let first = index(row.first_alias);
        (first..first.saturating_add(row.aliases.into()))
            .map(|at| self.text(self.number(ALIASES, at, 0)?).map(str::to_owned))
            .collect()
    }

    pub(super) fn content(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    pub(super) fn section(&self, section: usize) -> &[u8] {
        &self.bytes.as_ref()[self.layout.sections[section].clone()]
    }

    pub(super) fn count(&self, section: usize) -> usize {
        self.layout.sections[section].len() / WIDTHS[section]
    }

    pub(super) fn strings(&self) -> Strings<'_> {
        Strings { ends: self.section(STRING_ENDS), bytes: self.section(STRING_BYTES) }
    }

    pub(super) fn package_key(&self, at: usize) -> Result<PackageKey, DatabaseError> {
        let number = |offset| self.number(PACKAGES, at, offset);
        Ok(PackageKey { ecosystem: number(0)?, release: number(4)?, package: number(8)? })
    }

    /// A package and its rows.
    pub(super) fn package(&self, at: usize) -> Result<(PackageKey, Range<usize>), DatabaseError> {
        let first = index(self.number(PACKAGES, at, 12)?);
        let end = match at + 1 {
            next if next < self.count(PACKAGES) => index(self.number(PACKAGES, next, 12)?),
            _ => self.count(ROWS),
        };
        if first >= end || end > self.count(ROWS) {
            return Err(DatabaseError::section(PACKAGES, "the rows of a package are outside the table"));
        }
        Ok((self.package_key(at)?, first..end))
    }

    /// An element of the section `ids`: string number and row.
    pub(super) fn id(&self, at: usize) -> Result<(u32, usize), DatabaseError> {
        Ok((self.number(IDS, at, 0)?, index(self.number(IDS, at, 4)?)))
    }

    fn number(&self, section: usize, at: usize, offset: usize) -> Result<u32, DatabaseError> {
        u32_at(self.element(section, at)?, offset)
            .ok_or(DatabaseError::section(section, "an element is too short"))
    }

    fn element(&self, section: usize, at: usize) -> Result<&[u8], DatabaseError> {
        let width = WIDTHS[section];
        at.checked_mul(width)
            .and_then(|start| self.section(section).get(start..start.checked_add(width)?))
            .ok_or(DatabaseError::section(section, "an element is outside the table"))
    }

    /// First element of a sorted section that is not before what is looked for.
    fn partition(
        &self,
        section: usize,
        is_before: impl Fn(usize) -> Result<bool, DatabaseError>,
    ) -> Result<usize, DatabaseError> {
        let (mut low, mut high) = (0, self.count(section));
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle)? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// Numbers of the file as indices; one that does not fit is outside every table.
fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
