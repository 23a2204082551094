use std::fmt;

/// A path, name or argument in which `*` stands for any characters within one component, and `**` at the end for
/// everything that follows. A star that is meant as one is written `\x2a`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(String);

/// Longest pattern: the longest path (`PATH_MAX`) with every byte escaped.
const LONGEST: usize = 4 * 4096;

const ESCAPED_STAR: &str = r"\x2a";

/// What text is made of components: no star reaches over the separator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Path = b'/',
    Name = b'.',
    /// Without components: no text of the kernel's holds a NUL.
    Argument = 0,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("a pattern of {0} bytes is longer than any path")]
    Long(usize),
    #[error("a pattern is empty")]
    Empty,
    #[error("`**` stands at the end of a pattern only: {0}")]
    InnerStars(String),
    #[error("a pattern holds a control character: write it as `\\xNN`")]
    Control,
}

impl Pattern {
    /// Matches exactly this text.
    pub fn literal(text: &str) -> Self {
        Self(text.replace('*', ESCAPED_STAR))
    }

    /// Reads a pattern as it is written.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        match text {
            "" => Err(PatternError::Empty),
            _ if text.len() > LONGEST => Err(PatternError::Long(text.len())),
            _ if text.chars().any(char::is_control) => Err(PatternError::Control),
            _ if text.trim_end_matches('*').contains("**") || text.ends_with("***") => {
                Err(PatternError::InnerStars(text.chars().take(100).collect()))
            }
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// Reads the pattern of an argument, which may hold anything and be empty.
    pub fn parse_argument(text: &str) -> Result<Self, PatternError> {
        match text.chars().any(char::is_control) {
            true => Self::parse(&text.replace(char::is_control, "c")).map(|_| Self(text.to_owned())),
            false if text.is_empty() => Ok(Self(String::new())),
            false => Self::parse(text),
        }
    }

    /// Of text that is made as one.
    pub(crate) fn of(text: String) -> Self {
        Self(text)
    }

    /// Of an argument's text that is made as one, but for stars side by side.
    pub(crate) fn of_argument(mut text: String) -> Self {
        while text.contains("**") {
            text = text.replace("**", "*");
        }
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one text that it matches.
    pub fn as_literal(&self) -> Option<String> {
        (!self.0.contains('*')).then(|| self.0.replace(ESCAPED_STAR, "*"))
    }

    /// What every match begins with.
    pub(crate) fn prefix(&self) -> &str {
        let end = self.0.find('*').into_iter().chain(self.0.find(ESCAPED_STAR)).min();
        &self.0[..end.unwrap_or(self.0.len())]
    }

    /// Linear in text times pattern: on a mismatch only the last star is moved on, which is enough as no star
    /// reaches over a separator.
    pub(crate) fn matches(&self, text: &str, kind: Kind) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (pattern, open) = match pattern.strip_suffix(b"**") {
            Some(head) => (head, true),
            None => (pattern, false),
        };
        let (mut p, mut t) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            if p == pattern.len() && (open || t == text.len()) {
                return true;
            }
            let step = match (pattern.get(p), text.get(t)) {
                (Some(b'*'), _) => {
                    retry = Some((p, t));
                    Some((p + 1, t))
                }
                (Some(b'\\'), Some(b'*')) if pattern[p..].starts_with(ESCAPED_STAR.as_bytes()) => {
                    Some((p + ESCAPED_STAR.len(), t + 1))
                }
                (Some(expected), Some(found)) if expected == found => Some((p + 1, t + 1)),
                _ => None,
            };
            (p, t) = match (step, retry) {
                (Some(next), _) => next,
                (None, Some((star, from))) => match text.get(from) {
                    Some(skipped) if *skipped != kind as u8 => {
                        retry = Some((star, from + 1));
                        (star + 1, from + 1)
                    }
                    _ => return false,
                },
                (None, None) => return false,
            };
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_in_their_component() {
        for (pattern, text, expected) in [
            ("/srv/data/last", "/srv/data/last", true),
            ("/srv/data/last", "/srv/data/lastly", false),
            ("/opt/app", "/opt/app-evil", false),
            ("/srv/data/tmp-*", "/srv/data/tmp-12", true),
            ("/srv/data/tmp-*", "/srv/data/tmp-", true),
            ("/srv/data/tmp-*", "/srv/data/tmp-1/x", false),
            ("/srv/*/x", "/srv/a/x", true),
            ("/srv/*/x", "/srv/a/b/x", false),
            ("/srv/*-*.log", "/srv/a-b-c.log", true),
            ("/srv/**", "/srv/a/b/x", true),
            ("/srv/**", "/srv/", true),
            ("/srv/**", "/srv", false),
            ("/srv/*/**", "/srv/a/b", true),
            ("**", "", true),
            (r"/tmp/\x2a", "/tmp/*", true),
            (r"/tmp/\x2a", "/tmp/a", false),
            (r"/tmp/*\x2a", "/tmp/a*", true),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(text, Kind::Path), expected, "{pattern} {text}");
        }
        let names = Pattern::parse("*.example.com").unwrap();
        assert!(names.matches("a.example.com", Kind::Name) && !names.matches("a.b.example.com", Kind::Name));
        let argument = Pattern::parse("--dir=*").unwrap();
        assert!(argument.matches("--dir=/a/b.c", Kind::Argument));
    }

    #[test]
    fn a_text_with_stars_is_no_pattern() {
        for text in ["/tmp/*", "/tmp/**", "*", r"/tmp/\x5cx"] {
            let literal = Pattern::literal(text);
            assert!(literal.matches(text, Kind::Path));
            assert!(!literal.matches("/tmp/x", Kind::Path));
            assert_eq!(literal.as_literal().as_deref(), Some(text));
            assert_eq!(Pattern::parse(literal.as_str()), Ok(literal));
        }
        assert_eq!(Pattern::parse("/a/*").unwrap().as_literal(), None);
        assert_eq!(Pattern::parse("/a/**/b"), Err(PatternError::InnerStars("/a/**/b".to_owned())));
        assert_eq!(Pattern::parse("/a/***"), Err(PatternError::InnerStars("/a/***".to_owned())));
        assert_eq!(Pattern::parse("a\nb"), Err(PatternError::Control));
        assert_eq!(
            (Pattern::parse("/a/b*c").unwrap().prefix(), Pattern::literal("/a/*").prefix()),
            ("/a/b", "/a/")
        );
    }

    #[test]
    fn hostile_patterns_end() {
        let pattern = Pattern::parse(&"*a".repeat(2000)).unwrap();
        assert!(!pattern.matches(&"a".repeat(1500), Kind::Path));
    }
}
