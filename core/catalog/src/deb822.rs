//! Paragraphs of `Field: value` lines (deb822(5)), as slices of the input.

/// One field. Continuation lines are part of the value, with their line ends.
pub(crate) type Field<'a> = (&'a [u8], &'a [u8]);

/// The paragraphs of a file. Lines that are neither fields nor continuations are passed over.
pub(crate) fn paragraphs(bytes: &[u8]) -> impl Iterator<Item = Vec<Field<'_>>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let paragraph = take_paragraph(bytes, &mut at);
            if !paragraph.is_empty() {
                return Some(paragraph);
            }
        }
        None
    })
}

/// The value of a field, without surrounding white space. Names are not case-sensitive (deb822(5)).
pub(crate) fn value<'a>(paragraph: &[Field<'a>], name: &str) -> Option<&'a [u8]> {
    let (_, value) = paragraph.iter().find(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))?;
    Some(value.trim_ascii())
}

fn take_paragraph<'a>(bytes: &'a [u8], at: &mut usize) -> Vec<Field<'a>> {
    let mut fields = Vec::new();
    // The field that continuation lines extend, as name and the offsets of its value.
    let mut open: Option<(&[u8], usize, usize)> = None;
    while *at < bytes.len() {
        let start = *at;
        let end = bytes[start..]
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(bytes.len(), |line| start + line + 1);
        let line = &bytes[start..end];
        *at = end;
        if line.trim_ascii().is_empty() {
            break;
        }
        if matches!(line[0], b' ' | b'\t') {
            if let Some((_, _, value_end)) = &mut open {
                *value_end = end;
            }
            continue;
        }
        fields.extend(open.take().map(|(name, from, to)| (name, &bytes[from..to])));
        open =
            line.iter().position(|&byte| byte == b':').map(|colon| (&line[..colon], start + colon + 1, end));
    }
    fields.extend(open.map(|(name, from, to)| (name, &bytes[from..to])));
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_paragraphs_fields_and_continuations() {
        let text = b"\n\nA: 1\nB:\n x\n\ty\nno field\n lost\nC : 3\n\t\n \nD: 4";
        let found: Vec<_> = paragraphs(text).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(value(&found[0], "a"), Some(&b"1"[..]));
        assert_eq!(value(&found[0], "B"), Some(&b"x\n\ty"[..]));
        assert_eq!(found[0].len(), 3);
        assert_eq!(value(&found[1], "D"), Some(&b"4"[..]));
    }

    proptest! {
        #[test]
        fn never_panics_and_always_ends(bytes in proptest::collection::vec(
            prop_oneof![Just(b'\n'), Just(b':'), Just(b' '), any::<u8>()], 0..200,
        )) {
            prop_assert!(paragraphs(&bytes).count() <= bytes.len());
        }
    }
}
