//! The elements of the tables as they lie in the file, field by field.
//!
//! Fields are numbers of 32 bits unless said otherwise. A text is where it begins in the section of texts; "or
//! none" is the highest number there is.

use lazaret_model::{AdvisoryStatus, Severity, Ssvc};

use super::codes;
use super::layout::{DatabaseError, NOTES, ROWS, VULNERABILITIES, WIDTHS, u32_at};

pub(super) const NONE: u32 = u32::MAX;

/// A stretch of versions of one package.
///
/// | at | what |
/// |---:|---|
/// | 0 | first vulnerable version, or none |
/// | 4 | first version that is not, or the last that is, or none |
/// | 8 | note, as an index |
/// | 12 | status (8 bits) |
/// | 13 | 1 if the second version is the last vulnerable one, else 0 (8 bits) |
/// | 14 | zero (16 bits) |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Row {
    pub(crate) introduced: Option<u32>,
    pub(crate) end: Option<u32>,
    pub(crate) note: u32,
    pub(crate) status: AdvisoryStatus,
    /// `end` is the last vulnerable version, and not the first that is not.
    pub(crate) inclusive: bool,
}

/// What a document says of all the stretches that it lists.
///
/// | at | what |
/// |---:|---|
/// | 0 | id |
/// | 4 | the document's own id |
/// | 8 | summary |
/// | 12 | published, or none |
/// | 16 | module, or none |
/// | 20 | feed, as an index |
/// | 24 | first alias, as an index |
/// | 28 | first element of *note rows*, as an index |
/// | 32 | first vulnerability of that id, as an index, or none |
/// | 36 | number of aliases (16 bits) |
/// | 38 | severity (8 bits) |
/// | 39 | zero (8 bits) |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Note {
    pub(crate) id: u32,
    pub(crate) document: u32,
    pub(crate) summary: u32,
    pub(crate) published: Option<u32>,
    pub(crate) module: Option<u32>,
    pub(crate) feed: u32,
    pub(crate) first_alias: u32,
    pub(crate) first_row: u32,
    pub(crate) vulnerability: Option<u32>,
    pub(crate) aliases: u16,
    pub(crate) severity: Severity,
}

/// What one document says of a vulnerability itself.
///
/// | at | what |
/// |---:|---|
/// | 0 | id |
/// | 4 | the document's own id |
/// | 8 | summary |
/// | 12 | published, or none |
/// | 16 | exploited since, or none |
/// | 20 | EPSS in millionths, or none |
/// | 24 | feed, as an index |
/// | 28 | first vector, as an index |
/// | 32 | number of vectors (16 bits) |
/// | 34 | severity (8 bits) |
/// | 35 | 1 if withdrawn, else 0 (1 bit) |
/// |  | decision points of SSVC (7 bits) |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VulnerabilityRecord {
    pub(crate) id: u32,
    pub(crate) document: u32,
    pub(crate) summary: u32,
    pub(crate) published: Option<u32>,
    pub(crate) exploited: Option<u32>,
    pub(crate) epss: Option<u32>,
    pub(crate) feed: u32,
    pub(crate) first_vector: u32,
    pub(crate) vectors: u16,
    pub(crate) severity: Severity,
    pub(crate) ssvc: Option<Ssvc>,
    pub(crate) withdrawn: bool,
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32_at(bytes, at).unwrap_or(NONE)
}

fn optional(bytes: &[u8], at: usize) -> Option<u32> {
    Some(number(bytes, at)).filter(|number| *number != NONE)
}

fn put(section: &mut Vec<u8>, numbers: impl IntoIterator<Item = Option<u32>>) {
    section.extend(numbers.into_iter().flat_map(|number| number.unwrap_or(NONE).to_le_bytes()));
}

impl Row {
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Result<Self, DatabaseError> {
        let damaged = |reason| DatabaseError::section(ROWS, reason);
        let bytes: &[u8; WIDTHS[ROWS]] =
            bytes.first_chunk().ok_or_else(|| damaged("a row is outside the table"))?;
        let inclusive = match bytes[13..] {
            [0, 0, 0] => false,
            [1, 0, 0] => true,
            _ => return Err(damaged("a row has unknown flags")),
        };
        Ok(Self {
            introduced: optional(bytes, 0),
            end: optional(bytes, 4),
            note: number(bytes, 8),
            status: codes::status(bytes[12]).ok_or_else(|| damaged("a status is not known"))?,
            inclusive,
        })
    }

    pub(super) fn write(&self, section: &mut Vec<u8>) {
        put(section, [self.introduced, self.end, Some(self.note)]);
        section.extend([codes::status_code(self.status), u8::from(self.inclusive), 0, 0]);
    }
}

impl Note {
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Result<Self, DatabaseError> {
        let damaged = |reason| DatabaseError::section(NOTES, reason);
        let bytes: &[u8; WIDTHS[NOTES]] =
            bytes.first_chunk().ok_or_else(|| damaged("a note is outside the table"))?;
        if bytes[39] != 0 {
            return Err(damaged("a note has unknown flags"));
        }
        Ok(Self {
            id: number(bytes, 0),
            document: number(bytes, 4),
            summary: number(bytes, 8),
            published: optional(bytes, 12),
            module: optional(bytes, 16),
            feed: number(bytes, 20),
            first_alias: number(bytes, 24),
            first_row: number(bytes, 28),
            vulnerability: optional(bytes, 32),
            aliases: u16::from_le_bytes([bytes[36], bytes[37]]),
            severity: codes::severity(bytes[38]).ok_or_else(|| damaged("a severity is not known"))?,
        })
    }

    pub(super) fn write(&self, section: &mut Vec<u8>) {
        put(section, [Some(self.id), Some(self.document), Some(self.summary), self.published, self.module]);
        put(section, [Some(self.feed), Some(self.first_alias), Some(self.first_row), self.vulnerability]);
        section.extend(self.aliases.to_le_bytes());
        section.extend([codes::severity_code(self.severity), 0]);
    }
}

impl VulnerabilityRecord {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, DatabaseError> {
        let damaged = |reason| DatabaseError::section(VULNERABILITIES, reason);
        let bytes: &[u8; WIDTHS[VULNERABILITIES]] =
            bytes.first_chunk().ok_or_else(|| damaged("an element is outside the table"))?;
        Ok(Self {
            id: number(bytes, 0),
            document: number(bytes, 4),
            summary: number(bytes, 8),
            published: optional(bytes, 12),
            exploited: optional(bytes, 16),
            epss: optional(bytes, 20),
            feed: number(bytes, 24),
            first_vector: number(bytes, 28),
            vectors: u16::from_le_bytes([bytes[32], bytes[33]]),
            severity: codes::severity(bytes[34]).ok_or_else(|| damaged("a severity is not known"))?,
            ssvc: codes::ssvc(bytes[35] >> 1)
                .ok_or_else(|| damaged("an element has unknown flags"))?
                .if_decided(),
            withdrawn: bytes[35] & 1 == 1,
        })
    }

    pub(super) fn write(&self, section: &mut Vec<u8>) {
        put(section, [Some(self.id), Some(self.document), Some(self.summary), self.published]);
        put(section, [self.exploited, self.epss, Some(self.feed), Some(self.first_vector)]);
        section.extend(self.vectors.to_le_bytes());
        let decided = codes::ssvc_code(self.ssvc.unwrap_or_default()) << 1;
        section.extend([codes::severity_code(self.severity), decided | u8::from(self.withdrawn)]);
    }
}
