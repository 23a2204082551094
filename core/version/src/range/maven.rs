//! Version ranges of Maven (maven.apache.org/pom.html, "Dependency Version Requirement Specification"),
//! or comparisons as advisories have them.

use super::interval;
use super::lexer::Reason;
use super::simple;
use super::term::Term;

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, Reason> {
    let mut rest = text.trim();
    if !rest.starts_with(['[', '(']) {
        return simple::parse(rest);
    }
    let mut alternatives = Vec::new();
    loop {
        let (terms, after) = interval::split(rest)?;
        alternatives.push(terms);
        let after = after.trim_start();
        if after.is_empty() {
            return Ok(alternatives);
        }
        rest = after.strip_prefix(',').ok_or("intervals are not separated by a comma")?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use crate::Scheme;
    use crate::range::Range;

    #[test]
    fn intervals_are_alternatives() {
        let range = Range::parse(Scheme::Maven, "(,1.0], [1.2,2.0),[3.0]").unwrap();
        for version in ["0.9", "1.0", "1.5", "2.0-rc1", "3"] {
            assert!(range.contains(version), "{version}");
        }
        for version in ["1.1", "2.0", "3.0.1"] {
            assert!(!range.contains(version), "{version}");
        }
        assert!(Range::parse(Scheme::Maven, ">= 1.0, < 2").unwrap().contains("1.5"));
        for text in ["[1.0", "[1.0][2.0]", "[1.0],", ""] {
            assert!(Range::parse(Scheme::Maven, text).is_err(), "{text}");
        }
    }
}
