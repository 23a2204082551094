//! Intervals in brackets, `[1.0,2.0)`, which Maven and NuGet share.

use super::lexer::Reason;
use super::term::{Op, Term};

/// Splits off the interval that the text starts with.
pub(super) fn split(text: &str) -> Result<(Vec<Term>, &str), Reason> {
    let low = match text.chars().next() {
        Some('[') => Op::AtLeast,
        Some('(') => Op::Greater,
        _ => return Err("an interval does not start with a bracket"),
    };
    let body = text.get(1..).unwrap_or_default();
    let end = body.find([']', ')']).ok_or("an interval has no end")?;
    let (inside, rest) = body.split_at(end);
    let high = if rest.starts_with(']') { Op::AtMost } else { Op::Less };
    let rest = rest.get(1..).unwrap_or_default();
    if inside.contains(['[', '(']) {
        return Err("an interval starts inside another");
    }
    let mut terms = Vec::new();
    match inside.split_once(',') {
        Some((_, to)) if to.contains(',') => return Err("an interval has more than two ends"),
        Some((from, to)) => {
            for (op, version) in [(low, from.trim()), (high, to.trim())] {
                if !version.is_empty() {
                    terms.push(Term::Compare(op, version.to_owned()));
                }
            }
        }
        None if inside.trim().is_empty() => return Err("an interval is empty"),
        None => terms.push(Term::Compare(Op::Equal, inside.trim().to_owned())),
    }
    Ok((terms, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_may_be_open() {
        let (terms, rest) = split("(,1.0],[2]").unwrap();
        assert_eq!((terms, rest), (vec![Term::Compare(Op::AtMost, "1.0".into())], ",[2]"));
        for text in ["1.0", "[1.0", "[1,2,3]", "[]", "[1,(2]", ""] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
