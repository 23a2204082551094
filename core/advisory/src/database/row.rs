//! One row as it lies in the file.
//!
//! | at | what |
//! |---:|---|
//! | 0 | id |
//! | 4 | release |
//! | 8 | package |
//! | 12 | fixed, or none |
//! | 16 | introduced, or none |
//! | 20 | summary |
//! | 24 | published, or none |
//! | 28 | feed |
//! | 32 | first alias, as an index |
//! | 36 | number of aliases (16 bits) |
//! | 38 | ecosystem (8 bits) |
//! | 39 | severity (8 bits) |
//!
//! Texts are string numbers of 32 bits; "none" is the highest number there is.

use lazaret_model::{Ecosystem, Severity};

use super::layout::{DatabaseError, ROWS, WIDTHS, u32_at};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: u32,
    pub(crate) release: u32,
    pub(crate) package: u32,
    pub(crate) fixed: Option<u32>,
    pub(crate) introduced: Option<u32>,
    pub(crate) summary: u32,
    pub(crate) published: Option<u32>,
    pub(crate) feed: u32,
    pub(crate) first_alias: u32,
    pub(crate) aliases: u16,
    pub(crate) ecosystem: Ecosystem,
    pub(crate) severity: Severity,
}

const NONE: u32 = u32::MAX;

impl Row {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, DatabaseError> {
        let damaged = |reason| DatabaseError::section(ROWS, reason);
        let bytes: &[u8; WIDTHS[ROWS]] =
            bytes.first_chunk().ok_or_else(|| damaged("a row is outside the table"))?;
        let number = |at| u32_at(bytes, at).unwrap_or(NONE);
        let optional = |at| Some(number(at)).filter(|number| *number != NONE);
        Ok(Self {
            id: number(0),
            release: number(4),
            package: number(8),
            fixed: optional(12),
            introduced: optional(16),
            summary: number(20),
            published: optional(24),
            feed: number(28),
            first_alias: number(32),
            aliases: u16::from_le_bytes([bytes[36], bytes[37]]),
            ecosystem: ecosystem(bytes[38]).ok_or_else(|| damaged("an ecosystem is not known"))?,
            severity: severity(bytes[39]).ok_or_else(|| damaged("a severity is not known"))?,
        })
    }

    pub(super) fn write(&self, section: &mut Vec<u8>) {
        let optional = |number: Option<u32>| number.unwrap_or(NONE);
        let Self { id, release, package, fixed, introduced, summary, published, feed, first_alias, .. } =
            *self;
        let numbers = [
            id,
            release,
            package,
            optional(fixed),
            optional(introduced),
            summary,
            optional(published),
            feed,
            first_alias,
        ];
        section.extend(numbers.into_iter().flat_map(u32::to_le_bytes));
        section.extend(self.aliases.to_le_bytes());
        section.push(ecosystem_code(self.ecosystem));
        section.push(severity_code(self.severity));
    }
}

// Codes stand in files: they are never changed and never given out again.

pub(super) const fn ecosystem_code(ecosystem: Ecosystem) -> u8 {
    match ecosystem {
        Ecosystem::Deb => 0,
    }
}

pub(super) fn ecosystem(code: u8) -> Option<Ecosystem> {
    Ecosystem::ALL.iter().copied().find(|ecosystem| ecosystem_code(*ecosystem) == code)
}

const fn severity_code(severity: Severity) -> u8 {
    match severity {
        Severity::Unknown => 0,
        Severity::None => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    }
}

fn severity(code: u8) -> Option<Severity> {
    Severity::ALL.iter().copied().find(|severity| severity_code(*severity) == code)
}
