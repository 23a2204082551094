//! Where other people's data is, unpacked for a test.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A corpus, until it is dropped.
pub(crate) struct Unpacked(PathBuf);

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl std::ops::Deref for Unpacked {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

/// Says past the capture of the test harness that a test did not run.
fn skipped(why: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

fn found(archive: &str) -> Option<PathBuf> {
    let corpora = std::env::var_os("LAZARET_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let archive = corpora.join(archive);
    if !archive.exists() {
        skipped(format_args!("no corpus at {}; set LAZARET_CORPORA", archive.display()));
        return None;
    }
    Some(archive)
}

/// The bytes of a corpus that is one file.
pub(crate) fn corpus(name: &str) -> Option<Vec<u8>> {
    found(name).map(|path| std::fs::read(path).expect("the corpus is readable"))
}

/// Unpacks a corpus with the system's tar.
pub(crate) fn unpack(archive: &str, name: &str) -> Option<Unpacked> {
    let archive = found(archive)?;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the target folder is writable");
    let unpacked = Unpacked(folder.clone());
    let status = Command::new("tar").arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(&folder).status();
    if !status.is_ok_and(|status| status.success()) {
        skipped(format_args!("no tar with zstd on this machine to unpack {}", archive.display()));
        return None;
    }
    Some(unpacked)
}

/// All files below a folder whose names end so, in order.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).expect("the unpacked corpus is readable") {
            let path = entry.expect("the unpacked corpus is readable").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
