//! The string table: every text once, sorted, known by its number.

use std::cmp::Ordering;

use super::layout::{DatabaseError, STRING_BYTES, STRING_ENDS, u32_at};

#[derive(Debug, Clone, Copy)]
pub(super) struct Strings<'a> {
    pub(super) ends: &'a [u8],
    pub(super) bytes: &'a [u8],
}

impl<'a> Strings<'a> {
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.ends.len() / 4).unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, number: u32) -> Result<&'a str, DatabaseError> {
        std::str::from_utf8(self.raw(number)?)
            .map_err(|_| DatabaseError::section(STRING_BYTES, "a string is not UTF-8"))
    }

    /// The number of a text, if the table has it.
    pub(super) fn find(&self, text: &str) -> Result<Option<u32>, DatabaseError> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.raw(middle)?.cmp(text.as_bytes()) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(Some(middle)),
            }
        }
        Ok(None)
    }

    pub(super) fn raw(&self, number: u32) -> Result<&'a [u8], DatabaseError> {
        let damaged = || DatabaseError::section(STRING_ENDS, "a string is outside the table");
        let at = usize::try_from(number).ok().and_then(|number| number.checked_mul(4)).ok_or_else(damaged)?;
        let end = u32_at(self.ends, at).ok_or_else(damaged)?;
        let start = match at.checked_sub(4) {
            Some(before) => u32_at(self.ends, before).ok_or_else(damaged)?,
            None => 0,
        };
        let (start, end) = (usize::try_from(start).ok(), usize::try_from(end).ok());
        start.zip(end).and_then(|(start, end)| self.bytes.get(start..end)).ok_or_else(damaged)
    }
}
