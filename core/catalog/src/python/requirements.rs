//! pip's `requirements.txt` (pip.pypa.io, "Requirements File Format"; specifiers: PEP 508). Only packages pinned with
//! `==` or `===` count: the others say what would do, not what is there.

use std::borrow::Cow;

use super::wanted;
use crate::documents::unmarked;
use crate::files::File;
use crate::pattern::{Name, Pattern, Place, split};
use crate::reading::Reading;

pub(super) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::Outside("site-packages"), Name::Around("requirements", ".txt")),
    Pattern::content(Place::InAnyEndingWith("requirements"), Name::EndsWith(".txt")),
];

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let text = decoded(file.bytes);
    for line in logical_lines(&text) {
        let line = line.trim();
        if let Some(target) = included(line) {
            if !is_read_by_itself(target, file.path) {
                let detail = "requirements of another file, which is not read";
                reading.problems.unsupported(file.location(), detail);
            }
        } else if let Some((name, version)) = pinned(line)
            && !reading.package(wanted(file, name, version))
        {
            return;
        }
    }
}

/// Name and version of `name[extra] == version ; marker --hash=…`.
pub(super) fn pinned(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1.trim_start(),
        None => rest,
    };
    let rest = rest.strip_prefix('(').unwrap_or(rest).trim_start();
    let rest = rest.strip_prefix("===").or_else(|| rest.strip_prefix("=="))?.trim_start();
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.+!".contains(c))).unwrap_or(rest.len());
    let (version, rest) = rest.split_at(end);
    let is_whole = rest.is_empty() || rest.starts_with([' ', '\t', ';', ',', ')', '#']);
    (version.starts_with(|c: char| c.is_ascii_alphanumeric()) && is_whole).then_some((name, version))
}

/// The file that a line includes. Constraints (`-c`) bring nothing by themselves.
fn included(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix("--requirement") {
        Some(rest) => rest.strip_prefix(['=', ' ', '\t'])?,
        None => line.strip_prefix("-r")?,
    };
    Some(rest.trim_start())
}

fn is_read_by_itself(target: &str, from: &[u8]) -> bool {
    if target.contains("://") {
        return false;
    }
    let (directory, name) = split(target.as_bytes());
    let (here, _) = split(from);
    let directory = if directory.is_empty() || directory == b"." { here } else { directory };
    name.ends_with(b".txt") && (name.starts_with(b"requirements") || directory.ends_with(b"requirements"))
}

/// Lines that end with a backslash go on in the next one. A comment starts with `#` after space, and ends the line.
fn logical_lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut line = Cow::Borrowed(without_comment(lines.next()?));
        while let Some(start) = line.strip_suffix('\\') {
            let start = start.len();
            let joined = line.to_mut();
            joined.truncate(start);
            match lines.next() {
                Some(next) => joined.push_str(without_comment(next)),
                None => break,
            }
        }
        Some(line)
    })
}

fn without_comment(line: &str) -> &str {
    let mut places = line.match_indices('#').map(|(place, _)| place);
    let comment = places.find(|&place| place == 0 || line[..place].ends_with([' ', '\t']));
    line[..comment.unwrap_or(line.len())].trim_end_matches(['\r', ' ', '\t'])
}

/// UTF-8, or UTF-16 with a byte order mark, as PowerShell writes it.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return String::from_utf8_lossy(unmarked(bytes)),
    };
    let units = bytes[2..].as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_tests::{lines, withstands};

    fn requirements(path: &str, bytes: &[u8]) -> (Vec<String>, usize) {
        lines(read, path, bytes)
    }

    #[test]
    fn pins() {
        for (line, expected) in [
            ("Flask==2.0.0", Some(("Flask", "2.0.0"))),
            ("a_b.c [x, y] == 1!2.0+local  --hash=sha256:00", Some(("a_b.c", "1!2.0+local"))),
            ("a===1.0;python_version<'3'", Some(("a", "1.0"))),
            ("a (==1.0)", Some(("a", "1.0"))),
            ("a==1.0,!=1.1", Some(("a", "1.0"))),
            ("a==1.0#x", Some(("a", "1.0"))),
            ("a>=1", None),
            ("a==1.*", None),
            ("a==", None),
            ("a=='1'", None),
            ("a=1", None),
            ("a[x==1", None),
            ("-e a==1", None),
            ("{{ a }}==1", None),
            ("a @ https://x/a-1.whl", None),
            ("", None),
        ] {
            assert_eq!(pinned(line), expected, "{line}");
        }
    }

    const REAL: &str = "# comment\n--index-url https://x\nFlask == 2.0.0 \\\n    --hash=sha256:00 \\\n  # in between\n\
        click==8.0.0 # why\nb==1\\\n.5\n-c constraints.txt\npandas\n";

    #[test]
    fn reads_lines() {
        assert_eq!(
            requirements("requirements.txt", REAL.as_bytes()),
            (["flask 2.0.0", "click 8.0.0", "b 1.5"].map(str::to_owned).to_vec(), 0)
        );
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend("attrs==20.3.0\r\n".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(requirements("requirements.txt", &bytes), (vec!["attrs 20.3.0".to_owned()], 0));
        bytes = vec![0xfe, 0xff];
        bytes.extend("attrs==20.3.0\\".encode_utf16().flat_map(u16::to_be_bytes));
        assert_eq!(requirements("requirements.txt", &bytes), (vec!["attrs 20.3.0".to_owned()], 0));
    }

    #[test]
    fn inclusions_are_read_by_themselves_or_are_problems() {
        for (path, line, problems) in [
            ("requirements.txt", "-r requirements-dev.txt", 0),
            ("requirements.txt", "-r requirements/dev.txt", 0),
            ("requirements.txt", "--requirement=sub/requirements.txt", 0),
            ("requirements/dev.txt", "-r base.txt", 0),
            ("requirements/dev.txt", "-r./base.txt", 0),
            ("requirements.txt", "--requirements other.txt", 0),
            ("requirements.txt", "-r base.txt", 1),
            ("requirements.txt", "-r https://x/requirements.txt", 1),
        ] {
            assert_eq!(requirements(path, line.as_bytes()), (vec![], problems), "{line}");
        }
    }

    withstands!((|bytes: &[u8]| requirements("requirements.txt", bytes)), REAL);
}
