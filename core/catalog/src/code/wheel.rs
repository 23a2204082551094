//! Which files a wheel brought: `RECORD` in its `.dist-info` ("Recording installed projects", packaging.python.org).

use lazaret_model::{Extracted, Limits, RandomAccess};

use super::is_library;
use crate::files::{Files, resolve};
use crate::os::{file_list, small};
use crate::pattern::{Extractor, Name, Pattern, Place, split};

pub(crate) const PATTERNS: &[Pattern] = &[Pattern::extract(
    Place::InAnyEndingWith(".dist-info"),
    Name::Exactly("RECORD"),
    Extractor { whole: extract, passing: None, alike: None },
)];

/// Keeps what may be a program or a library, relative to the root.
fn extract(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    let (information, _) = split(path);
    small::extract(file, path, limits, |content| {
        let mut list = Vec::new();
        for line in content.split(|&byte| byte == b'\n') {
            let named = named(line);
            // What is not below the modules is a program: `../../../bin/x`.
            if is_library(split(named).1) || named.starts_with(b"../") {
                file_list::put(&mut list, &resolve(information, named));
            }
        }
        list
    })
}

/// The first field of a line of comma separated values; names with quotes in them are nobody's.
fn named(line: &[u8]) -> &[u8] {
    let (rest, end) = match line.strip_prefix(b"\"") {
        Some(rest) => (rest, b'"'),
        None => (line, b','),
    };
    memchr::memchr(end, rest).map_or(&b""[..], |end| &rest[..end])
}

/// The wheels' `.dist-info` directories, each with the paths of its files.
pub(super) fn wheels(records: &Files) -> impl Iterator<Item = (&[u8], impl Iterator<Item = &[u8]>)> {
    records.iter().filter_map(|(path, kept)| {
        let mut list = kept.content.as_deref()?;
        Some((split(path).0, std::iter::from_fn(move || file_list::take(&mut list))))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::os::small::Slice;

    fn files(record: &[u8]) -> Vec<String> {
        let path = b"usr/lib/site-packages/x-1.dist-info/RECORD";
        let mut files = Files::default();
        files.add(path, 0, Some(extract(&mut Slice(record), path, &Limits::default()).bytes));
        let mut found = Vec::new();
        for (directory, paths) in wheels(&files) {
            assert_eq!(directory, b"usr/lib/site-packages/x-1.dist-info");
            found.extend(paths.map(|path| String::from_utf8_lossy(path).into_owned()));
        }
        found
    }

    #[test]
    fn a_wheel_says_which_libraries_and_programs_are_its_own() {
        let record = b"x/__init__.py,sha256=a,1\nx/_c.cpython-311.so,sha256=b,2\n\"x.libs/lib,y.so.1\",,\n../../../bin/x,,\n,,\nodd";
        assert_eq!(
            files(record),
            ["usr/lib/site-packages/x/_c.cpython-311.so", "usr/lib/site-packages/x.libs/lib,y.so.1", "bin/x"]
        );
    }

    proptest! {
        #[test]
        fn takes_any_bytes(record in prop::collection::vec(any::<u8>(), 0..300), text in "([a./,\"\n]|\\.so|\\.\\./){0,40}") {
            files(&record);
            files(text.as_bytes());
        }
    }
}
