//! Documents in JSON, TOML and YAML: read within bounds; what is wrong with them becomes a problem, which does not
//! repeat them.

use serde::Deserialize;

use crate::files::File;
use crate::reading::Reading;

/// Reads JSON, with or without a byte order mark; what is wrong becomes a problem.
pub(crate) fn json<'a, T: Deserialize<'a>>(file: &File<'a>, reading: &mut Reading<'_>) -> Option<T> {
    serde_json::from_slice(unmarked(file.bytes))
        .inspect_err(|error| {
            let detail =
                format!("not the JSON that was expected (line {}, column {})", error.line(), error.column());
            reading.problems.malformed(file.location(), detail);
        })
        .ok()
}

/// Reads TOML; what is wrong becomes a problem.
pub(crate) fn toml<'a, T: Deserialize<'a>>(file: &File<'a>, reading: &mut Reading<'_>) -> Option<T> {
    let text = utf8(file, reading)?;
    toml::from_str(text)
        .inspect_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
            reading
                .problems
                .malformed(file.location(), format!("not the TOML that was expected (line {line})"));
        })
        .ok()
}

/// Reads all documents of a YAML stream; what is wrong becomes a problem, and so does what is too large: aliases
/// cannot be used to grow a text, and neither depth nor nodes are without bounds.
pub(crate) fn yaml<'a, T: Deserialize<'a>>(file: &File<'a>, reading: &mut Reading<'_>) -> Option<Vec<T>> {
    let text = utf8(file, reading)?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 100,
            max_anchors: 100,
            max_depth: 32,
            max_documents: 16,
            flow_nesting_limit: 32,
            max_events: 10_000_000,
            max_nodes: 5_000_000,
        },
        // Tables here take repetitions as they come; the other policies keep every table twice in memory.
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        with_snippet: false,
    };
    serde_saphyr::from_str_multiple_with_options(text, options)
        .inspect_err(|error| {
            let line = error.location().map_or(1, |at| at.line());
            reading
                .problems
                .malformed(file.location(), format!("not the YAML that was expected (line {line})"));
        })
        .ok()
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Without the mark that editors of Windows put before a text.
pub(crate) fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

fn utf8<'a>(file: &File<'a>, reading: &mut Reading<'_>) -> Option<&'a str> {
    std::str::from_utf8(unmarked(file.bytes))
        .inspect_err(|error| {
            let detail = format!("not UTF-8 at byte {}", error.valid_up_to());
            reading.problems.malformed(file.location(), detail);
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;

    use super::*;
    use crate::lenient::{Pairs, Text};

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Odd<'a> {
        #[serde(borrow)]
        text: Text<'a>,
        #[serde(borrow)]
        pairs: Pairs<'a, Text<'a>>,
    }

    fn file(bytes: &[u8]) -> File<'_> {
        File { path: b"x", layer: 0, bytes }
    }

    #[test]
    fn reads_each() {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        let json: Odd<'_> = json(&file(b"\xef\xbb\xbf{\"text\": \"a\"}"), &mut reading).unwrap();
        let toml: Odd<'_> = toml(&file(b"\xef\xbb\xbftext = 'a'"), &mut reading).unwrap();
        let yaml: Vec<Odd<'_>> =
            yaml(&file(b"\xef\xbb\xbftext: a\n---\npairs: {b: c}\n"), &mut reading).unwrap();
        assert_eq!([json.text.trimmed(), toml.text.trimmed(), yaml[0].text.trimmed()], [Some("a"); 3]);
        assert_eq!(yaml[1].pairs.0.len(), 1);
        assert!(reading.into_parts().1.into_list().is_empty());
    }

    #[test]
    fn says_what_is_wrong_without_repeating_it() {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        assert!(json::<Odd<'_>>(&file(b"{\n\"secret"), &mut reading).is_none());
        assert!(toml::<Odd<'_>>(&file(b"text = 'a'\nsecret"), &mut reading).is_none());
        assert!(yaml::<Odd<'_>>(&file(b"text: a\n\tsecret: ["), &mut reading).is_none());
        assert!(toml::<Odd<'_>>(&file(b"text = '\xff'"), &mut reading).is_none());
        let problems = reading.into_parts().1.into_list();
        let details: Vec<&str> = problems.iter().map(|problem| problem.detail.as_str()).collect();
        assert_eq!(details.len(), 4);
        assert!(details.iter().all(|detail| !detail.contains("secret")), "{details:?}");
        assert!(details[..2].iter().all(|detail| detail.contains("line 2")), "{details:?}");
    }

    #[test]
    fn aliases_do_not_grow() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let before = level - 1;
            let many = vec![format!("*a{before}"); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{many}]\n"));
        }
        bomb.push_str("pairs: *a11\n");
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        assert!(yaml::<Odd<'_>>(&file(bomb.as_bytes()), &mut reading).is_none());
        assert_eq!(reading.into_parts().1.into_list().len(), 1);
    }

    #[test]
    fn depth_is_a_problem_not_an_end() {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        for open in ["[", "{\"a\":", "{a: ", "- ", "a = [", "? "] {
            let bytes = open.repeat(200_000);
            let json: Option<Odd<'_>> = json(&file(bytes.as_bytes()), &mut reading);
            let toml: Option<Odd<'_>> = toml(&file(bytes.as_bytes()), &mut reading);
            let yaml: Option<Vec<Odd<'_>>> = yaml(&file(bytes.as_bytes()), &mut reading);
            assert!(json.is_none() && toml.is_none() && yaml.is_none(), "{open}");
        }
        let nested = format!("text = {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(toml::<Odd<'_>>(&file(nested.as_bytes()), &mut reading).is_none());
        assert_eq!(reading.into_parts().1.into_list().len(), 19);
    }
}
