//! Gives the crate a digest of all sources that decide what is read of an image, and of the versions of the libraries
//! that read it.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::Path;

const SOURCES: [&str; 4] =
    ["../../core/version/src", "../../core/model/src", "../../core/catalog/src", "../../io/source/src"];
const LIBRARIES: &str = "../../Cargo.lock";

fn main() -> io::Result<()> {
    let mut hash = DefaultHasher::new();
    for path in SOURCES.into_iter().chain([LIBRARIES]) {
        println!("cargo::rerun-if-changed={path}");
        add(Path::new(path), &mut hash)?;
    }
    println!("cargo::rustc-env=LAZARET_SOURCES={:016x}", hash.finish());
    Ok(())
}

fn add(path: &Path, hash: &mut DefaultHasher) -> io::Result<()> {
    if path.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        entries.iter().try_for_each(|entry| add(&entry.path(), hash))
    } else {
        path.hash(hash);
        fs::read(path)?.hash(hash);
        Ok(())
    }
}
