#![expect(clippy::cast_possible_truncation, reason = "the archives made here are small")]

use std::io::Write as _;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::layer::fixture::Tar;

/// A zip of (name, content, whether it is compressed), as `zip` writes it; with 64-bit fields if told so.
fn zip(members: &[(&str, &[u8], bool)], wide: bool) -> Vec<u8> {
    let (mut bytes, mut central) = (Vec::new(), Vec::new());
    for (name, content, compressed) in members {
        let offset = bytes.len();
        let stored = match compressed {
            true => {
                let level = flate2::Compression::default();
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            }
            false => content.to_vec(),
        };
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let method = if *compressed { 8_u16 } else { 0 };
        let mut common = [20_u16, 0, method, 0, 0].map(u16::to_le_bytes).concat();
        common.extend(crc.sum().to_le_bytes());
        let [size, length, name_length] = [stored.len(), content.len(), name.len()];
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend([size as u32, length as u32].map(u32::to_le_bytes).concat());
        bytes.extend([name_length as u16, 0].map(u16::to_le_bytes).concat());
        bytes.extend(name.as_bytes());
        bytes.extend(&stored);
        central.extend(b"PK\x01\x02\x14\x03");
        central.extend(&common);
        let numbers = if wide { [u32::MAX; 2] } else { [size as u32, length as u32] };
        central.extend(numbers.map(u32::to_le_bytes).concat());
        let extra = if wide { 28_u16 } else { 0 };
        central.extend([name_length as u16, extra, 0, 0, 0].map(u16::to_le_bytes).concat());
        central.extend((0o100_644_u32 << 16).to_le_bytes());
        central.extend(if wide { u32::MAX } else { offset as u32 }.to_le_bytes());
        central.extend(name.as_bytes());
        if wide {
            central.extend([1_u16, 24].map(u16::to_le_bytes).concat());
            central.extend([length as u64, size as u64, offset as u64].map(u64::to_le_bytes).concat());
        }
    }
    let (start, length, count) = (bytes.len(), central.len(), members.len());
    bytes.extend(central);
    if wide {
        let record = bytes.len() as u64;
        bytes.extend(b"PK\x06\x06");
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([0; 12]);
        bytes.extend([count, count, length, start].map(|it| (it as u64).to_le_bytes()).concat());
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend(record.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
    }
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    let number = |it: usize| if wide { u32::MAX } else { it as u32 };
    bytes.extend(if wide { [u16::MAX; 2] } else { [count as u16; 2] }.map(u16::to_le_bytes).concat());
    bytes.extend([number(length), number(start)].map(u32::to_le_bytes).concat());
    bytes.extend([0, 0]);
    bytes
}

fn tar() -> Vec<u8> {
    Tar::default()
        .directory("d/")
        .file("d/a.json", b"{}")
        .symlink("l", "/etc/passwd")
        .file("b.yaml", b"id: x")
        .finish()
}

type Named = (String, Vec<u8>);

fn read(path: &Path, limits: &Limits) -> Result<(Vec<Named>, Vec<Problem>), SourceError> {
    let mut found = Vec::new();
    let passed = documents(path, limits, &mut |name, bytes| {
        found.push((name.to_owned(), bytes));
        ControlFlow::Continue(())
    })?;
    assert_eq!(passed.documents, found.len() as u64);
    Ok((found, passed.problems))
}

fn written(bytes: &[u8], name: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn names(bytes: &[u8]) -> Vec<String> {
    let (_directory, path) = written(bytes, "file");
    read(&path, &Limits::default()).unwrap().0.into_iter().map(|(name, _)| name).collect()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

#[test]
fn every_compression_is_read_of_documents_and_archives() {
    for pack in [bzip2, xz, gzip, zstd, <[u8]>::to_vec] {
        assert_eq!(names(&pack(&tar())), ["d/a.json", "b.yaml"]);
        let (_directory, path) = written(&pack(b"cve,epss\n"), "scores.csv.gz");
        let (found, problems) = read(&path, &Limits::default()).unwrap();
        assert_eq!(found[0].1, b"cve,epss\n");
        assert!(problems.is_empty());
        assert_eq!(shape(&path, &Limits::default()).unwrap(), Shape::Document);
    }
    let (_directory, path) = written(&zstd(&tar()), "x");
    assert_eq!(shape(&path, &Limits::default()).unwrap(), Shape::Archive);
}

#[test]
fn zips_are_read_stored_and_compressed_and_wide() {
    let long = b"0123456789".repeat(1_000);
    for wide in [false, true] {
        let bytes = zip(&[("a.json", b"{}", false), ("d/", b"", false), ("d/b.json", &long, true)], wide);
        let (_directory, path) = written(&bytes, "all.zip");
        let (found, problems) = read(&path, &Limits::default()).unwrap();
        assert_eq!(problems, []);
        assert_eq!(found, [("a.json".to_owned(), b"{}".to_vec()), ("d/b.json".to_owned(), long.clone())]);
        assert_eq!(shape(&path, &Limits::default()).unwrap(), Shape::Archive);
    }
    assert_eq!(names(&zip(&[], false)), [""; 0]);
}

#[test]
fn directories_are_read_in_order_without_links_and_hidden_files() {
    let directory = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.json"), b"{}").unwrap();
    for (name, content) in
        [("b/2.json", &b"2"[..]), ("a.json", b"1"), (".git/config", b"x"), ("c.tar", &tar())]
    {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    std::os::unix::fs::symlink(outside.path(), directory.path().join("out")).unwrap();
    std::os::unix::fs::symlink("a.json", directory.path().join("z.json")).unwrap();
    let (found, _) = read(directory.path(), &Limits::default()).unwrap();
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a.json", "b/2.json", "d/a.json", "b.yaml"]);
    let limits = Limits::default();
    assert_eq!(shape(directory.path(), &limits).unwrap(), Shape::Directory);
    let before = digest(directory.path(), &limits).unwrap();
    assert_eq!(digest(directory.path(), &limits).unwrap(), before);
    std::fs::write(directory.path().join("a.json"), b"3").unwrap();
    assert_ne!(digest(directory.path(), &limits).unwrap(), before);
}

#[test]
fn what_is_cut_off_or_damaged_is_an_error() {
    let long: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let tar = Tar::default().file("a", &long).file("b", &long).finish();
    for whole in
        [gzip(&tar), zstd(&tar), xz(&tar), bzip2(&tar), zip(&[("a", &long, true)], false), tar.clone()]
    {
        let (_directory, path) = written(&whole[..whole.len() - whole.len() / 3], "x");
        let error = read(&path, &Limits::default()).unwrap_err();
        assert!(matches!(error, SourceError::Corrupt { .. }), "{error}");
    }
    let mut flipped = zip(&[("a", &long, false)], false);
    flipped[5_000] ^= 1;
    let (_directory, path) = written(&flipped, "x");
    assert!(read(&path, &Limits::default()).unwrap_err().to_string().contains("checksum"));
    assert!(matches!(read(Path::new("/nonexistent"), &Limits::default()), Err(SourceError::File { .. })));
}

#[test]
fn bombs_and_crowds_are_stopped() {
    let zeros = vec![0; 8 << 20];
    let limits = Limits { ratio: 20, ..Limits::default() };
    for bomb in [gzip(&zeros), zstd(&zeros), xz(&zeros), bzip2(&zeros), zip(&[("a", &zeros, true)], false)] {
        let (_directory, path) = written(&bomb, "x");
        let error = read(&path, &limits).unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { .. }), "{error}");
    }
    let limits = Limits { entries: 1, ..Limits::default() };
    for crowd in [tar(), zip(&[("a", b"", false), ("b", b"", false)], false)] {
        let (_directory, path) = written(&crowd, "x");
        assert!(matches!(read(&path, &limits), Err(SourceError::TooLarge { .. })));
    }
    let limits = Limits { file_bytes: 4, ..Limits::default() };
    for one_is_large in [tar(), zip(&[("a", b"12345", true), ("b", b"1234", false)], false)] {
        let (_directory, path) = written(&one_is_large, "x");
        let (found, problems) = read(&path, &limits).unwrap();
        assert_eq!((found.len(), problems.len()), (1, 1));
    }
}

#[test]
fn a_visitor_ends_the_passage() {
    for bytes in [tar(), zip(&[("a", b"1", false), ("b", b"2", false)], false)] {
        let (_directory, path) = written(&bytes, "x");
        let passed = documents(&path, &Limits::default(), &mut |_, _| ControlFlow::Break(())).unwrap();
        assert_eq!(passed.documents, 1);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..600), start in 0_usize..7) {
        let magic: &[u8] = [b"", &b"PK\x03\x04"[..], b"PK\x05\x06", b"BZh9", b"\xfd7zXZ\0", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"][start];
        let (_directory, path) = written(&[magic, &bytes].concat(), "x");
        let _ = read(&path, &Limits::default());
        let _ = shape(&path, &Limits::default());
    }

    #[test]
    fn changed_archives_are_refused_or_read(
        at in any::<proptest::sample::Index>(), with in any::<u8>(), wide in any::<bool>(), is_tar in any::<bool>()
    ) {
        let members: [(&str, &[u8], bool); 2] = [("a.json", b"{\"id\":\"x\"}", true), ("b.json", b"{}", false)];
        let mut bytes = if is_tar { tar() } else { zip(&members, wide) };
        let at = at.index(bytes.len());
        bytes[at] = with;
        let (_directory, path) = written(&bytes, "x");
        if let Ok((found, _)) = read(&path, &Limits::default()) {
            prop_assert!(found.len() <= 2);
        }
    }
}
