//! Version ranges of NuGet (learn.microsoft.com/nuget/concepts/package-versioning, "Version ranges"), or
//! comparisons as advisories have them.

use super::interval;
use super::lexer::Reason;
use super::partial::Partial;
use super::simple;
use super::term::Term;

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, Reason> {
    let text = text.trim();
    if text.starts_with(['[', '(']) {
        let (terms, rest) = interval::split(text)?;
        return if rest.is_empty() { Ok(vec![terms]) } else { Err("something follows the interval") };
    }
    if text.starts_with(['<', '>', '=', '!']) || text.contains("||") {
        return simple::parse(text);
    }
    // A bare version is the lowest that will do; `1.*` floats from 1.0 on.
    let partial = Partial::parse(text).ok_or("a version does not consist of numbers")?;
    if text.contains([' ', ',']) {
        return Err("a version has blanks or commas");
    }
    Ok(vec![match (partial.open, partial.numbers.as_slice()) {
        (true, []) => Vec::new(),
        (true, numbers) => vec![Term::at_least(numbers.join("."))],
        (false, _) => vec![Term::at_least(text)],
    }])
}

#[cfg(test)]
mod tests {
    use crate::Scheme;
    use crate::range::Range;

    #[test]
    fn a_bare_version_is_the_lowest() {
        for (text, inside, outside) in [
            ("1.0", "2.0", "0.9"),
            ("1.*", "1.5", "0.9"),
            ("(1.0,2.0]", "2.0.0", "1.0"),
            ("[1.0]", "1.0.0.0", "1.0.1"),
            (">= 1.0, < 2.0", "1.9", "2.0"),
        ] {
            let range = Range::parse(Scheme::Nuget, text).unwrap();
            assert!(range.contains(inside) && !range.contains(outside), "{text}");
        }
        for text in ["", "foo", "[1.0,2.0", "[1.0],[2.0]", "1.0 2.0"] {
            assert!(Range::parse(Scheme::Nuget, text).is_err(), "{text}");
        }
    }
}
