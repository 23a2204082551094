//! Texts while a database is built: each kept once, known by a number.

use std::hash::{BuildHasher, RandomState};

use super::builder::BuildError;

/// All texts one after the other, and a table of their numbers that is open to the next free place.
pub(super) struct Interner {
    bytes: String,
    /// Where each text ends in `bytes`.
    ends: Vec<usize>,
    /// Number of a text and a part of its hash; [`FREE`] where there is none. A power of two of them.
    places: Vec<(u32, u32)>,
    /// Differs from run to run, so that nobody can prepare texts that share a place. The order of places never
    /// shows outside.
    hasher: RandomState,
}

const FREE: u32 = u32::MAX;

impl Interner {
    pub(super) fn new() -> Self {
        Self {
            bytes: String::new(),
            ends: Vec::new(),
            places: vec![(FREE, 0); 1 << 10],
            hasher: RandomState::new(),
        }
    }

    /// The number of a text, which is its first or the one it already has.
    pub(super) fn number(&mut self, text: &str) -> Result<u32, BuildError> {
        if self.ends.len() * 2 >= self.places.len() {
            self.grow();
        }
        let hash = self.hasher.hash_one(text);
        let part = high(hash);
        let mask = self.places.len() - 1;
        let mut at = place(hash, mask);
        loop {
            let (number, known) = self.places[at];
            if number == FREE {
                break;
            }
            if known == part && self.text(number) == text {
                return Ok(number);
            }
            at = (at + 1) & mask;
        }
        let number = u32::try_from(self.ends.len()).ok().filter(|number| *number < FREE);
        let number = number.ok_or(BuildError::TooMany("texts"))?;
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
        self.places[at] = (number, part);
        Ok(number)
    }

    pub(super) fn optional(&mut self, text: Option<&str>) -> Result<Option<u32>, BuildError> {
        text.map(|text| self.number(text)).transpose()
    }

    pub(super) fn text(&self, number: u32) -> &str {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[number]]
    }

    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    fn grow(&mut self) {
        let size = self.places.len() * 2;
        let mask = size - 1;
        let mut places = vec![(FREE, 0); size];
        for number in (0..self.ends.len()).filter_map(|number| u32::try_from(number).ok()) {
            let hash = self.hasher.hash_one(self.text(number));
            let mut at = place(hash, mask);
            while places[at].0 != FREE {
                at = (at + 1) & mask;
            }
            places[at] = (number, high(hash));
        }
        self.places = places;
    }
}

fn high(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or_default()
}

fn place(hash: u64, mask: usize) -> usize {
    usize::try_from(hash & u64::from(u32::MAX)).unwrap_or_default() & mask
}

impl std::fmt::Debug for Interner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} texts", self.ends.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_number_while_the_table_grows() {
        let mut interner = Interner::new();
        let text = |number: u32| "ab".repeat(number as usize % 7) + &number.to_string();
        let numbers: Vec<u32> = (0..5000).map(|number| interner.number(&text(number)).unwrap()).collect();
        for (at, number) in (0..5000).zip(&numbers) {
            assert_eq!(interner.number(&text(at)).unwrap(), *number);
            assert_eq!(interner.text(*number), text(at));
        }
        assert_eq!(interner.count(), 5000);
        assert_eq!(interner.optional(None).unwrap(), None);
    }
}
