use std::collections::BTreeMap;

use lazaret_model::{Content, Distribution, Limits, Package, Problem, ProblemKind, Tree, Want};

use crate::cataloger::{CATALOGERS, is_executable};
use crate::{apt_sources, dpkg, os_release};

/// What a tree holds. Sorted, so that equal trees give equal catalogs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    pub distribution: Option<Distribution>,
    pub packages: Vec<Package>,
    /// Only if asked for.
    pub executables: Vec<Executable>,
    /// Configuration of APT, as (path, content): sources and the keyrings that verify them.
    pub apt_sources: Vec<(String, Vec<u8>)>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// A regular file with an x bit: nothing else in an image can be executed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Executable {
    pub path: Vec<u8>,
    pub sha256: [u8; 32],
    /// Permission bits including set-user-id and set-group-id.
    pub mode: u16,
    pub layer: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Digests of all executables: reads every byte of them.
    pub executables: bool,
}

/// Findings while the tree passes by; what can only be said at the end is settled by [`finish`].
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) packages: Vec<Package>,
    pub(crate) problems: Vec<Problem>,
    /// Layer of the newest file list of each dpkg package, by `name` or `name:architecture`.
    pub(crate) dpkg_lists: BTreeMap<String, u32>,
    max_packages: usize,
    packages_left_out: usize,
    problems_left_out: usize,
}

/// A hostile image could bring a problem a record.
const MAX_PROBLEMS: usize = 1_000;

impl Findings {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { max_packages: limits.packages, ..Self::default() }
    }

    pub(crate) fn package(&mut self, package: Package) {
        if self.packages.len() < self.max_packages {
            self.packages.push(package);
        } else {
            self.packages_left_out += 1;
        }
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.problems_left_out += 1;
        }
    }
}

/// Catalogs a tree in one walk.
pub fn catalog(tree: &mut dyn Tree, limits: &Limits, options: Options) -> Catalog {
    let mut findings = Findings::new(limits);
    let mut executables = Vec::new();
    let mut releases = os_release::Releases::default();
    let mut sources = apt_sources::Sources::default();

    let mut want = |entry: &lazaret_model::Entry<'_>| {
        let path = entry.path;
        let read = CATALOGERS.iter().any(|cataloger| (cataloger.wants)(path));
        if read || os_release::wants(path) || apt_sources::wants(path) {
            Want::Bytes
        } else if options.executables && is_executable(entry) {
            Want::Digest
        } else {
            Want::Nothing
        }
    };
    let mut visit = |entry: &lazaret_model::Entry<'_>, content: Content<'_>| {
        let bytes = match content {
            Content::Bytes(bytes) => Some(bytes),
            Content::Digest(sha256) => {
                executables.push(Executable {
                    path: entry.path.to_vec(),
                    sha256,
                    mode: entry.mode,
                    layer: entry.layer,
                });
                None
            }
            Content::Nothing => None,
        };
        for cataloger in CATALOGERS {
            (cataloger.visit)(entry, bytes, &mut findings);
        }
        if let Some(bytes) = bytes {
            releases.visit(entry.path, bytes);
            sources.visit(entry.path, bytes, &mut findings);
        }
    };
    let mut problems = tree.walk(&mut want, &mut visit);
    finish(&mut findings);
    problems.append(&mut findings.problems);
    executables.sort_unstable();
    Catalog {
        distribution: releases.distribution(),
        packages: findings.packages,
        executables,
        apt_sources: sources.into_files(),
        problems,
    }
}

fn finish(findings: &mut Findings) {
    dpkg::attribute_layers(findings);
    findings.packages.sort_unstable();
    findings.packages.dedup();
    if findings.packages_left_out > 0 {
        let detail = format!(
            "{} packages are over the limit of {}",
            findings.packages_left_out, findings.max_packages
        );
        findings.problems.push(Problem::new(ProblemKind::Limit, "packages", detail));
    }
    if findings.problems_left_out > 0 {
        let detail = format!("{} further problems are not listed", findings.problems_left_out);
        findings.problems.push(Problem::new(ProblemKind::Limit, "problems", detail));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use lazaret_model::{Entry, EntryKind};

    use super::*;

    /// A tree of literal files, as (path, mode, layer, content).
    pub(crate) struct Files(pub(crate) Vec<(&'static str, u16, u32, Vec<u8>)>);

    impl Tree for Files {
        fn walk(
            &mut self,
            want: &mut dyn FnMut(&Entry<'_>) -> Want,
            visit: &mut dyn FnMut(&Entry<'_>, Content<'_>),
        ) -> Vec<Problem> {
            for (path, mode, layer, content) in &self.0 {
                let entry = Entry {
                    path: path.as_bytes(),
                    kind: EntryKind::File,
                    mode: *mode,
                    uid: 0,
                    gid: 0,
                    size: content.len() as u64,
                    layer: *layer,
                };
                match want(&entry) {
                    Want::Nothing => visit(&entry, Content::Nothing),
                    Want::Digest => visit(&entry, Content::Digest([7; 32])),
                    Want::Bytes => visit(&entry, Content::Bytes(content)),
                }
            }
            Vec::new()
        }
    }

    fn tree() -> Files {
        let status = "Package: b\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n\
                      Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n";
        Files(vec![
            ("etc/apt/sources.list", 0o644, 0, b"deb m s c\n".to_vec()),
            ("etc/os-release", 0o644, 0, b"ID=debian\nVERSION_ID=\"12\"\n".to_vec()),
            ("usr/bin/true", 0o755, 0, b"x".to_vec()),
            ("usr/share/readme", 0o644, 0, b"x".to_vec()),
            ("var/lib/dpkg/info/a.list", 0o644, 0, b"/.\n".to_vec()),
            ("var/lib/dpkg/info/b:amd64.list", 0o644, 1, b"/.\n".to_vec()),
            ("var/lib/dpkg/status", 0o644, 2, status.as_bytes().to_vec()),
        ])
    }

    #[test]
    fn one_walk_finds_everything() {
        let found = catalog(&mut tree(), &Limits::default(), Options { executables: true });
        let packages: Vec<_> = found.packages.iter().map(|p| (p.name.as_str(), p.layer)).collect();
        assert_eq!(packages, [("a", 0), ("b", 1)], "sorted, each with the layer of its file list");
        assert_eq!(found.distribution.unwrap().key(), "debian:12");
        assert_eq!(found.executables.len(), 1);
        assert_eq!(found.executables[0].path, b"usr/bin/true");
        assert_eq!(found.apt_sources[0].0, "etc/apt/sources.list");
        assert_eq!(found.problems, []);
    }

    #[test]
    fn executables_are_only_read_when_asked_for() {
        assert!(catalog(&mut tree(), &Limits::default(), Options::default()).executables.is_empty());
    }

    #[test]
    fn packages_over_the_limit_are_counted() {
        let limits = Limits { packages: 1, ..Limits::default() };
        let found = catalog(&mut tree(), &limits, Options::default());
        assert_eq!(found.packages.len(), 1);
        assert_eq!(found.problems[0].kind, ProblemKind::Limit);
        assert!(found.problems[0].detail.starts_with("1 packages"), "{}", found.problems[0]);
    }
}
