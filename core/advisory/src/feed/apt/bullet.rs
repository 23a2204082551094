//! The items of a changelog entry: text under nested bullets, wrapped over lines.

/// One item, its lines joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bullet {
    pub(super) text: String,
    /// The item that this one stands below, as an index.
    pub(super) parent: Option<usize>,
}

/// Longest item that is read; what lies beyond is passed over.
const MOST_TEXT: usize = 16 << 10;

/// Takes an entry's body apart, in order.
pub(super) fn bullets(body: &[u8]) -> Vec<Bullet> {
    let mut all: Vec<Bullet> = Vec::new();
    // Items that enclose the current line, with the column of each.
    let mut enclosing: Vec<(usize, usize)> = Vec::new();
    let mut open = false;
    for line in body.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let content = line.trim();
        let column = line.len() - line.trim_start().len();
        if content.is_empty() {
            open = false;
        } else if content.starts_with("[ ") && content.ends_with(" ]") {
            // The name of who made the changes below.
            enclosing.clear();
            open = false;
        } else if let Some(text) = without_marker(content) {
            enclosing.retain(|(outer, _)| *outer < column);
            let parent = enclosing.last().map(|(_, parent)| *parent);
            enclosing.push((column, all.len()));
            all.push(Bullet { text: text.to_owned(), parent });
            open = true;
        } else if open && let Some(last) = all.last_mut() {
            append(&mut last.text, content);
        } else {
            enclosing.retain(|(outer, _)| *outer < column);
            let parent = enclosing.last().map(|(_, parent)| *parent);
            all.push(Bullet { text: content.to_owned(), parent });
            open = true;
        }
    }
    all
}

fn without_marker(content: &str) -> Option<&str> {
    let mut characters = content.chars();
    let marker = characters.next()?;
    let rest = characters.as_str();
    let spaced = rest.starts_with(char::is_whitespace) || rest.is_empty();
    let is_marker = match marker {
        '*' | '+' | '•' => true,
        '-' | '~' | 'o' | '·' | '–' => spaced,
        _ => false,
    };
    is_marker.then(|| rest.trim_start())
}

fn append(text: &mut String, line: &str) {
    if text.len() + line.len() > MOST_TEXT {
        return;
    }
    if !ends_inside_an_id(text) && !text.is_empty() {
        text.push(' ');
    }
    text.push_str(line);
}

/// `CVE-` or `CVE-2024-` at the end: the id was broken by the end of the line.
fn ends_inside_an_id(text: &str) -> bool {
    let Some(text) = text.strip_suffix('-') else { return false };
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    word.len() + 6 > text.len()
        && word.get(word.len().saturating_sub(3)..).is_some_and(|end| end.eq_ignore_ascii_case("cve"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(body: &str) -> Vec<(String, Option<usize>)> {
        bullets(body.as_bytes()).into_iter().map(|bullet| (bullet.text, bullet.parent)).collect()
    }

    #[test]
    fn joins_lines_and_knows_what_is_below_what() {
        let body = "
  [ Jane Doe ]
  * New upstream release
    with a second line.
    - CVE-2024-1234: one
      + deeper
    - two (CVE-2024-
      1235)
  * Unrelated

    A paragraph of it.

  [ Someone ]
  Plain text.
";
        assert_eq!(
            texts(body),
            [
                ("New upstream release with a second line.".into(), None),
                ("CVE-2024-1234: one".into(), Some(0)),
                ("deeper".into(), Some(1)),
                ("two (CVE-2024-1235)".into(), Some(0)),
                ("Unrelated".into(), None),
                ("A paragraph of it.".into(), Some(4)),
                ("Plain text.".into(), None),
            ]
        );
    }

    #[test]
    fn a_word_with_a_hyphen_is_not_an_id() {
        assert_eq!(texts("* run-\n  time"), [("run- time".into(), None)]);
        assert_eq!(texts("* CVE-2024-1234-\n  x"), [("CVE-2024-1234- x".into(), None)]);
        assert_eq!(texts("* CVE-\n  2024-1234"), [("CVE-2024-1234".into(), None)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), Just(b'*'), any::<u8>()], 0..300)) {
            let all = bullets(&bytes);
            for (at, bullet) in all.iter().enumerate() {
                prop_assert!(bullet.parent.is_none_or(|parent| parent < at));
            }
        }
    }
}
