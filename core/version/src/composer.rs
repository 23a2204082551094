//! Versions of PHP packages (Composer's `VersionParser::normalize`, ordered by PHP's `version_compare`).

use std::cmp::Ordering;

use crate::text::{compare_folded, compare_numbers, is_number, require, split_digits, split_once, split_run};
use crate::{Scheme, VersionError};

/// Orders as Composer does after it has normalised both.
///
/// Missing numbers are zero, as Composer fills them in to four; then come the words of stability:
/// `dev-branch < 1.0-dev < 1.0-alpha < 1.0-beta < 1.0-RC < 1.0 < 1.0-p1`. Build metadata does not count.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Tokens::of(a), Tokens::of(b));
    loop {
        let (x, y) = (a.number(), b.number());
        if x.is_none() && y.is_none() {
            break;
        }
        let order = compare_numbers(x.unwrap_or_default(), y.unwrap_or_default());
        if order.is_ne() {
            return order;
        }
    }
    loop {
        let (x, y) = (a.next(), b.next());
        let order = x.cmp(&y);
        if order.is_ne() || matches!(x, Token::End) {
            return order;
        }
    }
}

/// Accepts what Composer normalises: up to four numbers and a stability, a date, or a branch.
pub fn check(text: &str) -> Result<(), VersionError> {
    let text = text.trim();
    let need = |holds, reason| require(Scheme::Composer, holds, reason);
    if let Some(branch) = text.strip_prefix("dev-") {
        return need(!branch.is_empty() && !branch.contains(char::is_whitespace), "the branch has no name");
    }
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let (text, build) = split_once(text.as_bytes(), |byte| byte == b'+');
    let blank = |bytes: &[u8]| bytes.iter().any(u8::is_ascii_whitespace);
    need(!build.is_some_and(|build| build.is_empty() || blank(build)), "the build is empty or has blanks")?;
    // A branch such as `1.x-dev`.
    let text = text.strip_suffix(b".x-dev").unwrap_or(text);
    let (core, rest) = split_run(text, |byte| byte.is_ascii_digit() || byte == b'.');
    // `1.0.rc2` and `1.0-rc2` are alike.
    let (core, rest) = match core.strip_suffix(b".") {
        Some(core) if !rest.is_empty() => (core, rest),
        _ => (core, rest.strip_prefix(b"-").or(rest.strip_prefix(b"_")).unwrap_or(rest)),
    };
    need(core.split(|byte| *byte == b'.').all(is_number), "it does not start with numbers between dots")?;
    // More than four numbers are a date, which starts with a year.
    let mut numbers = core.split(|byte| *byte == b'.');
    let year = numbers.next().is_some_and(|first| first.len() == 4);
    need(year || numbers.count() < 4, "it has more than four numbers")?;
    let mut tokens = Tokens { rest };
    let known = loop {
        match tokens.next() {
            Token::End => break true,
            Token::Unknown(_) => break false,
            _ => {}
        }
    };
    need(known, "it has a word that is no stability")
}

/// In the order of `version_compare`: any other word, `dev`, `alpha`, `beta`, `RC`, nothing, a number, `p`.
#[derive(Debug, Clone, Copy)]
enum Token<'a> {
    Unknown(&'a [u8]),
    /// `dev` to `RC`, as their place.
    Unstable(u8),
    End,
    Number(&'a [u8]),
    Patch,
}

impl Token<'_> {
    fn rank(self) -> u8 {
        match self {
            Self::Unknown(_) => 0,
            Self::Unstable(at) => 1 + at,
            Self::End => 5,
            Self::Number(_) => 6,
            Self::Patch => 7,
        }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Unknown(a), Self::Unknown(b)) => compare_folded(a, b),
            (Self::Number(a), Self::Number(b)) => compare_numbers(a, b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

/// What Composer fills in for the `x` of a branch `1.x-dev`.
const ANY: &[u8] = b"9999999";

struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Self {
        let bytes = text.trim_ascii().as_bytes();
        let (_, bytes) = split_run(bytes, |byte| matches!(byte, b'v' | b'V' | b'='));
        Self { rest: split_once(bytes, |byte| byte == b'+').0 }
    }

    /// The next of the numbers at the start. PHP's `#` stands for any number; here it is zero.
    fn number(&mut self) -> Option<&'a [u8]> {
        let (_, rest) = split_run(self.rest, is_separator);
        let (number, rest) = match rest {
            [b'#', rest @ ..] => (&b"0"[..], rest),
            [b'x' | b'X' | b'*', rest @ ..] if rest.first().is_none_or(|byte| is_separator(*byte)) => {
                (ANY, rest)
            }
            _ => split_digits(rest),
        };
        if number.is_empty() {
            return None;
        }
        self.rest = rest;
        Some(number)
    }

    fn next(&mut self) -> Token<'a> {
        let (_, rest) = split_run(self.rest, is_separator);
        if rest.is_empty() {
            self.rest = rest;
            return Token::End;
        }
        let (digits, after) = split_digits(rest);
        if !digits.is_empty() {
            self.rest = after;
            return Token::Number(digits);
        }
        if let [b'#', after @ ..] = rest {
            self.rest = after;
            return Token::Number(b"0");
        }
        let (word, after) =
            split_run(rest, |byte| !byte.is_ascii_digit() && !is_separator(byte) && byte != b'#');
        self.rest = after;
        let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
        if is(&["dev"]) {
            Token::Unstable(0)
        } else if is(&["alpha", "a"]) {
            Token::Unstable(1)
        } else if is(&["beta", "b"]) {
            Token::Unstable(2)
        } else if is(&["rc", "c"]) {
            Token::Unstable(3)
        } else if is(&["p", "pl", "patch"]) {
            Token::Patch
        } else if is(&["stable"]) {
            self.rest = &[];
            Token::End
        } else {
            Token::Unknown(word)
        }
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'.' | b'-' | b'_' | b'+' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stabilities_have_their_places() {
        let ascending = [
            "dev-main",
            "1.0-dev",
            "1.0a1",
            "1.0-beta.2",
            "1.0-b10",
            "1.0RC1",
            "1.0",
            "1.0-p1",
            "1.0.1",
            "1.2-dev",
            "1.2",
            "1.x-dev",
            "2.0-dev",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        for (a, b) in [("v1.0", "1.0.0.0"), ("1.0-stable", "1"), ("1.0.0.rc2", "1.0RC2"), ("1.0+a", "1.0+b")]
        {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn words_must_be_stabilities() {
        for text in [
            "1",
            "v1.2.3.4-beta2",
            "dev-main",
            "1.0-stable",
            "1.x-dev",
            "20100102-203040",
            "2010.01.02.10.11",
            "1.0-p1+b",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", "foo", "1.0-foo", "dev-", "1..2", "1.0+", "1.0 beta", "1.2.3.4.5"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
