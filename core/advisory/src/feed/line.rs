/// Makes foreign text fit for one line of a report: control characters and runs of blanks become single
/// spaces, and what lies beyond `most` characters is cut.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::with_capacity(text.len().min(most));
    let mut length = 0;
    let visible =
        text.split(|c: char| c.is_whitespace() || is_unprintable(c)).filter(|word| !word.is_empty());
    for word in visible {
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for character in word.chars() {
            if length + 1 >= most {
                line.truncate(line.trim_end().len());
                line.push('…');
                return line;
            }
            line.push(character);
            length += 1;
        }
    }
    line
}

/// Control characters and those that reorder the text around them, which would let a foreign text
/// disguise what stands beside it.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn becomes_one_bounded_line() {
        assert_eq!(one_line("  a\n\tb \u{1b}[31mc\u{202e}d ", 100), "a b [31mc d");
        assert_eq!(one_line("abcdef", 6), "abcde…");
        assert_eq!(one_line("abc def", 5), "abc…");
        assert_eq!(one_line("äöü", 100), "äöü");
        assert_eq!(one_line("", 5), "");
    }
}
