//! `pdm.lock` of PDM (pdm-project.org, "Lock file").
//!
//! Groups of developers and extras have free names there; only `dev`, which PDM gives by itself, is known to be for
//! developers.

use serde::Deserialize;

use super::wanted;
use crate::documents::toml;
use crate::files::File;
use crate::lenient::{List, Text};
use crate::reading::Reading;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Lock<'a> {
    #[serde(borrow)]
    package: List<Entry<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    version: Text<'a>,
    #[serde(borrow)]
    groups: List<Text<'a>>,
    /// Of what lies in the project.
    #[serde(borrow)]
    path: Text<'a>,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = toml::<Lock<'_>>(file, reading) else { return };
    for entry in &lock.package.0 {
        let groups = &entry.groups.0;
        let is_for_developers =
            !groups.is_empty() && groups.iter().all(|group| group.trimmed() == Some("dev"));
        if is_for_developers || entry.path.trimmed().is_some_and(|path| !is_packed(path)) {
            continue;
        }
        let (Some(name), Some(version)) = (entry.name.trimmed(), entry.version.trimmed()) else {
            reading.problems.malformed(file.location(), "a package without a name or a version");
            continue;
        };
        if !reading.package(wanted(file, name, version)) {
            return;
        }
    }
}

fn is_packed(path: &str) -> bool {
    [".whl", ".tar.gz", ".zip"].iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;

    fn lock(bytes: &[u8]) -> (Vec<String>, usize) {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&File { path: b"pdm.lock", layer: 0, bytes }, &mut reading);
        let (packages, problems) = reading.into_parts();
        let lines = packages.iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        (lines, problems.into_list().len())
    }

    const REAL: &str = "[metadata]\ngroups = ['default', 'dev']\n\
[[package]]\nname = 'certifi'\nversion = '2025.1.31'\ngroups = ['default', 'dev']\nfiles = [{url = 'x', hash = 'y'}]\n\
[[package]]\nname = 'pytest'\nversion = '8'\ngroups = ['dev']\n\
[[package]]\nname = 'extra'\nversion = '1'\ngroups = ['security']\n\
[[package]]\nname = 'old'\nversion = '1'\n\
[[package]]\nname = 'near'\nversion = '1'\npath = './near'\n\
[[package]]\nname = 'packed'\nversion = '1'\npath = './packed-1-py3-none-any.whl'\n";

    #[test]
    fn reads_what_ships() {
        assert_eq!(
            lock(REAL.as_bytes()),
            (["certifi 2025.1.31", "extra 1", "old 1", "packed 1"].map(str::to_owned).to_vec(), 0)
        );
        assert_eq!(lock(b"[[package]]\nname = 'a'\n"), (vec![], 1));
        assert_eq!(lock(b"=").1, 1);
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            lock(&bytes);
        }

        #[test]
        fn takes_spoiled_locks(place in 0..REAL.len(), byte: u8) {
            let mut bytes = REAL.as_bytes().to_vec();
            bytes[place] = byte;
            lock(&bytes);
        }
    }
}
