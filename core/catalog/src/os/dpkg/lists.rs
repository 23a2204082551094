//! Which files packages brought: lists of absolute paths, a line each (dpkg-query(1), `--listfiles`); in images that
//! were built without dpkg the paths beside checksums, relative to the root.

use std::collections::HashMap;

use lazaret_model::{Extracted, Limits, RandomAccess};

use crate::files::Files;
use crate::os::deb822::paragraphs;
use crate::os::file_list::{FileList, claim, each};
use crate::os::small;
use crate::ownership::Owners;
use crate::pattern::{Extractor, split};
use crate::reading::lossy;

pub(crate) const LIST: Extractor = Extractor { whole: extract_list, passing: None, alike: None };
pub(super) const SUMS: Extractor = Extractor { whole: extract_sums, passing: None, alike: None };

/// Owners by the lists in a directory: `name.list`, or `name:architecture.list` of a package that can be installed for
/// several.
pub(crate) fn owners_by_lists(
    files: &Files,
    directory: &str,
    diversions: &Diversions<'_>,
    owners: &mut Owners<'_>,
) {
    for (path, _, list) in files.within(directory) {
        if let Some(stem) = split(path).1.strip_suffix(b".list") {
            let name = stem.split(|&byte| byte == b':').next().unwrap_or(stem);
            diversions.claim(list, &lossy(name), owners);
        }
    }
}

/// Owners by the sums beside the pieces of a database. The names of the files need not be those of the packages.
pub(super) fn owners_by_sums(files: &Files, directory: &str, owners: &mut Owners<'_>) {
    for (path, _, list) in files.within(directory) {
        let piece = path.strip_suffix(b".md5sums").and_then(|stem| files.content(stem));
        if let Some(name) = piece.and_then(|piece| paragraphs(piece).next()?.line("Package")) {
            claim(list, &name, owners);
        }
    }
}

/// Files that lie elsewhere than their packages say, because another package has a file in their place
/// (dpkg-divert(1)): the path, where it lies, and the package in whose favour.
#[derive(Default)]
pub(crate) struct Diversions<'a>(HashMap<Place<'a>, Diversion<'a>>);

/// Directory and name.
type Place<'a> = (&'a [u8], &'a [u8]);

struct Diversion<'a> {
    to: &'a [u8],
    by: &'a [u8],
}

impl<'a> Diversions<'a> {
    /// Three lines for each.
    pub(super) fn parse(text: &'a [u8]) -> Self {
        let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
        let (threes, _) = lines.as_chunks::<3>();
        let diversion = |[from, to, package]: &[&'a [u8]; 3]| {
            let to = to.strip_prefix(b"/")?;
            Some((split(from.strip_prefix(b"/")?), Diversion { to, by: package }))
        };
        Self(threes.iter().filter_map(diversion).collect())
    }

    fn claim(&self, list: &[u8], package: &str, owners: &mut Owners<'_>) {
        if self.0.is_empty() {
            return claim(list, package, owners);
        }
        for (directory, name) in each(list) {
            match self.0.get(&(directory, name)) {
                Some(Diversion { to, by }) if *by != package.as_bytes() => owners.owns(to, package),
                _ => owners.within(directory).owns(name, package),
            }
        }
    }
}

fn extract_list(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    small::extract(file, path, limits, |content| {
        let mut list = FileList::default();
        let mut lines = content.split(|&byte| byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            // Directories stand before what is in them.
            let below = lines.peek().and_then(|next| next.strip_prefix(line));
            if below.is_some_and(|below| below.starts_with(b"/")) {
                continue;
            }
            // opkg has modes behind the paths.
            let path = line.split(|&byte| byte == b'\t').next().unwrap_or(line);
            let (directory, name) = split(path.strip_prefix(b"/").unwrap_or_default());
            list.add(directory, name);
        }
        list.into_bytes()
    })
}

fn extract_sums(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    small::extract(file, path, limits, |content| {
        let mut list = FileList::default();
        for line in content.split(|&byte| byte == b'\n') {
            let path = line.iter().position(|&byte| byte == b' ').map(|end| line[end..].trim_ascii());
            let path = path.unwrap_or_default();
            let path = path.strip_prefix(b"./").or_else(|| path.strip_prefix(b"/")).unwrap_or(path);
            let (directory, name) = split(path);
            list.add(directory, name);
        }
        list.into_bytes()
    })
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Ecosystem, Package};
    use proptest::prelude::*;

    use super::*;
    use crate::os::small::Slice;

    fn at(location: &str) -> Package {
        Package { location: location.to_owned(), ..Package::new(Ecosystem::Go, "x", "1") }
    }

    fn list(text: &str) -> Vec<u8> {
        extract_list(&mut Slice(text.as_bytes()), b"x", &Limits::default()).bytes
    }

    #[test]
    fn keeps_files_and_leaves_out_most_directories() {
        let kept = list("/.\n/usr\n/usr/bin\n/usr/bin/a\n/usr/bin/b\n/usr/empty\n/bin/x\t0755\n");
        let files: Vec<(&[u8], &[u8])> = each(&kept).collect();
        let bin = &b"usr/bin"[..];
        let dot = &b"."[..];
        assert_eq!(files, [(&b""[..], dot), (bin, b"a"), (bin, b"b"), (b"usr", b"empty"), (b"bin", b"x")]);
    }

    #[test]
    fn owners_are_those_of_the_lists() {
        let mut files = Files::default();
        files.add(b"info/a.list", 0, Some(list("/usr\n/usr/lib\n/usr/lib/x\n/lib/merged\n")));
        files.add(b"info/b:amd64.list", 0, Some(list("/usr/lib/y\n")));
        files.add(b"info/c.postinst", 0, Some(list("/usr/lib/z\n")));
        let packages = ["usr/lib/x", "usr/lib/y", "usr/lib/z", "usr/lib/merged"].map(at);
        let mut asked = Owners::of(&packages);
        owners_by_lists(&files, "info", &Diversions::default(), &mut asked);
        assert_eq!(
            asked.into_found(),
            [(0, "a"), (3, "a"), (1, "b")].map(|(at, name)| (at, name.to_owned()))
        );
    }

    #[test]
    fn diverted_files_are_owned_where_they_lie() {
        let text = b"/usr/bin/sh\n/usr/bin/sh.distrib\ndash\n/usr/bin/local\n/usr/bin/local.real\n:\n/odd";
        let diversions = Diversions::parse(text);
        let mut files = Files::default();
        files.add(b"info/bash.list", 0, Some(list("/usr/bin/sh\n/usr/bin/local\n/usr/bin/bash\n")));
        files.add(b"info/dash.list", 0, Some(list("/usr/bin/sh\n")));
        let packages =
            ["usr/bin/sh", "usr/bin/sh.distrib", "usr/bin/local", "usr/bin/local.real", "usr/bin/bash"]
                .map(at);
        let mut asked = Owners::of(&packages);
        owners_by_lists(&files, "info", &diversions, &mut asked);
        let mut found = asked.into_found();
        found.sort();
        let expected = [(0, "dash"), (1, "bash"), (3, "bash"), (4, "bash")];
        assert_eq!(found, expected.map(|(at, name)| (at, name.to_owned())));
    }

    #[test]
    fn sums_have_the_name_of_their_piece() {
        let sums = "d41d8cd98f00b204e9800998ecf8427e  usr/lib/x\nd41d8cd98f00b204e9800998ecf8427e  ./usr/lib/y z\nodd\n";
        let sums = extract_sums(&mut Slice(sums.as_bytes()), b"x", &Limits::default()).bytes;
        let mut files = Files::default();
        files.add(b"status.d/bGliYw==", 0, Some(b"Package: libc6\nVersion: 1\n".to_vec()));
        files.add(b"status.d/bGliYw==.md5sums", 0, Some(sums));
        let packages = ["usr/lib/x", "usr/lib/y z", "odd"].map(at);
        let mut asked = Owners::of(&packages);
        owners_by_sums(&files, "status.d", &mut asked);
        assert_eq!(asked.into_found(), [(0, "libc6".to_owned()), (1, "libc6".to_owned())]);
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[a/\t\n]{0,60}") {
            for content in [bytes.as_slice(), text.as_bytes()] {
                let kept = [extract_list, extract_sums].map(|it| it(&mut Slice(content), b"x", &Limits::default()).bytes);
                for list in kept {
                    Diversions::parse(content).claim(&list, "p", &mut Owners::of(&[]));
                }
            }
        }
    }
}
