use std::borrow::Cow;
use std::fmt::Write as _;

/// A path as facts and profiles state it: bytes that are not UTF-8, control characters and the backslash are written
/// `\xNN`, so that two paths never look alike.
pub fn path_text(path: &[u8]) -> Cow<'_, str> {
    let is_plain = |character: char| !character.is_control() && character != '\\';
    if let Ok(text) = std::str::from_utf8(path)
        && text.chars().all(is_plain)
    {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(path.len().saturating_add(16));
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_plain(character) {
                escaped.push(character);
            } else {
                character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| escape(&mut escaped, byte));
            }
        }
        chunk.invalid().iter().for_each(|byte| escape(&mut escaped, *byte));
    }
    Cow::Owned(escaped)
}

fn escape(text: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(text, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_paths_look_alike() {
        assert_eq!(path_text(b"/usr/bin/perl"), "/usr/bin/perl");
        assert_eq!(path_text("/srv/été".as_bytes()), "/srv/été");
        assert_eq!(path_text(b"/tmp/\xff"), r"/tmp/\xff");
        assert_eq!(path_text(br"/tmp/\xff"), r"/tmp/\x5cxff");
        assert_eq!(path_text(b"/tmp/a\nb"), r"/tmp/a\x0ab");
    }
}
