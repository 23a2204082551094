//! `yarn.lock` of yarn 1 (its own format, "yarn lockfile v1") and of yarn 2 and later (a subset of YAML).
//!
//! Both are blocks: a line of descriptors (`name@range`), then indented lines. A line is enough to read them by.

use super::{alias, is_installed, is_own, split_reference, wanted};
use crate::files::File;
use crate::lenient::unmarked;
use crate::reading::Reading;

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    if is_installed(file.path) {
        return;
    }
    let text = String::from_utf8_lossy(unmarked(file.bytes));
    let mut unread = 0_usize;
    for block in blocks(&text) {
        match block.package() {
            Found::Package(name, version) => {
                if !reading.package(wanted(file, name, version)) {
                    return;
                }
            }
            Found::Own => {}
            Found::Unclear => unread += 1,
        }
    }
    if unread > 0 {
        let detail = format!("{unread} entries without a name or a version");
        reading.problems.malformed(file.location(), detail);
    }
}

/// One entry.
#[derive(Debug, Default)]
struct Block<'t> {
    /// The first one; others are other ranges that led to the same package.
    descriptor: &'t str,
    version: &'t str,
    /// Berry's `name@protocol:reference`.
    resolution: &'t str,
}

#[derive(Debug, PartialEq, Eq)]
enum Found<'t> {
    Package(&'t str, &'t str),
    Own,
    Unclear,
}

impl<'t> Block<'t> {
    fn package(&self) -> Found<'t> {
        if self.descriptor == "__metadata" {
            return Found::Own;
        }
        let stated = if self.resolution.is_empty() { self.descriptor } else { self.resolution };
        let Some((name, reference)) = split_reference(stated) else { return Found::Unclear };
        if is_own(reference) {
            return Found::Own;
        }
        let name = alias(reference).map_or(name, |(name, _)| name);
        if name.is_empty() || self.version.is_empty() {
            return Found::Unclear;
        }
        Found::Package(name, self.version)
    }
}

fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    let mut lines =
        text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty()).peekable();
    std::iter::from_fn(move || {
        let head = lines.next()?;
        let mut block = Block { descriptor: first_descriptor(head), ..Block::default() };
        // Lines that are indented further belong to tables in the block.
        while let Some(line) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            if let Some(line) = line.strip_prefix("  ")
                && !line.starts_with([' ', '\t'])
            {
                match pair(line) {
                    ("version", value) => block.version = value,
                    ("resolution", value) => block.resolution = value,
                    _ => {}
                }
            }
        }
        Some(block)
    })
}

/// `"a@^1", b@^2:` or `"a@npm:^1, a@npm:^2":`
fn first_descriptor(head: &str) -> &str {
    let head = head.trim().trim_end_matches(':');
    let head = head.strip_prefix('"').unwrap_or(head);
    let end = [head.find('"'), head.find(", ")].into_iter().flatten().min();
    head[..end.unwrap_or(head.len())].trim()
}

/// `version "1"`, `version: 1`, `"version" "1"`
fn pair(line: &str) -> (&str, &str) {
    let (key, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => line.split_at(line.find([':', ' ']).unwrap_or(line.len())),
    };
    (key, rest.trim_start_matches([':', ' ']).trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;

    fn lock(bytes: &[u8]) -> (Vec<String>, usize) {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&File { path: b"yarn.lock", layer: 0, mode: 0o644, bytes }, &mut reading);
        let (packages, problems) = reading.into_parts();
        let lines = packages.iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        (lines, problems.into_list().len())
    }

    const CLASSIC: &str = "# yarn lockfile v1\n\n\n\
\"@s/a@^1\", \"@s/a@^1.1\":\n  version \"1.2.3\"\n  resolved \"https://x/a.tgz#0\"\n  dependencies:\n    version \"^9\"\n\n\
b@>=1, b@^2:\r\n  version \"2.0.0\"\r\n\r\n\
other@npm:@s/real@^3:\n  version \"3.0.0\"\n\n\
near@file:../near:\n  version \"0.0.0\"\n\n\
packed@file:packed.tgz:\n  version \"0.1.0\"\n\n\
far@git+https://x/far.git:\n  \"version\" \"4.0.0\"\n";

    const BERRY: &str = "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n\
\"a@npm:^1, a@npm:^1.1\":\n  version: 1.2.3\n  resolution: \"a@npm:1.2.3\"\n  dependencies:\n    b: \"npm:^2\"\n  languageName: node\n\n\
\"other@npm:real@^3\":\n  version: 3.0.0\n  resolution: \"real@npm:3.0.0\"\n\n\
\"app@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"app@workspace:.\"\n\n\
\"t@patch:t@^4#~builtin\":\n  version: 4.0.0\n  resolution: \"t@patch:t@npm%3A4.0.0#~builtin::version=4.0.0\"\n";

    #[test]
    fn reads_both_forms() {
        let (lines, problems) = lock(CLASSIC.as_bytes());
        assert_eq!(lines, ["@s/a 1.2.3", "b 2.0.0", "@s/real 3.0.0", "packed 0.1.0", "far 4.0.0"]);
        assert_eq!(problems, 0);
        let (lines, problems) = lock(BERRY.as_bytes());
        assert_eq!(lines, ["a 1.2.3", "real 3.0.0", "t 4.0.0"]);
        assert_eq!(problems, 0);
    }

    #[test]
    fn what_is_not_read_is_one_problem() {
        assert_eq!(lock(b"a@1:\nb@1:\n  version \"1\"\nc:\n  version \"1\"\n"), (vec!["b 1".to_owned()], 1));
        assert_eq!(lock(b"  version 1\n"), (vec![], 1));
        assert_eq!(lock(b"\n# empty\n"), (vec![], 0));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            lock(&bytes);
        }

        #[test]
        fn takes_spoiled_locks(classic: bool, place: prop::sample::Index, byte: u8) {
            let mut bytes = if classic { CLASSIC } else { BERRY }.as_bytes().to_vec();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            lock(&bytes);
        }
    }
}
