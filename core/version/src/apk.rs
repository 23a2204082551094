//! Versions of Alpine packages, `1.2.3a_rc1~hash-r4` (apk-package(5), "Package version").

use std::cmp::Ordering;

use crate::text::{compare_numbers, split_digits, split_run, strip_exact};
use crate::{Scheme, VersionError};

/// Orders as `apk version --test` does, token by token.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Tokens::of(a), Tokens::of(b));
    loop {
        let (x, y) = (a.next(), b.next());
        let order = x.cmp(&y);
        if order.is_ne() || x.ends() {
            return order;
        }
    }
}

/// Whether a version is of the series that a pattern starts: the dependency `~3.6` takes `3.6.9_p1`.
pub fn is_in_series(version: &str, series: &str) -> bool {
    let (mut version, mut series) = (Tokens::of(version), Tokens::of(series));
    loop {
        match series.next() {
            Token::End => return true,
            Token::Invalid => return false,
            token if token != version.next() => return false,
            _ => {}
        }
    }
}

/// Accepts what apk accepts, and `1.2.r3`, which apk-tools 2 took and Alpine's own advisories hold.
pub fn check(text: &str) -> Result<(), VersionError> {
    let fail = |reason| Err(VersionError { scheme: Scheme::Apk, reason });
    let mut tokens = Tokens::of(text);
    let mut after_letter = false;
    loop {
        let letter = match tokens.next() {
            Token::End => return Ok(()),
            Token::Invalid => return fail("it has a character or suffix that has no place there"),
            Token::First(b"") | Token::Part(b"") => return fail("a number is missing"),
            Token::Revision(b"") => return fail("the revision has no number"),
            Token::AfterLetter(_) if after_letter => return fail("there is a number after the letter"),
            token => matches!(token, Token::Letter(_)),
        };
        after_letter = letter;
    }
}

/// The parts of a version, in the order in which they rank where versions start to differ:
/// a version that goes on is later, unless it goes on with a suffix of a prerelease.
#[derive(Debug, Clone, Copy)]
enum Token<'a> {
    /// Anything that has no place there; what follows is not looked at.
    Invalid,
    /// Index in [`PRERELEASES`].
    Prerelease(usize),
    End,
    Revision(&'a [u8]),
    Hash(&'a [u8]),
    SuffixNumber(&'a [u8]),
    /// Index in [`POSTRELEASES`].
    Postrelease(usize),
    Letter(u8),
    /// A number after the letter: apk-tools 2 took it, and advisories have `6.6.2p1`.
    AfterLetter(&'a [u8]),
    /// A number after the first one.
    Part(&'a [u8]),
    First(&'a [u8]),
}

const PRERELEASES: &[&str] = &["alpha", "beta", "pre", "rc"];
const POSTRELEASES: &[&str] = &["cvs", "svn", "git", "hg", "p"];

impl Token<'_> {
    fn rank(self) -> u8 {
        match self {
            Self::Invalid => 0,
            Self::Prerelease(_) => 1,
            Self::End => 2,
            Self::Revision(_) => 3,
            Self::Hash(_) => 4,
            Self::SuffixNumber(_) => 5,
            Self::Postrelease(_) => 6,
            Self::Letter(_) => 7,
            Self::AfterLetter(_) => 8,
            Self::Part(_) => 9,
            Self::First(_) => 10,
        }
    }

    fn ends(self) -> bool {
        matches!(self, Self::Invalid | Self::End)
    }

    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Prerelease(a), Self::Prerelease(b)) | (Self::Postrelease(a), Self::Postrelease(b)) => {
                a.cmp(&b)
            }
            (Self::Hash(a), Self::Hash(b)) => a.cmp(b),
            (Self::Letter(a), Self::Letter(b)) => a.cmp(&b),
            // As in Gentoo, a leading zero makes a later number a decimal fraction: 8.2.001 < 8.2.0015.
            (Self::Part(a), Self::Part(b)) if a.starts_with(b"0") || b.starts_with(b"0") => a.cmp(b),
            (Self::Part(a), Self::Part(b))
            | (Self::First(a), Self::First(b))
            | (Self::Revision(a), Self::Revision(b))
            | (Self::SuffixNumber(a), Self::SuffixNumber(b))
            | (Self::AfterLetter(a), Self::AfterLetter(b)) => compare_numbers(a, b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl PartialEq for Token<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Number,
    Letter,
    AfterLetter,
    Suffix,
    Hash,
    Revision,
}

struct Tokens<'a> {
    rest: &'a [u8],
    state: State,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text.as_bytes(), state: State::Start }
    }

    fn next(&mut self) -> Token<'a> {
        let state = self.state;
        if state == State::Start {
            self.state = State::Number;
            return Token::First(self.digits());
        }
        match (state, self.rest) {
            (_, []) => Token::End,
            (State::Suffix, [b'0'..=b'9', ..]) => Token::SuffixNumber(self.digits()),
            (State::Letter, [b'0'..=b'9', ..]) => {
                self.state = State::AfterLetter;
                Token::AfterLetter(self.digits())
            }
            (State::Number, [letter @ b'a'..=b'z', rest @ ..]) => {
                (self.rest, self.state) = (rest, State::Letter);
                Token::Letter(*letter)
            }
            (State::Number, [b'.', b'r', b'0'..=b'9', ..]) => self.revision(2),
            (State::Number, [b'.', rest @ ..]) => {
                self.rest = rest;
                Token::Part(self.digits())
            }
            (State::Number | State::Letter | State::AfterLetter | State::Suffix, [b'_', rest @ ..]) => {
                self.state = State::Suffix;
                if let Some((at, rest)) = strip_exact(rest, PRERELEASES) {
                    self.rest = rest;
                    Token::Prerelease(at)
                } else if let Some((at, rest)) = strip_exact(rest, POSTRELEASES) {
                    self.rest = rest;
                    Token::Postrelease(at)
                } else {
                    Token::Invalid
                }
            }
            (State::Number | State::Letter | State::AfterLetter | State::Suffix, [b'~', rest @ ..]) => {
                let (hash, rest) = split_run(rest, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                (self.rest, self.state) = (rest, State::Hash);
                if hash.is_empty() { Token::Invalid } else { Token::Hash(hash) }
            }
            (State::Revision, _) => Token::Invalid,
            // Some advisories write `-r` for `-r0`.
            (_, [b'-', b'r'] | [b'-', b'r', b'0'..=b'9' | b'-', ..]) => self.revision(2),
            _ => Token::Invalid,
        }
    }

    fn digits(&mut self) -> &'a [u8] {
        let (digits, rest) = split_digits(self.rest);
        self.rest = rest;
        digits
    }

    fn revision(&mut self, prefix: usize) -> Token<'a> {
        self.rest = self.rest.get(prefix..).unwrap_or_default();
        self.state = State::Revision;
        let digits = self.digits();
        // Without digits it is zero, which only the strict check minds.
        Token::Revision(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_the_manual_says() {
        let ascending = [
            "1.2_alpha",
            "1.2_alpha2",
            "1.2_beta1",
            "1.2_rc1",
            "1.2",
            "1.2-r0",
            "1.2-r10",
            "1.2~ab",
            "1.2_git1",
            "1.2_p1",
            "1.2_p1-r1",
            "1.2a",
            "1.2a-r1",
            "1.2.0",
            "1.2.001",
            "1.2.0015",
            "1.2.1",
            "1.10",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn a_series_has_what_starts_alike() {
        for version in ["3.6", "3.6.9", "3.6_pre1", "3.6-r2"] {
            assert!(is_in_series(version, "3.6"), "{version}");
        }
        for version in ["3.60", "3", "3.7", ""] {
            assert!(!is_in_series(version, "3.6"), "{version}");
        }
    }

    #[test]
    fn parts_have_their_places() {
        for text in ["1", "1.2a_rc1_p2~12ef-r3", "10.2.22.r0"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", "1.", "1a1", "1.2-r", "1.2-r1_p1", "1_foo", "1~", "1~xyz", "a", "1.2A"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
