//! The package sources that a tree is configured for (sources.list(5)), with the keys that they name.

use std::collections::BTreeSet;

use crate::files::Files;
use crate::os::deb822::paragraphs;
use crate::pattern::{Name, Pattern, Place};

pub(crate) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::In("etc/apt"), Name::Exactly("sources.list")),
    Pattern::content(Place::In(SOURCES), Name::EndsWith(".list")),
    Pattern::content(Place::In(SOURCES), Name::EndsWith(".sources")),
    Pattern::content(Place::In("etc/apt"), Name::Exactly("trusted.gpg")),
    Pattern::content(Place::In(TRUSTED), Name::Any),
    Pattern::content(Place::In("etc/apt/keyrings"), Name::Any),
    Pattern::content(Place::In("usr/share/keyrings"), Name::Any),
];

const SOURCES: &str = "etc/apt/sources.list.d";
const TRUSTED: &str = "etc/apt/trusted.gpg.d";

/// Paths and contents, in order: the lists of sources, the keys that are trusted for all of them, and
/// the keys that they name.
pub(crate) fn read(files: &Files) -> Vec<(String, Vec<u8>)> {
    let mut wanted: BTreeSet<Vec<u8>> = BTreeSet::new();
    for (path, file) in files.iter() {
        let content = file.content.as_deref().unwrap_or_default();
        if path.ends_with(b".sources") && path.starts_with(SOURCES.as_bytes()) {
            wanted.insert(path.to_vec());
            wanted.extend(paragraphs(content).filter_map(|it| it.value("Signed-By")).flat_map(named));
        } else if path == b"etc/apt/sources.list" || path.starts_with(SOURCES.as_bytes()) {
            wanted.insert(path.to_vec());
            wanted.extend(content.split(|&byte| byte == b'\n').flat_map(named_in_line));
        } else if path == b"etc/apt/trusted.gpg" || path.starts_with(TRUSTED.as_bytes()) {
            wanted.insert(path.to_vec());
        }
    }
    let content = |path: Vec<u8>| {
        let content = files.content(&path)?.to_vec();
        Some((String::from_utf8_lossy(&path).into_owned(), content))
    };
    wanted.into_iter().filter_map(content).collect()
}

/// The files among the values of `Signed-By`, relative to the root; keys themselves and fingerprints
/// are no files.
fn named(value: &[u8]) -> Vec<Vec<u8>> {
    let words = value.split(|byte| byte.is_ascii_whitespace() || *byte == b',');
    words
        .filter_map(|word| word.strip_prefix(b"/"))
        .filter(|path| !path.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// `deb [signed-by=/path,… arch=…] …`
fn named_in_line(line: &[u8]) -> Vec<Vec<u8>> {
    let line = line.trim_ascii();
    let options = line.strip_prefix(b"deb").and_then(|rest| rest.split(|&byte| byte == b'[').nth(1));
    let options = options.and_then(|rest| rest.split(|&byte| byte == b']').next()).unwrap_or_default();
    let words = options.split(u8::is_ascii_whitespace);
    words.filter_map(|word| word.strip_prefix(b"signed-by=")).flat_map(named).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn brings_sources_and_their_keys() {
        let mut files = Files::default();
        let mut add = |path: &str, text: &str| files.add(path.as_bytes(), 0, Some(text.as_bytes().to_vec()));
        add(
            "etc/apt/sources.list",
            "# deb [signed-by=/usr/share/keyrings/no.gpg] x\ndeb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg,/etc/apt/keyrings/b.asc] uri suite main\n",
        );
        add(
            "etc/apt/sources.list.d/debian.sources",
            "Types: deb\nURIs: x\nSigned-By: /usr/share/keyrings/c.gpg\n\nTypes: deb\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n /not=a/path\n",
        );
        for name in ["a.gpg", "c.pgp", "no.gpg"] {
            add(&format!("usr/share/keyrings/{name}"), name);
        }
        add("etc/apt/keyrings/b.asc", "b");
        add("etc/apt/trusted.gpg.d/t.asc", "t");
        files.add_link(b"usr/share/keyrings/c.gpg", b"c.pgp");
        let found: Vec<String> = read(&files).into_iter().map(|(path, _)| path).collect();
        assert_eq!(
            found,
            [
                "etc/apt/keyrings/b.asc",
                "etc/apt/sources.list",
                "etc/apt/sources.list.d/debian.sources",
                "etc/apt/trusted.gpg.d/t.asc",
                "usr/share/keyrings/a.gpg",
                "usr/share/keyrings/c.gpg",
            ]
        );
        assert_eq!(read(&files)[5].1, b"c.pgp");
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (named(&bytes), named_in_line(&bytes));
        }
    }
}
