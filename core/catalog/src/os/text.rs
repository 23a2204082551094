//! Texts of package databases that will be shown to people.

/// Longer than any name, version or licence.
const LONGEST: usize = 1_000;

/// The first line without the space around it, cut short and without control characters; nothing if that is empty.
pub(crate) fn line(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|&byte| byte == b'\n').next()?.trim_ascii();
    let line = String::from_utf8_lossy(&line[..line.len().min(LONGEST)]);
    let line: String = line.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_short_harmless_line() {
        assert_eq!(line(b"  a\x1b[2J b\nc").as_deref(), Some("a\u{fffd}[2J b"));
        assert_eq!(line(b" \n a"), None);
        assert_eq!(line(&[b'x'; 5000]).map(|line| line.len()), Some(LONGEST));
    }
}
