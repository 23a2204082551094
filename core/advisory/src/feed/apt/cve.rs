//! Finding CVE ids in text written by people.

use std::ops::Range;

/// A place in a text that names a vulnerability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    /// In the one canonical spelling.
    pub(super) id: String,
    /// Where it stands. Ids that share one abbreviation share the place.
    pub(super) at: Range<usize>,
}

/// Ids that one abbreviation such as `CVE-2017-922[4-9]` may stand for.
const MOST_ABBREVIATED: usize = 64;

/// Bytes in which such an abbreviation must end.
const MOST_CHOICES: usize = 400;

/// All ids in a text, in order.
///
/// Understood beside the canonical form: lower case, `_` and other dashes, `CVE 2011-2692`, the `CAN-` of
/// candidates until 2005, and the abbreviations `CVE-2024-1234, -1235`, `CVE-2024-1234/1235`,
/// `CVE-2024-1234 and 2024-1235`, `CVE-2017-922[4-9]` and `CVE-2024-{1234,1235}`.
pub(super) fn mentions(text: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = next_prefix(text, from) {
        let mut cursor = Cursor { text, at: start + 3 };
        match cursor.id(start, &mut found) {
            Some(year) => {
                while cursor.continuation(year, &mut found) {}
                from = cursor.at;
            }
            None => from = start + 3,
        }
    }
    found
}

/// The next `CVE` or `CAN` that is not the end of a word.
fn next_prefix(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len().saturating_sub(2)).find(|at| {
        let word = &bytes[*at..at + 3];
        (word.eq_ignore_ascii_case(b"CVE") || word.eq_ignore_ascii_case(b"CAN"))
            && !at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_alphabetic())
    })
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// `-2024-1234` and what may stand in place of its digits. Gives the year.
    fn id(&mut self, start: usize, found: &mut Vec<Mention>) -> Option<&'a str> {
        self.dash(true)?;
        let year = self.year()?;
        self.dash(false)?;
        self.numbers(start, year, found)?;
        Some(year)
    }

    /// A further number after an id, with the year left out or only the prefix left out.
    fn continuation(&mut self, year: &'a str, found: &mut Vec<Mention>) -> bool {
        let reset = self.at;
        let previous = found.last().map_or(0, |mention| mention.id.len() - "CVE-2000-".len());
        let spaced = self.separator();
        let start = self.at;
        let ok = if self.take('-') {
            self.numbers(start, year, found).is_some()
        } else {
            let digits = self.digits();
            match (digits.len(), spaced) {
                (4, _) if is_year(digits) && self.take('-') => self.numbers(start, digits, found).is_some(),
                // A bare number could be that of a bug: believed only if glued to the id and as long.
                (length, Some(false)) if length == previous && !self.in_word() => {
                    push(found, year, digits, start..self.at)
                }
                _ => false,
            }
        };
        if !ok || spaced.is_none() {
            self.at = reset;
        }
        ok && spaced.is_some()
    }

    /// `, `, `/`, ` & `, ` and `, `, and `. Tells whether there were blanks; `None` if it is no separator.
    fn separator(&mut self) -> Option<bool> {
        let rest = &self.text[self.at..];
        let after = rest.trim_start_matches(' ');
        let (after, word) = match after.strip_prefix([',', '/', '&']) {
            Some(after) => (after, true),
            None => (after, false),
        };
        let (after, word) = match after.trim_start_matches(' ').strip_prefix("and ") {
            Some(after) => (after, true),
            None => (after, word),
        };
        let after = after.trim_start_matches(' ');
        let taken = &rest[..rest.len() - after.len()];
        self.at += taken.len();
        word.then(|| taken.contains(' '))
    }

    /// The digits after the year, which may contain one set: `922[4-9]`, `{1234,1235}`.
    fn numbers(&mut self, start: usize, year: &str, found: &mut Vec<Mention>) -> Option<()> {
        let digits = self.digits();
        if let Some((choices, length)) = choices(&self.text[self.at..]) {
            self.at += length;
            let before = found.len();
            for choice in choices {
                push(found, year, &format!("{digits}{choice}"), start..self.at);
            }
            return (found.len() > before).then_some(());
        }
        (!self.in_number() && push(found, year, digits, start..self.at)).then_some(())
    }

    fn year(&mut self) -> Option<&'a str> {
        let year = self.digits();
        is_year(year).then_some(year)
    }

    fn digits(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn dash(&mut self, or_blank: bool) -> Option<()> {
        let dash = self.text[self.at..].chars().next()?;
        let is_dash =
            matches!(dash, '-' | '_' | '\u{2010}'..='\u{2013}' | '\u{2212}') || or_blank && dash == ' ';
        self.at += dash.len_utf8();
        is_dash.then_some(())
    }

    fn take(&mut self, wanted: char) -> bool {
        let takes = self.text[self.at..].starts_with(wanted);
        self.at += if takes { wanted.len_utf8() } else { 0 };
        takes
    }

    fn in_number(&self) -> bool {
        self.text[self.at..].starts_with(|c: char| c.is_ascii_digit())
    }

    fn in_word(&self) -> bool {
        self.text[self.at..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_'))
    }
}

fn is_year(digits: &str) -> bool {
    digits.len() == 4 && matches!(digits.parse(), Ok(1999..=2099_u16))
}

/// Numbers have four digits or more (CVE ID syntax); more than seven were never given out.
fn push(found: &mut Vec<Mention>, year: &str, number: &str, at: Range<usize>) -> bool {
    let valid = (4..=7).contains(&number.len());
    if valid {
        found.push(Mention { id: format!("CVE-{year}-{number}"), at });
    }
    valid
}

/// `[4-9]`, `[45]`, `[4,5]` or `{1234,1235}` and its length.
fn choices(text: &str) -> Option<(Vec<String>, usize)> {
    let close = match text.as_bytes().first()? {
        b'[' => b']',
        b'{' => b'}',
        _ => return None,
    };
    let end = text.bytes().take(MOST_CHOICES).position(|byte| byte == close)?;
    let inside = &text[1..end];
    let all: Vec<String> = match inside.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (first.parse::<u8>().ok()?, last.parse::<u8>().ok()?);
            (first <= last && last <= 9).then(|| (first..=last).map(|digit| digit.to_string()).collect())?
        }
        None if close == b']' && !inside.contains(',') => inside.chars().map(String::from).collect(),
        None => inside.split(',').map(|choice| choice.trim().to_owned()).collect(),
    };
    let numeric = all.iter().all(|choice| !choice.is_empty() && choice.bytes().all(|b| b.is_ascii_digit()));
    (numeric && (1..=MOST_ABBREVIATED).contains(&all.len())).then_some((all, inside.len() + 2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(text: &str) -> Vec<String> {
        mentions(text).into_iter().map(|mention| mention.id).collect()
    }

    #[test]
    fn reads_the_spellings_of_changelogs() {
        for (text, expected) in [
            ("Fix CVE-2024-1234.", &["CVE-2024-1234"][..]),
            ("cve-2020-15999.patch (fix included)", &["CVE-2020-15999"]),
            ("cve_2020_27351.py: tests", &["CVE-2020-27351"]),
            ("CVE 2011-2692.", &["CVE-2011-2692"]),
            ("(CVE‑2021‑3156)", &["CVE-2021-3156"]),
            ("CAN-2004-0071, CAN-2004-0093", &["CVE-2004-0071", "CVE-2004-0093"]),
            ("CVE-2024-1234, -1235 and -12356", &["CVE-2024-1234", "CVE-2024-1235", "CVE-2024-12356"]),
            ("CVE-2024-1234/1235/CVE-2023-9999", &["CVE-2024-1234", "CVE-2024-1235", "CVE-2023-9999"]),
            ("CVE-2024-1234,1235", &["CVE-2024-1234", "CVE-2024-1235"]),
            ("CVE-2014-1234 and 2015-12345", &["CVE-2014-1234", "CVE-2015-12345"]),
            ("500-CVE-2017-922[4-6].patch", &["CVE-2017-9224", "CVE-2017-9225", "CVE-2017-9226"]),
            ("CVE-2017-922[46]", &["CVE-2017-9224", "CVE-2017-9226"]),
            ("CVE-2024-{1234,1235}: x", &["CVE-2024-1234", "CVE-2024-1235"]),
            ("CVE-2020-123{4,5}", &["CVE-2020-1234", "CVE-2020-1235"]),
            ("fix-CVE-2021-3713{.diff=>.patch}", &["CVE-2021-3713"]),
            ("https://example.org/CVE-2020-8169.html", &["CVE-2020-8169"]),
        ] {
            assert_eq!(ids(text), expected, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_no_ids() {
        assert_eq!(ids("CVE-2024-21011, 8319851: bug"), ["CVE-2024-21011"]);
        assert_eq!(ids("CVE-2024-21011, 12345: bug"), ["CVE-2024-21011"]);
        assert_eq!(ids("CVE-2024-1234 (Closes: #123456)"), ["CVE-2024-1234"]);
        assert_eq!(ids("CVE-2024-1234, 2024-01-02"), ["CVE-2024-1234"]);
        assert_eq!(ids("CVE-2024-1234-2.patch"), ["CVE-2024-1234"]);
        assert_eq!(ids("CVE-2024-1234/1235-foo"), ["CVE-2024-1234"]);
        for text in [
            "CVE-2015-119",
            "CVE-2015-",
            "CVE-1776-1234",
            "CVE-2024-12345678",
            "execve-2024-1234",
            "CVE",
            "CAN-15975",
            "CVE-2020-{a,b}",
        ] {
            assert!(ids(text).is_empty(), "{text}: {:?}", ids(text));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(CVE|cve|[-_ ,/&{}\\[\\]äand]|20[0-9]{2}|[0-9]{1,8}){0,20}") {
            for mention in mentions(&text) {
                prop_assert!(text.get(mention.at.clone()).is_some(), "{mention:?}");
                prop_assert!(mention.id.len() <= "CVE-2000-1234567".len());
            }
        }

        #[test]
        fn any_characters_are_read(text in "\\PC{0,60}") {
            let _ = mentions(&text);
        }
    }
}
