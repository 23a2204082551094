//! `yarn.lock` of yarn 1 (its own format, "yarn lockfile v1") and of yarn 2 and later (a subset of YAML).
//!
//! Both are blocks: a line of descriptors (`name@range`), then indented lines. A line is enough to read them by.

use std::collections::HashMap;

use serde::Deserialize;

use super::{is_own, split_reference, wanted};
use crate::documents::{json, unmarked};
use crate::files::{File, Files};
use crate::lenient::{Pairs, Text};
use crate::pattern::split;
use crate::reach::Names;
use crate::reading::Reading;

pub(super) fn read(files: &Files, reading: &mut Reading<'_>) {
    let manifests = manifests(files, reading);
    for (path, kept) in files.iter() {
        let (directory, name) = split(path);
        let (b"yarn.lock", Some(bytes)) = (name, kept.content.as_deref()) else { continue };
        let text = String::from_utf8_lossy(unmarked(bytes));
        let file = File { path, layer: kept.layer, bytes };
        lock(&text, &file, manifests.get(directory).map(Vec::as_slice), reading);
    }
}

fn lock(text: &str, file: &File<'_>, manifests: Option<&[Manifest<'_>]>, reading: &mut Reading<'_>) {
    let blocks: Vec<Block<'_>> = blocks(text).collect();
    let ships = match manifests {
        Some(manifests) => shipped(&blocks, manifests),
        None => vec![true; blocks.len()],
    };
    let mut unread = 0_usize;
    for (block, ships) in blocks.iter().zip(ships) {
        match block.package() {
            Found::Package(name, version) if ships => {
                if !reading.package(wanted(file, name, version)) {
                    return;
                }
            }
            Found::Package(..) | Found::Own => {}
            Found::Unclear => unread += 1,
        }
    }
    if unread > 0 {
        let detail = format!("{unread} entries without a name or a version");
        reading.problems.malformed(file.location(), detail);
    }
}

/// What a project or one of its workspaces needs to run.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Manifest<'a> {
    #[serde(borrow)]
    dependencies: Pairs<'a, Text<'a>>,
    #[serde(borrow)]
    optional_dependencies: Pairs<'a, Text<'a>>,
    #[serde(borrow)]
    peer_dependencies: Pairs<'a, Text<'a>>,
}

/// The manifests by the directory of the lock file that they belong to: the nearest one above. Without the one beside
/// a lock file nothing is known of what its project needs.
fn manifests<'f>(files: &'f Files, reading: &mut Reading<'_>) -> HashMap<&'f [u8], Vec<Manifest<'f>>> {
    let mut manifests: HashMap<&[u8], Vec<Manifest<'_>>> = HashMap::new();
    for (path, kept) in files.iter() {
        let Some(start) = path.strip_suffix(b"package.json") else { continue };
        if let Some(bytes) = kept.content.as_deref()
            && files.content(&[start, b"yarn.lock"].concat()).is_some()
            && let Some(manifest) = json(&File { path, layer: kept.layer, bytes }, reading)
        {
            manifests.insert(split(path).0, vec![manifest]);
        }
    }
    for (path, kept) in files.iter() {
        let (directory, name) = split(path);
        let (b"package.json", Some(bytes)) = (name, kept.content.as_deref()) else { continue };
        let mut above = directory;
        while !above.is_empty() {
            above = split(above).0;
            if let Some(all) = manifests.get_mut(above) {
                // What yarn cannot read either is no workspace.
                all.extend(serde_json::from_slice::<Manifest<'_>>(unmarked(bytes)));
                break;
            }
        }
    }
    manifests
}

/// Which blocks are reached from the manifests without passing by `devDependencies`.
fn shipped(blocks: &[Block<'_>], manifests: &[Manifest<'_>]) -> Vec<bool> {
    let descriptors: HashMap<&str, usize> = blocks
        .iter()
        .enumerate()
        .flat_map(|(number, block)| block.descriptors().map(move |descriptor| (descriptor, number)))
        .collect();
    let names = Names::of(blocks.iter().map(|block| block.descriptors().next().map_or("", name_of)));
    // Berry adds the protocol. What neither finds, the project has replaced by another range.
    let number = |name: &str, range: &str| {
        let exact = descriptors.get(format!("{name}@{range}").as_str());
        let exact = exact.or_else(|| descriptors.get(format!("{name}@npm:{range}").as_str()));
        exact.copied().or_else(|| names.number(name))
    };
    let wants: Vec<Vec<usize>> = blocks
        .iter()
        .map(|block| block.wants.iter().filter_map(|(name, range)| number(name, range)).collect())
        .collect();
    let needs =
        manifests.iter().flat_map(|it| [&it.dependencies, &it.optional_dependencies, &it.peer_dependencies]);
    let roots: Vec<usize> = needs
        .flat_map(|pairs| &pairs.0)
        .filter_map(|(name, range)| number(name, range.trimmed().unwrap_or_default()))
        .collect();
    names.reached(roots, wants)
}

/// One entry.
#[derive(Debug, Default)]
struct Block<'t> {
    /// The line above it.
    head: &'t str,
    version: &'t str,
    /// Berry's `name@protocol:reference`.
    resolution: &'t str,
    /// Names and ranges of what it needs.
    wants: Vec<(&'t str, &'t str)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Found<'t> {
    Package(&'t str, &'t str),
    Own,
    Unclear,
}

impl<'t> Block<'t> {
    fn package(&self) -> Found<'t> {
        let descriptor = self.descriptors().next().unwrap_or_default();
        if descriptor == "__metadata" {
            return Found::Own;
        }
        let stated = if self.resolution.is_empty() { descriptor } else { self.resolution };
        let Some((name, reference)) = split_reference(stated) else { return Found::Unclear };
        if is_own(reference) {
            return Found::Own;
        }
        let name = match reference.strip_prefix("npm:") {
            // Classic yarn has `npm:` before names only, berry before ranges too; but berry resolves them.
            Some(other)
                if self.resolution.is_empty()
                    && other.starts_with(|c: char| c == '@' || c.is_ascii_alphabetic()) =>
            {
                name_of(other)
            }
            _ => name,
        };
        if name.is_empty() || self.version.is_empty() {
            return Found::Unclear;
        }
        Found::Package(name, self.version)
    }

    /// `"a@^1", b@^2:` or `"a@npm:^1, a@npm:^2":`, ranges that led to the same package.
    fn descriptors(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        let parts = self.head.trim().trim_end_matches(':').split(", ");
        parts.map(|part| part.trim_matches('"')).filter(|part| !part.is_empty())
    }
}

fn name_of(descriptor: &str) -> &str {
    split_reference(descriptor).map_or(descriptor, |(name, _)| name)
}

fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    let mut lines =
        text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty()).peekable();
    std::iter::from_fn(move || {
        let mut block = Block { head: lines.next()?, ..Block::default() };
        let mut in_wants = false;
        while let Some(line) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            let inner = line.trim_start();
            let (key, value) = pair(inner);
            // Further in are tables of the block.
            if line.len() - inner.len() > 2 {
                if in_wants {
                    block.wants.push((key, value));
                }
                continue;
            }
            in_wants = matches!(key, "dependencies" | "optionalDependencies");
            match key {
                "version" => block.version = value,
                "resolution" => block.resolution = value,
                _ => {}
            }
        }
        Some(block)
    })
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
        with(bytes, &[])
    }

    fn with(bytes: &[u8], others: &[(&str, &str)]) -> (Vec<String>, usize) {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        let mut files = Files::default();
        files.add(b"app/yarn.lock", 0, Some(bytes.to_vec()));
        for (path, text) in others {
            files.add(path.as_bytes(), 0, Some(text.as_bytes().to_vec()));
        }
        read(&files, &mut reading);
        let (packages, problems) = reading.into_parts();
        let lines = packages.iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        (lines, problems.into_list().len())
    }

    const CLASSIC: &str = "# yarn lockfile v1\n\n\n\
\"@s/a@^1\", \"@s/a@^1.1\":\n  version \"1.2.3\"\n  resolved \"https://x/a.tgz#0\"\n  dependencies:\n    version \"^9\"\n\n\
b@>=1, b@^2:\r\n  version \"2.0.0\"\r\n\r\n\
other@npm:@s/real@^3:\n  version \"3.0.0\"\n\nwithout@npm:range:\n  version \"5.0.0\"\n\n\
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
        assert_eq!(
            lines,
            ["@s/a 1.2.3", "b 2.0.0", "@s/real 3.0.0", "range 5.0.0", "packed 0.1.0", "far 4.0.0"]
        );
        assert_eq!(problems, 0);
        let (lines, problems) = lock(BERRY.as_bytes());
        assert_eq!(lines, ["a 1.2.3", "real 3.0.0", "t 4.0.0"]);
        assert_eq!(problems, 0);
    }

    #[test]
    fn manifests_say_what_ships() {
        let classic = "a@^1:\n  version \"1.0.0\"\n  dependencies:\n    b \">=2\"\n\nb@>=2:\n  version \"2.0.0\"\n\n\
                       test@*:\n  version \"3.0.0\"\n  dependencies:\n    b \">=2\"\n\nforced@9:\n  version \"9.0.0\"\n";
        let berry = "\"a@npm:^1\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n  dependencies:\n    b: \">=2\"\n\n\
                     \"b@npm:>=2\":\n  version: 2.0.0\n  resolution: \"b@npm:2.0.0\"\n\n\
                     \"test@npm:*\":\n  version: 3.0.0\n  resolution: \"test@npm:3.0.0\"\n\n\
                     \"forced@npm:9\":\n  version: 9.0.0\n  resolution: \"forced@npm:9.0.0\"\n";
        let manifest =
            r#"{"dependencies": {"a": "^1"}, "devDependencies": {"test": "*"}, "workspaces": ["one"]}"#;
        let one = r#"{"optionalDependencies": {"forced": "^1"}}"#;
        for text in [classic, berry] {
            let (lines, problems) = with(
                text.as_bytes(),
                &[
                    ("app/package.json", manifest),
                    ("app/one/package.json", one),
                    ("package.json", "{"),
                    ("apple/package.json", "{"),
                ],
            );
            assert_eq!(
                (lines, problems),
                (["a 1.0.0", "b 2.0.0", "forced 9.0.0"].map(str::to_owned).to_vec(), 0)
            );
            assert_eq!(with(text.as_bytes(), &[("app/one/package.json", one)]).0.len(), 4);
            let (lines, problems) = with(text.as_bytes(), &[("app/package.json", "{")]);
            assert_eq!((lines.len(), problems), (4, 1));
            let (lines, _) = with(
                text.as_bytes(),
                &[
                    ("app/package.json", manifest),
                    ("app/test/package.json", "{"),
                    ("yarn.lock", ""),
                    ("package.json", one),
                ],
            );
            assert_eq!(lines, ["a 1.0.0", "b 2.0.0"]);
        }
    }

    #[test]
    fn what_is_not_read_is_one_problem() {
        assert_eq!(lock(b"a@1:\nb@1:\n  version \"1\"\nc:\n  version \"1\"\n"), (vec!["b 1".to_owned()], 1));
        assert_eq!(lock(b"  version 1\n"), (vec![], 1));
        assert_eq!(lock(b"\n# empty\n"), (vec![], 0));
    }

    #[test]
    fn many_of_one_name_cost_their_sum() {
        let blocks: String = (0..50_000)
            .map(|n| format!("a@{n}:\n  version \"{n}\"\n  dependencies:\n    a \"x\"\n"))
            .collect();
        let (lines, _) = with(blocks.as_bytes(), &[("app/package.json", r#"{"dependencies": {"a": "y"}}"#)]);
        assert_eq!(lines.len(), 50_000);
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
