//! Versions of Maven artifacts (maven.apache.org/pom.html, "Version Order Specification"; `ComparableVersion`
//! of Maven 4).

use std::cmp::Ordering;

use crate::text::{compare_numbers, is_zero, require, split_digits};
use crate::{Scheme, VersionError};

/// Orders as Maven does: `1-alpha < 1-beta < 1-milestone < 1-rc < 1-snapshot < 1 < 1-sp < 1-other < 1-1 < 1.1`.
///
/// The specification's trimming of zeros is followed at every hyphen, as OSV does, and the meaning of
/// qualifiers is that of Maven 4, where `.x` is the same as `-x`.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Tokens::of(a), Tokens::of(b));
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() {
            return Ordering::Equal;
        }
        // A version that is over goes on with nothing, which has its place among the qualifiers.
        let order = x.unwrap_or(NOTHING).cmp(&y.unwrap_or(NOTHING));
        if order.is_ne() {
            return order;
        }
    }
}

/// Maven accepts nearly anything; it forbids what no file name and no range can hold.
pub fn check(text: &str) -> Result<(), VersionError> {
    let foreign = |c: char| c.is_whitespace() || c.is_control() || "\\/:\"<>|?*[](),".contains(c);
    require(Scheme::Maven, !text.is_empty(), "it is empty")?;
    require(Scheme::Maven, !text.contains(foreign), "it has a blank, bracket, comma or character of paths")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A known qualifier as its place in [`QUALIFIERS`].
    Known(usize),
    Word(&'a str),
    /// A number after a hyphen, or after letters.
    Dashed(&'a [u8]),
    /// A number after a dot, or the first.
    Dotted(&'a [u8]),
}

const QUALIFIERS: &[&str] = &["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
const RELEASE: usize = 5;
const NOTHING: Token<'static> = Token::Known(RELEASE);

impl<'a> Token<'a> {
    fn qualifier(word: &'a str, before_number: bool) -> Self {
        const ALIASES: &[(&str, usize)] =
            &[("cr", 3), ("ga", RELEASE), ("final", RELEASE), ("release", RELEASE)];
        // `a1`, `b1` and `m1` are short for alpha, beta and milestone.
        const SHORT: &[(&str, usize)] = &[("a", 0), ("b", 1), ("m", 2)];
        let known = QUALIFIERS.iter().position(|name| word.eq_ignore_ascii_case(name));
        let short = if before_number { SHORT } else { &[] };
        let alias = || ALIASES.iter().chain(short).find(|(name, _)| word.eq_ignore_ascii_case(name));
        match known.or_else(|| alias().map(|(_, at)| *at)) {
            Some(at) => Self::Known(at),
            None => Self::Word(word),
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Known(_) => 0,
            Self::Word(_) => 1,
            Self::Dashed(_) => 2,
            Self::Dotted(_) => 3,
        }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Known(a), Self::Known(b)) => a.cmp(&b),
            (Self::Word(a), Self::Word(b)) => {
                a.chars().flat_map(char::to_lowercase).cmp(b.chars().flat_map(char::to_lowercase))
            }
            (Self::Dashed(a), Self::Dashed(b)) | (Self::Dotted(a), Self::Dotted(b)) => compare_numbers(a, b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

/// The tokens without those that the specification trims.
struct Tokens<'a> {
    rest: &'a str,
    start: bool,
    /// Read and to be given out, in this order: words for a release, a dashed zero, dotted zeros, a token.
    releases: usize,
    dashed_zero: bool,
    zeros: usize,
    held: Option<Token<'a>>,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text.trim_ascii(), start: true, releases: 0, dashed_zero: false, zeros: 0, held: None }
    }

    fn next(&mut self) -> Option<Token<'a>> {
        if self.held.is_none() {
            self.held = Some(self.read_significant()?);
        }
        if self.releases > 0 {
            self.releases -= 1;
            return Some(NOTHING);
        }
        if std::mem::take(&mut self.dashed_zero) {
            return Some(Token::Dashed(b""));
        }
        if self.zeros > 0 {
            self.zeros -= 1;
            return Some(Token::Dotted(b""));
        }
        self.held.take()
    }

    /// Reads to the next token that means something, and notes which empty ones before it stay:
    /// zeros before a dotted number, back to the last hyphen; words for a release unless a hyphen follows.
    fn read_significant(&mut self) -> Option<Token<'a>> {
        loop {
            let token = self.read()?;
            match token {
                NOTHING => {
                    self.releases = self.releases.saturating_add(1);
                    (self.dashed_zero, self.zeros) = (false, 0);
                }
                Token::Dashed(digits) if is_zero(digits) => {
                    (self.releases, self.dashed_zero, self.zeros) = (0, true, 0);
                }
                Token::Dotted(digits) if is_zero(digits) => self.zeros = self.zeros.saturating_add(1),
                Token::Dotted(_) => return Some(token),
                Token::Dashed(_) => {
                    (self.releases, self.dashed_zero, self.zeros) = (0, false, 0);
                    return Some(token);
                }
                Token::Known(_) | Token::Word(_) => {
                    (self.dashed_zero, self.zeros) = (false, 0);
                    return Some(token);
                }
            }
        }
    }

    /// The next token, meaningful or not. An empty one is zero.
    fn read(&mut self) -> Option<Token<'a>> {
        let start = std::mem::replace(&mut self.start, false);
        let dashed = match self.rest.as_bytes().first() {
            None => return None,
            Some(b'.' | b'-') if !start => {
                let dashed = self.rest.starts_with('-');
                self.rest = self.rest.get(1..).unwrap_or_default();
                dashed
            }
            // Going from digits to letters or back is like a hyphen.
            Some(_) => !start,
        };
        let number = if dashed { Token::Dashed } else { Token::Dotted };
        let (digits, _) = split_digits(self.rest.as_bytes());
        if !digits.is_empty() || self.rest.is_empty() || self.rest.starts_with(['.', '-']) {
            self.rest = self.rest.get(digits.len()..).unwrap_or_default();
            return Some(number(digits));
        }
        let end = self.rest.find(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        let number = rest.strip_prefix('-').unwrap_or(rest);
        Some(Token::qualifier(word, number.starts_with(|c: char| c.is_ascii_digit())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_the_specification_says() {
        let ascending = [
            "1-alpha",
            "1-alpha2snapshot",
            "1-alpha2",
            "1-alpha-123",
            "1-beta-2",
            "1-m2",
            "1-rc",
            "1-cr2",
            "1-SNAPSHOT",
            "1",
            "1-sp",
            "1-sp2",
            "1-abc",
            "1-1-snapshot",
            "1-1",
            "1-2",
            "1.0.1",
            "1.1",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn zeros_and_words_for_a_release_are_trimmed() {
        for (a, b) in [
            ("1", "1.0.0-ga"),
            ("1-1", "1-ga-1"),
            ("1.0.0-foo.0.0", "1-foo"),
            ("1.", "1-"),
            ("1.É", "1.é"),
            ("1-1.foo-bar-1-baz-0.1", "1-1.foo-bar1baz-.1"),
            ("1a1", "1-alpha-1"),
            ("1.0.RC2", "1-rc2"),
        ] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
        assert_eq!(compare("1.0.final-redhat", "1.0-sp1-redhat"), Ordering::Less);
    }

    #[test]
    fn brackets_belong_to_ranges() {
        assert_eq!(check("1.0-SNAPSHOT"), Ok(()));
        for text in ["", "[1.0]", "1.0 2", "1,2"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
