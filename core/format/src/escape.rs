//! Foreign text in markup: what would be read as markup, or as nothing a document may hold, is made harmless.

use std::borrow::Cow;

/// Text of an element or of a quoted attribute, in XML 1.0 and in HTML. Characters that XML does not allow become
/// replacement characters, those that hide or reorder text too.
pub(crate) fn markup(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| escaped(c).is_none()) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match escaped(c) {
            Some(entity) => safe.push_str(entity),
            None => safe.push(c),
        }
    }
    safe.into()
}

fn escaped(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '\t' | '\n' => None,
        '\r' => Some(" "),
        _ if is_hidden(c) => Some("\u{fffd}"),
        _ => None,
    }
}

/// Control and format characters, and those that no XML document may hold.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Text of a cell of a Markdown table: nothing in it is markup, a link or a mention, nor ends the cell.
pub(crate) fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '@' => safe.push_str("&#64;"),
            '\n' | '\r' | '\t' => safe.push(' '),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~'
            | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            // A bare address would be made a link.
            ':' => safe.push_str("&#58;"),
            _ if is_hidden(c) => safe.push('\u{fffd}'),
            _ => safe.push(c),
        }
    }
    safe
}

/// A path as a relative URI reference (RFC 3986, section 4.2): `a b/c:d` is `a%20b/c%3Ad`.
pub(crate) fn path(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b'@'
            | b'+'
            | b'!' => {
                safe.push(byte.into());
            }
            _ => safe.push_str(&format!("%{byte:02X}")),
        }
    }
    // Two slashes at the beginning would name a host.
    safe.trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn makes_markup_harmless() {
        assert_eq!(markup("plain"), "plain");
        assert_eq!(
            markup("<a b='c\">]]>&\u{0}\u{202e}\u{ffff}"),
            "&lt;a b=&#39;c&quot;&gt;]]&gt;&amp;\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(markdown("a|b\n<i>`@x`"), "a\\|b &lt;i&gt;\\`&#64;x\\`");
        assert_eq!(path("//a b/ü:c"), "a%20b/%C3%BC%3Ac");
    }

    proptest! {
        #[test]
        fn nothing_gets_through(text in "(?s).{0,60}") {
            let safe = markup(&text);
            let is_safe = !safe.contains(['<', '>', '"', '\'', '\u{0}', '\u{1b}']);
            prop_assert!(is_safe, "{}", safe);
            let cell = markdown(&text);
            prop_assert!(!cell.contains(['<', '\n', '@']), "{}", cell);
            prop_assert!(path(&text).is_ascii());
        }
    }
}
