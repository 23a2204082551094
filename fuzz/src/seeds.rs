//! The first inputs of a target, made of files that real tools wrote.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Target;

/// An input, and the row of the target's table that it is for: of each row there are only so many.
#[derive(Debug)]
pub struct Seed {
    pub row: String,
    pub input: Vec<u8>,
}

/// The smallest ones of each row.
const OF_EACH_ROW: usize = 48;

/// If `$FUZZ_SEEDS` names a directory, fills it from the files below those of `$FUZZ_FROM` (with `:` between them), and
/// ends the program.
#[expect(clippy::exit, reason = "libFuzzer owns `main`, and asks this before it begins")]
pub fn write_seeds(target: &Target) {
    let Some(directory) = env::var_os("FUZZ_SEEDS") else { return };
    let from = env::var_os("FUZZ_FROM").unwrap_or_default();
    let mut rows: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let mut add = |seed: Seed| rows.entry(seed.row).or_default().push(seed.input);
    (target.seeds)(Path::new(""), b"").into_iter().for_each(&mut add);
    for path in env::split_paths(&from) {
        for file in files(&path) {
            let is_small = fs::metadata(&file).is_ok_and(|metadata| metadata.len() <= target.largest);
            if let Some(bytes) = is_small.then(|| fs::read(&file).ok()).flatten() {
                (target.seeds)(&file, &bytes).into_iter().for_each(&mut add);
            }
        }
    }
    let directory = PathBuf::from(directory);
    for (row, mut inputs) in rows {
        inputs.sort_by_key(Vec::len);
        inputs.dedup();
        for (number, input) in inputs.iter().take(OF_EACH_ROW).enumerate() {
            let file = directory.join(format!("{row}-{number:03}"));
            fs::write(&file, input).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
    std::process::exit(0);
}

/// All regular files below a directory, in an order that depends on their names only.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(directory).into_iter().flatten().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}
