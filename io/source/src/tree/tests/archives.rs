//! What archives say, in all their dialects and damages.

use super::*;

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
fn file_capabilities_are_above_the_bits_of_the_mode() {
    const KEY: &str = "SCHILY.xattr.security.capability";
    let tar = Tar::default()
        .pax(&[(KEY, b"\x01\0\0\x02\0\x04\0\0")])
        .file("a", b"1")
        .hard_link("b", "a")
        .file("c", b"2");
    assert_eq!(one(tar).0, ["a file:1 10644 0 1", "b file:1 10644 0 1", "c file:1 644 0 2"]);
    let header = Tar::default().raw(b'0', "d", "", 0o17_7777, 0, b"");
    assert_eq!(one(header).0, ["d file:0 7777 0 "], "only the extended header gives them");
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
