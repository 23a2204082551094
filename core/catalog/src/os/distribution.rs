//! Which distribution a tree is: `os-release` (os-release(5)), else Debian's older `debian_version`.

use lazaret_model::Distribution;

use crate::files::Files;
use crate::pattern::{Name, Pattern, Place};

pub(crate) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::In("etc"), Name::Exactly("os-release")),
    Pattern::content(Place::In("etc"), Name::Exactly("debian_version")),
    Pattern::content(Place::In("usr/lib"), Name::Exactly("os-release")),
];

pub(crate) fn read(files: &Files) -> Option<Distribution> {
    // /etc comes first, says os-release(5); mostly it is a link to the other.
    [&b"etc/os-release"[..], b"usr/lib/os-release"]
        .iter()
        .find_map(|path| os_release(files.content(path)?))
        .or_else(|| debian_version(files.content(b"etc/debian_version")?))
}

/// Nothing if it says nothing of use.
fn os_release(text: &[u8]) -> Option<Distribution> {
    let text = String::from_utf8_lossy(text);
    let get = |name: &str| {
        let assigned = |line: &str| line.trim().strip_prefix(name)?.strip_prefix('=').map(unquote);
        // As in a shell, the last one counts.
        text.lines().rev().find_map(assigned).filter(|value| !value.is_empty())
    };
    let distribution = Distribution {
        id: get("ID").unwrap_or_else(|| "linux".to_owned()),
        version: get("VERSION_ID"),
        codename: get("VERSION_CODENAME"),
        title: get("PRETTY_NAME"),
    };
    let says_something =
        distribution.id != "linux" || distribution.version.is_some() || distribution.title.is_some();
    says_something.then_some(distribution)
}

/// A value as a shell would read it.
fn unquote(value: &str) -> String {
    let mut out = String::new();
    let mut characters = value.trim().chars();
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\'' | '"', None) => quote = Some(character),
            (_, Some(open)) if character == open => quote = None,
            ('\\', None) => out.extend(characters.next()),
            ('\\', Some('"')) => match characters.next() {
                Some(escaped @ ('$' | '"' | '\\' | '`')) => out.push(escaped),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            (' ' | '\t' | '#', None) => break,
            _ => out.push(character),
        }
    }
    out
}

/// `12.5`, or `trixie/sid` before a release.
fn debian_version(text: &[u8]) -> Option<Distribution> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().next()?.trim();
    let major = line.split('.').next().filter(|major| !major.is_empty())?;
    let number = major.bytes().all(|byte| byte.is_ascii_digit());
    Some(Distribution {
        id: "debian".to_owned(),
        version: number.then(|| major.to_owned()),
        codename: (!number).then(|| line.split('/').next().unwrap_or(line).to_owned()),
        title: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn files(pairs: &[(&str, &str)]) -> Files {
        let mut files = Files::default();
        for (path, text) in pairs {
            files.add(path.as_bytes(), 0, Some(text.as_bytes().to_vec()));
        }
        files
    }

    #[test]
    fn reads_os_release() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=x\nVERSION_ID=\"12\"\n# ID=no\n ID=debian \nVERSION_CODENAME='bookworm'\n";
        let found = read(&files(&[("usr/lib/os-release", text), ("etc/debian_version", "11.1\n")])).unwrap();
        assert_eq!(found.key(), "debian:12");
        assert_eq!(found.codename.as_deref(), Some("bookworm"));
        assert_eq!(found.to_string(), "Debian GNU/Linux 12 (bookworm)");
    }

    #[test]
    fn etc_comes_first_and_may_be_a_link() {
        let mut both = files(&[("etc/os-release", "ID=one"), ("usr/lib/os-release", "ID=two")]);
        assert_eq!(read(&both).unwrap().id, "one");
        both = files(&[("usr/lib/os-release", "ID=two")]);
        both.add_link(b"etc/os-release", b"../usr/lib/os-release");
        assert_eq!(read(&both).unwrap().id, "two");
    }

    #[test]
    fn unquotes_as_a_shell_does() {
        for (value, expected) in [
            ("plain", "plain"),
            ("\"with space\"", "with space"),
            (r#""a \"b\" \$c \\ \x""#, r#"a "b" $c \ \x"#),
            (r"'a \b'", r"a \b"),
            (r#"a\ b"c d"'e'"#, "a bc de"),
            ("value # comment", "value"),
            ("\"open", "open"),
            ("", ""),
        ] {
            assert_eq!(unquote(value), expected, "{value}");
        }
    }

    #[test]
    fn falls_back_to_debian_version() {
        let key = |text: &str| read(&files(&[("etc/debian_version", text)])).map(|found| found.key());
        assert_eq!(key("12.5\n").as_deref(), Some("debian:12"));
        assert_eq!(key("trixie/sid\n").as_deref(), Some("debian:trixie"));
        assert_eq!(key("\n"), None);
        assert_eq!(read(&files(&[("etc/os-release", "#\n")])), None);
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (os_release(&bytes), debian_version(&bytes));
        }
    }
}
