//! Bounds, and bytes that nobody should have written.

use proptest::prelude::*;

use super::*;

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
