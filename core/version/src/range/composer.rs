//! Constraints of Composer (getcomposer.org/doc/articles/versions.md, `VersionParser::parseConstraints`).

use super::lexer::{Reason, Written, terms};
use super::partial::Partial;
use super::term::{Op, Term};

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, Reason> {
    // One bar means the same as two.
    text.split("||").flat_map(|part| part.split('|')).map(|part| conjunction(part.trim())).collect()
}

fn conjunction(text: &str) -> Result<Vec<Term>, Reason> {
    let mut words = text.split_whitespace();
    if let (Some(from), Some("-"), Some(to), None) = (words.next(), words.next(), words.next(), words.next())
    {
        return hyphen(from, to);
    }
    let written = terms(text)?;
    if written.is_empty() {
        return Err("an alternative is empty");
    }
    let mut list = Vec::new();
    for term in written {
        push(&mut list, term)?;
    }
    Ok(list)
}

fn hyphen(from: &str, to: &str) -> Result<Vec<Term>, Reason> {
    let (from, to) = (numbers(from)?, numbers(to)?);
    if from.numbers.is_empty() || to.numbers.is_empty() {
        return Err("an end of a range has no number");
    }
    // A second end with fewer than three numbers means all of its series.
    let whole = to.numbers.len() > 2 || to.prerelease.is_some();
    let end =
        if whole { Term::Compare(Op::AtMost, to.text.to_owned()) } else { below(&to, to.numbers.len()) };
    Ok(vec![Term::at_least(lowest(&from)), end])
}

fn push(terms: &mut Vec<Term>, written: Written<'_>) -> Result<(), Reason> {
    // `1.0@dev` asks for a stability, which is no matter of the order.
    let version = written.version.split_once('@').map_or(written.version, |(version, _)| version);
    if version.starts_with("dev-") || version.ends_with("-dev") && version.contains('x') {
        let op = Op::of(written.operator).ok_or("an operator needs numbers")?;
        terms.push(Term::Compare(op, version.to_owned()));
        return Ok(());
    }
    let partial = numbers(version)?;
    let count = partial.numbers.len();
    match written.operator {
        "~" | "~>" | "^" if count == 0 => return Err("an operator needs a number"),
        "~" | "~>" => {
            let fixed = count.min(3).saturating_sub(1).max(1);
            terms.extend([Term::at_least(lowest(&partial)), below(&partial, fixed)]);
        }
        "^" => terms.extend([Term::at_least(lowest(&partial)), below(&partial, partial.caret())]),
        operator => {
            let op = match operator {
                "<>" => Op::NotEqual,
                operator => Op::of(operator).ok_or("an operator is not known")?,
            };
            let text = || partial.text.to_owned();
            match op {
                Op::Equal if partial.open && count == 0 => {}
                Op::Equal if partial.open => {
                    terms.extend([Term::at_least(lowest(&partial)), below(&partial, count)])
                }
                Op::NotEqual if partial.open => {
                    terms.push(Term::Outside(lowest(&partial), partial.bump(count) + "-dev"));
                }
                _ if partial.open => return Err("an operator goes with no open version"),
                // The bounds that a prerelease could cross lie below all prereleases.
                Op::Less | Op::AtLeast => terms.push(Term::Compare(op, lowest(&partial))),
                Op::Equal | Op::NotEqual | Op::AtMost | Op::Greater => terms.push(Term::Compare(op, text())),
            }
        }
    }
    Ok(())
}

fn numbers(text: &str) -> Result<Partial<'_>, Reason> {
    Partial::parse(text).ok_or("a version does not consist of numbers")
}

/// The version itself if it states a stability, else the first of its prereleases.
fn lowest(partial: &Partial<'_>) -> String {
    match partial.prerelease {
        Some(_) if !partial.open => partial.text.to_owned(),
        _ => partial.numbers.join(".") + "-dev",
    }
}

fn below(partial: &Partial<'_>, fixed: usize) -> Term {
    Term::below(partial.bump(fixed) + "-dev")
}

#[cfg(test)]
mod tests {
    use crate::Scheme;
    use crate::range::Range;

    #[test]
    fn bounds_lie_below_prereleases() {
        for (text, inside, outside) in [
            ("~1.2", "1.9", "2.0-beta"),
            ("~1.2.3", "1.2.9", "1.3-dev"),
            ("^1.2.3", "1.2.3-beta", "2.0.0-alpha"),
            ("^0.3", "0.3.9", "0.4"),
            ("1.2.*", "1.2-dev", "1.3-dev"),
            ("1.0 - 2.0", "2.0.9", "2.1"),
            ("1.0 - 2.0.0", "2.0.0", "2.0.1"),
            (">=1.0 <1.1 | >=1.2", "1.2-RC1", "1.1"),
            (">=1.0,<1.1||2.0", "2.0", "1.1-alpha"),
            ("<>1.0", "1.1", "1.0.0"),
            ("dev-main", "dev-main", "1.0"),
            ("1.x-dev", "1.x-dev", "1.0"),
            ("1.0@dev", "1.0", "1.1"),
        ] {
            let range = Range::parse(Scheme::Composer, text).unwrap();
            assert!(range.contains(inside), "{text} {inside}");
            assert!(!range.contains(outside), "{text} {outside}");
        }
        for text in ["", "1.0 ||", "foo", ">", "^", ">1.*", "1.0 - *", "^*"] {
            assert!(Range::parse(Scheme::Composer, text).is_err(), "{text}");
        }
    }
}
