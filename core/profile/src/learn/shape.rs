//! What names that a program makes up have in common.

/// A name with what looks made up replaced by stars, and literal stars escaped: `tmp-4711` → `tmp-*`, `Xa3bQ9.log` →
/// `*.log`, `worker12` → `worker*`. The name itself (escaped) where nothing looks made up.
///
/// A word, which is a run of letters and digits, looks made up where it has digits, or capitals after small letters.
/// The letters before trailing digits stay.
pub(super) fn shape(name: &str) -> String {
    let mut shape = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        push_literal(&mut shape, &rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        push_word(&mut shape, word);
        rest = after;
    }
    push_literal(&mut shape, rest);
    shape
}

fn push_word(shape: &mut String, word: &str) {
    let letters = word.len() - word.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
    let (stem, tail) = word.split_at(letters);
    let is_counted = !tail.is_empty() && tail.bytes().all(|byte| byte.is_ascii_digit());
    if tail.is_empty() && !is_mixed(stem) {
        shape.push_str(word);
    } else if is_counted && !is_mixed(stem) {
        shape.push_str(stem);
        push_star(shape);
    } else {
        push_star(shape);
    }
}

/// `**` means something else.
fn push_star(shape: &mut String) {
    if !shape.ends_with('*') {
        shape.push('*');
    }
}

/// Capitals after small letters; `README`, `Makefile` and `index` are not.
fn is_mixed(word: &str) -> bool {
    let after_small = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
    after_small.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn push_literal(shape: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '*' => shape.push_str(r"\x2a"),
            _ => shape.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Kind, Pattern};

    #[test]
    fn made_up_parts_become_stars() {
        for (name, expected) in [
            ("tmp-839283", "tmp-*"),
            ("Xa3bQ9.log", "*.log"),
            ("tmp.XaQbcd", "tmp.*"),
            ("worker12", "worker*"),
            ("a1b2c3", "*"),
            ("12-34", "*-*"),
            ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "*-*-*-*-*"),
            ("Makefile", "Makefile"),
            ("README.md", "README.md"),
            ("app.log", "app.log"),
            ("*", r"\x2a"),
            ("", ""),
        ] {
            assert_eq!(shape(name), expected, "{name}");
        }
    }

    #[test]
    fn a_shape_matches_its_name() {
        for name in ["tmp-1", "a*1", "é12", "12é", "A1*B2", "1_2", r"\x2a9"] {
            let shape = Pattern::parse(&shape(name)).unwrap();
            assert!(shape.matches(name, Kind::Path), "{name} {shape}");
        }
    }
}
