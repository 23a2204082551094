//! Archives of images and of advisories, and the layers in them.

use std::cell::RefCell;
use std::io::{Seek, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lazaret_model::{Content, Entry, EntryKind, Extracted, Passing, Problem, RandomAccess, Visitor, Want};
use lazaret_source::{OpenOptions, Source, Target as Place, feed_files, open};

use crate::fixture::Tar;
use crate::limits::LIMITS;
use crate::made::{Made, Packing, pack};
use crate::rows::{join, split};
use crate::{Seed, Target};

/// Layers: what whiteouts, links, long names, sparse files and lies make of each other.
pub const LAYERS: Target = Target { run: run_layers, seeds: layer_seeds, largest: 64 << 10 };

/// Files: what `docker save` and others write, zips and tars of documents.
pub const ARCHIVES: Target = Target { run: run_archive, seeds: archive_seeds, largest: 64 << 10 };

/// Layers with a separator between them: read where they lie, and as they stream by.
fn run_layers(input: &[u8]) {
    let layers: Vec<Vec<u8>> = split(input, 3).into_iter().map(<[u8]>::to_vec).collect();
    let is_packed = |layer: &Vec<u8>| {
        [&b"\x1f\x8b"[..], b"\x28\xb5\x2f\xfd"].iter().any(|magic| layer.starts_with(magic))
            || matches!(layer.as_slice(), [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
    };
    let differ = !layers.iter().any(is_packed);
    let image = Made::new(layers);
    let (plain, problems) = entries(&image.saved_as_layout(&[], Packing::Plain));
    if !differ {
        return;
    }
    for packing in [Packing::Gzip, Packing::Zstd] {
        let (streamed, others) = entries(&image.saved_as_layout(&[], packing));
        if problems.is_empty() && others.is_empty() {
            assert_eq!(plain, streamed, "read in place, and as {packing:?}");
        }
    }
}

fn run_archive(input: &[u8]) {
    entries(input);
    in_file(input, |path| {
        let mut documents = 0_u64;
        let mut visit = |_: &str, bytes: Vec<u8>| {
            assert!(bytes.len() as u64 <= LIMITS.file_bytes.max(LIMITS.archive_bytes));
            documents += 1;
            ControlFlow::Continue(())
        };
        let passed = feed_files::documents(path, &LIMITS, &mut visit);
        if let Ok(passed) = passed {
            assert_eq!(passed.documents, documents);
        }
        // Whether it has a shape does not matter, only that there is an answer.
        let _ = feed_files::shape(path, &LIMITS);
    });
}

/// One entry as a visitor sees it: path, kind and mode, content.
type Seen = (Vec<u8>, String, Option<Vec<u8>>);

/// What is in an archive of an image, if it is one.
fn entries(archive: &[u8]) -> (Vec<Seen>, Vec<Problem>) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers starts");
    }
    in_file(archive, |path| {
        let options = OpenOptions { limits: LIMITS, ..OpenOptions::default() };
        let place = Place::Archive { path: path.to_owned(), image: None };
        let Ok(mut opened) = RUNTIME.with(|runtime| runtime.block_on(open(&place, &options))) else {
            return (Vec::new(), vec![not_an_image()]);
        };
        assert_eq!(opened.source, Source::Archive);
        let mut collector = Collector::default();
        let problems = opened.tree.walk(&mut collector);
        let paths = collector.0.iter().map(|(path, ..)| path);
        assert!(paths.is_sorted_by(|a, b| a < b), "each path once, in order");
        (collector.0, problems)
    })
}

fn not_an_image() -> Problem {
    Problem {
        kind: lazaret_model::ProblemKind::Malformed,
        subject: String::new(),
        detail: "not an image".to_owned(),
    }
}

#[derive(Default)]
struct Collector(Vec<Seen>);

impl Visitor for Collector {
    fn want(&self, _: &Entry<'_>) -> Want {
        Want { digest: true, ..Want::BYTES }
    }

    fn extract(&self, _: &Entry<'_>, _: &mut dyn RandomAccess) -> Extracted {
        Extracted::default()
    }

    fn extract_passing(&self, _: &Entry<'_>) -> Option<Box<dyn Passing + '_>> {
        None
    }

    fn visit(&mut self, entry: &Entry<'_>, content: Content<'_>) {
        if let (Some(bytes), EntryKind::File) = (content.bytes, entry.kind) {
            assert_eq!(bytes.len() as u64, entry.size, "{entry:?}");
        }
        let Entry { kind, mode, uid, gid, layer, .. } = entry;
        let about = format!("{kind:?} {mode:o} {uid} {gid} in {layer}: {:?}", content.digest);
        self.0.push((entry.path.to_vec(), about, content.bytes.map(<[u8]>::to_vec)));
    }
}

/// Gives a file with this content, the same file each time: what is read comes from files.
fn in_file<T>(content: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        static FILE: RefCell<Option<tempfile::NamedTempFile>> = const { RefCell::new(None) };
    }
    FILE.with_borrow_mut(|slot| {
        let file = slot.get_or_insert_with(|| {
            let memory = PathBuf::from("/dev/shm");
            let made = match memory.is_dir() {
                true => tempfile::NamedTempFile::new_in(memory),
                false => tempfile::NamedTempFile::new(),
            };
            made.expect("a file of our own")
        });
        let write =
            file.rewind().and_then(|()| file.as_file().set_len(0)).and_then(|()| file.write_all(content));
        write.expect("a file of our own takes some kilobytes");
        read(file.path())
    })
}

/// The layers of a small image, odd members, and any tar archive.
fn layer_seeds(path: &Path, bytes: &[u8]) -> Vec<Seed> {
    let seed = |input| Seed { row: "layer".to_owned(), input };
    if path.as_os_str().is_empty() {
        let odd = Tar::default()
            .pax(&[("path", b"a/long/name"), ("size", b"3"), ("mtime", b"1.5")])
            .file("short", b"abc")
            .pax(&[("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.realsize", b"1000")])
            .file("sparse", b"1\n0\n3\nabc")
            .member(b'L', "././@LongLink", "", 0, b"very/long/name\0")
            .file("cut", b"x")
            .member(b'K', "././@LongLink", "", 0, b"very/long/target\0")
            .symlink("link", "cut")
            .hard_link("hard", "short")
            .raw(b'0', "liar", "", 0o644, 5_000, b"short")
            .unfinished();
        let layers: Vec<Vec<u8>> =
            Made::small().layers.into_iter().filter(|layer| layer.len() < LAYERS.largest as usize).collect();
        return vec![seed(odd), seed(join(&layers)), seed(join(&[layers.concat(), Vec::new()]))];
    }
    let is_tar = bytes.get(257..262) == Some(b"ustar");
    is_tar.then(|| seed(bytes.to_vec())).into_iter().collect()
}

fn archive_seeds(path: &Path, bytes: &[u8]) -> Vec<Seed> {
    let seed = |row: &str, input: &[u8]| Seed { row: row.to_owned(), input: input.to_vec() };
    if path.as_os_str().is_empty() {
        let layer = |name: &str| Tar::default().file(name, b"content").finish();
        let image = Made::new(vec![layer("etc/a"), layer("etc/.wh.a")]);
        let documents = Tar::default().file("a/CVE-1.json", b"{}").file("a/b.yaml", b"a: b").finish();
        return vec![
            seed("saved", &image.saved(&["a:1"])),
            seed("saved", &pack(&image.saved(&[]), Packing::Gzip)),
            seed("layout", &image.saved_as_layout(&["a:1"], Packing::Zstd)),
            seed("layout", &image.layout(Packing::Gzip, "a")),
            seed("documents", &documents),
            seed("documents", &pack(&documents, Packing::Gzip)),
            seed("documents", &pack(&documents, Packing::Zstd)),
        ];
    }
    const MAGICS: &[(&str, &[u8])] = &[
        ("zip", b"PK\x03\x04"),
        ("gzip", b"\x1f\x8b"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("xz", b"\xfd7zXZ"),
        ("bzip2", b"BZh"),
    ];
    let is_tar = bytes.get(257..262) == Some(b"ustar");
    let known = MAGICS.iter().find(|(_, magic)| bytes.starts_with(magic)).map(|(name, _)| *name);
    known.or(is_tar.then_some("tar")).map(|row| seed(row, bytes)).into_iter().collect()
}
