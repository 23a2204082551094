//! The repositories that a tree is configured for (dnf.conf(5), zypper(8)), and the variables in their addresses.

use crate::files::Files;
use crate::pattern::{Name, Pattern, Place};

pub(crate) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::In("etc/yum.repos.d"), Name::EndsWith(".repo")),
    Pattern::content(Place::In("etc/yum/repos.d"), Name::EndsWith(".repo")),
    Pattern::content(Place::In("etc/zypp/repos.d"), Name::EndsWith(".repo")),
    Pattern::content(Place::In("etc/dnf/vars"), Name::Any),
    Pattern::content(Place::In("etc/yum/vars"), Name::Any),
    Pattern::content(Place::In("etc/zypp/vars.d"), Name::Any),
];

/// Paths and contents, in the order of the paths.
pub(crate) fn read(files: &Files) -> Vec<(String, Vec<u8>)> {
    files
        .iter()
        .filter_map(|(path, file)| Some((String::from_utf8_lossy(path).into_owned(), file.content.clone()?)))
        .collect()
}
