//! The members of archives, compared with other readers: Go's `archive/tar` and Python's `tarfile`
//! list what GNU tar wrote, and Go what nobody should have written.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha256};

use super::*;
use crate::layer::fixture::{Header, Tar};
use crate::problems::Problems;

#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
fn skipped(what: &str) {
    eprintln!("SKIPPED: {what}");
}

/// One line for each member, in the form of testdata/list.go, and whether there were problems.
fn ours(bytes: &[u8]) -> (Vec<String>, Vec<lazaret_model::Problem>) {
    let mut problems = Problems::default();
    let mut reader = TarReader::new(StreamInput::new(bytes), "archive");
    let mut lines = Vec::new();
    while let Some(member) = reader.next(&mut problems) {
        let (name, link) = (hex(reader.name()), hex(reader.link()));
        let (mut size, mut digest) = (0, "-".to_owned());
        let kind = match member.kind {
            Kind::File => "F",
            Kind::HardLink => "H",
            Kind::Symlink => "L",
            Kind::Directory => "D",
            Kind::Special => "S",
        };
        if member.kind == Kind::File {
            let mut hash = Sha256::new();
            let mut read = 0;
            size = member.size;
            let result = reader.content(&member, &mut |part| {
                hash.update(part);
                read += part.len();
                if read >= 1 << 20 { Err(io::Error::other("long")) } else { Ok(()) }
            });
            digest = match result {
                Ok(()) => hex(&hash.finalize()),
                Err(error) if error.to_string() == "long" => "long".to_owned(),
                Err(_) => "unreadable".to_owned(),
            };
        }
        lines.push(format!(
            "{kind} {:o} {} {} {size} {digest} {name} {link}",
            member.mode, member.uid, member.gid
        ));
        if digest == "unreadable" {
            problems.malformed("", "unreadable");
        }
    }
    (lines, problems.into_list())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What another reader says of all archives in a directory; the last line is `!` where it gave up.
fn theirs(program: &str, script: &str, directory: &Path) -> Option<BTreeMap<String, Vec<String>>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(script);
    let mut command = Command::new(program);
    if program == "go" {
        command.arg("run").env("GO111MODULE", "off").env("GOFLAGS", "");
        if std::env::var_os("GOCACHE").is_none() {
            command.env("GOCACHE", std::env::temp_dir().join("lazaret-test-go-cache"));
        }
    }
    let output = match command.arg(&script).arg(directory).output() {
        Ok(output) => output,
        Err(_) => {
            skipped(&format!("no {program} to compare with"));
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut archives = BTreeMap::new();
    let mut name = String::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        match line.strip_prefix("# ") {
            Some(next) => {
                name = next.to_owned();
                archives.insert(name.clone(), Vec::new());
            }
            None => archives.get_mut(&name).unwrap().push(line.to_owned()),
        }
    }
    Some(archives)
}

/// Files of every kind that an archiver has to do something about.
fn make_files(root: &Path, long: bool) {
    let write = |path: &str, content: &[u8]| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("plain", b"content");
    write("empty", b"");
    write("block", &[b'x'; 512]);
    write("more", &[b'y'; 513]);
    write("dir/with space/and\nnewline", b"odd name");
    write("dir/ünïcödé-✓", "ünïcödé".as_bytes());
    write("large", &(0..300_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>()[..900_000]);
    symlink("../plain", root.join("dir/link")).unwrap();
    fs::hard_link(root.join("plain"), root.join("zz-hard-link")).unwrap();
    let mode = |path: &str, mode: &str| {
        assert!(Command::new("chmod").arg(mode).arg(root.join(path)).status().unwrap().success());
    };
    mode("block", "4755");
    mode("empty", "0");
    assert!(Command::new("mkfifo").arg(root.join("fifo")).status().unwrap().success());
    // Only root can make devices: without them the rest is still compared.
    let _ = Command::new("mknod").arg(root.join("device")).args(["c", "1", "3"]).status();
    let sparse = fs::File::create(root.join("sparse")).unwrap();
    for block in [3_u64, 40, 41, 90, 120, 140, 160] {
        sparse.write_all_at(format!("data at {block}").as_bytes(), block * 4096).unwrap();
    }
    sparse.set_len(800_000).unwrap();
    fs::File::create(root.join("hole")).unwrap().set_len(100_000).unwrap();
    if long {
        write(&format!("{}/file", "long-directory-name/".repeat(12)), b"long");
        write(&format!("dir/{}", "n".repeat(120)), b"long base");
        symlink("t".repeat(200), root.join("long-link")).unwrap();
    }
    let _ = std::os::unix::fs::chown(root.join("more"), Some(3_000_000), Some(4_000_000));
}

/// Archives of one tree in each format that GNU tar writes, with and without holes.
fn archives_of_gnu_tar(into: &Path) -> bool {
    let files = tempfile::tempdir().unwrap();
    for (long, formats) in
        [(false, &["v7", "ustar", "oldgnu", "gnu", "posix"][..]), (true, &["gnu", "posix"])]
    {
        let root = files.path().join(if long { "long" } else { "short" });
        fs::create_dir(&root).unwrap();
        make_files(&root, long);
        for format in formats {
            for (sparse, options) in [
                ("", &[][..]),
                ("-sparse", &["-S"]),
                ("-sparse0.0", &["-S", "--sparse-version=0.0"]),
                ("-sparse0.1", &["-S", "--sparse-version=0.1"]),
            ] {
                // The others cannot say where holes are.
                let has_holes = ["oldgnu", "gnu", "posix"].contains(format);
                if sparse.contains("0.") && *format != "posix" || !has_holes && !sparse.is_empty() {
                    continue;
                }
                let archive =
                    into.join(format!("{format}{sparse}-{}.tar", if long { "long" } else { "short" }));
                let mut command = Command::new("tar");
                command.args(options).arg(format!("--format={format}")).arg("-cf").arg(&archive);
                match command.arg("-C").arg(&root).arg(".").output() {
                    // v7 cannot store owners and devices; what it stores is compared.
                    Ok(_) if archive.is_file() => {}
                    ended => {
                        skipped(&format!("no GNU tar to write archives: {ended:?}"));
                        return false;
                    }
                }
            }
        }
    }
    true
}

#[test]
fn reads_what_gnu_tar_writes_as_go_and_python_do() {
    let directory = tempfile::tempdir().unwrap();
    if !archives_of_gnu_tar(directory.path()) {
        return;
    }
    let mut read = BTreeMap::new();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let (lines, problems) = ours(&fs::read(&path).unwrap());
        assert_eq!(problems, [], "{}", path.display());
        assert!(lines.len() > 12, "{}", path.display());
        read.insert(path.file_name().unwrap().to_string_lossy().into_owned(), lines);
    }
    assert!(read.len() >= 10);
    // Python cleans names a little, and takes some sizes of links as they stand.
    let plain = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| line.replace("2f ", " ").replace("2e2f", "")).collect()
    };
    if let Some(go) = theirs("go", "list.go", directory.path()) {
        assert_eq!(go, read);
    }
    if let Some(python) = theirs("python3", "list.py", directory.path()) {
        for (name, lines) in &read {
            assert_eq!(plain(&python[name]), plain(lines), "{name}");
        }
    }
}

#[test]
fn reads_ten_thousand_files_as_go_does() {
    let directory = tempfile::tempdir().unwrap();
    let mut tar = Tar::default();
    for number in 0..10_000_u32 {
        let name = format!("{:03}/{}/file-{number}", number % 100, "d/".repeat(number as usize % 40));
        tar = tar.file(&name, &vec![b'x'; number as usize * 7 % 1500]);
    }
    let bytes = tar.finish();
    fs::write(directory.path().join("many.tar"), &bytes).unwrap();
    let (lines, problems) = ours(&bytes);
    assert_eq!((lines.len(), problems.len()), (10_000, 0));
    if let Some(go) = theirs("go", "list.go", directory.path()) {
        assert_eq!(go["many.tar"], lines);
    }
}

/// A small generator of numbers: the archives are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % below
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.next(from.len())]
    }
}

/// An archive of a few members with odd headers, and sometimes a byte or two changed.
fn odd_archive(random: &mut Random) -> Vec<u8> {
    const NUMBERS: &[&[u8]] = &[
        b"00000000000\0",
        b"00000000005\0",
        b"00000001000\0",
        b"00000002001\0",
        b"           5",
        b"5\0         7",
        b"\x80\0\0\0\0\0\0\0\0\0\0\x05",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"0000000000x\0",
        b"77777777777\0",
        b"\x80\xff\0\0\0\0\0\0\0\0\0\0",
        b"\0\0\0\0\0\0\0\0\0\0\0\0",
    ];
    const KEYS: &[&str] = &[
        "path",
        "linkpath",
        "size",
        "uid",
        "comment",
        "GNU.sparse.major",
        "GNU.sparse.minor",
        "GNU.sparse.name",
        "GNU.sparse.size",
        "GNU.sparse.realsize",
        "GNU.sparse.numblocks",
        "GNU.sparse.map",
        "GNU.sparse.offset",
        "GNU.sparse.numbytes",
    ];
    const VALUES: &[&[u8]] = &[
        b"name", b"a/b", b"0", b"1", b"5", b"512", b"1024", b"-3", b"", b"x", b"0,5", b"0,1,4,1", b"a\0b",
        b"+5",
    ];
    let mut tar = Tar::default();
    for number in 0..1 + random.next(5) {
        let content: Vec<u8> = match random.next(6) {
            0 => b"2\n0\n1\n3\n2\n".iter().copied().chain([0; 501]).chain(*b"abc").collect(),
            1 => Header::new(b'0', "inner").finish().to_vec(),
            2 => (0..2).flat_map(|_| fixture::pax_record(random.pick(KEYS), random.pick(VALUES))).collect(),
            3 => Vec::new(),
            length => vec![b'c'; length * 3],
        };
        let flag = random.pick(&[
            b"0", b"0", b"0", b"\0", b"1", b"2", b"5", b"3", b"x", b"x", b"g", b"L", b"K", b"S", b"7", b"D",
            b"V",
        ])[0];
        let name =
            format!("{}{number}{}", random.pick(&["m", "dir/m", "./", "/m"]), random.pick(&["", "", "/"]));
        let mut header = Header::new(flag, &name);
        header.set(124, format!("{:011o}\0", content.len()).as_bytes());
        header.set(157, b"target");
        if random.next(3) == 0 {
            header.set(124, random.pick(NUMBERS));
        }
        match random.next(8) {
            0 => header.set(257, b"ustar  \0"),
            1 => header.set(257, &[0; 8]),
            2 => header.set(345, b"prefix/of/name"),
            3 => header.set(508, b"tar\0"),
            4 => {
                header.set(257, b"ustar  \0");
                header.set(386, b"00000000001\x0000000000002\0");
                header.set(random.pick(&[&482, &483]).to_owned(), random.pick(NUMBERS));
            }
            _ => {}
        }
        tar = tar.bytes(&header.finish()).bytes(&content);
        let padding = content.len().next_multiple_of(512) - content.len();
        tar = tar.bytes(&vec![0; padding]);
    }
    let mut bytes = if random.next(4) == 0 { tar.unfinished() } else { tar.finish() };
    for _ in 0..random.next(3) {
        let at = random.next(bytes.len());
        bytes[at] = bytes[at].wrapping_add(u8::try_from(random.next(255)).unwrap());
    }
    if random.next(6) == 0 {
        bytes.truncate(random.next(bytes.len()));
    }
    bytes
}

/// Whatever the archive: what Go reads of it is read here, in the same order; where Go fails there is
/// a problem. Where it does not fail, nothing else is read.
#[test]
fn reads_odd_archives_as_go_does() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut archives = BTreeMap::new();
    for number in 0..4000 {
        let name = format!("{number:05}.tar");
        let bytes = odd_archive(&mut random);
        fs::write(directory.path().join(&name), &bytes).unwrap();
        archives.insert(name, bytes);
    }
    // Go's own collection of odd archives.
    let root = Command::new("go").args(["env", "GOROOT"]).output().ok();
    let root = root.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    for entry in fs::read_dir(Path::new(root.trim()).join("src/archive/tar/testdata")).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "tar") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let bytes = fs::read(&path).unwrap();
            fs::write(directory.path().join(&name), &bytes).unwrap();
            archives.insert(name, bytes);
        }
    }
    let Some(go) = theirs("go", "list.go", directory.path()) else {
        for bytes in archives.values() {
            ours(bytes);
        }
        return;
    };
    let mut whole = 0;
    for (name, bytes) in &archives {
        let (lines, problems) = ours(bytes);
        let mut expected = go[name].clone();
        let failed = expected.last().is_some_and(|line| line.starts_with('!'));
        if failed {
            expected.pop();
            assert!(!problems.is_empty(), "{name}: Go fails, and no problem is told");
        }
        // Owners beyond what Linux has are told and shown otherwise, and that a map of holes does not fit
        // is seen before the content is read.
        let told = !problems.is_empty();
        let same =
            |one: &str, other: &str| one == other || told && essence(one, other) == essence(other, one);
        let prefix =
            expected.len() <= lines.len() && expected.iter().zip(&lines).all(|(one, other)| same(one, other));
        assert!(prefix, "{name}\nGo:   {expected:#?}\nours: {lines:#?}\n{problems:?}");
        if !failed {
            assert_eq!(expected.len(), lines.len(), "{name}\nGo:   {expected:#?}\nours: {lines:#?}");
            whole += 1;
        }
    }
    assert!(whole > 300, "only {whole} archives were read whole");
}

fn essence(line: &str, other: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    words[2..4].fill("");
    if line.contains(" unreadable ") || other.contains(" unreadable ") {
        words[5] = "";
    }
    words.join(" ")
}
