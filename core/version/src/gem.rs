//! Versions of Ruby gems (`Gem::Version`).

use std::cmp::Ordering;

use crate::text::{compare_numbers, is_zero, split_digits, split_run};
use crate::{Scheme, VersionError};

/// Orders as `Gem::Version#<=>` does: letters make a prerelease, zeros at the end do not count.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Segments::of(a), Segments::of(b));
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() {
            return Ordering::Equal;
        }
        // A missing segment is zero.
        let order = x.unwrap_or(Segment::Number(b"")).cmp(&y.unwrap_or(Segment::Number(b"")));
        if order.is_ne() {
            return order;
        }
    }
}

/// Accepts what `Gem::Version.correct?` accepts. No text at all is version 0.
pub fn check(text: &str) -> Result<(), VersionError> {
    let fail = |reason| Err(VersionError { scheme: Scheme::Gem, reason });
    let text = text.trim_ascii();
    if text.is_empty() {
        return Ok(());
    }
    let (release, prerelease) = text.split_once('-').map_or((text, None), |(head, tail)| (head, Some(tail)));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !release
        .split('.')
        .next()
        .is_some_and(|first| !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit()))
    {
        return fail("it does not start with a number");
    }
    if !release.split('.').all(plain) {
        return fail("a segment is empty or has a foreign character");
    }
    let dashed =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !prerelease.is_none_or(|tail| tail.split('.').all(dashed)) {
        return fail("a segment after the hyphen is empty or has a foreign character");
    }
    Ok(())
}

/// The part before the first letter or hyphen: `Gem::Version#release`.
pub fn release(text: &str) -> &str {
    let end = text.bytes().position(|byte| byte.is_ascii_alphabetic() || byte == b'-').unwrap_or(text.len());
    // A letter and a hyphen are boundaries of characters.
    text.get(..end).unwrap_or(text)
}

#[derive(Debug, Clone, Copy)]
enum Segment<'a> {
    Word(&'a [u8]),
    Number(&'a [u8]),
}

impl Segment<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Word(a), Self::Word(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => compare_numbers(a, b),
            (Self::Word(_), Self::Number(_)) => Ordering::Less,
            (Self::Number(_), Self::Word(_)) => Ordering::Greater,
        }
    }
}

/// The canonical segments: without the zeros before the first word and those at the end.
struct Segments<'a> {
    rest: &'a [u8],
    /// Zeros that were read but may be dropped.
    zeros: usize,
    /// What comes after them.
    held: Option<Segment<'a>>,
    word_seen: bool,
}

impl<'a> Segments<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text.as_bytes(), zeros: 0, held: None, word_seen: false }
    }

    fn next(&mut self) -> Option<Segment<'a>> {
        if self.held.is_none() {
            self.held = Some(self.read()?);
        }
        if self.zeros > 0 {
            self.zeros -= 1;
            return Some(Segment::Number(b""));
        }
        self.held.take()
    }

    /// The next segment that is not zero; counts the zeros before it.
    fn read(&mut self) -> Option<Segment<'a>> {
        loop {
            let byte = *self.rest.first()?;
            if byte.is_ascii_digit() {
                let (digits, rest) = split_digits(self.rest);
                self.rest = rest;
                if !is_zero(digits) {
                    return Some(Segment::Number(digits));
                }
                self.zeros += 1;
            } else if byte.is_ascii_alphabetic() {
                let (word, rest) = split_run(self.rest, |byte| byte.is_ascii_alphabetic());
                self.rest = rest;
                return Some(self.word(word));
            } else {
                self.rest = self.rest.get(1..).unwrap_or_default();
                // RubyGems reads a hyphen as `.pre.`.
                if byte == b'-' {
                    return Some(self.word(b"pre"));
                }
            }
        }
    }

    fn word(&mut self, word: &'a [u8]) -> Segment<'a> {
        if !self.word_seen {
            (self.word_seen, self.zeros) = (true, 0);
        }
        Segment::Word(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_prereleases() {
        for pair in
            ["1.0.a.2", "1.0.a10", "1.0.b1", "1.0.0-1", "1", "1.0.0.1.a", "1.0.0.1", "1.2", "1.10"].windows(2)
        {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("0.0.beta.1", "0.beta.1.0"), Ordering::Equal);
        assert_eq!(compare("", "0"), Ordering::Equal);
    }

    #[test]
    fn the_release_has_no_letters() {
        assert_eq!(release("2.0.a"), "2.0.");
        assert_eq!(release("2.0-1"), "2.0");
        assert_eq!(release("ä1"), "ä1");
    }

    #[test]
    fn the_check_is_that_of_rubygems() {
        for text in ["", "1", " 1.0.rc1 ", "1.0-x.y-z"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["junk", "1.0.", ".1", "1..2", "1.0-", "1,2", "1.2 3"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
