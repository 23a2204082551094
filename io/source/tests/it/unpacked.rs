//! The merged tree, compared with what GNU tar unpacks.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use crate::fixture::Tar;
use crate::made::{Made, sha256, write};
use crate::support::{listed_archive, skipped};

/// The lines of [`crate::support::list`] for a directory, without layers.
fn list_directory(root: &Path, below: &Path, lines: &mut BTreeMap<Vec<u8>, String>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let path = below.join(entry.unwrap().file_name());
        let full = root.join(&path);
        let metadata = fs::symlink_metadata(&full).unwrap();
        let kind = metadata.file_type();
        let (what, digest) = if kind.is_dir() {
            list_directory(root, &path, lines);
            ("dir".to_owned(), "-".to_owned())
        } else if kind.is_symlink() {
            (format!("->{}", fs::read_link(&full).unwrap().display()), "-".to_owned())
        } else if kind.is_fifo() || kind.is_char_device() {
            ("special".to_owned(), "-".to_owned())
        } else {
            (format!("file:{}", metadata.len()), sha256(&fs::read(&full).unwrap()).short())
        };
        let name = path.as_os_str().as_encoded_bytes();
        let (mode, uid, gid) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
        lines.insert(
            name.to_vec(),
            format!("{:?} {what} {mode:o} {uid}:{gid} {digest}", String::from_utf8_lossy(name)),
        );
    }
}

fn without_layer(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    words.remove(words.len() - 2);
    words.join(" ")
}

fn unpack(archive: &Path, into: &Path) -> bool {
    let mut command = Command::new("tar");
    command.args(["--extract", "--same-permissions", "--numeric-owner", "--exclude=.wh.*"]);
    let output = command.arg("--file").arg(archive).arg("-C").arg(into).env("LC_ALL", "C").output().unwrap();
    output.status.success()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

#[tokio::test]
async fn a_real_tree_is_what_gnu_tar_unpacks() {
    if !is_root() {
        return skipped("only root can unpack owners and devices");
    }
    let directory = tempfile::tempdir().unwrap();
    let (files, root) = (directory.path().join("files"), directory.path().join("root"));
    fs::create_dir_all(&files).unwrap();
    fs::create_dir(&root).unwrap();
    let script = "set -e; mkdir -p usr/lib/a-b usr/lib/a etc; ln -s usr/lib lib; echo x > usr/lib/a/x; echo y > usr/lib/a-b/y;
        ln usr/lib/a/x usr/lib/z; chmod 4750 usr/lib/z; chown 12:34 etc; mkfifo fifo; mknod null c 1 3;
        truncate -s 5M holes; echo end >> holes; ln -s nowhere dangling; printf 'ü\\n' > 'etc/ünï cödé'; echo -n > empty";
    assert!(Command::new("sh").arg("-c").arg(script).current_dir(&files).status().unwrap().success());
    for format in ["gnu", "posix"] {
        let archive = directory.path().join("layer.tar");
        let mut make = Command::new("tar");
        make.args(["-S", "-cf"])
            .arg(&archive)
            .arg(format!("--format={format}"))
            .arg("-C")
            .arg(&files)
            .arg(".");
        assert!(make.status().unwrap().success());
        assert!(unpack(&archive, &root));
        let mut expected = BTreeMap::new();
        list_directory(&root, Path::new(""), &mut expected);
        let image = Made::new(vec![fs::read(&archive).unwrap()]);
        let found =
            listed_archive(&write(directory.path(), "image.tar", &image.saved(&["x"]))).await.unwrap();
        assert_eq!(found.problems, []);
        let lines: Vec<String> = found.lines.iter().map(|line| without_layer(line)).collect();
        assert_eq!(lines, expected.into_values().collect::<Vec<_>>());
    }
}

/// A small generator of numbers: the layers are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    fn path(&mut self) -> String {
        let length = 1 + self.next(3);
        (0..length)
            .map(|_| ["a", "b", "c"][usize::try_from(self.next(3)).unwrap()])
            .collect::<Vec<_>>()
            .join("/")
    }
}

/// What the layer removes of those under it, and the archive.
fn random_layer(random: &mut Random) -> (Vec<String>, Tar) {
    let (mut removed, mut tar) = (Vec::new(), Tar::default());
    for _ in 0..1 + random.next(7) {
        let path = random.path();
        tar = match random.next(10) {
            0..=3 => tar.file(&path, path.repeat(1 + usize::try_from(random.next(3)).unwrap()).as_bytes()),
            4 => tar.directory(&path),
            5 => tar.symlink(&path, &random.path()),
            6 => tar.hard_link(&path, &random.path()),
            7 => {
                removed.push(format!("{path}/*"));
                tar.directory(&path).file(&format!("{path}/.wh..wh..opq"), b"")
            }
            _ => {
                let (directory, base) =
                    path.rsplit_once('/').map_or(("", path.as_str()), |(one, two)| (one, two));
                removed.push(path.clone());
                let slash = if directory.is_empty() { "" } else { "/" };
                tar.file(&format!("{directory}{slash}.wh.{base}"), b"")
            }
        };
    }
    (removed, tar)
}

fn remove(root: &Path, path: &str) {
    let (path, children) = match path.strip_suffix("/*") {
        Some(path) => (path, true),
        None => (path, false),
    };
    // Not through links. The directory of a whiteout comes into being.
    let mut full = root.to_owned();
    for component in path.split('/') {
        match fs::symlink_metadata(&full) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return,
            Err(_) => fs::create_dir(&full).unwrap(),
        }
        full.push(component);
    }
    let Ok(metadata) = fs::symlink_metadata(&full) else { return };
    match (metadata.is_dir(), children) {
        (true, false) => fs::remove_dir_all(&full).unwrap(),
        (false, false) => fs::remove_file(&full).unwrap(),
        (true, true) => {
            fs::remove_dir_all(&full).unwrap();
            fs::create_dir(&full).unwrap();
        }
        (false, true) => {}
    }
}

/// Wherever nothing is told to be doubtful, unpacking the layers one after the other by hand comes to
/// the same tree.
#[tokio::test]
async fn random_layers_are_what_unpacking_them_gives() {
    if !is_root() {
        return skipped("only root can unpack owners");
    }
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut compared = 0;
    for _ in 0..400 {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir(&root).unwrap();
        let layers: Vec<(Vec<String>, Vec<u8>)> = (0..1 + random.next(3))
            .map(|_| random_layer(&mut random))
            .map(|(removed, tar)| (removed, tar.finish()))
            .collect();
        let image = Made::new(layers.iter().map(|(_, layer)| layer.clone()).collect());
        let found =
            listed_archive(&write(directory.path(), "image.tar", &image.saved(&["x"]))).await.unwrap();
        if !found.problems.is_empty() {
            continue;
        }
        let mut unpacked = true;
        for (removed, layer) in &layers {
            for path in removed {
                remove(&root, path);
            }
            unpacked &= unpack(&write(directory.path(), "layer.tar", layer), &root);
        }
        if !unpacked {
            continue;
        }
        compared += 1;
        let mut expected = BTreeMap::new();
        list_directory(&root, Path::new(""), &mut expected);
        // GNU tar keeps the attributes of directories that are there, and gives those of a hard link
        // to the file: only names, kinds and contents are compared.
        let plain = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            format!("{} {} {}", words[0], words[1], words[words.len() - 1])
        };
        let lines: Vec<String> = found.lines.iter().map(|line| plain(&without_layer(line))).collect();
        let expected: Vec<String> = expected.values().map(|line| plain(line)).collect();
        assert_eq!(lines, expected, "{:#?}", layers.iter().map(|(removed, _)| removed).collect::<Vec<_>>());
    }
    assert!(compared > 50, "only {compared} trees were compared");
}
