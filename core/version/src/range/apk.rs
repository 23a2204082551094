//! Dependencies of apk (apk-world(5)): comparisons, and `~1.2` for the series that starts so.

use super::lexer::{Reason, alternatives, terms};
use super::term::{Op, Term};

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, Reason> {
    alternatives(text)
        .map(|alternative| {
            let written = terms(alternative)?;
            if written.is_empty() {
                return Err("an alternative is empty");
            }
            written
                .into_iter()
                .map(|term| {
                    let version = term.version.to_owned();
                    Ok(match term.operator {
                        "~" | "=~" | "~=" => Term::Series(version, None),
                        "<~" | "<=~" => Term::Series(version, Some(Op::Less)),
                        ">~" | ">=~" => Term::Series(version, Some(Op::Greater)),
                        operator => {
                            Term::Compare(Op::of(operator).ok_or("an operator is not known")?, version)
                        }
                    })
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::Scheme;
    use crate::range::Range;

    #[test]
    fn a_series_may_be_compared_with() {
        for (text, inside, outside) in [
            ("~3.6", "3.6.9-r1", "3.7"),
            (">~3.6", "3.7", "3.5"),
            ("<~3.6", "3.6.1", "3.7"),
            (">=1.2-r3 <2", "1.2-r10", "1.2-r2"),
        ] {
            let range = Range::parse(Scheme::Apk, text).unwrap();
            assert!(range.contains(inside) && !range.contains(outside), "{text}");
        }
        for text in ["", "^1", "~"] {
            assert!(Range::parse(Scheme::Apk, text).is_err(), "{text}");
        }
    }
}
