/// One paragraph of a control file (deb822(5)): fields up to an empty line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paragraph<'a> {
    bytes: &'a [u8],
}

/// The paragraphs of a control file, in order, read as they are asked for.
pub fn paragraphs(bytes: &[u8]) -> impl Iterator<Item = Paragraph<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let mut start = None;
        let mut at = 0;
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            let blank = line.trim_ascii().is_empty();
            match start {
                Some(from) if blank => {
                    let paragraph = Paragraph { bytes: &rest[from..at] };
                    rest = &rest[at + line.len()..];
                    return Some(paragraph);
                }
                None if !blank => start = Some(at),
                _ => {}
            }
            at += line.len();
        }
        let last = start.map(|from| Paragraph { bytes: &rest[from..] });
        rest = &[];
        last
    })
}

impl<'a> Paragraph<'a> {
    /// The first line of a field's value, if the paragraph has the field and it is UTF-8.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.lines(name).next()
    }

    /// All lines of a field's value, without surrounding blanks and without comments.
    pub fn lines(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut lines = self.bytes.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#"));
        let first = lines.find_map(|line| value_of(line, name));
        let continued =
            lines.take_while(|line| line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')));
        let continued = first.is_some().then_some(continued).into_iter().flatten();
        first.into_iter().chain(continued).filter_map(|line| std::str::from_utf8(line.trim_ascii()).ok())
    }
}

fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (field, value) = line.split_at_checked(name.len())?;
    field.eq_ignore_ascii_case(name.as_bytes()).then_some(value)?.strip_prefix(b":")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &[u8] =
        b"\n# a comment\nTypes: deb\nURIs: one two\n three\n# inside\n\tfour\nSuites: x\n \n\nTypes: deb-src";

    #[test]
    fn reads_fields_and_continuations() {
        let all: Vec<_> = paragraphs(TEXT).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].field("types"), Some("deb"));
        assert_eq!(all[0].lines("URIs").collect::<Vec<_>>(), ["one two", "three", "four"]);
        assert_eq!(all[0].field("Suite"), None);
        assert_eq!(all[0].lines("Components").next(), None);
        assert_eq!(all[1].field("Types"), Some("deb-src"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b':'), Just(b' '), any::<u8>()], 0..200)) {
            let mut covered = 0;
            for paragraph in paragraphs(&bytes) {
                covered += paragraph.bytes.len();
                let _ = paragraph.lines("a").count();
            }
            prop_assert!(covered <= bytes.len());
        }
    }
}
