//! JSON with comments and with commas before closing brackets, as bun writes it.

/// The same as plain JSON of the same length: what JSON does not know becomes space, so that places stay right.
pub(super) fn plain(text: &[u8]) -> Vec<u8> {
    let mut plain = text.to_vec();
    // The last comma, while nothing but space came after it.
    let mut comma = None;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                comma = None;
                at = after_string(text, at);
                continue;
            }
            b'/' => {
                let end = match text.get(at + 1) {
                    Some(b'/') => find(text, at + 2, b"\n"),
                    Some(b'*') => find(text, at + 2, b"*/").saturating_add(2).min(text.len()),
                    _ => at + 1,
                };
                if end > at + 1 {
                    plain[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
                }
                at = end;
                continue;
            }
            b',' => comma = Some(at),
            b'}' | b']' => {
                if let Some(place) = comma.take() {
                    plain[place] = b' ';
                }
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => comma = None,
        }
        at += 1;
    }
    plain
}

/// `at` is the place of the opening quote.
fn after_string(text: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// The end of the text where there is none.
fn find(text: &[u8], from: usize, wanted: &[u8]) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.windows(wanted.len()).position(|window| window == wanted).map_or(text.len(), |place| from + place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn leaves_json() {
        for (text, expected) in [
            (r#"{"a": [1, 2, ], }"#, r#"{"a": [1, 2  ]  }"#),
            ("[1, // x, ]\n]", "[1         \n]"),
            ("[1, /* x\n*/ ]", "[1      \n   ]"),
            (r#"["a,]", "b\",}", ]"#, r#"["a,]", "b\",}"  ]"#),
            (r#"["//", "/* x", 1]"#, r#"["//", "/* x", 1]"#),
            ("[/", "[/"),
            ("[/*", "[  "),
            ("\"\\", "\"\\"),
        ] {
            assert_eq!(String::from_utf8(plain(text.as_bytes())).unwrap(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "[\\[\\]{},\"\\\\/* \n1]{0,60}") {
            prop_assert_eq!(plain(text.as_bytes()).len(), text.len());
        }

        #[test]
        fn json_stays_as_it_is(numbers in proptest::collection::vec(any::<u8>(), 0..9), text in ".{0,9}") {
            let json = serde_json::to_vec(&(numbers, text)).unwrap();
            prop_assert_eq!(plain(&json), json);
        }
    }
}
