//! Versions in ranges, of which parts may be missing or open: `1`, `1.2.x`, `1.2.3-rc.1`.

/// A version taken apart for computing bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partial<'a> {
    /// The numbers before the first open place.
    pub numbers: Vec<&'a str>,
    /// Whether `x`, `X` or `*` stood in some place.
    pub open: bool,
    /// What follows the numbers, without hyphen and without build.
    pub prerelease: Option<&'a str>,
    /// The version as written, without `v` and without build.
    pub text: &'a str,
}

impl<'a> Partial<'a> {
    /// None if the text does not start with a number or an open place.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_start_matches(['v', 'V', '=', ' ']);
        let text = text.split_once('+').map_or(text, |(head, _)| head);
        let is_core = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'x' | 'X' | '*');
        let end = text.find(|c| !is_core(c)).unwrap_or(text.len());
        let (core, rest) = text.split_at(end);
        let mut numbers = Vec::new();
        let mut open = false;
        for part in core.split('.') {
            match part {
                "x" | "X" | "*" => open = true,
                _ if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) => return None,
                _ if open => {}
                _ => numbers.push(part),
            }
        }
        let prerelease = rest.strip_prefix('-').unwrap_or(rest);
        Some(Self { numbers, open, prerelease: (!prerelease.is_empty()).then_some(prerelease), text })
    }

    /// The first version that has greater leading numbers than this one: `2` from `1.2.3` and 1.
    pub(super) fn bump(&self, count: usize) -> String {
        bump(&self.numbers[..count.min(self.numbers.len())])
    }

    /// The place of the number that `^` holds fixed: the first that is not zero, or the last.
    pub(super) fn caret(&self) -> usize {
        let nonzero = |number: &&str| number.bytes().any(|byte| byte != b'0');
        self.numbers.iter().position(nonzero).map_or(self.numbers.len(), |at| at + 1)
    }
}

/// The numbers with the last one raised by one. Without numbers, nothing.
pub(super) fn bump(numbers: &[&str]) -> String {
    let mut text = numbers.join(".").into_bytes();
    let mut at = text.len();
    while let Some(digit) = at.checked_sub(1).and_then(|before| text.get_mut(before)) {
        match *digit {
            b'9' => *digit = b'0',
            b'0'..=b'8' => {
                *digit += 1;
                return String::from_utf8(text).unwrap_or_default();
            }
            _ => break,
        }
        at -= 1;
    }
    if !text.is_empty() {
        text.insert(at, b'1');
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_raised_at_any_length() {
        for (numbers, raised) in [
            (&["1", "2"][..], "1.3"),
            (&["9"], "10"),
            (&["1", "99"], "1.100"),
            (&["99999999999999999999999"], "100000000000000000000000"),
            (&[], ""),
        ] {
            assert_eq!(bump(numbers), raised);
        }
    }

    #[test]
    fn places_may_be_open() {
        let partial = Partial::parse("v1.2.x-rc+b").unwrap();
        assert_eq!((partial.numbers, partial.open, partial.prerelease), (vec!["1", "2"], true, Some("rc")));
        assert_eq!(Partial::parse("*").unwrap().numbers.len(), 0);
        assert_eq!(Partial::parse("0.0.3").unwrap().caret(), 3);
        for text in ["", "foo", "1..2", "1.a", "xx", "1."] {
            assert_eq!(Partial::parse(text).map(|partial| partial.text), None, "{text}");
        }
    }
}
