//! Ranges of node-semver (github.com/npm/node-semver, "Ranges" and "Advanced Range Syntax").

use super::lexer::{Reason, Written, terms};
use super::partial::Partial;
use super::term::{Op, Term};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Strict,
    Loose,
    WithPrereleases,
}

pub(super) fn parse(text: &str, mode: Mode) -> Result<Vec<Vec<Term>>, Reason> {
    let read = text.split("||").map(|alternative| conjunction(alternative.trim(), mode));
    if mode != Mode::Loose {
        return read.collect();
    }
    let readable: Vec<_> = read.flatten().collect();
    if readable.is_empty() { Err("no alternative can be read") } else { Ok(readable) }
}

fn conjunction(text: &str, mode: Mode) -> Result<Vec<Term>, Reason> {
    let mut words = text.split_whitespace();
    if let (Some(from), Some("-"), Some(to), None) = (words.next(), words.next(), words.next(), words.next())
    {
        return hyphen(from, to, mode);
    }
    let mut list = Vec::new();
    for written in terms(text)? {
        push(&mut list, written, mode)?;
    }
    Ok(list)
}

/// `1.2 - 2.3.4`: both ends belong to it, and a part that is missing in the second is open.
fn hyphen(from: &str, to: &str, mode: Mode) -> Result<Vec<Term>, Reason> {
    let (from, to) = (read(from)?, read(to)?);
    let mut terms = Vec::new();
    if !from.numbers.is_empty() {
        terms.push(Term::at_least(if from.prerelease.is_some() { full(&from) } else { lowest(&from, mode) }));
    }
    let count = to.numbers.len();
    match (count, to.prerelease) {
        (0, _) => {}
        (3, None) if mode == Mode::WithPrereleases => terms.push(below_next(&to, 3)),
        (3, _) => terms.push(Term::Compare(Op::AtMost, full(&to))),
        _ => terms.push(below_next(&to, count)),
    }
    Ok(terms)
}

fn push(terms: &mut Vec<Term>, written: Written<'_>, mode: Mode) -> Result<(), Reason> {
    let partial = read(written.version)?;
    let count = partial.numbers.len();
    let fixed = match written.operator {
        "~" | "~>" => count.min(2),
        // Missing numbers count as zeros that may change: `^0` is below 1.
        "^" => partial.caret(),
        operator => return push_comparison(terms, operator, &partial, mode),
    };
    if count > 0 {
        let from = if count < 3 { lowest(&partial, mode) } else { full(&partial) };
        terms.extend([Term::at_least(from), below_next(&partial, fixed)]);
    }
    Ok(())
}

fn push_comparison(
    terms: &mut Vec<Term>,
    operator: &str,
    partial: &Partial<'_>,
    mode: Mode,
) -> Result<(), Reason> {
    let op = match operator {
        "==" if mode != Mode::Loose => return Err("`==` is no operator of npm"),
        "!=" => return Err("`!=` is no operator of npm"),
        operator => Op::of(operator).ok_or("an operator is not known")?,
    };
    let count = partial.numbers.len();
    match (op, count) {
        (Op::Less | Op::Greater, 0) => terms.push(Term::Never),
        (_, 0) => {}
        (op, 3) => terms.push(Term::Compare(op, full(partial))),
        (Op::Greater, _) => terms.push(Term::at_least(padded(partial.bump(count)) + zero(mode))),
        (Op::AtMost, _) => terms.push(Term::below(padded(partial.bump(count)) + zero(mode))),
        (Op::Less, _) => terms.push(Term::below(padded(partial.numbers.join(".")) + "-0")),
        (Op::AtLeast, _) => terms.push(Term::at_least(lowest(partial, mode))),
        (Op::Equal | Op::NotEqual, _) => {
            terms.extend([Term::at_least(lowest(partial, mode)), below_next(partial, count)]);
        }
    }
    Ok(())
}

fn read(text: &str) -> Result<Partial<'_>, Reason> {
    let partial = Partial::parse(text).ok_or("a version does not consist of numbers")?;
    if partial.numbers.len() > 3 {
        return Err("a version has more than three numbers");
    }
    Ok(partial)
}

/// Below the first prerelease of the next version.
fn below_next(partial: &Partial<'_>, fixed: usize) -> Term {
    Term::below(padded(partial.bump(fixed)) + "-0")
}

/// The lowest version that has these numbers; its prereleases too where they count.
fn lowest(partial: &Partial<'_>, mode: Mode) -> String {
    padded(partial.numbers.join(".")) + zero(mode)
}

fn zero(mode: Mode) -> &'static str {
    if mode == Mode::WithPrereleases { "-0" } else { "" }
}

fn full(partial: &Partial<'_>) -> String {
    let numbers = padded(partial.numbers.join("."));
    partial.prerelease.map_or_else(|| numbers.clone(), |prerelease| format!("{numbers}-{prerelease}"))
}

/// Three numbers.
fn padded(mut numbers: String) -> String {
    for _ in numbers.split('.').count()..3 {
        numbers.push_str(".0");
    }
    numbers
}

#[cfg(test)]
mod tests {
    use crate::Scheme;
    use crate::range::{Language, Range};

    #[test]
    fn prereleases_must_be_named() {
        let range = Range::parse(Scheme::Npm, "^1.2.3-beta.2").unwrap();
        assert!(range.contains("1.2.3-beta.4") && range.contains("1.9.0"));
        assert!(!range.contains("1.2.4-beta.2") && !range.contains("2.0.0-rc.1"));
        let range = Range::parse_as(Language::NpmWithPrereleases, Scheme::Npm, "^1.2.3-beta.2").unwrap();
        assert!(range.contains("1.2.4-beta.2") && !range.contains("2.0.0-rc.1"));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for text in ["foo", "1.2.3.4", "!=1.0.0", "== 1.0.0", ">=", "1.0.0 - foo"] {
            assert!(Range::parse(Scheme::Npm, text).is_err(), "{text}");
        }
        let loose = Range::parse_as(Language::NpmLoose, Scheme::Npm, "foo || 1.x").unwrap();
        assert!(loose.contains("1.5.0"));
        assert!(Range::parse_as(Language::NpmLoose, Scheme::Npm, "foo").is_err());
    }
}
