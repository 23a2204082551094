//! The full check of a database that comes in.

use lazaret_model::Digest;
use sha2::{Digest as _, Sha256};

use super::layout::{ALIASES, DatabaseError, HEADER, IDS, PACKAGES, ROWS, STRING_BYTES, STRING_ENDS, u32_at};
use super::read::{Database, PackageKey};
use super::row::ecosystem_code;

impl Database {
    /// Reads everything: the SHA-256, the order of every table and every number in them. After this, no
    /// lookup fails.
    pub fn verify(&self) -> Result<(), DatabaseError> {
        let found: [u8; 32] = Sha256::digest(&self.content()[HEADER..]).into();
        if found != self.layout.content {
            let expected = Digest::from_bytes(self.layout.content);
            return Err(DatabaseError::Content { found: Digest::from_bytes(found), expected });
        }
        self.verify_strings()?;
        self.verify_packages()?;
        self.verify_rows()?;
        self.verify_ids()
    }

    fn verify_strings(&self) -> Result<(), DatabaseError> {
        let strings = self.strings();
        let mut last: Option<&str> = None;
        for number in 0..strings.count() {
            let text = strings.get(number)?;
            if last.is_some_and(|last| last >= text) {
                return Err(DatabaseError::section(STRING_BYTES, "the strings are not sorted"));
            }
            last = Some(text);
        }
        let end = match self.section(STRING_ENDS) {
            [] => Some(0),
            ends => u32_at(ends, ends.len() - 4),
        };
        if end.and_then(|end| usize::try_from(end).ok()) != Some(self.section(STRING_BYTES).len()) {
            return Err(DatabaseError::section(STRING_ENDS, "there are bytes that belong to no string"));
        }
        Ok(())
    }

    fn verify_packages(&self) -> Result<(), DatabaseError> {
        let damaged = |reason| Err(DatabaseError::section(PACKAGES, reason));
        let mut last: Option<PackageKey> = None;
        let mut next_row = 0;
        for at in 0..self.count(PACKAGES) {
            let (key, rows) = self.package(at)?;
            if last.is_some_and(|last| last >= key) {
                return damaged("the packages are not sorted");
            }
            if rows.start != next_row {
                return damaged("there are rows that belong to no package");
            }
            for at in rows.clone() {
                let row = self.row(at)?;
                let ecosystem = u32::from(ecosystem_code(row.ecosystem));
                if (PackageKey { ecosystem, release: row.release, package: row.package }) != key {
                    return damaged("a row stands under another package");
                }
            }
            (last, next_row) = (Some(key), rows.end);
        }
        if next_row != self.count(ROWS) {
            return damaged("there are rows that belong to no package");
        }
        Ok(())
    }

    fn verify_rows(&self) -> Result<(), DatabaseError> {
        let mut aliases = 0;
        for advisory in self.advisories() {
            aliases += advisory?.aliases.len();
        }
        if aliases != self.count(ALIASES) {
            return Err(DatabaseError::section(ALIASES, "there are aliases that belong to no row"));
        }
        Ok(())
    }

    fn verify_ids(&self) -> Result<(), DatabaseError> {
        let mut expected = Vec::with_capacity(self.count(IDS));
        let mut aliases = self.section(ALIASES).chunks_exact(4).filter_map(|number| u32_at(number, 0));
        for at in 0..self.count(ROWS) {
            let row = self.row(at)?;
            expected.push((row.id, at));
            expected.extend(aliases.by_ref().take(row.aliases.into()).map(|alias| (alias, at)));
        }
        expected.sort_unstable();
        expected.dedup();
        let is_complete = expected.len() == self.count(IDS);
        for (at, expected) in expected.into_iter().enumerate() {
            if !is_complete || self.id(at)? != expected {
                return Err(DatabaseError::section(IDS, "the index does not agree with the rows"));
            }
        }
        if is_complete {
            Ok(())
        } else {
            Err(DatabaseError::section(IDS, "the index does not agree with the rows"))
        }
    }
}
