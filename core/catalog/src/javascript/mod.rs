//! Packages of npm and its kin: what is installed, and what lock files want.
//!
//! Of lock files, two kinds of entries are no packages here. What only developers need (`devDependencies`, and what
//! nothing else needs) does not ship, wherever the lock file tells it apart. And what lies in the project itself
//! (workspaces, links, directories) has names that nobody registered, or that somebody else did: advisories about
//! malicious packages name those.

mod bun_lock;
mod deno_lock;
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
        evidence: PackageEvidence::Installed,
        ..npm(
            "npm",
            "installed packages of npm, yarn, pnpm and bun, by their package.json; also in yarn's archives",
            &[
                Pattern::content(Place::Anywhere, Name::Exactly("package.json")),
                Pattern::extract(Place::InAnyEndingWith("cache"), Name::EndsWith(".zip"), manifest::YARN),
            ],
            Read::Each(manifest::read),
        )
    },
    npm(
        "npm-lock",
        "lock files of npm",
        &[of_project("package-lock.json"), of_project("npm-shrinkwrap.json")],
        Read::Each(npm_lock::read),
    ),
    npm(
        "yarn-lock",
        "lock files of yarn, classic and berry; the manifests say what is only for developers",
        &[of_project("yarn.lock"), of_project("package.json")],
        Read::Together(yarn_lock::read),
    ),
    npm("pnpm-lock", "lock files of pnpm", &[of_project("pnpm-lock.yaml")], Read::Each(pnpm_lock::read)),
    npm(
        "bun-lock",
        "lock files of bun",
        &[of_project("bun.lock"), of_project("bun.lockb")],
        Read::Each(bun_lock::read),
    ),
    npm(
        "deno-lock",
        "lock files of Deno: packages of npm and JSR",
        &[of_project("deno.lock")],
        Read::Each(deno_lock::read),
    ),
];

/// Lock files of installed packages speak of how those were developed.
const fn of_project(name: &'static str) -> Pattern {
    Pattern::content(Place::Outside("node_modules"), Name::Exactly(name))
}

const fn npm(name: &'static str, about: &'static str, patterns: &'static [Pattern], read: Read) -> Cataloger {
    Cataloger {
        name,
        about,
        ecosystem: Ecosystem::Npm,
        evidence: PackageEvidence::Declared,
        patterns,
        read,
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
}
