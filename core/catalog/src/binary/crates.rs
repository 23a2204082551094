//! Crates of Rust in a program that says nothing of them on purpose: where code can panic, the compiler leaves the
//! path of its source file, and in it the directory of the crate with name and version.
//!
//! `registry/src/index.crates.io-6f17d22bba15001f/memchr-2.5.0/src/memmem/mod.rs` is Cargo's own layout,
//! `/usr/share/cargo/registry/memchr-2.5.0/…` that of distributions; `memchr-2.5.0/src/….rs` lies below any directory
//! that a build keeps crates in. Crates that cannot panic leave nothing.

use lazaret_model::{Ecosystem, Package, PackageEvidence};
use memchr::memmem::{self, Finder};

use super::record::{Kind, of_kind};
use crate::files::File;
use crate::reading::{Reading, lossy};

pub(crate) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let toolchains = of_kind(file.bytes, Kind::Rustc).map(|version| ("std".to_owned(), lossy(version)));
    let crates = of_kind(file.bytes, Kind::Crate).filter_map(|text| {
        let text = lossy(text);
        text.split_once(' ').map(|(name, version)| (name.to_owned(), version.to_owned()))
    });
    for (name, version) in toolchains.chain(crates) {
        let package = Package {
            location: file.location(),
            layer: file.layer,
            evidence: PackageEvidence::Inferred,
            ..Package::new(Ecosystem::Cargo, name, version)
        };
        if !reading.package(package) {
            return;
        }
    }
}

/// Finds paths of crates in constant texts.
pub(super) struct Paths {
    registry: Finder<'static>,
    sources: [Finder<'static>; 2],
    toolchain: [Finder<'static>; 2],
}

/// More bytes than a path has before or behind where it is found.
pub(super) const LONGEST: usize = 512;
const LONGEST_COMPONENT: usize = 160;

impl Paths {
    pub(super) fn new() -> Self {
        Self {
            registry: Finder::new(b"registry"),
            sources: [Finder::new(b"/src/"), Finder::new(b"\\src\\")],
            // The standard library of rustup, and that of Debian.
            toolchain: [Finder::new(b"/rustc/"), Finder::new(b"/usr/src/rustc-")],
        }
    }

    /// Whether the texts are those of a program of Rust.
    pub(super) fn are_of_rust(&self, text: &[u8]) -> bool {
        self.toolchain.iter().any(|finder| finder.find(text).is_some())
    }

    /// The crates whose paths are found before `until`: name and version.
    pub(super) fn find<'t>(&self, text: &'t [u8], until: usize, mut found: impl FnMut(&'t [u8], &'t [u8])) {
        let head = |finder: &Finder<'_>| {
            text.get(..until.saturating_add(finder.needle().len()).min(text.len())).unwrap_or_default()
        };
        for at in self.registry.find_iter(head(&self.registry)) {
            let in_registry = component(&text[at + "registry".len()..]).and_then(|(first, rest)| {
                // Cargo's own has the index between.
                let directory = if first == b"src" { component(component(rest)?.1)?.0 } else { first };
                split(directory)
            });
            if let Some((name, version)) = in_registry {
                found(name, version);
            }
        }
        for finder in &self.sources {
            for at in finder.find_iter(head(finder)) {
                let before = &text[at.saturating_sub(LONGEST)..at];
                let Some(slash) = before.iter().rposition(|&byte| byte == b'/' || byte == b'\\') else {
                    continue;
                };
                let (parent, directory) = (&before[..slash], &before[slash + 1..]);
                let crate_ = split(directory).filter(|_| {
                    is_source(&text[at + finder.needle().len()..]) && !is_of_standard_library(parent)
                });
                if let Some((name, version)) = crate_ {
                    found(name, version);
                }
            }
        }
    }
}

/// Whether what follows is the rest of a path to a source file of Rust. Others have directories with versions too.
fn is_source(rest: &[u8]) -> bool {
    let is_of_path = |byte: &&u8| byte.is_ascii_alphanumeric() || b"/\\_-.".contains(byte);
    let end = rest.iter().take(LONGEST_COMPONENT).take_while(is_of_path).count();
    memmem::find(&rest[..end], b".rs").is_some()
}

/// What the standard library was built from is its own, whose version is known. Three layouts: two of rustup's, in
/// turn, and that of Debian.
fn is_of_standard_library(parent: &[u8]) -> bool {
    let is_hashed = |rest: &[u8]| {
        let hash = rest.split_last_chunk::<16>();
        hash.is_some_and(|(rest, hash)| {
            rest.ends_with(b"/cargo/registry/") && hash.iter().all(u8::is_ascii_hexdigit)
        })
    };
    parent.ends_with(b"/rust/deps")
        || is_hashed(parent)
        || memmem::rfind(parent, b"/usr/src/rustc-").is_some_and(|at| parent.len() - at < 40)
}

/// The name between two slashes of either kind, and what follows from the second one on.
fn component(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (b'/' | b'\\', rest) = text.split_first()? else { return None };
    let end = rest.iter().take(LONGEST_COMPONENT).position(|&byte| byte == b'/' || byte == b'\\')?;
    Some((&rest[..end], &rest[end..]))
}

/// `winapi-x86_64-pc-windows-gnu-0.4.0`, `foo-1.2.3-alpha.1+x`: a name has no dots, so there is one way at most.
fn split(directory: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_name = |name: &[u8]| {
        name.first().is_some_and(u8::is_ascii_alphabetic)
            && name.len() <= 64
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
    };
    directory.iter().enumerate().filter(|(_, byte)| **byte == b'-').find_map(|(at, _)| {
        let (name, version) = (&directory[..at], &directory[at + 1..]);
        (is_name(name) && is_version(version)).then_some((name, version))
    })
}

/// Three numbers, and perhaps what comes before or is built of a release (semver.org 2.0.0, 9 and 10).
fn is_version(version: &[u8]) -> bool {
    let end = version.iter().position(|byte| b"-+".contains(byte)).unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    let is_number = |part: &[u8]| !part.is_empty() && part.len() < 12 && part.iter().all(u8::is_ascii_digit);
    let is_rest = |byte: &u8| byte.is_ascii_alphanumeric() || b".-+".contains(byte);
    numbers.split(|&byte| byte == b'.').count() == 3
        && numbers.split(|&byte| byte == b'.').all(is_number)
        && rest.len() != 1
        && rest.iter().all(is_rest)
}

/// The version in `rustc version 1.84.0 (9fc6b4312 2025-01-07)`, of what follows `rustc version `.
pub(super) fn toolchain(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().take(40).position(|&byte| byte == b' ')?;
    let version = text.get(..end)?;
    (is_version(version) && text.get(end + 1) == Some(&b'(')).then_some(version)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &[u8]) -> Vec<String> {
        let mut list = Vec::new();
        Paths::new()
            .find(text, text.len(), |name, version| list.push(format!("{} {}", lossy(name), lossy(version))));
        list
    }

    #[test]
    fn splits_names_and_versions() {
        for (directory, expected) in [
            ("memchr-2.5.0", Some(("memchr", "2.5.0"))),
            ("foo-1.2.3-alpha.1+x", Some(("foo", "1.2.3-alpha.1+x"))),
            ("winapi-x86_64-pc-windows-gnu-0.4.0", Some(("winapi-x86_64-pc-windows-gnu", "0.4.0"))),
            ("md-5-0.10.5", Some(("md-5", "0.10.5"))),
            ("wasi-0.11.0+wasi-snapshot-preview1", Some(("wasi", "0.11.0+wasi-snapshot-preview1"))),
            ("ring-0.17.0-not-released-yet", Some(("ring", "0.17.0-not-released-yet"))),
            ("foo-1.2.3-4.5.6", Some(("foo", "1.2.3-4.5.6"))),
            ("foo-1.2", None),
            ("foo", None),
            ("-1.2.3", None),
            ("1-1.2.3", None),
            ("foo-1.2.3-", None),
            ("foo-1.2.3 x", None),
        ] {
            let expected = expected.map(|(name, version)| (name.as_bytes(), version.as_bytes()));
            assert_eq!(split(directory.as_bytes()), expected, "{directory}");
        }
    }

    #[test]
    fn finds_paths_of_every_layout() {
        for (text, expected) in [
            (
                "xx/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/a-1.0.0/src/lib.rs/root/.cargo/registry/src/github.com-1ecc6299db9ec823/b-2.0.0/src/x.rs",
                &["a 1.0.0", "b 2.0.0"][..],
            ),
            ("/usr/share/cargo/registry/c_d-0.1.2/src/lib.rs", &["c_d 0.1.2"]),
            ("/build/x-1.0.0/debian/cargo_registry/e-3.0.0/src/lib.rs", &["e 3.0.0"]),
            (
                "C:\\Users\\x\\.cargo\\registry\\src\\index.crates.io-6f17d22bba15001f\\f-1.0.0\\src\\lib.rs",
                &["f 1.0.0"],
            ),
            (
                "/src/vendor/g-1.0.0/src/lib.rs/build/cargo-vendor-dir/h-1.0.0/src/a.rs",
                &["g 1.0.0", "h 1.0.0"],
            ),
            ("vendor/i/src/lib.rs vendor/j-1.0.0/lib/x registry/src/ registry/mod.rs registry", &[]),
            (
                "/rust/deps/hashbrown-0.14.3/src/raw/mod.rs/usr/src/rustc-1.63.0/vendor/gimli-0.25.0/src/x.rs",
                &[],
            ),
            ("/build/curl-7.88.1/src/tool.c registry/src/i-0/k-1.0.0/src/lib.rs", &["k 1.0.0", "k 1.0.0"]),
        ] {
            let (mut found, mut expected) = (found(text.as_bytes()), expected.to_vec());
            found.sort();
            found.dedup();
            expected.dedup();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn knows_the_toolchain() {
        assert_eq!(toolchain(b"1.84.0 (9fc6b4312 2025-01-07)\0"), Some(&b"1.84.0"[..]));
        assert_eq!(toolchain(b"1.97.0-nightly (9fc6b4312 2025-01-07)\0"), Some(&b"1.97.0-nightly"[..]));
        assert_eq!((toolchain(b"%s\n"), toolchain(b"1.84.0")), (None, None));
        assert!(Paths::new().are_of_rust(b"x/rustc/9fc6/library/core/src/lib.rs"));
    }

    const PARTS: &[&[u8]] = &[b"registry", b"vendor", b"/", b"\\", b"src", b".rs", b"a-1.0.0", b"\0", b"-"];

    proptest! {
        #[test]
        fn every_crate_in_a_registry_is_found(name in "[a-z][a-z0-9_]{0,10}(-[a-z0-9_]{1,4}){0,2}", version in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}(-[a-z]{1,5}\\.[0-9])?(\\+[a-z0-9-]{1,4})?") {
            let text = format!("?/.cargo/registry/src/index.crates.io-6f17d22bba15001f/{name}-{version}/src/lib.rs");
            let crate_ = format!("{name} {version}");
            prop_assert_eq!(found(text.as_bytes()), [crate_.clone(), crate_]);
        }

        #[test]
        fn takes_any_bytes(parts in proptest::collection::vec(prop::sample::select(PARTS), 0..30)) {
            let text = parts.concat();
            found(&text);
            toolchain(&text);
        }
    }
}
