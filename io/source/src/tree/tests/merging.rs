//! Layers on top of each other.

use super::*;

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
fn earlier_versions_of_a_file_are_shown_from_the_top_downwards() {
    let version = |text: &[u8]| Tar::default().file("db/all", text).file("etc/a", text);
    let layers = [
        version(b"gone").finish(),
        Tar::default().file("db/.wh.all", b"").finish(),
        version(b"1").file("db/deleted", b"1").finish(),
        version(b"22").hard_link("db/other", "db/all").finish(),
        Tar::default().file("etc/a", b"333").file("db/.wh.deleted", b"").finish(),
        version(b"4444").finish(),
    ];
    for (want, shown) in [(Want::BYTES, ["22", "1"]), (Want::EXTRACT, ["db/all:2:22:22", "db/all:1:1:1"])] {
        let (lines, problems) = walk_wanting(&layers, &|_| want);
        let earlier: Vec<&String> = lines.iter().filter(|line| line.contains(" was ")).collect();
        let [higher, lower] = shown;
        assert_eq!(earlier, [&format!("db/all was 3 {higher}"), &format!("db/all was 2 {lower}")]);
        assert!(lines.iter().any(|line| line.starts_with("db/other file:2")), "{lines:?}");
        assert_eq!(problems, []);
    }
}
