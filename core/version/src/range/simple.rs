//! Comparisons only: `>=1.2, <2.0 || =3.1`, as the feeds of GitHub, GitLab, FriendsOfPHP, RubySec and the
//! Node.js security working group have them, and dependencies of dpkg with `<<` and `>>`.

use super::lexer::{Reason, alternatives, terms};
use super::term::{Op, Term};

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, Reason> {
    alternatives(text).map(conjunction).collect()
}

fn conjunction(text: &str) -> Result<Vec<Term>, Reason> {
    if text == "*" {
        return Ok(Vec::new());
    }
    let written = terms(text)?;
    if written.is_empty() {
        return Err("an alternative is empty");
    }
    written
        .into_iter()
        .map(|term| {
            let op = match term.operator {
                "<<" => Some(Op::Less),
                ">>" => Some(Op::Greater),
                operator => Op::of(operator),
            };
            Ok(Term::Compare(op.ok_or("an operator is not known")?, term.version.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::Scheme;
    use crate::range::{Language, Range};

    #[test]
    fn comparisons_work_in_every_scheme() {
        let range = Range::parse(Scheme::Deb, "<< 1:2.0-1, >= 1.0~rc1 || = 3:1").unwrap();
        assert!(range.contains("1.0-1") && range.contains("3:1-0") && !range.contains("1:2.0-1"));
        let range = Range::parse_as(Language::Simple, Scheme::Npm, ">=1.0.0 <2.0.0").unwrap();
        assert!(range.contains("2.0.0-rc.1"), "the order alone decides");
        assert!(Range::parse_as(Language::Simple, Scheme::Npm, "*").unwrap().contains("0"));
        for text in ["", "||", ">=", "~1", "?? 1", "<1 | >2", "[1,2)"] {
            assert!(Range::parse_as(Language::Simple, Scheme::Npm, text).is_err(), "{text}");
        }
    }
}
