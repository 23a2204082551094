//! Packages that are used without being unpacked: eggs of Python, archives of yarn.

use lazaret_catalog::{Catalog, Options, catalog};
use lazaret_model::{Limits, ProblemKind};
use proptest::prelude::*;

use crate::memory::Memory;
use crate::zip::{Said, Zip};

const METADATA: &str = "Metadata-Version: 1.0\nName: Foo_Bar\nVersion: 1.2\nLicense: MIT\n\nName: text\n";

fn egg() -> Zip {
    Zip::default()
        .deflated("foo/__init__.py", b"")
        .deflated("foo/EGG-INFO/PKG-INFO", b"Name: test-data\nVersion: 9\n")
        .deflated("EGG-INFO/PKG-INFO", METADATA.as_bytes())
}

fn yarn(name: &str) -> Zip {
    let manifest = format!("{{\"name\":\"{name}\",\"version\":\"4.17.20\",\"license\":\"MIT\"}}");
    Zip::default()
        .stored(&format!("node_modules/{name}/"), b"")
        .stored(&format!("node_modules/{name}/test/package.json"), b"{\"name\":\"x\",\"version\":\"1\"}")
        .deflated(&format!("node_modules/{name}/package.json"), manifest.as_bytes())
}

fn read(path: &str, bytes: Vec<u8>) -> Catalog {
    catalog(&mut Memory::default().file(path, 1, bytes), &Limits::default(), Options::default())
}

fn lines(found: &Catalog) -> Vec<String> {
    let line = |it: &lazaret_model::Package| {
        format!(
            "{} {} {} {} {}",
            it.ecosystem.name(),
            it.name,
            it.version,
            it.location,
            it.licences.join(",")
        )
    };
    found.packages.iter().map(line).collect()
}

#[test]
fn eggs_are_read_where_they_lie() {
    let path = "usr/lib/python2.7/site-packages/foo_bar-1.2-py2.7.egg";
    let found = read(path, egg().finish());
    assert_eq!((lines(&found), found.problems), (vec![format!("pypi foo-bar 1.2 {path} MIT")], vec![]));
    // What is no archive, and an archive without metadata, is no package and no trouble.
    for bytes in [b"../src".to_vec(), Vec::new(), Zip::default().stored("a", b"b").finish()] {
        let found = read("opt/foo.egg", bytes);
        assert_eq!((found.packages, found.problems), (vec![], vec![]));
    }
}

#[test]
fn archives_of_yarn_are_read_where_they_lie() {
    for (name, path) in [
        ("lodash", "app/.yarn/cache/lodash-npm-4.17.20-382c7fabed-10c0.zip"),
        ("@babel/core", "root/.yarn/berry/cache/@babel-core-npm-7.0-1-8.zip"),
    ] {
        let found = read(path, yarn(name).finish());
        assert_eq!((lines(&found), found.problems), (vec![format!("npm {name} 4.17.20 {path} MIT")], vec![]));
    }
    let elsewhere = read("var/cache/lodash.zip", yarn("lodash").finish());
    assert_eq!((elsewhere.packages, elsewhere.problems), (vec![], vec![]));
}

#[test]
fn hostile_archives_are_told_and_cost_little() {
    let bomb = egg_of(&vec![b'a'; 64 << 20]);
    let mut locked = Zip::default();
    let header = locked.local("EGG-INFO/PKG-INFO", b"x");
    locked.say("EGG-INFO/PKG-INFO", Said { method: 0, flags: 1, compressed: 1, size: 1, header });
    let mut cut = egg().finish();
    let end = cut.len() - 22;
    cut[end + 16] ^= 0x55;
    for (bytes, kind) in [
        (bomb, ProblemKind::Limit),
        (locked.finish(), ProblemKind::Unsupported),
        (cut, ProblemKind::Malformed),
    ] {
        let found = read("a.egg", bytes);
        let kinds: Vec<_> = found.problems.iter().map(|problem| problem.kind).collect();
        assert_eq!((found.packages, kinds), (vec![], vec![kind]), "{:?}", found.problems);
    }
}

fn egg_of(metadata: &[u8]) -> Vec<u8> {
    Zip::default().deflated("EGG-INFO/PKG-INFO", metadata).finish()
}

proptest! {
    #[test]
    fn any_archive_is_read(bytes in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), byte: u8) {
        for (path, whole) in [("a.egg", egg().finish()), (".yarn/cache/a.zip", yarn("a").finish())] {
            read(path, bytes.clone());
            let mut changed = whole;
            let at = at.index(changed.len());
            changed[at] = byte;
            let found = read(path, changed);
            prop_assert!(found.packages.len() <= 1);
        }
    }
}
