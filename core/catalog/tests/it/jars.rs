//! Java archives: in one another, shaded, without any word of Maven, and made to harm.

use lazaret_catalog::{Catalog, Options, catalog};
use lazaret_model::{Limits, PackageEvidence, ProblemKind};
use proptest::prelude::*;

use crate::memory::Memory;
use crate::zip::{Said, Zip, jar};

fn read_within(path: &str, bytes: Vec<u8>, limits: &Limits) -> Catalog {
    catalog(&mut Memory::default().file(path, 2, bytes), limits, Options::default())
}

fn read(path: &str, bytes: Vec<u8>) -> Catalog {
    read_within(path, bytes, &Limits::default())
}

fn lines(found: &Catalog) -> Vec<String> {
    found.packages.iter().map(|it| format!("{} {} {}", it.name, it.version, it.location)).collect()
}

fn kinds(found: &Catalog) -> Vec<ProblemKind> {
    found.problems.iter().map(|problem| problem.kind).collect()
}

#[test]
fn finds_archives_within_archives() {
    let inner = jar("org.x", "inner", "1.0").finish();
    let middle = jar("org.x", "middle", "2.0").stored("lib/inner-1.0.jar", &inner).finish();
    let war = jar("org.x", "app", "3.0")
        .deflated("WEB-INF/lib/middle-2.0.jar", &middle)
        .stored("WEB-INF/lib/inner-1.0.jar", &inner)
        .finish();
    let found = read("opt/app.war", war);
    assert_eq!(found.problems, []);
    assert_eq!(
        lines(&found),
        [
            "org.x:app 3.0 opt/app.war",
            "org.x:inner 1.0 opt/app.war!/WEB-INF/lib/inner-1.0.jar",
            "org.x:inner 1.0 opt/app.war!/WEB-INF/lib/middle-2.0.jar!/lib/inner-1.0.jar",
            "org.x:middle 2.0 opt/app.war!/WEB-INF/lib/middle-2.0.jar",
        ]
    );
    assert!(found.packages.iter().all(|it| it.evidence == PackageEvidence::Installed && it.layer == 2));
}

/// Executable bits make no program of an archive.
#[test]
fn an_executable_archive_is_an_archive() {
    let mut tree = Memory::default().program("a.jar", 0, jar("org.x", "a", "1").finish(), 0o755);
    let found = catalog(&mut tree, &Limits::default(), Options::default());
    assert_eq!((lines(&found), found.problems), (vec!["org.x:a 1 a.jar".to_owned()], vec![]));
}

#[test]
fn finds_what_was_copied_in() {
    let properties = "groupId=org.y\nartifactId=shaded\nversion=1.5\n";
    let whole = jar("org.x", "app", "3.0")
        .deflated("META-INF/maven/org.y/shaded/pom.properties", properties.as_bytes());
    assert_eq!(
        lines(&read("app-3.0.jar", whole.finish())),
        ["org.x:app 3.0 app-3.0.jar", "org.y:shaded 1.5 app-3.0.jar"]
    );
    // What says nothing of itself in Maven's way is told by its name and its classes.
    let classes = jar("org.y", "shaded", "1.5")
        .stored("org/example/tool/A.class", b"")
        .stored("org/example/tool/B.class", b"");
    let found = read("tool-all-2.0.jar", classes.finish());
    assert_eq!(
        lines(&found),
        ["org.example.tool:tool-all 2.0 tool-all-2.0.jar", "org.y:shaded 1.5 tool-all-2.0.jar"]
    );
    assert_eq!(found.packages[0].evidence, PackageEvidence::Inferred);
}

#[test]
fn reads_models_where_no_properties_are() {
    let pom = "<project><parent><groupId>org.p</groupId><artifactId>p</artifactId><version>7</version></parent><artifactId>a</artifactId>
        <licenses><license><name>Apache-2.0</name></license></licenses></project>";
    let bytes = Zip::default().deflated("META-INF/maven/org.p/a/pom.xml", pom.as_bytes()).finish();
    let found = read("a.jar", bytes);
    assert_eq!(lines(&found), ["org.p:a 7 a.jar"]);
    assert_eq!(found.packages[0].licences, ["Apache-2.0"]);
}

#[test]
fn reads_all_shapes_of_zip() {
    let expected = ["org.x:a 1 a.jar"];
    let scripted = [b"#!/bin/sh\nexec java -jar $0\n".to_vec(), jar("org.x", "a", "1").finish()].concat();
    for bytes in [
        jar("org.x", "a", "1").end(b"a comment with PK\x05\x06 in it"),
        jar("org.x", "a", "1").end(&[b'c'; 65_535]),
        jar("org.x", "a", "1").finish_64(),
        scripted,
    ] {
        let found = read("a.jar", bytes);
        assert_eq!((lines(&found), found.problems), (expected.map(str::to_owned).to_vec(), vec![]));
    }
}

#[test]
fn what_is_no_archive_is_said() {
    assert_eq!(kinds(&read("a.jar", b"not found".to_vec())), [ProblemKind::Malformed]);
    assert_eq!(kinds(&read("a.jar", vec![])), []);
    // Other formats have this ending too.
    assert_eq!(kinds(&read("a.rar", b"Rar!\x1a\x07".to_vec())), []);
    let mut cut = jar("org.x", "a", "1").finish();
    cut.truncate(cut.len() - 30);
    assert_eq!(kinds(&read("a.jar", cut)), [ProblemKind::Malformed]);
    let inner = Zip::default().stored("lib/b.jar", b"nothing").finish();
    let found = read("a.jar", inner);
    assert_eq!(found.problems[0].subject, "a.jar!/lib/b.jar");
}

#[test]
fn a_hundred_archives_in_one_another_are_too_many() {
    for stored in [true, false] {
        let mut bytes = jar("org.x", "deepest", "1").finish();
        for level in 0..100 {
            let zip = jar("org.x", &format!("level{level}"), "1");
            bytes =
                if stored { zip.stored("in.jar", &bytes) } else { zip.deflated("in.jar", &bytes) }.finish();
        }
        let found = read("a.jar", bytes);
        assert_eq!(kinds(&found), [ProblemKind::Limit]);
        assert_eq!(found.packages.len(), 9, "itself and eight within");
    }
}

#[test]
fn bombs_cost_little() {
    let limits = Limits { file_bytes: 1 << 20, ..Limits::default() };
    // A large archive of zeros within a small one.
    let bomb = Zip::default().deflated("lib/zeros.jar", &vec![0; 8 << 20]).finish();
    assert_eq!(kinds(&read_within("a.jar", bomb.clone(), &limits)), [ProblemKind::Limit]);
    let ratio = Limits { ratio: 100, ..Limits::default() };
    assert_eq!(kinds(&read_within("a.jar", bomb, &ratio)), [ProblemKind::Limit]);
    // One that lies about its size.
    let mut zip = Zip::default();
    let body = deflated_zeros(8 << 20);
    let header = zip.local("lib/zeros.jar", &body);
    let said = Said { method: 8, flags: 0, compressed: u32::try_from(body.len()).unwrap(), size: 10, header };
    zip.say("lib/zeros.jar", said);
    assert_eq!(kinds(&read_within("a.jar", zip.finish(), &limits)), [ProblemKind::Limit]);
}

fn deflated_zeros(bytes: usize) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; bytes]).unwrap();
    encoder.finish().unwrap()
}

/// Thousands of entries that all are the same few bytes, each of which inflates to a mebibyte.
#[test]
fn entries_upon_each_other_cost_little() {
    let mut zip = Zip::default();
    let body = deflated_zeros(1 << 20);
    let header = zip.local("x", &body);
    for number in 0..5_000 {
        let said = Said {
            method: 8,
            flags: 0,
            compressed: u32::try_from(body.len()).unwrap(),
            size: 1 << 20,
            header,
        };
        zip.say(&format!("lib/{number}.jar"), said);
    }
    let found = read("a.jar", zip.finish());
    assert!(found.packages.is_empty());
    assert!(
        found.problems.iter().any(|problem| problem.detail.contains("too much work")),
        "{:?}",
        found.problems.last()
    );
}

/// Archives that are stored and hold each other many times: without bounds, twenty to the power of eight.
#[test]
fn archives_upon_each_other_cost_little() {
    let mut bytes = jar("org.x", "deepest", "1").finish();
    for level in 0..8 {
        let mut zip = Zip::default();
        let header = zip.local("x", &bytes);
        let length = u32::try_from(bytes.len()).unwrap();
        for number in 0..20 {
            zip.say(
                &format!("{number}.jar"),
                Said { method: 0, flags: 0, compressed: length, size: length, header },
            );
        }
        let _ = level;
        bytes = zip.finish();
    }
    let limits = Limits { packages: 100, ..Limits::default() };
    let found = read_within("a.jar", bytes, &limits);
    assert_eq!(found.packages.len(), 100);
    assert!(kinds(&found).contains(&ProblemKind::Limit));
}

#[test]
fn what_cannot_be_taken_out_is_said() {
    for (method, flags, kind) in
        [(8, 1, ProblemKind::Unsupported), (14, 0, ProblemKind::Unsupported), (8, 0, ProblemKind::Malformed)]
    {
        let mut zip = Zip::default();
        let header = zip.local("x", b"\xff\xff\xff");
        zip.say("META-INF/maven/g/a/pom.properties", Said { method, flags, compressed: 3, size: 9, header });
        assert_eq!(kinds(&read("a.jar", zip.finish())), [kind]);
    }
    for header in [7, u32::MAX] {
        let mut zip = jar("org.x", "a", "1");
        zip.say("lib/b.jar", Said { method: 0, flags: 0, compressed: u32::MAX - 1, size: 9, header });
        let found = read("a.jar", zip.finish());
        assert_eq!((found.packages.len(), kinds(&found)), (1, vec![ProblemKind::Malformed]));
    }
}

#[test]
fn archives_that_only_pass_by_are_left_to_the_tree() {
    let tree = || Memory::default().file("a.jar", 0, jar("org.x", "a", "1").finish());
    let mut pieces = tree();
    pieces.piece = 7;
    let found = catalog(&mut pieces, &Limits::default(), Options::default());
    assert_eq!(found, catalog(&mut tree(), &Limits::default(), Options::default()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn takes_damaged_archives(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<Option<prop::sample::Index>>()) {
        let inner = jar("org.x", "inner", "1.0").finish();
        let mut bytes = jar("org.x", "app", "3.0").deflated("lib/a.jar", &inner).stored("lib/b.jar", &inner).finish();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read("app.jar", bytes);
    }

    #[test]
    fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read("a.jar", [bytes, b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x10\0\0\0\0\0\0\0\0\0".to_vec()].concat());
    }
}
