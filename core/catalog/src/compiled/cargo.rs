//! `Cargo.lock` of Rust (The Cargo Book, "Cargo.toml vs Cargo.lock"); all versions of the format list packages alike.

use lazaret_model::Ecosystem;
use serde::Deserialize;

use crate::documents;
use crate::files::File;
use crate::reading::Reading;
use crate::stated;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
    /// Before 2016 the project itself stood apart.
    root: Option<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
}

pub(super) fn lock(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = documents::toml::<Lock>(file, reading) else { return };
    let packages = lock.root.into_iter().chain(lock.package).map(|it| (it.name, it.version));
    stated::declare(file, reading, Ecosystem::Cargo, packages);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const LOCK: &str = "version = 4\n[root]\nname = \"r\"\nversion = \"0.1.0\"\n[[package]]\nname = \"libc\"\nversion = \"0.2.1\"\nsource = \"registry+x\"\ndependencies = [\"a\"]\n";

    #[test]
    fn reads_packages() {
        assert_eq!(
            testing::read(lock, "Cargo.lock", LOCK),
            (vec!["r 0.1.0".to_owned(), "libc 0.2.1".to_owned()], 0)
        );
        assert_eq!(testing::read(lock, "Cargo.lock", "[[package]]\nname = 1\n"), (vec![], 1));
        assert_eq!(testing::read(lock, "Cargo.lock", ""), (vec![], 0));
    }

    #[test]
    fn takes_anything() {
        testing::survives(lock, "Cargo.lock", LOCK);
    }
}
