//! Directories of every kind of file, compared with what the kernel says of them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use lazaret_model::{Extracted, Passing, ProblemKind, RandomAccess, Want, Wanted};
use nix::sys::stat::Mode;

use super::*;

/// Lists what it sees. Extracts the last byte of files below `extract`, wants the bytes of others.
#[derive(Default)]
struct Lister {
    lines: Vec<String>,
    paths: Vec<Vec<u8>>,
}

impl Visitor for Lister {
    fn want(&self, entry: &Entry<'_>) -> Want {
        let content = if entry.path.starts_with(b"extract") { Wanted::Extract } else { Wanted::Bytes };
        Want { digest: entry.mode & 0o111 != 0, content }
    }

    fn extract(&self, entry: &Entry<'_>, file: &mut dyn RandomAccess) -> Extracted {
        let mut last = [b'-'];
        if let Some(offset) = file.size().checked_sub(1) {
            file.read_at(offset, &mut last).unwrap();
        }
        assert_eq!(file.size(), entry.size);
        Extracted { bytes: last.to_vec(), problems: Vec::new() }
    }

    fn extract_passing(&self, _: &Entry<'_>) -> Option<Box<dyn Passing + '_>> {
        None
    }

    fn visit(&mut self, entry: &Entry<'_>, content: lazaret_model::Content<'_>) {
        self.paths.push(entry.path.to_vec());
        let kind = match entry.kind {
            EntryKind::File => format!("file:{}", entry.size),
            EntryKind::Directory => "dir".to_owned(),
            EntryKind::Symlink { target } => format!("->{}", String::from_utf8_lossy(target)),
            EntryKind::Special => "special".to_owned(),
        };
        let bytes = content.bytes.map_or("-".into(), |bytes| String::from_utf8_lossy(bytes).into_owned());
        let digest = if content.digest.is_some() { " #" } else { "" };
        let path = String::from_utf8_lossy(entry.path).into_owned();
        self.lines.push(format!("{path} {kind} {:o} {bytes}{digest}", entry.mode));
    }
}

fn walk(path: &Path, scope: Scope, limits: &Limits) -> (Lister, Vec<Problem>) {
    let mut lister = Lister::default();
    let problems = DirectoryTree::open(path, scope, limits).unwrap().walk(&mut lister);
    assert!(lister.paths.is_sorted(), "{:?}", lister.lines);
    (lister, problems)
}

fn write(path: PathBuf, content: &[u8], mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn sees_every_kind_of_file_and_follows_no_link() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    write(at("a/x"), b"x", 0o644);
    write(at("a-b/y"), b"y", 0o755);
    write(at("a.c"), b"z", 0o600);
    write(at("a0"), b"", 0o644);
    write(at("extract/large"), &[b'l'; 300_000], 0o4755);
    write(at("extract/empty"), b"", 0o644);
    for directory in ["a", "a-b", "extract"] {
        fs::set_permissions(at(directory), fs::Permissions::from_mode(0o755)).unwrap();
    }
    symlink(outside.path(), at("away")).unwrap();
    symlink(outside.path().join("secret"), at("secret")).unwrap();
    symlink("loop", at("loop")).unwrap();
    nix::unistd::mkfifo(&at("pipe"), Mode::S_IRUSR).unwrap();
    for scope in [Scope::Directory, Scope::RootFileSystem] {
        let (lister, problems) = walk(root.path(), scope, &Limits::default());
        let outside = outside.path().display();
        assert_eq!(
            lister.lines,
            [
                "a dir 755 -".to_owned(),
                "a-b dir 755 -".to_owned(),
                "a-b/y file:1 755 y #".to_owned(),
                "a.c file:1 600 z".to_owned(),
                "a/x file:1 644 x".to_owned(),
                "a0 file:0 644 ".to_owned(),
                format!("away ->{outside} 777 -"),
                "extract dir 755 -".to_owned(),
                "extract/empty file:0 644 -".to_owned(),
                "extract/large file:300000 4755 l #".to_owned(),
                "loop ->loop 777 -".to_owned(),
                "pipe special 400 -".to_owned(),
                format!("secret ->{outside}/secret 777 -"),
            ]
        );
        assert_eq!(problems, []);
    }
}

#[test]
fn kernel_files_are_no_part_of_a_root_file_system() {
    let root = tempfile::tempdir().unwrap();
    for name in ["proc/1/exe", "sys/x", "dev/x", "usr/proc/x"] {
        write(root.path().join(name), b"x", 0o644);
    }
    let paths = |scope| walk(root.path(), scope, &Limits::default()).0.paths.join(&b' ');
    assert_eq!(paths(Scope::RootFileSystem), b"dev proc sys usr usr/proc usr/proc/x");
    assert_eq!(
        paths(Scope::Directory),
        b"dev dev/x proc proc/1 proc/1/exe sys sys/x usr usr/proc usr/proc/x"
    );
}

#[test]
fn the_kernels_own_files_are_not_read_and_mounts_are_told() {
    // `/proc` is mounted wherever this runs; its contents are neither files nor missing.
    let mut tree = DirectoryTree::open(Path::new("/"), Scope::Directory, &Limits::default()).unwrap();
    let found = listing::open_directory(&tree.root, b"proc", tree.device).unwrap();
    assert!(matches!(found, Found::KernelFiles));
    // Seen from another device, everything is a mount.
    tree.device = u64::MAX;
    let (usr, device) = (Path::new("/usr").symlink_metadata().unwrap(), tree.device);
    assert!(usr.is_dir() && usr.dev() != device);
    let found = listing::open_directory(&tree.root, b"usr", device).unwrap();
    assert!(matches!(found, Found::OtherFileSystem));
}

#[test]
fn limits_are_kept_and_told() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..50 {
        write(root.path().join(format!("d/{number:02}")), b"content", 0o644);
    }
    let told = |limits: Limits| {
        let (lister, problems) = walk(root.path(), Scope::Directory, &limits);
        assert!(problems.iter().all(|problem| problem.kind == ProblemKind::Limit), "{problems:?}");
        let read = lister.lines.iter().filter(|line| line.ends_with(" content")).count();
        (lister.lines.len(), read, problems.len())
    };
    let limits = Limits::default;
    assert_eq!(told(limits()), (51, 50, 0));
    assert_eq!(told(Limits { entries: 10, ..limits() }), (10, 9, 2));
    assert_eq!(told(Limits { file_bytes: 6, ..limits() }), (51, 0, 50));
    assert_eq!(told(Limits { path_bytes: 3, ..limits() }), (1, 0, 50));
    assert!(told(Limits { time: std::time::Duration::ZERO, ..limits() }).2 > 0);
    // One content at a time.
    assert_eq!(told(Limits { kept_bytes: 7, ..limits() }), (51, 50, 0));
}

#[test]
fn directories_that_are_nested_too_deeply_are_told() {
    let root = tempfile::tempdir().unwrap();
    let deep = root.path().join("d/".repeat(DEEPEST + 5));
    fs::create_dir_all(&deep).unwrap();
    write(root.path().join("z"), b"after", 0o644);
    let (lister, problems) = walk(root.path(), Scope::Directory, &Limits::default());
    assert_eq!((lister.lines.len(), problems.len()), (DEEPEST + 1, 1));
    assert_eq!(lister.lines.last().unwrap(), "z file:5 644 after");
    assert_eq!(problems[0].kind, ProblemKind::Limit);
}

#[test]
fn many_files_in_many_directories() {
    let root = tempfile::tempdir().unwrap();
    for directory in 0..300 {
        for file in 0..20 {
            write(root.path().join(format!("extract{directory}/{file}")), &[b'a' + (file % 26)], 0o755);
        }
    }
    let (lister, problems) = walk(root.path(), Scope::Directory, &Limits::default());
    assert_eq!((lister.lines.len(), problems.len()), (300 * 21, 0));
    for line in lister.lines.iter().filter(|line| line.contains("file:")) {
        let file: u8 = line.split(['/', ' ']).nth(1).unwrap().parse().unwrap();
        assert!(line.ends_with(&format!("{} #", char::from(b'a' + file))), "{line}");
    }
}

#[test]
fn a_directory_that_is_none_is_refused() {
    for path in ["/nonexistent", "/etc/passwd"] {
        let error = DirectoryTree::open(Path::new(path), Scope::Directory, &Limits::default()).err().unwrap();
        assert!(matches!(error, SourceError::File { .. }), "{error}");
    }
}
