//! Licences of packages, from `usr/share/doc/*/copyright`: the short names of the machine-readable format
//! (Debian's "Machine-readable debian/copyright file" 1.0, field `License`); in older files the common licences that the
//! text refers to (Debian Policy, section 12.5).

use std::collections::BTreeSet;

use lazaret_model::{Extracted, Limits, RandomAccess};

use crate::files::Files;
use crate::os::{small, text};
use crate::pattern::{Extractor, Name, Pattern, Place};

const DOCUMENTATION: &str = "usr/share/doc";
const COMMON: &[u8] = b"/usr/share/common-licenses/";
/// Nothing that people wrote has more.
const MOST: usize = 100;

pub(super) const FILES: Pattern = Pattern::extract(
    Place::Below(DOCUMENTATION),
    Name::Exactly("copyright"),
    Extractor { whole: extract, passing: None, alike: None },
);
/// Packages of one source may share a directory through links.
pub(super) const DIRECTORIES: Pattern = Pattern::layer(Place::In(DOCUMENTATION), Name::Any);

/// Gives packages their licences.
pub(super) struct Licences<'f> {
    files: &'f Files,
    /// Bytes that may still be given: any number of packages may share one file.
    left: u64,
}

impl<'f> Licences<'f> {
    pub(super) fn new(files: &'f Files, limits: &Limits) -> Self {
        Self { files, left: limits.kept_bytes }
    }

    /// What the package's file says, sorted; nothing once there is too much.
    pub(super) fn of(&mut self, package: &str) -> Option<Vec<String>> {
        let directory = format!("{DOCUMENTATION}/{package}").into_bytes();
        let directory = self.files.link(&directory).unwrap_or(&directory);
        let found = self.files.content(&[directory, b"/copyright"].concat()).unwrap_or_default();
        self.left = self.left.checked_sub(found.len() as u64)?;
        Some(found.split(|&byte| byte == b'\n').filter_map(text::line).collect())
    }
}

fn extract(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    small::extract(file, path, limits, |content| names(content).join(&b'\n'))
}

fn names(content: &[u8]) -> Vec<&[u8]> {
    let mut names = BTreeSet::new();
    let lines = || content.split(|&byte| byte == b'\n');
    if content.trim_ascii_start().starts_with(b"Format") {
        let values = lines().filter_map(|line| match line.split_at_checked(8) {
            Some((field, value)) if field.eq_ignore_ascii_case(b"License:") => Some(value.trim_ascii()),
            _ => None,
        });
        names.extend(values.filter(|value| !value.is_empty()));
    }
    if names.is_empty() {
        names.extend(lines().flat_map(referred));
    }
    names.into_iter().take(MOST).collect()
}

/// The common licences that a line names by their files.
fn referred(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    let mut rest = line;
    let names = std::iter::from_fn(move || {
        let at = rest.windows(COMMON.len()).position(|window| window == COMMON)?;
        rest = &rest[at + COMMON.len()..];
        let end = rest.iter().position(|byte| !is_name(byte)).unwrap_or(rest.len());
        let name = &rest[..end];
        // The full stop may be the sentence's.
        Some(name.strip_suffix(b".").unwrap_or(name))
    });
    names.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::os::small::Slice;

    fn read(text: &str) -> Vec<String> {
        let mut files = Files::default();
        let extracted = extract(&mut Slice(text.as_bytes()), b"x", &Limits::default());
        files.add(b"usr/share/doc/real/copyright", 0, Some(extracted.bytes));
        files.add_link(b"usr/share/doc/linked", b"real");
        let mut licences = Licences::new(&files, &Limits::default());
        assert_eq!(licences.of("linked"), licences.of("real"));
        assert_eq!(licences.of("other"), Some(vec![]));
        licences.of("real").unwrap()
    }

    #[test]
    fn reads_short_names() {
        let text = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
            Files: *\nCopyright: x\nLicense: GPL-2+ or Artistic\n text\n\nFiles: y\nlicense:  MIT \n\n\
            License: MIT\n see /usr/share/common-licenses/GPL-3\n\nLicense:\n";
        assert_eq!(read(text), ["GPL-2+ or Artistic", "MIT"]);
    }

    #[test]
    fn finds_common_licences_in_other_texts() {
        let text = "This is free.\nSee `/usr/share/common-licenses/GPL-2' and /usr/share/common-licenses/LGPL-2.1.\n\
            License: what ever\n/usr/share/common-licenses/\n/usr/share/common-licenses/GPL-2";
        assert_eq!(read(text), ["GPL-2", "LGPL-2.1"]);
        assert_eq!(read("Format: x\nFiles: *\n /usr/share/common-licenses/BSD\n"), ["BSD"]);
    }

    #[test]
    fn gives_no_more_than_the_limit() {
        let mut files = Files::default();
        files.add(b"usr/share/doc/a/copyright", 0, Some(b"MIT".to_vec()));
        let mut licences = Licences::new(&files, &Limits { kept_bytes: 7, ..Limits::default() });
        let given: Vec<bool> = (0..3).map(|_| licences.of("a").is_some()).collect();
        assert_eq!(given, [true, true, false]);
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "(Format: |License:|/usr/share/common-licenses/|[a-zA-Z.\n\u{1b}]{0,3}){0,20}") {
            read(&text);
        }
    }
}
