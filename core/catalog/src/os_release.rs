//! The distribution of a tree: os-release(5), and `etc/debian_version` where that is missing.

use lazaret_model::Distribution;

const FILES: [&[u8]; 2] = [b"etc/os-release", b"usr/lib/os-release"];
const DEBIAN_VERSION: &[u8] = b"etc/debian_version";

pub(crate) fn wants(path: &[u8]) -> bool {
    FILES.contains(&path) || path == DEBIAN_VERSION
}

/// What was read, in the order of precedence.
#[derive(Debug, Default)]
pub(crate) struct Releases {
    found: [Option<Distribution>; 3],
}

impl Releases {
    pub(crate) fn visit(&mut self, path: &[u8], bytes: &[u8]) {
        if let Some(place) = FILES.iter().position(|file| *file == path) {
            self.found[place] = parse(&String::from_utf8_lossy(bytes));
        } else if path == DEBIAN_VERSION {
            self.found[2] = debian_version(&String::from_utf8_lossy(bytes));
        }
    }

    pub(crate) fn distribution(self) -> Option<Distribution> {
        self.found.into_iter().flatten().next()
    }
}

fn parse(text: &str) -> Option<Distribution> {
    let get = |name: &str| {
        text.lines()
            .filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))
            .map(unquote)
            .rfind(|value| !value.is_empty())
    };
    Some(Distribution {
        id: get("ID")?.to_ascii_lowercase(),
        version: get("VERSION_ID"),
        codename: get("VERSION_CODENAME"),
        title: get("PRETTY_NAME"),
    })
}

/// `12.5` is release 12; `trixie/sid` is the release in the making and has no number.
fn debian_version(text: &str) -> Option<Distribution> {
    let text = text.trim();
    let number = text
        .split('.')
        .next()
        .filter(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    let codename = text
        .split('/')
        .next()
        .filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()));
    if number.is_none() && codename.is_none() {
        return None;
    }
    Some(Distribution {
        id: "debian".to_owned(),
        version: number.map(str::to_owned),
        codename: codename.map(str::to_owned),
        title: None,
    })
}

/// Shell quoting as os-release(5) allows it: single or double quotes around all of the value, and a
/// backslash before `$ " \ `` in double quotes. Control characters are dropped: the value is printed.
fn unquote(value: &str) -> String {
    let value = value.trim();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    let mut plain = String::new();
    match (quoted('"'), quoted('\'')) {
        (Some(inner), _) => {
            let mut characters = inner.chars();
            while let Some(character) = characters.next() {
                plain.extend(if character == '\\' { characters.next() } else { Some(character) });
            }
        }
        (None, Some(inner)) => plain.push_str(inner),
        (None, None) => plain.push_str(value),
    }
    plain.chars().filter(|character| !character.is_control()).take(255).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_debian() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n\
                    VERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\nHOME_URL='https://x/'\n";
        let found = parse(text).unwrap();
        assert_eq!(found.key(), "debian:12");
        assert_eq!(found.codename.as_deref(), Some("bookworm"));
        assert_eq!(found.to_string(), "Debian GNU/Linux 12 (bookworm)");
    }

    #[test]
    fn quotes_and_precedence() {
        assert_eq!(unquote(r#""a\"b\$c""#), "a\"b$c");
        assert_eq!(unquote("'a b'"), "a b");
        assert_eq!(unquote("\"a\u{1b}b"), "\"ab");
        let mut releases = Releases::default();
        releases.visit(b"etc/debian_version", b"12.5\n");
        releases.visit(b"usr/lib/os-release", b"ID=other\n");
        assert_eq!(releases.distribution().unwrap().key(), "other");
    }

    #[test]
    fn falls_back_to_debian_version() {
        assert_eq!(debian_version("12.5\n").unwrap().key(), "debian:12");
        assert_eq!(debian_version("trixie/sid\n").unwrap().key(), "debian:trixie");
        assert_eq!(debian_version("\n"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = parse(&text);
            let _ = debian_version(&text);
        }
    }
}
