//! Requirements of RubyGems (`Gem::Requirement`): commas join, `~>` holds all numbers but the last.

use super::lexer::{Reason, alternatives, terms};
use super::partial::bump;
use super::term::{Op, Term};
use crate::gem::release;

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, Reason> {
    alternatives(text)
        .map(|alternative| {
            let mut list = Vec::new();
            for written in terms(alternative)? {
                if written.operator == "~>" {
                    let ceiling =
                        ceiling(written.version).ok_or("`~>` needs a version that starts with a number")?;
                    list.push(Term::ReleaseBelow(ceiling));
                    list.push(Term::at_least(written.version));
                } else {
                    let op = Op::of(written.operator).ok_or("an operator is not known")?;
                    list.push(Term::Compare(op, written.version.to_owned()));
                }
            }
            Ok(list)
        })
        .collect()
}

/// `Gem::Version#bump`: without the prerelease and the last number, and the one before raised.
fn ceiling(version: &str) -> Option<String> {
    let numbers: Vec<&str> = release(version).split('.').filter(|number| !number.is_empty()).collect();
    let kept = if numbers.len() > 1 { numbers.len() - 1 } else { numbers.len() };
    let numbers = numbers.get(..kept).filter(|numbers| !numbers.is_empty())?;
    numbers.iter().all(|number| number.bytes().all(|byte| byte.is_ascii_digit())).then(|| bump(numbers))
}

#[cfg(test)]
mod tests {
    use super::ceiling;
    use crate::Scheme;
    use crate::range::Range;

    #[test]
    fn the_ceiling_is_the_bumped_version() {
        for (version, expected) in
            [("1.4.4", "1.5"), ("1.9", "2"), ("5", "6"), ("5.a", "6"), ("2.0.0.rc1", "2.1")]
        {
            assert_eq!(ceiling(version).as_deref(), Some(expected), "{version}");
        }
        assert_eq!(ceiling("a"), None);
    }

    #[test]
    fn prereleases_of_the_ceiling_are_outside() {
        let range = Range::parse(Scheme::Gem, "~> 1.0, != 1.5 || 3.0").unwrap();
        assert!(range.contains("1.9") && range.contains("3.0.0"));
        assert!(!range.contains("2.0.a") && !range.contains("1.5.0"));
        assert!(Range::parse(Scheme::Gem, "~> x").is_err());
    }
}
