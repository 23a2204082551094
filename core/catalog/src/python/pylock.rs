//! `pylock.toml` and `pylock.*.toml` (PEP 751). Which packages are for developers only markers could tell, which
//! depend on how somebody installs.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::wanted;
use crate::documents::toml;
use crate::files::File;
use crate::lenient::{List, Text};
use crate::reading::Reading;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Lock<'a> {
    #[serde(borrow)]
    packages: List<Entry<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    /// Need not be known of what is built from a repository or an archive.
    #[serde(borrow)]
    version: Text<'a>,
    directory: Option<IgnoredAny>,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = toml::<Lock<'_>>(file, reading) else { return };
    for entry in &lock.packages.0 {
        if let (Some(name), Some(version)) = (entry.name.trimmed(), entry.version.trimmed())
            && entry.directory.is_none()
            && !reading.package(wanted(file, name, version))
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_tests::{lines, withstands};

    fn lock(bytes: &[u8]) -> (Vec<String>, usize) {
        lines(read, "pylock.toml", bytes)
    }

    const REAL: &str = "lock-version = '1.0'\n[[packages]]\nname = 'attrs'\nversion = '25.4.0'\n[[packages.wheels]]\nname = 'x.whl'\n\
[[packages]]\nname = 'near'\nversion = '1'\n[packages.directory]\npath = '.'\n[[packages]]\nname = 'far'\n[packages.vcs]\ntype = 'git'\n";

    #[test]
    fn reads_packages() {
        assert_eq!(lock(REAL.as_bytes()), (vec!["attrs 25.4.0".to_owned()], 0));
        assert_eq!(lock(b"["), (vec![], 1));
    }

    withstands!(lock, REAL);
}
