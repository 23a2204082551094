//! `pdm.lock` of PDM (pdm-project.org, "Lock file").
//!
//! Groups of developers and extras have free names there; only `dev`, which PDM gives by itself, is known to be for
//! developers.

use serde::Deserialize;

use super::{Lock, add};
use crate::documents::toml;
use crate::files::File;
use crate::lenient::{List, Text};
use crate::reading::Reading;

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
    let Some(lock) = toml::<Lock<Entry<'_>>>(file, reading) else { return };
    for entry in &lock.package.0 {
        let groups = &entry.groups.0;
        let is_for_developers =
            !groups.is_empty() && groups.iter().all(|group| group.trimmed() == Some("dev"));
        if is_for_developers || entry.path.trimmed().is_some_and(|path| !is_packed(path)) {
            continue;
        }
        if !add(file, &entry.name, &entry.version, reading) {
            return;
        }
    }
}

fn is_packed(path: &str) -> bool {
    [".whl", ".tar.gz", ".zip"].iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_tests::{lines, withstands};

    fn lock(bytes: &[u8]) -> (Vec<String>, usize) {
        lines(read, "pdm.lock", bytes)
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

    withstands!(lock, REAL);
}
