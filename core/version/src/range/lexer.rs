//! Cutting a range into alternatives and operators with versions.

/// Why a text is no range.
pub(super) type Reason = &'static str;

/// A term as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written<'a> {
    /// Empty where none is written.
    pub operator: &'a str,
    pub version: &'a str,
}

/// What no version has in any scheme: such a text is a range of another language.
const FOREIGN: &[char] = &['|', '?', ';', '(', ')', '[', ']', '{', '}', '"', '\''];

/// The parts between `||` or the word `or`.
pub(super) fn alternatives(text: &str) -> impl Iterator<Item = &str> {
    text.split("||").flat_map(|part| part.split(" or ")).map(str::trim)
}

/// The terms between blanks, commas, `&&` or the word `and`. An operator may stand apart from its version.
pub(super) fn terms(text: &str) -> Result<Vec<Written<'_>>, Reason> {
    let mut terms = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '&'));
        if rest.is_empty() {
            return Ok(terms);
        }
        let operator;
        (operator, rest) = split_where(rest, |_, c| !matches!(c, '<' | '>' | '=' | '!' | '~' | '^'));
        rest = rest.trim_start();
        let version;
        (version, rest) = split_where(rest, |at, c| {
            c.is_whitespace()
                || matches!(c, ',' | '&' | '<' | '>' | '=')
                // An epoch of Python has an exclamation mark too: `1!2.0`.
                || c == '!' && rest[at..].starts_with("!=")
        });
        match (operator, version) {
            ("", "and") => {}
            (_, "") => return Err("an operator has no version"),
            (_, version) if version.contains(FOREIGN) => {
                return Err("a version has a bracket, bar, quote or `?`");
            }
            (operator, version) => terms.push(Written { operator, version }),
        }
    }
}

fn split_where(text: &str, ends: impl Fn(usize, char) -> bool) -> (&str, &str) {
    let end = text.char_indices().find(|(at, c)| ends(*at, *c)).map_or(text.len(), |(at, _)| at);
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(&str, &str)> {
        terms(text).unwrap().into_iter().map(|term| (term.operator, term.version)).collect()
    }

    #[test]
    fn operators_may_stand_apart() {
        assert_eq!(read("> 1.0, <=2.0~rc1 and !=1.5"), [(">", "1.0"), ("<=", "2.0~rc1"), ("!=", "1.5")]);
        assert_eq!(read(">=1!1.0!=1.2<3"), [(">=", "1!1.0"), ("!=", "1.2"), ("<", "3")]);
        assert_eq!(read("~> 1 ^2"), [("~>", "1"), ("^", "2")]);
        assert_eq!(read(" , "), []);
        assert!(terms(">= ").is_err());
    }

    #[test]
    fn alternatives_are_cut_at_both_spellings() {
        assert_eq!(alternatives("<1 || >2 or 3").collect::<Vec<_>>(), ["<1", ">2", "3"]);
    }
}
