//! Properties as Java writes them (`java.util.Properties`, "load"), as far as coordinates need it.

/// Keys and values; a line that begins with `#` or `!` is a comment, and `=`, `:` or white space ends a key.
pub(super) fn properties(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        if line.starts_with(['#', '!']) {
            return None;
        }
        let end = line.find(['=', ':', ' ', '\t'])?;
        let value = line[end..].trim_start();
        let value = value.strip_prefix(['=', ':']).unwrap_or(value);
        Some((&line[..end], value.trim()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_all_separators() {
        let read = |line| properties(line).next();
        for line in ["a=b", "a = b", "a:b", "a : b", "a b", " a=  b \r"] {
            assert_eq!(read(line), Some(("a", "b")), "{line}");
        }
        assert_eq!(read("a= b:c=d"), Some(("a", "b:c=d")));
        for line in ["# a=b", "! a=b", "", "a"] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_text(text in any::<String>()) {
            properties(&text).count();
        }
    }
}
