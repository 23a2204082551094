use lazaret_model::{Ecosystem, Entry, EntryKind};

use crate::catalog::Findings;
use crate::dpkg;

/// One way of finding packages. Adding a row to [`CATALOGERS`] is all that registration needs.
#[derive(Debug)]
pub struct Cataloger {
    pub name: &'static str,
    pub ecosystem: Ecosystem,
    /// What it reads, for people; `*` stands for one path component.
    pub reads: &'static [&'static str],
    /// Whether the content of this file is read.
    pub(crate) wants: fn(path: &[u8]) -> bool,
    /// Called with each entry of the tree, and with the content of those it wants.
    pub(crate) visit: fn(entry: &Entry<'_>, content: Option<&[u8]>, findings: &mut Findings),
}

/// Every cataloger there is.
pub const CATALOGERS: &[Cataloger] = &[Cataloger {
    name: "dpkg",
    ecosystem: Ecosystem::Deb,
    reads: &["var/lib/dpkg/status", "var/lib/dpkg/status.d/*", "var/lib/dpkg/info/*.list"],
    wants: dpkg::wants,
    visit: dpkg::visit,
}];

/// Regular files can be executed if any of their x bits is set, by root too.
pub(crate) fn is_executable(entry: &Entry<'_>) -> bool {
    entry.kind == EntryKind::File && entry.mode & 0o111 != 0
}
