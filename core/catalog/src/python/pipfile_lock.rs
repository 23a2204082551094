//! `Pipfile.lock` of Pipenv (github.com/pypa/pipfile): `default` ships, `develop` is for developers.

use serde::Deserialize;

use super::wanted;
use crate::documents::json;
use crate::files::File;
use crate::lenient::{Pairs, Table, Text};
use crate::reading::Reading;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Lock<'a> {
    #[serde(borrow)]
    default: Pairs<'a, Table<Entry<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    /// `==1.0`. None of what comes from a directory or a repository.
    #[serde(borrow)]
    version: Text<'a>,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = json::<Lock<'_>>(file, reading) else { return };
    for (name, entry) in &lock.default.0 {
        let version = entry.0.as_ref().and_then(|entry| entry.version.trimmed());
        let Some(version) = version.map(|version| version.trim_start_matches('=').trim_start()) else {
            continue;
        };
        if !name.is_empty() && !version.is_empty() && !reading.package(wanted(file, name, version)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_tests::{lines, withstands};

    fn lock(bytes: &[u8]) -> (Vec<String>, usize) {
        lines(read, "Pipfile.lock", bytes)
    }

    const REAL: &str = r#"{"_meta": {"pipfile-spec": 6}, "default": {
  "PyYAML": {"hashes": ["sha256:0"], "index": "pypi", "version": "==5.1"},
  "own": {"editable": true, "path": "."},
  "far": {"git": "https://x/far.git", "ref": "0123"}
}, "develop": {"pytest": {"version": "==6.0"}}}"#;

    #[test]
    fn reads_what_ships() {
        assert_eq!(lock(REAL.as_bytes()), (vec!["pyyaml 5.1".to_owned()], 0));
        assert_eq!(lock(b"{}"), (vec![], 0));
        assert_eq!(lock(b"{"), (vec![], 1));
    }

    withstands!(lock, REAL);
}
