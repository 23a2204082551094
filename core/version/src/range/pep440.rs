//! Version specifiers of Python (packaging.python.org, "Version specifiers"), prereleases admitted.
//! Feeds add `||`, blanks for commas, `=` for `==`, and versions without operator.

use super::lexer::{Reason, Written, alternatives, terms};
use super::term::{Op, Term};
use crate::pep440::{Version, head};

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
    let Written { operator, version } = written;
    if operator == "===" {
        terms.push(Term::Identical(version.to_owned()));
        return Ok(());
    }
    if version == "*" {
        return if operator.is_empty() { Ok(()) } else { Err("an operator has no version") };
    }
    let prefix = version.strip_suffix(".*");
    let bound = prefix.unwrap_or(version);
    let parsed = Version::parse(bound).ok_or("a version is not one of Python")?;
    if parsed.local.is_some() && !matches!(operator, "" | "=" | "==" | "!=") {
        return Err("a local part goes with `==` and `!=` only");
    }
    if operator == "~=" {
        let (head, count) = head(bound).ok_or("a version is not one of Python")?;
        let series = head.rsplit_once('.').filter(|_| count > 1 && prefix.is_none());
        let (series, _) = series.ok_or("`~=` needs at least two numbers")?;
        terms.push(Term::Python(Op::AtLeast, bound.to_owned()));
        terms.push(Term::PythonPrefix(true, series.to_owned()));
        return Ok(());
    }
    let op = Op::of(operator).ok_or("an operator is not known")?;
    terms.push(match (op, prefix) {
        (op, None) => Term::Python(op, bound.to_owned()),
        (_, Some(_)) if parsed.dev.is_some() || parsed.local.is_some() => {
            return Err("a prefix has a development or local part");
        }
        (Op::Equal, Some(prefix)) => Term::PythonPrefix(true, prefix.to_owned()),
        (Op::NotEqual, Some(prefix)) => Term::PythonPrefix(false, prefix.to_owned()),
        (_, Some(_)) => return Err("`.*` goes with `==` and `!=` only"),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Scheme;
    use crate::range::Range;

    #[test]
    fn specifiers_mean_what_the_specification_says() {
        for (text, inside, outside) in [
            ("~=2.2", "2.9", "3.0"),
            ("~=1!2.2.post3", "1!2.9", "1!3"),
            ("==3.1.*", "3.1rc1", "3.2"),
            ("!=3.1.*", "3.2", "3.1.0"),
            ("===1.0+DownStream1", "1.0+downstream1", "1.0"),
            ("1.5", "1.5.0+local", "1.6"),
            ("<1 || >=2,!=2.1", "2.2", "2.1"),
            ("*", "0", "no version at all"),
        ] {
            let range = Range::parse(Scheme::Pep440, text).unwrap();
            assert!(range.contains(inside), "{text} {inside}");
            assert!(text == "*" || !range.contains(outside), "{text} {outside}");
        }
        for text in [">=1.*", "~=1", "=~1", "==1.dev1.*", "~=1.0.*", "<1+a", "foo", "==", ">*"] {
            assert!(Range::parse(Scheme::Pep440, text).is_err(), "{text}");
        }
    }
}
