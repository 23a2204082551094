//! Constraints as hashicorp/go-version, Aqua's go-version, Masterminds/semver, Elixir and Dart have them:
//! comparisons, `^1.2.3`, `~1.2.3`, `~> 1.2.3`, `1.2.x`.
//!
//! Prereleases are versions like others and missing numbers are zero (of Aqua's options, `WithPreRelease`
//! and `WithZeroPadding`): an advisory for `<2` means 2.0.0-rc.1 too.

use super::lexer::{Reason, Written, alternatives, terms};
use super::partial::Partial;
use super::term::{Op, Term};

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, Reason> {
    alternatives(text)
        .map(|alternative| {
            let mut list = Vec::new();
            for written in terms(alternative)? {
                push(&mut list, written)?;
            }
            Ok(list)
        })
        .collect()
}

fn push(terms: &mut Vec<Term>, written: Written<'_>) -> Result<(), Reason> {
    let Some(partial) = Partial::parse(written.version) else {
        // A version that is no row of numbers can still be compared with.
        let op = Op::of(written.operator).ok_or("an operator needs a version made of numbers")?;
        terms.push(Term::Compare(op, written.version.to_owned()));
        return Ok(());
    };
    let count = partial.numbers.len();
    let fixed = match written.operator {
        "~" => count.min(2),
        "~>" if count > 1 && !partial.open => count - 1,
        "~>" => count,
        "^" => partial.caret(),
        operator => {
            let op = Op::of(operator).ok_or("an operator is not known")?;
            if partial.open {
                push_open(terms, op, &partial);
            } else {
                terms.push(Term::Compare(op, written.version.to_owned()));
            }
            return Ok(());
        }
    };
    if count > 0 {
        let from = if partial.open { partial.numbers.join(".") } else { partial.text.to_owned() };
        terms.extend([Term::at_least(from), Term::below(partial.bump(fixed))]);
    }
    Ok(())
}

/// Comparisons with a whole series, such as `>1.2.x`.
fn push_open(terms: &mut Vec<Term>, op: Op, partial: &Partial<'_>) {
    let count = partial.numbers.len();
    let (from, to) = (partial.numbers.join("."), partial.bump(count));
    match (op, count) {
        // Everything is equal to `*`, and nothing is less, greater or different.
        (Op::Equal | Op::AtLeast | Op::AtMost, 0) => {}
        (_, 0) => terms.push(Term::Never),
        (Op::Equal, _) => terms.extend([Term::at_least(from), Term::below(to)]),
        (Op::NotEqual, _) => terms.push(Term::Outside(from, to)),
        (Op::Less, _) => terms.push(Term::below(from)),
        (Op::AtMost, _) => terms.push(Term::below(to)),
        (Op::AtLeast, _) => terms.push(Term::at_least(from)),
        (Op::Greater, _) => terms.push(Term::at_least(to)),
    }
}

#[cfg(test)]
mod tests {
    use crate::Scheme;
    use crate::range::Range;

    fn holds(range: &str, version: &str) -> bool {
        Range::parse(Scheme::Go, range).unwrap().contains(version)
    }

    #[test]
    fn shorthands_have_their_bounds() {
        for (range, inside, outside) in [
            ("^1.2.3", "v1.9.0", "v2.0.0"),
            ("^0.0.3", "v0.0.3", "v0.0.4"),
            ("~1.2", "v1.2.9", "v1.3.0"),
            ("~> 1.2.3", "v1.2.9", "v1.3.0"),
            ("~> 1.2", "v1.9.0", "v2.0.0"),
            ("1.2.x", "v1.2.9", "v1.3.0"),
            ("!=1.2.x", "v1.3.0", "v1.2.9"),
            (">1.x", "v2.0.0", "v1.9.0"),
            ("<= 1.2.x or ~> 3.0", "v3.1.0", "v2.0.0"),
        ] {
            assert!(holds(range, inside) && !holds(range, outside), "{range}");
        }
        assert!(holds("*", "v1.0.0") && !holds("!=*", "v1.0.0"));
        for text in [">", "?1", "^foo"] {
            assert!(Range::parse(Scheme::Go, text).is_err(), "{text}");
        }
    }
}
