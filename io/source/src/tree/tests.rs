//! Trees over archives made by hand. Each is read in place, as a stream, and compressed: what comes
//! out must be the same.

use std::io::{Cursor, Write};
use std::sync::Arc;

use lazaret_model::{
    Content, Entry, EntryKind, Extracted, Limits, Passing, Problem, ProblemKind, RandomAccess, Tree, Visitor,
    Want,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::layer::fixture::{Header, Tar, pax_record};
use crate::layer::{LayerBytes, Opener, Window};

struct InMemory(Arc<Vec<u8>>);

impl Opener for InMemory {
    fn open(&self) -> std::io::Result<LayerBytes> {
        Ok(LayerBytes::Stream(Box::new(Cursor::new(self.0.as_ref().clone()))))
    }
}

#[derive(Debug, Clone, Copy)]
enum Stored {
    InPlace,
    Stream,
    Gzip,
    Zstd,
}

const ALL: [Stored; 4] = [Stored::InPlace, Stored::Stream, Stored::Gzip, Stored::Zstd];

fn opener(bytes: &[u8], stored: Stored) -> Box<dyn Opener> {
    let compressed = match stored {
        Stored::InPlace => {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            return Box::new(Window::new(Arc::new(file), bytes.len() as u64));
        }
        Stored::Stream => bytes.to_vec(),
        Stored::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Stored::Zstd => zstd::encode_all(bytes, 1).unwrap(),
    };
    Box::new(InMemory(Arc::new(compressed)))
}

/// `path kind mode layer content`, one line for each entry.
type Walked = (Vec<String>, Vec<Problem>);

/// Lists a tree. What it extracts of a file is the name, the size, and the first and last three bytes.
struct Lister<'w> {
    want: &'w (dyn Fn(&str) -> Want + Sync),
    lines: Vec<String>,
    paths: Vec<Vec<u8>>,
}

fn extract_of(path: &[u8], size: u64, first: &[u8], last: &[u8]) -> Extracted {
    let mut bytes = [path, format!(":{size}:").as_bytes(), first, b":", last].concat();
    bytes.retain(|byte| *byte != 0);
    Extracted { bytes, problems: Vec::new() }
}

/// As [`extract_of`], of what comes by.
struct Ends {
    path: Vec<u8>,
    size: u64,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Passing for Ends {
    fn push(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        self.first.extend_from_slice(&piece[..piece.len().min(3)]);
        self.first.truncate(3);
        self.last.extend_from_slice(&piece[piece.len().saturating_sub(3)..]);
        self.last.drain(..self.last.len().saturating_sub(3));
    }

    fn finish(self: Box<Self>) -> Extracted {
        extract_of(&self.path, self.size, &self.first, &self.last)
    }
}

impl Visitor for Lister<'_> {
    fn want(&self, entry: &Entry<'_>) -> Want {
        (self.want)(&String::from_utf8_lossy(entry.path))
    }

    fn extract(&self, entry: &Entry<'_>, file: &mut dyn RandomAccess) -> Extracted {
        let size = file.size();
        let (mut first, mut last) = ([0; 3], [0; 3]);
        let ends = &mut first[..size.min(3).try_into().unwrap()];
        file.read_at(0, ends).unwrap();
        let length = ends.len();
        file.read_at(size - length as u64, &mut last[..length]).unwrap();
        assert!(file.read_at(size, &mut [0]).is_err() && file.read_at(u64::MAX, &mut [0]).is_err());
        extract_of(entry.path, size, &first[..length], &last[..length])
    }

    fn extract_passing(&self, entry: &Entry<'_>) -> Option<Box<dyn Passing + '_>> {
        let (path, first, last) = (entry.path.to_vec(), Vec::new(), Vec::new());
        (!entry.path.ends_with(b".whole")).then_some(Box::new(Ends { path, size: 0, first, last }) as _)
    }

    fn extracts_alike(&self, one: &Entry<'_>, other: &Entry<'_>) -> bool {
        one.path.starts_with(b"alike") && other.path.starts_with(b"alike")
    }

    fn visit(&mut self, entry: &Entry<'_>, content: Content<'_>) {
        self.paths.push(entry.path.to_vec());
        let path = String::from_utf8_lossy(entry.path);
        let kind = match entry.kind {
            EntryKind::File => format!("file:{}", entry.size),
            EntryKind::Directory => "dir".to_owned(),
            EntryKind::Symlink { target } => format!("->{}", String::from_utf8_lossy(target)),
            EntryKind::Special => "special".to_owned(),
        };
        let mut shown = String::new();
        if let Some(bytes) = content.bytes {
            shown = format!(" {}", String::from_utf8_lossy(bytes));
        }
        if let Some(digest) = content.digest {
            shown += &format!(" #{}", lazaret_model::Digest::from_bytes(digest).short());
        }
        self.lines.push(format!("{path} {kind} {:o} {}{shown}", entry.mode, entry.layer));
    }
}

type WantOf<'a> = &'a (dyn Fn(&str) -> Want + Sync);

fn walk_stored(layers: &[Vec<u8>], stored: Stored, limits: &Limits, want: WantOf<'_>) -> Walked {
    let layers = (1..)
        .zip(layers)
        .map(|(number, bytes)| Layer { label: format!("layer {number}"), opener: opener(bytes, stored) })
        .collect();
    let mut tree = LayeredTree::new(SeparateLayers(layers), limits.clone());
    let mut lister = Lister { want, lines: Vec::new(), paths: Vec::new() };
    let problems = tree.walk(&mut lister);
    let Lister { lines, mut paths, .. } = lister;
    assert!(paths.is_sorted(), "paths out of order: {lines:?}");
    paths.dedup();
    assert_eq!(paths.len(), lines.len(), "a path came twice: {lines:?}");
    (lines, problems)
}

/// Walks all variants, asserts that they agree, and gives the result.
fn walk_wanting(layers: &[Vec<u8>], want: WantOf<'_>) -> Walked {
    let limits = Limits::default();
    let (lines, problems) = walk_stored(layers, Stored::InPlace, &limits, want);
    for stored in ALL {
        let (other, other_problems) = walk_stored(layers, stored, &limits, want);
        assert_eq!(lines, other, "{stored:?}");
        let count = |problems: &[Problem]| problems.len();
        assert_eq!(count(&problems), count(&other_problems), "{stored:?}: {problems:?} {other_problems:?}");
    }
    (lines, problems)
}

fn walk(layers: &[Vec<u8>]) -> Walked {
    walk_wanting(layers, &|_| Want::BYTES)
}

fn one(tar: Tar) -> Walked {
    walk(&[tar.finish()])
}

#[test]
fn an_image_without_layers_is_empty() {
    assert_eq!(walk(&[]), (vec![], vec![]));
    assert_eq!(walk(&[vec![], vec![0; 1024], vec![0; 512]]), (vec![], vec![]));
}

#[test]
fn reads_one_layer() {
    let tar = Tar::default()
        .directory("./")
        .directory("./etc/")
        .file("./etc/motd", b"hello")
        .symlink("./etc/link", "../etc/motd")
        .hard_link("./etc/also", "./etc/motd")
        .member(b'6', "./run/fifo", "", 0o600, b"")
        .program("./a-b", b"")
        .program("./a/b", b"x");
    let (lines, problems) = one(tar);
    assert_eq!(
        lines,
        [
            "a dir 755 0",
            "a-b file:0 755 0 ",
            "a/b file:1 755 0 x",
            "etc dir 755 0",
            "etc/also file:5 644 0 hello",
            "etc/link ->../etc/motd 777 0",
            "etc/motd file:5 644 0 hello",
            "run dir 755 0",
            "run/fifo special 600 0",
        ]
    );
    assert_eq!(problems, []);
}

#[test]
fn digests_are_of_the_content() {
    let tar = Tar::default().program("b", b"content").hard_link("a", "b").file("c", b"other").finish();
    let digest = lazaret_model::Digest::from_bytes(Sha256::digest(b"content").into()).short();
    let (lines, _) = walk_wanting(&[tar], &|path| if path == "c" { Want::NOTHING } else { Want::DIGEST });
    assert_eq!(
        lines,
        [
            format!("a file:7 644 0 #{digest}"),
            format!("b file:7 755 0 #{digest}"),
            "c file:5 644 0".to_owned()
        ]
    );
}

#[test]
fn hard_links_bring_content_that_nobody_wanted_under_its_first_name() {
    let tar = Tar::default().file("x/hidden", b"status").hard_link("var/status", "x/hidden").finish();
    let want = |path: &str| if path == "var/status" { Want::BYTES } else { Want::NOTHING };
    let (lines, problems) = walk_wanting(std::slice::from_ref(&tar), &want);
    assert_eq!(
        lines,
        ["var dir 755 0", "var/status file:6 644 0 status", "x dir 755 0", "x/hidden file:6 644 0"]
    );
    assert_eq!(problems, []);
    // The same where the first name is gone again.
    let upper = Tar::default().file("x/.wh.hidden", b"").finish();
    let (lines, _) = walk_wanting(&[tar.clone(), upper], &want);
    assert_eq!(lines[1], "var/status file:6 644 0 status");
    // And where one name wants the digest, the other the bytes.
    let want = |path: &str| if path == "var/status" { Want::BYTES } else { Want::DIGEST };
    let (lines, _) = walk_wanting(&[tar], &want);
    assert!(lines[1].ends_with(" status") && lines[3].contains('#'), "{lines:?}");
}

#[test]
fn upper_layers_hide_lower_ones() {
    let lower = Tar::default()
        .directory("etc")
        .file("etc/a", b"1")
        .file("etc/b", b"1")
        .directory("dir")
        .file("dir/x", b"1")
        .file("dir/y/z", b"1")
        .directory("opaque")
        .file("opaque/old", b"1")
        .file("opaque/deep/old", b"1")
        .file("tofile/x", b"1")
        .file("todir", b"1")
        .finish();
    let upper = Tar::default()
        .file("etc/a", b"22")
        .file("etc/.wh.b", b"")
        .file(".wh.dir", b"")
        .file("opaque/new", b"22")
        .file("opaque/.wh..wh..opq", b"")
        .file("tofile", b"22")
        .directory("todir")
        .file("todir/x", b"22")
        .file(".wh.nothing", b"")
        .finish();
    let (lines, problems) = walk(&[lower, upper]);
    assert_eq!(
        lines,
        [
            "etc dir 755 0",
            "etc/a file:2 644 1 22",
            "opaque dir 755 0",
            "opaque/new file:2 644 1 22",
            "todir dir 755 1",
            "todir/x file:2 644 1 22",
            "tofile file:2 644 1 22",
        ]
    );
    assert_eq!(problems, []);
}

#[test]
fn what_is_removed_and_added_again_is_of_the_newest_layer() {
    let first = Tar::default().file("a/x", b"1").file("a/y", b"1").finish();
    let second = Tar::default().file(".wh.a", b"").finish();
    let third = Tar::default().file("a/x", b"3").finish();
    let (lines, problems) = walk(&[first, second, third]);
    assert_eq!(lines, ["a dir 755 2", "a/x file:1 644 2 3"]);
    assert_eq!(problems, []);
}

#[test]
fn a_whiteout_beside_an_entry_of_its_name_is_told() {
    let lower = Tar::default().file("a", b"1").file("d/old", b"1").finish();
    // Every engine agrees: the new file.
    let (lines, problems) =
        walk(&[lower.clone(), Tar::default().file(".wh.a", b"").file("a", b"2").finish()]);
    assert_eq!((lines[0].as_str(), problems.len()), ("a file:1 644 1 2", 0));
    // Some would remove the file, some fail.
    let (lines, problems) =
        walk(&[lower.clone(), Tar::default().file("a", b"2").file(".wh.a", b"").finish()]);
    assert_eq!((lines[0].as_str(), problems.len()), ("a file:1 644 1 2", 1));
    // Some would show the old file in the new directory.
    let (lines, problems) = walk(&[lower, Tar::default().file(".wh.d", b"").directory("d").finish()]);
    assert_eq!((lines, problems.len()), (vec!["a file:1 644 0 1".to_owned(), "d dir 755 1".to_owned()], 1));
}

#[test]
fn whiteouts_that_name_nothing_are_told() {
    for name in [".wh.", "a/.wh..", "a/.wh..."] {
        let (lines, problems) =
            walk(&[Tar::default().file("a/keep", b"1").finish(), Tar::default().file(name, b"").finish()]);
        assert_eq!((lines.len(), problems.len()), (2, 1), "{name}: {lines:?}");
    }
    let (lines, problems) = one(Tar::default().file(".wh..wh.plnk/1.2", b"").file(".wh..wh.aufs", b""));
    assert_eq!((lines.len(), problems.len()), (0, 0));
}

#[test]
fn links_of_the_same_layer_are_followed() {
    let tar = Tar::default()
        .symlink("alias", "var/lib")
        .file("alias/dpkg/status", b"x")
        .symlink("absolute", "/var/lib/../log")
        .file("absolute/y", b"y")
        .hard_link("again", "alias/dpkg/status");
    let (lines, problems) = one(tar);
    assert_eq!(
        lines,
        [
            "absolute ->/var/lib/../log 777 0",
            "again file:1 644 0 x",
            "alias ->var/lib 777 0",
            "var dir 755 0",
            "var/lib dir 755 0",
            "var/lib/dpkg dir 755 0",
            "var/lib/dpkg/status file:1 644 0 x",
            "var/log dir 755 0",
            "var/log/y file:1 644 0 y",
        ]
    );
    assert_eq!(problems, []);
}

#[test]
fn links_of_lower_layers_are_replaced_and_that_is_told() {
    let lower = Tar::default().directory("usr/lib").symlink("lib", "usr/lib").finish();
    let upper = Tar::default().file("lib/x", b"1").finish();
    let (lines, problems) = walk(&[lower.clone(), upper]);
    assert_eq!(lines, ["lib dir 755 1", "lib/x file:1 644 1 1", "usr dir 755 0", "usr/lib dir 755 0"]);
    assert_eq!(problems.len(), 1);
    // With an entry for the directory there is no doubt.
    let upper = Tar::default().directory("lib").file("lib/x", b"1").finish();
    assert_eq!(walk(&[lower, upper]).1, []);
}

#[test]
fn loops_of_links_lead_nowhere() {
    let tar = Tar::default()
        .symlink("a", "b")
        .symlink("b", "a")
        .file("a/x", b"1")
        .symlink("s", "s")
        .file("s/y", b"1");
    let (lines, problems) = one(tar);
    assert_eq!((lines.len(), problems.len()), (3, 2));
    // A link that is replaced by a directory is no longer followed.
    let tar = Tar::default().symlink("s", "x").file("s/1", b"").directory("s").file("s/2", b"");
    let (lines, _) = one(tar);
    assert_eq!(lines, ["s dir 755 0", "s/2 file:0 644 0 ", "x dir 755 0", "x/1 file:0 644 0 "]);
}

#[test]
fn bad_hard_links_are_told() {
    let tar = Tar::default()
        .hard_link("none", "missing")
        .directory("d")
        .hard_link("dir", "d")
        .hard_link("self", "self")
        .hard_link("early", "late")
        .file("late", b"1");
    let (lines, problems) = one(tar);
    assert_eq!(lines, ["d dir 755 0", "late file:1 644 0 1"]);
    assert_eq!(problems.len(), 4);
}

#[test]
fn hard_links_reach_lower_layers() {
    let lower = Tar::default().program("bin/tool", b"tool").symlink("link", "bin").finish();
    let upper = Tar::default()
        .hard_link("copy", "bin/tool")
        .hard_link("link2", "link")
        .file("bin/.wh.tool", b"")
        .finish();
    let (lines, problems) = walk(&[lower, upper]);
    assert_eq!(lines, ["bin dir 755 0", "copy file:4 644 1 tool", "link ->bin 777 0", "link2 ->bin 644 1"]);
    assert_eq!(problems, []);
}

#[test]
fn the_last_of_several_entries_of_a_name_counts() {
    let tar = Tar::default().file("a", b"1").file("a", b"22").directory("d").file("d/x", b"1").directory("d");
    assert_eq!(
        one(tar),
        (vec!["a file:2 644 0 22".into(), "d dir 755 0".into(), "d/x file:1 644 0 1".into()], vec![])
    );
    let (lines, problems) = one(Tar::default().directory("d").file("d/x", b"1").file("d", b"now a file"));
    assert_eq!((lines.len(), problems.len()), (1, 1));
    let (lines, problems) = one(Tar::default().file("f", b"1").file("f/x", b"2"));
    assert_eq!((lines.len(), problems.len()), (1, 1));
}

#[test]
fn names_that_climb_out_stay_within() {
    let tar =
        Tar::default().file("../../etc/x", b"1").file("/abs", b"2").file("a/../b", b"3").file("..", b"4");
    let (lines, problems) = one(tar);
    assert_eq!(lines, ["abs file:1 644 0 2", "b file:1 644 0 3", "etc dir 755 0", "etc/x file:1 644 0 1"]);
    assert_eq!(problems.len(), 3);
}

#[test]
fn long_names_of_all_kinds() {
    let long = "d/".repeat(120) + "file";
    let gnu = Tar::default()
        .member(b'L', "././@LongLink", "", 0, &[long.as_bytes(), b"\0"].concat())
        .file("short", b"gnu");
    let pax = Tar::default().pax(&[("path", long.as_bytes()), ("mtime", b"1.5")]).file("short", b"pax");
    let mut header = Header::new(b'0', "file");
    header.set(124, b"00000000002\0");
    header.set(345, &long.as_bytes()[..155]);
    let prefix = Tar::default().bytes(&header.finish()).bytes(&[b'p'; 512]);
    for (tar, path, content) in
        [(gnu, long.as_str(), "gnu"), (pax, &long, "pax"), (prefix, &long[..155], "pp")]
    {
        let (lines, problems) = one(tar);
        let last = lines.last().unwrap();
        assert!(last.starts_with(path) && last.ends_with(content), "{last}");
        assert_eq!(problems, []);
    }
    let target = "t".repeat(300);
    for tar in [
        Tar::default().member(b'K', "x", "", 0, target.as_bytes()).symlink("l", "cut"),
        Tar::default().pax(&[("linkpath", target.as_bytes())]).symlink("l", "cut"),
    ] {
        assert_eq!(one(tar).0, [format!("l ->{target} 777 0")]);
    }
}

#[test]
fn a_size_in_an_extended_header_cannot_hide_a_file() {
    // The header says 0, the extended header 512: readers that take the header find the payload to be
    // a header, all others find `after`.
    let inner = Header::new(b'0', "smuggled").finish();
    let size =
        Tar::default().pax(&[("size", b"512")]).raw(b'0', "outer", "", 0o644, 0, &inner).file("after", b"1");
    let (lines, problems) = one(size);
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("after") && lines[1].starts_with("outer file:512"), "{lines:?}");
    assert_eq!(problems, []);
    // The other way round.
    let tar = Tar::default()
        .pax(&[("size", b"0")])
        .raw(b'0', "outer", "", 0o644, 512, &[])
        .bytes(&inner)
        .file("after", b"1");
    let (lines, _) = one(tar);
    assert_eq!(lines.len(), 3, "{lines:?}");
    // A size in an extended header is not the size of the headers between it and its file.
    let tar = Tar::default()
        .pax(&[("size", b"3")])
        .member(b'L', "long", "", 0, b"name\0")
        .raw(b'0', "cut", "", 0o644, 9999, b"abc")
        .file("z", b"1");
    assert_eq!(one(tar).0, ["name file:3 644 0 abc", "z file:1 644 0 1"]);
}

#[test]
fn what_readers_disagree_about_is_told() {
    let inner = Header::new(b'0', "inner").finish();
    for (tar, files) in [
        (Tar::default().raw(b'2', "link", "t", 0o777, 512, &[]).bytes(&inner), 2),
        (Tar::default().raw(0, "dir/", "", 0o755, 512, &[]).bytes(&inner), 2),
        (Tar::default().file("file/", b"x"), 1),
        (Tar::default().member(b'g', "g", "", 0, &pax_record("path", b"other")).file("a", b""), 1),
        (
            Tar::default()
                .pax(&[("path", b"p")])
                .member(b'g', "g", "", 0, &pax_record("comment", b"x"))
                .file("a", b""),
            1,
        ),
        (Tar::default().pax(&[("path", b"p")]).pax(&[("uid", b"1")]).file("a", b""), 1),
        (Tar::default().member(b'L', "l", "", 0, b"x").member(b'L', "l", "", 0, b"y").file("a", b""), 1),
        (Tar::default().member(b'L', "l", "", 0, b"x").pax(&[("path", b"p")]).file("a", b""), 1),
        (Tar::default().pax(&[("GNU.sparse.major", b"9"), ("GNU.sparse.minor", b"0")]).file("a", b""), 1),
        (Tar::default().pax(&[("uid", b"me")]).file("a", b""), 1),
        (Tar::default().member(b'Q', "odd", "", 0o644, b"x"), 1),
        (Tar::default().file("a", b"").pax(&[("path", b"p")]), 1),
    ] {
        let (lines, problems) = one(tar);
        assert_eq!((lines.len(), problems.len()), (files, 1), "{lines:?} {problems:?}");
    }
    let harmless =
        Tar::default().member(b'g', "pax_global_header", "", 0, &pax_record("comment", b"x")).file("a", b"");
    assert_eq!(one(harmless).1, []);
}

#[test]
fn what_cannot_be_framed_ends_the_layer_and_is_told() {
    let first = || Tar::default().file("first", b"1");
    let mut negative = Header::new(b'0', "negative");
    negative.set(124, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf0");
    let mut huge = Header::new(b'0', "huge");
    huge.set(124, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
    let mut bad_size = Header::new(b'0', "bad");
    bad_size.set(124, b"0000000x000\0");
    let mut bad_sum = Header::new(b'0', "sum").finish();
    bad_sum[0] ^= 1;
    let sparse = |records: &[(&str, &[u8])]| first().pax(records).file("s", b"x").finish();
    for (layer, files) in [
        (first().bytes(&negative.finish()).finish(), 1),
        (first().bytes(&bad_size.finish()).finish(), 1),
        (first().bytes(&bad_sum).file("after", b"").finish(), 1),
        (first().bytes(&[0; 512]).file("after", b"").finish(), 1),
        (first().bytes(b"half a header").unfinished(), 1),
        (first().pax(&[("size", b"-1")]).file("x", b"").finish(), 1),
        (first().pax(&[("size", b"1e3")]).file("x", b"").finish(), 1),
        (first().member(b'x', "x", "", 0, b"not a record").file("x", b"").finish(), 1),
        (first().raw(b'x', "x", "", 0, 2 << 20, b"").finish(), 1),
        (sparse(&[("GNU.sparse.map", b"0,1,5"), ("GNU.sparse.numblocks", b"1")]), 1),
        (sparse(&[("GNU.sparse.map", b"5,1"), ("GNU.sparse.numblocks", b"1"), ("GNU.sparse.size", b"5")]), 1),
        (sparse(&[("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0")]), 1),
        (first().member(b'S', "s", "", 0, b"").finish(), 1),
    ] {
        let (lines, problems) = walk(std::slice::from_ref(&layer));
        assert_eq!((lines.len(), problems.len()), (files, 1), "{lines:?} {problems:?}");
        assert!(lines[0].starts_with("first"), "{lines:?}");
    }
    // The header of a file that is cut off is read, its content is not.
    for layer in [
        first().bytes(&huge.finish()).bytes(&[1; 512]).unfinished(),
        first().raw(b'0', "cut", "", 0o644, 9999, b"abc").unfinished(),
    ] {
        let (lines, problems) =
            walk_wanting(&[layer], &|path| if path == "first" { Want::BYTES } else { Want::NOTHING });
        assert_eq!((lines.len(), problems.len()), (2, 1), "{problems:?}");
    }
}

#[test]
fn every_cut_of_an_archive_is_read_or_told() {
    let whole = Tar::default()
        .file("a", b"1")
        .pax(&[("path", b"long")])
        .file("x", &[7; 700])
        .program("b", b"2")
        .finish();
    let (complete, _) = walk(std::slice::from_ref(&whole));
    for cut in (0..whole.len()).step_by(97) {
        let (lines, problems) =
            walk_stored(&[whole[..cut].to_vec()], Stored::InPlace, &Limits::default(), &|_| Want::BYTES);
        assert!(lines.len() <= complete.len());
        // Nobody misses a last block's padding.
        let filled = whole[cut..cut.next_multiple_of(512)].iter().all(|byte| *byte == 0);
        assert!(!problems.is_empty() || filled || lines == complete, "cut at {cut}: {lines:?}");
    }
}

#[test]
fn sparse_files_of_all_versions() {
    let content = "  ab  cd ".replace(' ', "\0");
    let expected = format!("s file:9 644 0 {content}");
    let zero_one: &[(&str, &[u8])] =
        &[("GNU.sparse.size", b"9"), ("GNU.sparse.numblocks", b"2"), ("GNU.sparse.map", b"2,2,6,2")];
    let zero_zero: &[(&str, &[u8])] = &[
        ("GNU.sparse.size", b"9"),
        ("GNU.sparse.numblocks", b"2"),
        ("GNU.sparse.offset", b"2"),
        ("GNU.sparse.numbytes", b"2"),
        ("GNU.sparse.offset", b"6"),
        ("GNU.sparse.numbytes", b"2"),
    ];
    let one_zero: &[(&str, &[u8])] = &[
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"s"),
        ("GNU.sparse.realsize", b"9"),
    ];
    let mut body = b"2\n2\n2\n6\n2\n".to_vec();
    body.resize(512, 0);
    body.extend_from_slice(b"abcd");
    let mut old = Header::new(b'S', "s");
    old.set(124, b"00000000004\0");
    old.set(257, b"ustar  \0");
    old.set(386, b"00000000002\x0000000000002\0");
    old.set(482, b"\x01");
    old.set(483, b"00000000011\0");
    let mut extension = [0; 512];
    extension[..24].copy_from_slice(b"00000000006\x0000000000002\0");
    let stored = [&b"abcd"[..], &[0; 508]].concat();
    for tar in [
        Tar::default().pax(zero_one).file("s", b"abcd"),
        Tar::default().pax(zero_zero).file("s", b"abcd"),
        Tar::default().pax(one_zero).file("GNUSparseFile.0/s", &body),
        Tar::default().bytes(&old.finish()).bytes(&extension).bytes(&stored),
    ] {
        let (lines, problems) = one(tar.file("z", b"1"));
        assert_eq!(lines, [expected.clone(), "z file:1 644 0 1".to_owned()]);
        assert_eq!(problems, []);
    }
    // A map that does not fit what is stored.
    let (lines, problems) = one(Tar::default().pax(zero_one).file("s", b"abcde").file("z", b"1"));
    assert_eq!(
        (lines, problems.len()),
        (vec!["s file:9 644 0".to_owned(), "z file:1 644 0 1".to_owned()], 1)
    );
}

#[test]
fn limits_are_kept_and_told() {
    let layer = Tar::default().file("a", &[b'x'; 2000]).file("b", &[b'y'; 2000]).file("c", b"1").finish();
    let told = |limits: Limits| {
        let (lines, problems) =
            walk_stored(std::slice::from_ref(&layer), Stored::Gzip, &limits, &|_| Want::BYTES);
        assert!(problems.iter().all(|problem| problem.kind == ProblemKind::Limit), "{problems:?}");
        (lines.iter().map(|line| line.len()).collect::<Vec<_>>(), problems.len())
    };
    let limits = Limits::default;
    assert_eq!(told(Limits { file_bytes: 1999, ..limits() }), (vec![17, 17, 16], 2));
    let (kept, problems) = told(Limits { kept_bytes: 2500, ..limits() });
    assert_eq!((kept.iter().filter(|length| **length > 2000).count(), problems), (1, 1));
    assert_eq!(told(Limits { entries: 2, ..limits() }).0.len(), 2);
    assert_eq!(told(Limits { path_bytes: 0, ..limits() }), (vec![], 3));
    assert!(told(Limits { archive_bytes: 3000, ..limits() }).1 > 0);
    assert!(told(Limits { time: std::time::Duration::ZERO, ..limits() }).1 > 0);
    // In place only one content is in memory at a time.
    let limits = Limits { kept_bytes: 2500, ..limits() };
    assert_eq!(walk_stored(&[layer], Stored::InPlace, &limits, &|_| Want::BYTES).1, []);
}

#[test]
fn implied_directories_cannot_fill_the_memory() {
    let mut tar = Tar::default();
    for number in 0..200 {
        tar = tar.pax(&[("path", format!("{number}/{}x", "a/".repeat(500)).as_bytes())]).file("x", b"");
    }
    let limits = Limits { entries: 20_000, ..Limits::default() };
    let (lines, problems) = walk_stored(&[tar.finish()], Stored::InPlace, &limits, &|_| Want::NOTHING);
    assert!(lines.len() <= 20_000);
    assert_eq!(problems.len(), 1);
}

const BOTH: Want = Want { digest: true, content: lazaret_model::Wanted::Extract };

#[test]
fn extracts_are_the_same_wherever_the_bytes_are() {
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).map(|byte| byte | 64).collect();
    let sparse = [
        ("GNU.sparse.major", &b"1"[..]),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"sparse"),
        ("GNU.sparse.realsize", b"900000"),
    ];
    let mut body = b"2\n1\n3\n899998\n2\n".to_vec();
    body.resize(512, 0);
    body.extend_from_slice(b"abcde");
    let lower = Tar::default()
        .file("hidden", b"hidden")
        .file("empty", b"")
        .program("small", b"small")
        .hard_link("also", "small")
        .program("large", &large)
        .pax(&sparse)
        .file("GNUSparseFile.0/sparse", &body)
        .finish();
    let upper = Tar::default().file(".wh.hidden", b"").hard_link("lower", "large").finish();
    for want in [Want::EXTRACT, BOTH] {
        let (lines, problems) = walk_wanting(&[lower.clone(), upper.clone()], &|_| want);
        let digests = |content: &[u8]| match want.digest {
            true => {
                format!(" #{}", lazaret_model::Digest::from_bytes(Sha256::digest(content).into()).short())
            }
            false => String::new(),
        };
        let large_ends = |name: &str| {
            let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            format!("{name}:1200000:{}:{}", shown(&large[..3]), shown(&large[large.len() - 3..]))
        };
        let mut content = vec![0; 900_000];
        content[1..4].copy_from_slice(b"abc");
        content[899_998..].copy_from_slice(b"de");
        assert_eq!(
            lines,
            [
                format!("also file:5 644 0 also:5:sma:all{}", digests(b"small")),
                format!("empty file:0 644 0 empty:0::{}", digests(b"")),
                format!("large file:1200000 755 0 {}{}", large_ends("large"), digests(&large)),
                format!("lower file:1200000 644 1 {}{}", large_ends("lower"), digests(&large)),
                format!("small file:5 755 0 small:5:sma:all{}", digests(b"small")),
                format!("sparse file:900000 644 0 sparse:900000:ab:de{}", digests(&content)),
            ]
        );
        assert_eq!(problems, []);
    }
}

#[test]
fn what_is_too_large_for_the_memory_is_extracted_while_it_comes_by() {
    let tar = Tar::default()
        .file("large", &[b'x'; 5000])
        .file("large.whole", &[b'y'; 5000])
        .file("small.whole", &[b'z'; 50])
        .hard_link("other", "large")
        .finish();
    let limits = Limits { file_bytes: 4999, ..Limits::default() };
    for stored in ALL {
        let (mut lines, problems) = walk_stored(std::slice::from_ref(&tar), stored, &limits, &|_| BOTH);
        // The digest of what cannot be extracted is there all the same.
        for line in &mut lines {
            let (rest, digest) = line.split_once(" #").unwrap();
            assert_eq!(digest.len(), 12);
            *line = rest.to_owned();
        }
        let in_place = matches!(stored, Stored::InPlace);
        let whole = if in_place { " large.whole:5000:yyy:yyy" } else { "" };
        assert_eq!(
            lines,
            [
                "large file:5000 644 0 large:5000:xxx:xxx".to_owned(),
                format!("large.whole file:5000 644 0{whole}"),
                "other file:5000 644 0 other:5000:xxx:xxx".to_owned(),
                "small.whole file:50 644 0 small.whole:50:zzz:zzz".to_owned(),
            ]
        );
        let told: Vec<_> = problems.iter().map(|one| (one.kind, one.subject.as_str())).collect();
        let expected = [(ProblemKind::Limit, "large.whole")];
        assert_eq!(told, expected[..usize::from(!in_place)]);
    }
}

#[test]
fn one_extract_serves_for_names_that_are_alike() {
    let tar = Tar::default()
        .file("alike1", b"content")
        .hard_link("alike2", "alike1")
        .hard_link("other", "alike1")
        .finish();
    let opened = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    struct Counted(InMemory, Arc<std::sync::atomic::AtomicUsize>);
    impl Opener for Counted {
        fn open(&self) -> std::io::Result<LayerBytes> {
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.0.open()
        }
    }
    let walked = |want: WantOf<'_>| {
        let opener = Counted(InMemory(Arc::new(tar.clone())), Arc::clone(&opened));
        let layer = Layer { label: "layer".to_owned(), opener: Box::new(opener) };
        let mut tree = LayeredTree::new(SeparateLayers(vec![layer]), Limits::default());
        let mut lister = Lister { want, lines: Vec::new(), paths: Vec::new() };
        assert_eq!(tree.walk(&mut lister), []);
        (lister.lines, opened.swap(0, std::sync::atomic::Ordering::Relaxed))
    };
    let (lines, passes) =
        walked(&|path| if path.starts_with("alike") { Want::EXTRACT } else { Want::NOTHING });
    let alike = |name| format!("{name} file:7 644 0 alike1:7:con:ent");
    assert_eq!((&lines[..2], passes), (&[alike("alike1"), alike("alike2")][..], 1));
    let (lines, passes) = walked(&|_| Want::EXTRACT);
    assert_eq!((lines[2].as_str(), passes), ("other file:7 644 0 other:7:con:ent", 2));
}

#[test]
fn what_a_layer_above_has_too_is_kept_once() {
    let layer = |content: &[u8]| Tar::default().file("status", content).finish();
    let mut layers: Vec<Vec<u8>> = (0..20).map(|number| layer(&[b'0' + number; 1000])).collect();
    let limits = Limits { kept_bytes: 2000, ..Limits::default() };
    let walked = |layers: &[Vec<u8>]| walk_stored(layers, Stored::Gzip, &limits, &|_| Want::BYTES);
    let (lines, problems) = walked(&layers);
    assert_eq!((lines.len(), problems), (1, vec![]));
    assert!(lines[0].starts_with("status file:1000 644 19 CCC"), "{lines:?}");
    // One that is needed after all is read again: through a link, and because what hid it is gone.
    layers.truncate(2);
    layers.push(Tar::default().file("status", b"new").hard_link("old", "status").finish());
    let (lines, problems) = walked(&layers);
    assert_eq!((lines.len(), problems), (2, vec![]), "{lines:?}");
    let below =
        [layer(b"lower"), Tar::default().file("x/../status", b"upper").file(".wh.other", b"").finish()];
    assert_eq!(walk(&below).0, ["status file:5 644 1 upper"]);
    let odd = [layer(b"lower"), Tar::default().symlink("d", "e").file("d/x", b"1").finish()];
    let odd = [odd[0].clone(), odd[1].clone(), Tar::default().file("d/x", b"2").file("e/x", b"3").finish()];
    let (lines, _) = walk(&odd);
    assert!(lines.contains(&"status file:5 644 0 lower".to_owned()), "{lines:?}");
}

#[test]
fn extracts_take_no_more_memory_than_is_allowed() {
    let tar = (0..100).fold(Tar::default(), |tar, n| tar.file(&format!("{n:02}"), b"content")).finish();
    for stored in ALL {
        let limits = Limits { kept_bytes: 50 * "00:7:con:ent".len() as u64, ..Limits::default() };
        let (lines, problems) = walk_stored(std::slice::from_ref(&tar), stored, &limits, &|_| Want::EXTRACT);
        let extracted = lines.iter().filter(|line| line.ends_with(":con:ent")).count();
        assert_eq!((lines.len(), extracted, problems.len()), (100, 50, 50), "{stored:?}");
        assert!(problems.iter().all(|problem| problem.kind == ProblemKind::Limit));
    }
}

fn arbitrary_member() -> impl Strategy<Value = (u8, String, String, Vec<u8>)> {
    let name = "([ab]|\\.wh\\.[ab]|\\.wh\\.\\.wh\\.\\.opq|\\.\\.)(/([ab]|\\.wh\\.[ab])){0,3}/?";
    let flags = prop::sample::select(b"0012255666\x00xgLK7S".to_vec());
    (flags, name, "(/?[ab]|\\.\\.)(/[ab]){0,2}", prop::collection::vec(any::<u8>(), 0..20))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        walk(&[bytes]);
    }

    #[test]
    fn takes_any_members(layers in prop::collection::vec(prop::collection::vec(arbitrary_member(), 0..8), 0..4)) {
        let layers: Vec<Vec<u8>> = layers
            .iter()
            .map(|members| {
                members
                    .iter()
                    .fold(Tar::default(), |tar, (flag, name, link, content)| {
                        let content = if matches!(flag, b'0' | b'7' | 0 | b'L' | b'K') { content.as_slice() } else { &[] };
                        tar.member(*flag, name, link, 0o644, content)
                    })
                    .finish()
            })
            .collect();
        walk(&layers);
        walk_wanting(&layers, &|path| match path.as_bytes() {
            [.., b'a'] => BOTH,
            [b'a', ..] => Want::EXTRACT,
            _ => Want { digest: true, ..Want::BYTES },
        });
    }

    #[test]
    fn takes_any_damage(at in 0..3000_usize, byte in any::<u8>()) {
        let mut bytes = Tar::default()
            .pax(&[("path", b"name"), ("size", b"5")])
            .file("a", b"12345")
            .member(b'L', "l", "", 0, b"long")
            .hard_link("h", "name")
            .directory("d")
            .finish();
        let at = at % bytes.len();
        bytes[at] = byte;
        walk(&[bytes]);
    }
}
