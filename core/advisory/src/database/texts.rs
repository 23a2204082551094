//! The section of texts: each with its length before it, known by where it begins.
//!
//! A length is written in groups of seven bits, the lowest first, with the highest bit set on all but the last
//! (LEB128), in at most five bytes.

use super::layout::{DatabaseError, TEXTS};

#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a>(pub(super) &'a [u8]);

impl<'a> Texts<'a> {
    #[inline]
    pub(super) fn get(self, at: u32) -> Result<&'a str, DatabaseError> {
        std::str::from_utf8(self.raw(at)?.0).map_err(|_| DatabaseError::section(TEXTS, "a text is not UTF-8"))
    }

    /// The bytes of a text, and where the next one begins.
    #[inline]
    pub(super) fn raw(self, at: u32) -> Result<(&'a [u8], usize), DatabaseError> {
        let damaged = || DatabaseError::section(TEXTS, "a text is outside the section");
        let start = usize::try_from(at).map_err(|_| damaged())?;
        let first = *self.0.get(start).ok_or_else(damaged)?;
        let (length, start) = if first < 0x80 {
            (usize::from(first), start + 1)
        } else {
            let mut length = 0_usize;
            let prefix = self.0.get(start..).unwrap_or_default();
            let size = prefix.iter().take(5).position(|byte| *byte < 0x80).ok_or_else(damaged)? + 1;
            for (at, byte) in prefix[..size].iter().enumerate() {
                length |= usize::from(byte & 0x7f) << (7 * at);
            }
            (length, start + size)
        };
        let end = start.checked_add(length).ok_or_else(damaged)?;
        Ok((self.0.get(start..end).ok_or_else(damaged)?, end))
    }

    pub(super) fn write(section: &mut Vec<u8>, text: &str) {
        let mut length = text.len();
        while length >= 0x80 {
            section.push(length.to_le_bytes()[0] | 0x80);
            length >>= 7;
        }
        section.push(length.to_le_bytes()[0]);
        section.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_read_back() {
        for length in [0, 1, 127, 128, 129, 16_383, 16_384, 3_000_000] {
            let text = "x".repeat(length);
            let mut section = vec![9];
            Texts::write(&mut section, &text);
            assert_eq!(Texts(&section).get(1).unwrap(), text);
            assert_eq!(Texts(&section).raw(1).unwrap().1, section.len());
            assert!(Texts(&section[..section.len() - 1]).get(1).is_err());
        }
        assert!(Texts(&[0xff; 9]).get(0).is_err());
        assert!(Texts(&[1, 0xff]).get(0).is_err());
        assert!(Texts(&[]).get(u32::MAX).is_err());
    }
}
