//! How little of programs is read.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::Instant;

use lazaret_catalog::{Catalog, Options, catalog};
use lazaret_model::{
    Content, Entry, EntryKind, Limits, PackageEvidence, Problem, ProblemKind, RandomAccess, Tree, Visitor,
    Wanted,
};

use crate::memory::Memory;

/// Programs of this machine, read where they lie.
#[derive(Default)]
struct Programs {
    paths: Vec<PathBuf>,
    size: u64,
    bytes: Cell<u64>,
    reads: Cell<u64>,
}

struct Counted<'c> {
    file: File,
    size: u64,
    of: &'c Programs,
}

impl RandomAccess for Counted<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.of.bytes.set(self.of.bytes.get() + buffer.len() as u64);
        self.of.reads.set(self.of.reads.get() + 1);
        self.file.read_exact_at(buffer, offset)
    }
}

impl Tree for Programs {
    fn walk(&mut self, visitor: &mut dyn Visitor) -> Vec<Problem> {
        let mut problems = Vec::new();
        for path in &self.paths {
            let Ok(file) = File::open(path) else { continue };
            let size = file.metadata().unwrap().len();
            let name = path.to_str().unwrap().trim_start_matches('/');
            let entry = Entry {
                path: name.as_bytes(),
                kind: EntryKind::File,
                mode: 0o755,
                uid: 0,
                gid: 0,
                size,
                layer: 0,
            };
            if visitor.want(&entry).content != Wanted::Extract {
                continue;
            }
            let extracted = visitor.extract(&entry, &mut Counted { file, size, of: self });
            problems.extend(extracted.problems);
            visitor.visit(&entry, Content { digest: None, bytes: Some(&extracted.bytes) });
        }
        problems
    }
}

fn programs(paths: impl IntoIterator<Item = PathBuf>) -> Programs {
    let is_file = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|it| it.is_file());
    let paths: Vec<PathBuf> = paths.into_iter().filter(is_file).collect();
    let size = paths.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    Programs { paths, size, ..Programs::default() }
}

#[expect(clippy::print_stderr, reason = "figures")]
fn measure(what: &str, programs: &mut Programs) -> Catalog {
    let whole = Instant::now();
    programs.paths.iter().for_each(|path| drop(fs::read(path)));
    let whole = whole.elapsed();
    let begun = Instant::now();
    let found = catalog(programs, &Limits::default(), Options::default());
    let taken = begun.elapsed();
    eprintln!(
        "{what}: {} programs of {} kB, {} reads of {} kB, {taken:?} (reading all of them: {whole:?}), {} packages, {} problems",
        programs.paths.len(),
        programs.size >> 10,
        programs.reads.get(),
        programs.bytes.get() >> 10,
        found.packages.len(),
        found.problems.len(),
    );
    found
}

#[expect(clippy::print_stderr, reason = "figures")]
fn measure_passing(path: &str) {
    let content = fs::read(path).unwrap();
    let size = content.len();
    let mut tree = Memory::default().program(path.trim_start_matches('/'), 0, content, 0o755);
    tree.piece = 64 << 10;
    let begun = Instant::now();
    catalog(&mut tree, &Limits::default(), Options::default());
    eprintln!("{path}: {size} bytes that come by once: {:?}", begun.elapsed());
}

fn files_of(directory: &str) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn of_large_programs_little_is_read() {
    for path in [
        "/usr/bin/containerd",
        "/usr/bin/docker",
        "/usr/bin/podman",
        "/usr/sbin/dockerd",
        "/usr/local/bin/docker",
        "/usr/local/bin/terraform",
        "/usr/local/bin/cargo-nextest",
        "/usr/bin/node",
        "/usr/bin/python3.11",
    ] {
        let mut one = programs([PathBuf::from(path)]);
        if one.size < 4 << 20 {
            continue;
        }
        let found = measure(path, &mut one);
        measure_passing(path);
        assert!(!found.packages.is_empty(), "{path}");
        if found.packages.iter().all(|it| it.evidence == PackageEvidence::BuiltIn) {
            assert!(one.bytes.get() * 20 < one.size, "{path}: {} of {} bytes", one.bytes.get(), one.size);
        }
    }
}

#[test]
fn both_ways_say_the_same_of_programs_of_this_machine() {
    for path in programs(["/usr/bin", "/usr/local/bin"].into_iter().flat_map(files_of)).paths {
        let Ok(content) = fs::read(&path) else { continue };
        let name = path.to_str().unwrap().trim_start_matches('/');
        let mut tree = Memory::default().program(name, 0, content, 0o755);
        let whole = catalog(&mut tree, &Limits::default(), Options::default());
        tree.piece = 100_003;
        let passing = catalog(&mut tree, &Limits::default(), Options::default());
        let is_old = passing.problems.iter().any(|it| it.kind == ProblemKind::Unsupported);
        assert!(passing == whole || is_old, "{name}: {passing:?} {whole:?}");
    }
}

#[test]
fn programs_of_this_machine_are_read_without_problems_by_their_headers() {
    for directory in ["/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu"] {
        let mut all = programs(files_of(directory));
        let found = measure(directory, &mut all);
        assert!(found.problems.len() * 100 <= all.paths.len(), "{directory}: {:?}", found.problems);
        assert!(all.bytes.get() <= all.size / 2, "{directory}");
    }
}
