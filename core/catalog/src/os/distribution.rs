//! Which distribution a tree is: `os-release` (os-release(5)), else the files that distributions had before it.

use lazaret_model::Distribution;

use crate::files::Files;
use crate::os::text;
use crate::pattern::{Name, Pattern, Place};

pub(crate) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::In("etc"), Name::Exactly("os-release")),
    Pattern::content(Place::In("usr/lib"), Name::Exactly("os-release")),
    // Where Fedora's variants have theirs.
    Pattern::content(Place::In("usr/lib/os.release.d"), Name::Any),
    Pattern::content(Place::In("etc"), Name::Exactly(ALPINE)),
    Pattern::content(Place::In("etc"), Name::Exactly(DEBIAN)),
    Pattern::content(Place::In("etc"), Name::Exactly(RED_HAT[0])),
    Pattern::content(Place::In("etc"), Name::Exactly(RED_HAT[1])),
    Pattern::content(Place::In("etc"), Name::Exactly(RED_HAT[2])),
    Pattern::content(Place::In("etc"), Name::Exactly(RED_HAT[3])),
];

const ALPINE: &str = "alpine-release";
const DEBIAN: &str = "debian_version";
/// Oracle's own comes first: its `redhat-release` says that it is Red Hat.
const RED_HAT: [&str; 4] = ["oracle-release", "centos-release", "redhat-release", "system-release"];

pub(crate) fn read(files: &Files) -> Option<Distribution> {
    let etc = |name: &str| files.content(format!("etc/{name}").as_bytes());
    // /etc comes first, says os-release(5); mostly it is a link to the other.
    [&b"etc/os-release"[..], b"usr/lib/os-release"]
        .iter()
        .find_map(|path| os_release(files.content(path)?))
        .or_else(|| alpine_release(etc(ALPINE)?))
        .or_else(|| RED_HAT.iter().find_map(|name| red_hat_release(etc(name)?)))
        .or_else(|| debian_version(etc(DEBIAN)?))
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

/// `3.18.4`
fn alpine_release(content: &[u8]) -> Option<Distribution> {
    let version = text::line(content)?;
    let (codename, title) = (None, None);
    Some(Distribution { id: "alpine".to_owned(), version: Some(version), codename, title })
}

/// `CentOS release 6.10 (Final)`: a name, the word `release`, and a version.
fn red_hat_release(content: &[u8]) -> Option<Distribution> {
    const IDS: [(&str, &str); 9] = [
        ("Red Hat Enterprise Linux", "rhel"),
        ("CentOS", "centos"),
        ("Oracle Linux", "ol"),
        ("Fedora", "fedora"),
        ("Amazon Linux", "amzn"),
        ("Rocky Linux", "rocky"),
        ("AlmaLinux", "almalinux"),
        ("Scientific Linux", "scientific"),
        ("VMware Photon", "photon"),
    ];
    let title = text::line(content)?;
    let (name, rest) = title.split_once(" release ")?;
    let (_, id) = IDS.iter().find(|(start, _)| name.starts_with(start))?;
    let version = rest.split_whitespace().next().map(str::to_owned);
    Some(Distribution { id: (*id).to_owned(), version, codename: None, title: Some(title) })
}

/// `12.5`, or `trixie/sid` before a release.
fn debian_version(content: &[u8]) -> Option<Distribution> {
    let line = text::line(content)?;
    let major = line.split('.').next().filter(|major| !major.is_empty())?;
    let number = major.bytes().all(|byte| byte.is_ascii_digit());
    Some(Distribution {
        id: "debian".to_owned(),
        version: number.then(|| major.to_owned()),
        codename: (!number).then(|| line.split('/').next().unwrap_or(&line).to_owned()),
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
    fn falls_back_to_the_files_of_old() {
        for (name, text, key) in [
            ("debian_version", "12.5\n", Some("debian:12")),
            ("debian_version", "trixie/sid\n", Some("debian:13")),
            ("debian_version", "\n", None),
            ("alpine-release", "3.4.6\n", Some("alpine:3.4")),
            ("redhat-release", "CentOS release 6.10 (Final)\n", Some("centos:6")),
            ("redhat-release", "CentOS Linux release 7.9.2009 (Core)\n", Some("centos:7")),
            ("redhat-release", "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n", Some("rhel:6")),
            ("system-release", "Amazon Linux AMI release 2018.03\n", Some("amzn:1")),
            ("redhat-release", "Fedora release 20 (Heisenbug)\n", Some("fedora:20")),
            ("redhat-release", "CentOS Stream\n", None),
            ("redhat-release", "Other release 1\n", None),
        ] {
            let found = read(&files(&[(&format!("etc/{name}"), text)])).map(|found| found.key());
            assert_eq!(found.as_deref(), key, "{name}: {text}");
        }
        let both = [
            ("etc/redhat-release", "Red Hat Enterprise Linux Server release 6.9 (Santiago)\n"),
            ("etc/oracle-release", "Oracle Linux Server release 6.9\n"),
        ];
        assert_eq!(read(&files(&both)).unwrap().key(), "ol:6");
        // What it says of itself comes first.
        let newer = [both[0], ("etc/os-release", "ID=\"rhel\"\nVERSION_ID=\"9.4\"\n")];
        assert_eq!(read(&files(&newer)).unwrap().key(), "rhel:9");
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (os_release(&bytes), debian_version(&bytes), red_hat_release(&bytes), alpine_release(&bytes));
        }
    }
}
