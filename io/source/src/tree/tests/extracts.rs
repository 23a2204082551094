//! Digests, contents and extracts, wherever the bytes are.

use sha2::{Digest as _, Sha256};

use super::*;

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
        let layer = Layer { label: "layer".to_owned(), opener: Box::new(opener), digest: None };
        let mut tree = LayeredTree::new(SeparateLayers::new(vec![layer]), Limits::default());
        let mut lister = Lister { want, lines: Vec::new(), paths: Vec::new(), earlier: Vec::new() };
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
