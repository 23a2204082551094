//! Header and sections.

use std::ops::Range;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

pub(super) const MAGIC: &[u8; 4] = b"LZDB";
pub(super) const FORMAT: u32 = 3;
/// Up to 2 no vulnerability had decision points of SSVC; all else is the same.
const OLDEST: u32 = 2;
pub(super) const HEADER: usize = TABLE.end + 64;
const TABLE: Range<usize> = 24..24 + 16 * SECTIONS;
const CONTENT_DIGEST: Range<usize> = TABLE.end..TABLE.end + 32;
const HEADER_DIGEST: Range<usize> = TABLE.end + 32..HEADER;

pub(super) const SECTIONS: usize = 13;
/// Bytes of one element of each section.
pub(super) const WIDTHS: [usize; SECTIONS] = [1, 24, 12, 8, 16, 40, 4, 4, 8, 4, 4, 36, 8];
const NAMES: [&str; SECTIONS] = [
    "texts",
    "feeds",
    "releases",
    "packages",
    "rows",
    "notes",
    "aliases",
    "note rows",
    "ids",
    "buckets",
    "members",
    "vulnerabilities",
    "vectors",
];

pub(super) const TEXTS: usize = 0;
pub(super) const FEEDS: usize = 1;
pub(super) const RELEASES: usize = 2;
pub(super) const PACKAGES: usize = 3;
pub(super) const ROWS: usize = 4;
pub(super) const NOTES: usize = 5;
pub(super) const ALIASES: usize = 6;
pub(super) const NOTE_ROWS: usize = 7;
pub(super) const IDS: usize = 8;
pub(super) const BUCKETS: usize = 9;
pub(super) const MEMBERS: usize = 10;
pub(super) const VULNERABILITIES: usize = 11;
pub(super) const VECTORS: usize = 12;

/// Why bytes are not a usable database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("it is not an advisory database: it does not start with `LZDB`")]
    Magic,
    #[error("it has the format version {found}, and this program reads versions {OLDEST} to {FORMAT} only")]
    Format { found: u32 },
    #[error("it is cut off: {found} bytes of {expected}")]
    Truncated { found: u64, expected: u64 },
    #[error("its header is damaged: {0}")]
    Header(&'static str),
    #[error("its section `{section}` is damaged: {reason}")]
    Section { section: &'static str, reason: &'static str },
    #[error("its content is damaged: the SHA-256 is {found}, and the header says {expected}")]
    Content { found: lazaret_model::Digest, expected: lazaret_model::Digest },
    #[error("it cannot be mapped into memory: {0}")]
    Map(#[from] std::io::Error),
}

impl DatabaseError {
    pub(super) fn section(section: usize, reason: &'static str) -> Self {
        Self::Section { section: NAMES[section], reason }
    }
}

/// The header, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) built: Timestamp,
    pub(super) content: [u8; 32],
    pub(super) sections: [Range<usize>; SECTIONS],
}

impl Layout {
    pub(super) fn read(file: &[u8]) -> Result<Self, DatabaseError> {
        if !file.starts_with(MAGIC) {
            return Err(DatabaseError::Magic);
        }
        let truncated = |expected: usize| DatabaseError::Truncated {
            found: to_u64(file.len()),
            expected: to_u64(expected),
        };
        let header = file.get(..HEADER).ok_or_else(|| truncated(HEADER))?;
        let format = u32_at(header, 4).unwrap_or_default();
        if !(OLDEST..=FORMAT).contains(&format) {
            return Err(DatabaseError::Format { found: format });
        }
        if header[HEADER_DIGEST] != *Sha256::digest(&header[..HEADER_DIGEST.start]) {
            return Err(DatabaseError::Header("its own SHA-256 is another"));
        }
        let number = |at| u64_at(header, at).unwrap_or_default();
        let built = Timestamp::from_second(number(8).cast_signed())
            .map_err(|_| DatabaseError::Header("the time of building is beyond all calendars"))?;
        let mut sections = [const { 0..0 }; SECTIONS];
        let mut end = HEADER;
        for (section, range) in sections.iter_mut().enumerate() {
            let (offset, length) =
                (number(TABLE.start + 16 * section), number(TABLE.start + 8 + 16 * section));
            let start = end.next_multiple_of(8);
            let length =
                usize::try_from(length).map_err(|_| DatabaseError::Header("a section is too long"))?;
            if offset != to_u64(start) || length % WIDTHS[section] != 0 {
                return Err(DatabaseError::Header("the sections do not follow each other"));
            }
            end = start.checked_add(length).ok_or(DatabaseError::Header("a section is too long"))?;
            *range = start..end;
        }
        if file.len() != end {
            return Err(match file.len() < end {
                true => truncated(end),
                false => DatabaseError::Header("there are bytes after the last section"),
            });
        }
        if number(16) != to_u64(sections[ROWS].len() / WIDTHS[ROWS]) {
            return Err(DatabaseError::Header("the number of rows is another"));
        }
        // Elements are numbered in 32 bits.
        if sections.iter().any(|section| u32::try_from(section.len()).is_err()) {
            return Err(DatabaseError::Header("a section is too long"));
        }
        let content =
            header[CONTENT_DIGEST].try_into().map_err(|_| DatabaseError::Header("it is too short"))?;
        Ok(Self { built, content, sections })
    }

    /// Puts a file together. The header comes last into being and stands first.
    pub(super) fn write(built: Timestamp, sections: &[Vec<u8>; SECTIONS]) -> Vec<u8> {
        let mut file = vec![0; HEADER];
        let mut table = Vec::with_capacity(16 * SECTIONS);
        for section in sections {
            file.resize(file.len().next_multiple_of(8), 0);
            table.extend(to_u64(file.len()).to_le_bytes());
            table.extend(to_u64(section.len()).to_le_bytes());
            file.extend_from_slice(section);
        }
        let content = Sha256::digest(&file[HEADER..]);
        let rows = to_u64(sections[ROWS].len() / WIDTHS[ROWS]);
        file[..4].copy_from_slice(MAGIC);
        file[4..8].copy_from_slice(&FORMAT.to_le_bytes());
        file[8..16].copy_from_slice(&built.as_second().to_le_bytes());
        file[16..24].copy_from_slice(&rows.to_le_bytes());
        file[TABLE].copy_from_slice(&table);
        file[CONTENT_DIGEST].copy_from_slice(&content);
        let header = Sha256::digest(&file[..HEADER_DIGEST.start]);
        file[HEADER_DIGEST].copy_from_slice(&header);
        file
    }
}

pub(super) fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
