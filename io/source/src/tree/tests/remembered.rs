//! Layers from the cache: what comes out is what comes out without one.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::cache::{Cache, DEFAULT_BYTES};
use crate::image::sha256;

/// A layer in a registry: a stream that is verified, and counts how often it was asked for.
struct Remote {
    bytes: Vec<u8>,
    opened: Arc<AtomicUsize>,
    breaks: bool,
}

impl Opener for Remote {
    fn open(&self) -> std::io::Result<LayerBytes> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let bytes: Box<dyn std::io::Read + Send> = Box::new(Cursor::new(self.bytes.clone()));
        if !self.breaks {
            return Ok(LayerBytes::Stream(bytes));
        }
        struct Broken;
        impl std::io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "its bytes do not have the digest"))
            }
        }
        Ok(LayerBytes::Stream(Box::new(std::io::Read::chain(bytes, Broken))))
    }

    fn verifies(&self) -> bool {
        true
    }
}

fn compressed(bytes: &[u8], stored: Stored) -> Vec<u8> {
    match stored {
        Stored::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Stored::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        Stored::InPlace | Stored::Stream => bytes.to_vec(),
    }
}

fn in_file(bytes: &[u8]) -> Box<dyn Opener> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"before").unwrap();
    file.write_all(bytes).unwrap();
    Box::new(Window::new(Arc::new(file), 6 + bytes.len() as u64).part(6, bytes.len() as u64))
}

fn walked(layers: Vec<(Box<dyn Opener>, Option<Digest>)>, cache: Option<&Cache>) -> Walked {
    let layers = (1..)
        .zip(layers)
        .map(|(number, (opener, digest))| Layer { label: format!("layer {number}"), opener, digest })
        .collect();
    let mut tree = LayeredTree::new(SeparateLayers::new(layers), Limits::default()).remembering(cache);
    let want = |path: &str| match path.as_bytes().first() {
        Some(b'b') => Want::BYTES,
        Some(b'd') => Want::DIGEST,
        Some(b'e') => BOTH,
        _ => Want::NOTHING,
    };
    let mut lister = Lister { want: &want, lines: Vec::new(), paths: Vec::new(), earlier: Vec::new() };
    let problems = tree.walk(&mut lister);
    (lister.lines, problems)
}

fn image() -> Vec<Vec<u8>> {
    vec![
        Tar::default()
            .file("b/kept", b"lower")
            .file("b/over", b"hidden")
            .program("e/tool", b"program")
            .finish(),
        Tar::default()
            .file("b/over", b"upper")
            .file("d/sum", b"summed")
            .symlink("link", "b/over")
            .hard_link("e/again", "e/tool")
            .file("b/empty", b"")
            .finish(),
        Tar::default().file("b/.wh.kept", b"").hard_link("b/same", "b/over").finish(),
    ]
}

fn cache(folder: &Path, version: &str) -> Cache {
    Cache::open(folder, version, DEFAULT_BYTES).unwrap()
}

#[test]
fn cold_warm_damaged_and_foreign_caches_give_the_same() {
    for stored in ALL {
        let blobs: Vec<Vec<u8>> = image().iter().map(|layer| compressed(layer, stored)).collect();
        let opened = Arc::new(AtomicUsize::new(0));
        let remote = || -> Vec<(Box<dyn Opener>, Option<Digest>)> {
            blobs
                .iter()
                .map(|blob| {
                    let remote = Remote { bytes: blob.clone(), opened: Arc::clone(&opened), breaks: false };
                    (Box::new(remote) as Box<dyn Opener>, Some(sha256(blob)))
                })
                .collect()
        };
        let local = || -> Vec<(Box<dyn Opener>, Option<Digest>)> {
            blobs.iter().map(|blob| (in_file(blob), Some(sha256(blob)))).collect()
        };
        let expected = walked(remote(), None);
        assert_eq!(expected.1, []);
        let directory = tempfile::tempdir().unwrap();
        for (round, version) in [("cold", "1"), ("warm", "1"), ("another version", "2"), ("damaged", "1")] {
            if round == "damaged" {
                for entry in fs::read_dir(directory.path()).unwrap() {
                    let path = entry.unwrap().path();
                    let mut bytes = fs::read(&path).unwrap();
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 1;
                    fs::write(path, bytes).unwrap();
                }
            }
            let cache = cache(directory.path(), version);
            opened.store(0, Ordering::Relaxed);
            assert_eq!(walked(remote(), Some(&cache)), expected, "{stored:?} {round}");
            // Nothing of a known layer is fetched, but for the program that has another name in a layer above.
            let fetched = opened.load(Ordering::Relaxed);
            assert!(
                if round == "warm" { fetched <= 1 } else { fetched >= 3 },
                "{stored:?} {round}: {fetched}"
            );
            assert_eq!(walked(local(), Some(&cache)), expected, "{stored:?} {round}, in files");
        }
    }
}

#[test]
fn one_changed_layer_is_the_only_one_that_is_fetched() {
    let directory = tempfile::tempdir().unwrap();
    let cache = cache(directory.path(), "1");
    let layer = |number: usize| {
        Tar::default().file(&format!("b/{number}"), format!("content {number}").as_bytes()).finish()
    };
    let fetched = |numbers: &[usize]| {
        let opened = Arc::new(AtomicUsize::new(0));
        let layers = numbers.iter().map(|number| {
            let bytes = compressed(&layer(*number), Stored::Gzip);
            let digest = Some(sha256(&bytes));
            let remote = Remote { bytes, opened: Arc::clone(&opened), breaks: false };
            (Box::new(remote) as Box<dyn Opener>, digest)
        });
        let (lines, problems) = walked(layers.collect(), Some(&cache));
        assert_eq!((lines.len(), problems.len()), (numbers.len() + 1, 0));
        opened.load(Ordering::Relaxed)
    };
    assert_eq!(fetched(&[1, 2, 3]), 3);
    assert_eq!(fetched(&[1, 2, 3]), 0);
    assert_eq!(fetched(&[1, 2, 4]), 1);
    assert_eq!(fetched(&[5, 3, 2, 1]), 1);
}

#[test]
fn what_a_layer_above_hides_is_kept_for_other_images() {
    let directory = tempfile::tempdir().unwrap();
    let cache = cache(directory.path(), "1");
    let opened = Arc::new(AtomicUsize::new(0));
    let layers = |count: usize| -> Vec<(Box<dyn Opener>, Option<Digest>)> {
        image()[..count]
            .iter()
            .map(|layer| {
                let bytes = compressed(layer, Stored::Zstd);
                let digest = Some(sha256(&bytes));
                (
                    Box::new(Remote { bytes, opened: Arc::clone(&opened), breaks: false }) as Box<dyn Opener>,
                    digest,
                )
            })
            .collect()
    };
    walked(layers(3), Some(&cache));
    opened.store(0, Ordering::Relaxed);
    let base = walked(layers(1), Some(&cache));
    assert_eq!(opened.load(Ordering::Relaxed), 0);
    assert_eq!(base, walked(layers(1), None));
    assert!(base.0.iter().any(|line| line.contains("hidden")), "{base:?}");
}

#[test]
fn a_blob_that_is_not_what_it_is_called_is_read_itself() {
    let directory = tempfile::tempdir().unwrap();
    let cache = cache(directory.path(), "1");
    let honest = compressed(&Tar::default().file("b/clean", b"clean").finish(), Stored::Gzip);
    let liar = compressed(&Tar::default().file("b/dirty", b"dirty").finish(), Stored::Gzip);
    let claimed = Some(sha256(&honest));
    // Neither does it find what the digest stands for, nor does it become what is found under it.
    for (blob, file) in [(&liar, "b/dirty"), (&honest, "b/clean"), (&liar, "b/dirty"), (&honest, "b/clean")] {
        let (lines, problems) = walked(vec![(in_file(blob), claimed)], Some(&cache));
        assert!(lines.iter().any(|line| line.starts_with(file)) && problems.is_empty(), "{lines:?}");
    }
}

#[test]
fn what_broke_off_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let cache = cache(directory.path(), "1");
    let bytes = compressed(&Tar::default().file("b/x", b"x").finish(), Stored::Gzip);
    let digest = Some(sha256(&bytes));
    let opened = Arc::new(AtomicUsize::new(0));
    for breaks in [true, true, false, false] {
        let remote = Remote { bytes: bytes.clone(), opened: Arc::clone(&opened), breaks };
        let (lines, problems) = walked(vec![(Box::new(remote), digest)], Some(&cache));
        assert_eq!((lines.len(), problems.is_empty()), (2, !breaks));
    }
    assert_eq!(opened.load(Ordering::Relaxed), 3);
}
