//! Every cataloger, on files that it takes by their names.

use std::path::Path;

use lazaret_catalog::{Catalog, Cataloger, Name, Need, Options, Pattern, Place, catalog, catalogers};
use lazaret_format::{cyclonedx, purl, sbom};
use lazaret_model::{Digest, Image, ImageConfiguration, Platform};

use crate::limits::LIMITS;
use crate::memory::{Memory, Node};
use crate::rows::{join, pick, picking, split};
use crate::{Seed, Target};

/// Those that read databases, lock files and manifests.
pub const CATALOGERS: Target = Target {
    run: |input| run(|cataloger| !has_own_target(cataloger), input),
    seeds: |path, bytes| seeds(|cataloger| !has_own_target(cataloger), path, bytes),
    largest: 32 << 10,
};

pub const RPMDB: Target = Target {
    run: |input| run(is_rpm, input),
    seeds: |path, bytes| seeds(is_rpm, path, bytes),
    largest: 256 << 10,
};

/// Executables, libraries and modules of all layouts.
pub const BINARIES: Target = Target {
    run: |input| run(is_binary, input),
    seeds: |path, bytes| seeds(is_binary, path, bytes),
    largest: 256 << 10,
};

pub const JARS: Target = Target {
    run: |input| run(is_jar, input),
    seeds: |path, bytes| seeds(is_jar, path, bytes),
    largest: 128 << 10,
};

fn is_rpm(cataloger: &Cataloger) -> bool {
    cataloger.name == "rpm"
}

fn is_jar(cataloger: &Cataloger) -> bool {
    cataloger.name == "java-archive"
}

fn is_binary(cataloger: &Cataloger) -> bool {
    cataloger.patterns.iter().any(|pattern| pattern.name == Name::Executable)
}

fn has_own_target(cataloger: &Cataloger) -> bool {
    is_rpm(cataloger) || is_jar(cataloger) || is_binary(cataloger)
}

/// An input is: a byte that picks a cataloger, one that picks a pattern of it, and the contents of a file of this
/// pattern and of those that follow.
fn run(takes: fn(&Cataloger) -> bool, input: &[u8]) {
    let rows: Vec<&Cataloger> = catalogers().filter(|cataloger| takes(cataloger)).collect();
    let Some((cataloger, rest)) = pick(&rows, input) else { return };
    let Some((first, rest)) = rest.split_first() else { return };
    let mut tree = Memory::default();
    let patterns = cataloger.patterns.iter().cycle().skip(usize::from(*first) % cataloger.patterns.len());
    for (pattern, content) in patterns.zip(split(rest, cataloger.patterns.len())) {
        tree.add(path(pattern).as_bytes(), 0, node(pattern, content));
    }
    let options = Options { executables: true, declared: true };
    let found = catalog(&mut tree, &LIMITS, options);
    check(&found);
    tree.piece = 1_000;
    let passing = catalog(&mut tree, &LIMITS, options);
    if found.problems.is_empty() && passing.problems.is_empty() {
        assert_eq!(found.packages, passing.packages, "read as a whole, and piece by piece");
    }
}

/// What holds of packages wherever they come from.
fn check(found: &Catalog) {
    assert!(found.packages.is_sorted() && found.packages.len() <= LIMITS.packages);
    let places = found.code.files.iter().flat_map(|file| &file.packages);
    assert!(
        places
            .chain(found.code.read.iter().map(|(place, _)| place))
            .all(|it| (*it as usize) < found.packages.len())
    );
    for package in &found.packages {
        if let Some(text) = purl::package(package, found.distribution.as_ref()) {
            let read =
                purl::Purl::parse(&text).unwrap_or_else(|error| panic!("{text:?} of {package:?}: {error}"));
            assert_eq!(read.to_string(), text);
        }
    }
    if found.packages.is_empty() {
        return;
    }
    let image = image();
    let written = cyclonedx::write(&cyclonedx::Bom {
        name: "fuzz",
        reference: None,
        image: &image,
        distribution: found.distribution.as_ref(),
        packages: &found.packages,
        findings: &[],
        problems: &found.problems,
        timestamp: None,
        tool_version: "0",
    });
    let read = sbom::read(written.as_bytes(), &lazaret_model::Limits::default())
        .unwrap_or_else(|error| panic!("our own document: {error}"));
    assert_eq!(read.packages, found.packages);
    assert_eq!(read.distribution, found.distribution);
}

fn image() -> Image {
    Image {
        manifest: None,
        config: Digest::from_bytes([0; 32]),
        platform: Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None },
        created: None,
        configuration: ImageConfiguration::default(),
        layers: Vec::new(),
    }
}

fn node(pattern: &Pattern, content: &[u8]) -> Node {
    match pattern.need {
        Need::Directory => Node::Directory,
        _ => Node::File {
            content: content.to_vec(),
            mode: if pattern.name == Name::Executable { 0o755 } else { 0o644 },
        },
    }
}

/// A path that a pattern takes.
fn path(pattern: &Pattern) -> String {
    const STEM: &str = "name-1.2.3";
    let name = match pattern.name {
        Name::Exactly(name) => name.to_owned(),
        Name::EndsWith(end) => format!("{STEM}{end}"),
        Name::Around(start, end) => format!("{start}{STEM}{end}"),
        Name::Any | Name::Executable => STEM.to_owned(),
    };
    match pattern.place {
        Place::In(directory) => format!("{directory}/{name}"),
        Place::Below(directory) => format!("{directory}/a/{STEM}/{name}"),
        Place::InAnyEndingWith(end) => format!("{STEM}{end}/{name}"),
        Place::Outside(_) | Place::Anywhere => format!("a/{name}"),
    }
    .trim_start_matches('/')
    .to_owned()
}

/// A file under each name that it may have, with those beside it that the same cataloger reads.
fn seeds(takes: fn(&Cataloger) -> bool, path: &Path, bytes: &[u8]) -> Vec<Seed> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let mut seeds = Vec::new();
    for (row, cataloger) in catalogers().filter(|cataloger| takes(cataloger)).enumerate() {
        for (number, pattern) in cataloger.patterns.iter().enumerate() {
            if !has_name(pattern, name, bytes) {
                continue;
            }
            let after = cataloger.patterns.iter().cycle().skip(number + 1);
            let beside = after.take(cataloger.patterns.len() - 1).map(|other| match other.name {
                Name::Exactly(other) if other != name => {
                    std::fs::read(path.with_file_name(other)).unwrap_or_default()
                }
                _ => Vec::new(),
            });
            let mut parts: Vec<Vec<u8>> = std::iter::once(bytes.to_vec()).chain(beside).collect();
            while parts.last().is_some_and(Vec::is_empty) {
                parts.pop();
            }
            let files = picking(number, &join(&parts));
            seeds.push(Seed { row: cataloger.name.to_owned(), input: picking(row, &files) });
        }
    }
    seeds
}

/// Programs of test data have lost their executable bits: they are told by how they begin.
fn has_name(pattern: &Pattern, name: &str, bytes: &[u8]) -> bool {
    const PROGRAMS: &[&[u8]] =
        &[b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xce\xfa\xed\xfe"];
    match pattern.name {
        Name::Exactly(exactly) => name == exactly,
        Name::EndsWith(end) => name.ends_with(end),
        Name::Around(start, end) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
        Name::Any => false,
        Name::Executable => PROGRAMS.iter().any(|magic| bytes.starts_with(magic)),
    }
}
