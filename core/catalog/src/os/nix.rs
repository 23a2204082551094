//! Packages of Nix: directories of the store, `hash-name-version` and perhaps one of the package's outputs (Nix's manual,
//! "Store Path"; for names and versions `builtins.parseDrvName`).

use lazaret_model::{Ecosystem, Package};

use crate::files::Files;
use crate::os::text;
use crate::pattern::{Name, Pattern, Place, split};
use crate::reading::{Reading, lossy};

pub(crate) const PATTERNS: &[Pattern] = &[Pattern::directory(Place::In("nix/store"), Name::Any)];

const HASH: usize = 32;
/// The output `out` is not named.
const OUTPUTS: [&str; 14] = [
    "bin", "debug", "dev", "devdoc", "dist", "doc", "getent", "info", "lib", "man", "python", "static",
    "terminfo", "tzdata",
];

pub(crate) fn read(files: &Files, reading: &mut Reading<'_>) {
    for (path, file) in files.iter() {
        // What has no version is no package: sources, hooks, environments.
        let Some((name, version)) = text::line(split(path).1).as_deref().and_then(parts).map(owned) else {
            continue;
        };
        let package = Package {
            layer: file.layer,
            location: lossy(path),
            ..Package::new(Ecosystem::Nix, name, version)
        };
        if !reading.package(package) {
            return;
        }
    }
}

fn owned((name, version): (&str, &str)) -> (String, String) {
    (name.to_owned(), version.to_owned())
}

/// Name and version of a directory of the store.
fn parts(directory: &str) -> Option<(&str, &str)> {
    let (hash, package) = directory.split_at_checked(HASH)?;
    // Nix leaves out the letters of rude words.
    if !hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z') && !b"eotu".contains(&byte)) {
        return None;
    }
    let package = package.strip_prefix('-')?;
    let hyphens = package.match_indices('-').map(|(at, _)| at);
    let starts_version = |at: &usize| package[at + 1..].starts_with(|first: char| first.is_ascii_digit());
    let at = hyphens.into_iter().find(starts_version).filter(|&at| at > 0)?;
    let (name, version) = (&package[..at], &package[at + 1..]);
    let version = match version.rsplit_once('-') {
        Some((version, output)) if OUTPUTS.contains(&output) => version,
        _ => version,
    };
    // Recipes, not what was built by them.
    (!version.ends_with(".drv")).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tells_names_from_versions() {
        let hash = "5av396z8xa13jg89g9jws145c0k26k2x";
        for (package, expected) in [
            ("-glibc-2.34-210", Some(("glibc", "2.34-210"))),
            ("-glibc-2.34-210-bin", Some(("glibc", "2.34-210"))),
            ("-python3.11-requests-2.31.0", Some(("python3.11-requests", "2.31.0"))),
            ("-openssl-1.1.1w-dev", Some(("openssl", "1.1.1w"))),
            ("-glibc-2.34-210.drv", None),
            ("-source", None),
            ("-setup-hook", None),
            ("-2", None),
            ("", None),
        ] {
            assert_eq!(parts(&format!("{hash}{package}")), expected, "{package}");
        }
        assert_eq!(parts("glibc-2.34-210"), None);
        assert_eq!(parts(&format!("{}-a-1", "e".repeat(HASH))), None);
    }

    proptest! {
        #[test]
        fn takes_any_name(name in ".{0,60}") {
            let _ = parts(&name);
        }
    }
}
