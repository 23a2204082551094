//! Packages of npm and its kin: what is installed, and what lock files want.
//!
//! Of lock files, two kinds of entries are no packages here. What only developers need (`devDependencies`, and what
//! nothing else needs) does not ship, wherever the lock file tells it apart. And what lies in the project itself
//! (workspaces, links, directories) has names that nobody registered, or that somebody else did: advisories about
//! malicious packages name those.

mod bun;
mod jsonc;
mod licence;
mod manifest;
mod npm_lock;
mod pnpm_lock;
mod yarn_lock;

use lazaret_model::{Ecosystem, Package, PackageEvidence};

use crate::cataloger::{Cataloger, Read};
use crate::files::File;
use crate::pattern::{Name, Pattern, Place};

pub(crate) const CATALOGERS: &[Cataloger] = &[
    Cataloger {
        name: "npm",
        about: "installed packages of npm, yarn, pnpm and bun, by their package.json",
        ecosystem: Ecosystem::Npm,
        evidence: PackageEvidence::Installed,
        patterns: &[anywhere("package.json")],
        read: Read::Each(manifest::read),
        owners: None,
    },
    declared(
        "npm-lock",
        "lock files of npm",
        &[anywhere("package-lock.json"), anywhere("npm-shrinkwrap.json")],
        npm_lock::read,
    ),
    declared("yarn-lock", "lock files of yarn, classic and berry", &[anywhere("yarn.lock")], yarn_lock::read),
    declared("pnpm-lock", "lock files of pnpm", &[anywhere("pnpm-lock.yaml")], pnpm_lock::read),
    declared("bun-lock", "lock files of bun", &[anywhere("bun.lock"), anywhere("bun.lockb")], bun::read),
];

const fn anywhere(name: &'static str) -> Pattern {
    Pattern::content(Place::Anywhere, Name::Exactly(name))
}

const fn declared(
    name: &'static str,
    about: &'static str,
    patterns: &'static [Pattern],
    read: fn(&File<'_>, &mut crate::reading::Reading<'_>),
) -> Cataloger {
    Cataloger {
        name,
        about,
        ecosystem: Ecosystem::Npm,
        evidence: PackageEvidence::Declared,
        patterns,
        read: Read::Each(read),
        owners: None,
    }
}

/// A package that a lock file wants.
fn wanted(file: &File<'_>, name: &str, version: &str) -> Package {
    Package {
        evidence: PackageEvidence::Declared,
        layer: file.layer,
        location: file.location(),
        ..Package::new(Ecosystem::Npm, name, version)
    }
}

/// Lock files of installed packages speak of how those were developed.
fn is_installed(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').any(|component| component == b"node_modules")
}

/// Whether a reference (what follows `name@`) leads into the project itself. Packed archives there are packages.
fn is_own(reference: &str) -> bool {
    ["workspace:", "link:", "portal:", "root:"].iter().any(|start| reference.starts_with(start))
        || reference.starts_with("file:") && !is_packed(reference)
}

fn is_packed(reference: &str) -> bool {
    // Berry and pnpm say more after the path.
    let path = reference.split(['#', '(', ':']).nth(1).unwrap_or_default();
    [".tgz", ".tar.gz", ".tar"].iter().any(|end| path.ends_with(end))
}

/// `name@reference` at its first `@` that is not that of a scope.
fn split_reference(text: &str) -> Option<(&str, &str)> {
    let scope = usize::from(text.starts_with('@'));
    let at = text.get(scope..)?.find('@')? + scope;
    (at > 0).then(|| (&text[..at], &text[at + 1..]))
}

/// `npm:name@range`: a package under another name.
fn alias(reference: &str) -> Option<(&str, &str)> {
    split_reference(reference.strip_prefix("npm:")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        assert_eq!(split_reference("@a/b@^1"), Some(("@a/b", "^1")));
        assert_eq!(split_reference("b@npm:c@1"), Some(("b", "npm:c@1")));
        assert_eq!(split_reference("@a/b"), None);
        assert_eq!(split_reference("@"), None);
        assert_eq!(split_reference(""), None);
        assert_eq!(alias("npm:@a/b@1"), Some(("@a/b", "1")));
        assert_eq!(alias("npm:^1"), None);
        for own in ["workspace:.", "link:../x", "portal:x", "file:x", "file:x.tgz/dir", "root:"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["1.0.0", "npm:1", "file:x.tgz", "file:x.tgz#./x.tgz::hash=1", "https://x/workspace:"] {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn lock_files_of_installed_packages() {
        assert!(is_installed(b"a/node_modules/b/yarn.lock"));
        assert!(!is_installed(b"node_modules_old/yarn.lock"));
    }
}
