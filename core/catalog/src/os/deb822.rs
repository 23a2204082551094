//! Paragraphs of `Field: value` lines (deb822(5)), as dpkg and apt write them.

use crate::os::text;

/// One paragraph. Values are slices of the text, continuation lines included.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Paragraph<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    /// Lines that are neither field nor continuation.
    pub(crate) bad_lines: usize,
}

impl<'a> Paragraph<'a> {
    /// All of a field's value.
    pub(crate) fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| *value)
    }

    /// The first line of a field's value, fit to be shown to people; nothing if that is empty.
    pub(crate) fn line(&self, name: &str) -> Option<String> {
        text::line(self.value(name)?)
    }
}

/// Splits a text into paragraphs. A field that comes a second time begins a new one: dpkg reads
/// neither, and what one of them says must not hide behind the other.
pub(crate) fn paragraphs(text: &[u8]) -> Paragraphs<'_> {
    Paragraphs { rest: text }
}

pub(crate) struct Paragraphs<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Paragraphs<'a> {
    type Item = Paragraph<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut paragraph = Paragraph::default();
        while !self.rest.is_empty() {
            let end = line_end(self.rest);
            let line = &self.rest[..end];
            if matches!(line, b"\n" | b"\r\n") {
                self.rest = &self.rest[end..];
                if paragraph == Paragraph::default() {
                    continue;
                }
                return Some(paragraph);
            }
            let colon = line.iter().position(|&byte| byte == b':').filter(|_| !line[0].is_ascii_whitespace());
            let Some(colon) = colon else {
                paragraph.bad_lines += 1;
                self.rest = &self.rest[end..];
                continue;
            };
            let name = line[..colon].trim_ascii_end();
            if paragraph.fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name)) {
                return Some(paragraph);
            }
            let end = value_end(self.rest, end);
            paragraph.fields.push((name, self.rest[colon + 1..end].trim_ascii_end()));
            self.rest = &self.rest[end..];
        }
        (paragraph != Paragraph::default()).then_some(paragraph)
    }
}

/// Behind the line feed of the first line.
fn line_end(text: &[u8]) -> usize {
    text.iter().position(|&byte| byte == b'\n').map_or(text.len(), |at| at + 1)
}

/// Behind the continuation lines that follow the line that ends at `end`.
fn value_end(text: &[u8], mut end: usize) -> usize {
    while matches!(text.get(end), Some(b' ' | b'\t')) {
        end += line_end(&text[end..]);
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> Vec<Vec<String>> {
        paragraphs(text.as_bytes())
            .map(|paragraph| {
                paragraph.fields.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect()
            })
            .collect()
    }

    #[test]
    fn reads_paragraphs() {
        let text = "Package: a\nDescription: short\n long\n .\n more\nVersion:1\n\n\n\nPackage : b\r\nversion:  2 \r\n\r\nX: y";
        assert_eq!(
            names(text),
            [vec!["Package", "Description", "Version"], vec!["Package", "version"], vec!["X"]]
        );
        let second = paragraphs(text.as_bytes()).nth(1).unwrap();
        assert_eq!(second.line("Package").as_deref(), Some("b"));
        assert_eq!(second.line("VERSION").as_deref(), Some("2"));
        assert_eq!(second.line("Source"), None);
        let first = paragraphs(text.as_bytes()).next().unwrap();
        assert_eq!(first.value("description").unwrap(), b" short\n long\n .\n more");
        let odd = paragraphs(b"Package: a\x1b[2J\n").next().unwrap().line("Package");
        assert_eq!(odd.as_deref(), Some("a\u{fffd}[2J"));
    }

    #[test]
    fn a_repeated_field_begins_a_paragraph() {
        assert_eq!(names("Package: a\n \nPackage: b\n"), [["Package"], ["Package"]]);
    }

    #[test]
    fn counts_lines_that_are_none() {
        let paragraph = paragraphs(b"Package: a\nnonsense\nVersion: 1\n").next().unwrap();
        assert_eq!((paragraph.bad_lines, paragraph.line("Version").as_deref()), (1, Some("1")));
        assert_eq!(paragraphs(b" leading\nPackage: a\n").next().unwrap().bad_lines, 1);
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = paragraphs(&bytes).count();
        }

        #[test]
        fn loses_no_field(text in "([A-C]: [a-z]{0,3}\n( x\n)?|\n|z\n){0,30}") {
            let fields: usize = paragraphs(text.as_bytes()).map(|paragraph| paragraph.fields.len()).sum();
            prop_assert_eq!(fields, text.lines().filter(|line| line.contains(':')).count());
        }
    }
}
