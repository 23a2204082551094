//! Modules of Go, from the build information of programs (Go's `runtime/debug`, `BuildInfo.String`).

use lazaret_model::{Ecosystem, Package, PackageEvidence};

use super::ldflags;
use super::record::{Kind, of_kind};
use crate::files::File;
use crate::reading::Reading;

/// What a module has instead of a version when it was built from a working directory.
const DEVELOPMENT: &str = "(devel)";

pub(crate) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let package = |name: &str, version: &str| Package {
        location: file.location(),
        layer: file.layer,
        evidence: PackageEvidence::BuiltIn,
        ..Package::new(Ecosystem::Go, name, version)
    };
    for text in of_kind(file.bytes, Kind::GoVersion) {
        let version = toolchain(&String::from_utf8_lossy(text));
        if !reading.package(package("stdlib", &version)) {
            return;
        }
    }
    for text in of_kind(file.bytes, Kind::GoModules) {
        for module in modules(&String::from_utf8_lossy(text)) {
            if !reading.package(package(&module.name, &module.version)) {
                return;
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Module {
    name: String,
    /// Empty if nothing states one that can be trusted: it is then matched with nothing.
    version: String,
}

/// The main module and those that were built in, each as it really was built: replacements count.
fn modules(text: &str) -> Vec<Module> {
    let mut found: Vec<Module> = Vec::new();
    let mut main = None;
    let mut flags = "";
    for line in text.lines() {
        let mut fields = line.split('\t');
        let kind = fields.next().unwrap_or_default();
        let (first, second) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        match kind {
            "mod" | "dep" if !first.is_empty() => {
                if kind == "mod" {
                    main = Some(found.len());
                }
                found.push(Module { name: first.to_owned(), version: stated(second) });
            }
            "=>" => {
                if let Some(replaced) = found.last_mut() {
                    replace(replaced, first, second);
                }
            }
            "build" => flags = line.strip_prefix("build\t-ldflags=").unwrap_or(flags),
            _ => {}
        }
    }
    // The time and revision of the working directory make no version that can be compared: `v0.0.0-…` would come
    // before every release, and all that was ever fixed would be found.
    if let Some(main) = main.and_then(|main| found.get_mut(main)).filter(|main| main.version.is_empty()) {
        main.version = ldflags::version(&unquoted(flags), &main.name).map(as_of_module).unwrap_or_default();
    }
    found
}

/// Versions of modules have a `v`; builds are not bound to it.
fn as_of_module(version: String) -> String {
    if version.starts_with('v') { version } else { format!("v{version}") }
}

fn stated(version: &str) -> String {
    if version == DEVELOPMENT { String::new() } else { version.to_owned() }
}

/// A module of another name or version is in the program instead; or a directory, of which only the name is known.
fn replace(module: &mut Module, name: &str, version: &str) {
    let is_directory = name.starts_with(['.', '/', '\\']) || name.get(1..3) == Some(":\\");
    if !is_directory && !name.is_empty() {
        name.clone_into(&mut module.name);
    }
    module.version = if is_directory { String::new() } else { stated(version) };
}

/// Settings with unusual characters are quoted as a whole, as Go writes texts.
fn unquoted(text: &str) -> String {
    let within = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match within {
        Some(within) => within.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => match text.strip_prefix('`').and_then(|text| text.strip_suffix('`')) {
            Some(within) => within.to_owned(),
            None => text.to_owned(),
        },
    }
}

/// `go1.22.1 X:boringcrypto` is 1.22.1, and the candidate `go1.21rc2` is 1.21.0-rc2, as advisories compare it.
/// Versions under development have none.
fn toolchain(text: &str) -> String {
    let first = text.split([' ', '-', '+']).next().unwrap_or_default();
    let Some(version) =
        first.strip_prefix("go").filter(|version| version.starts_with(|it: char| it.is_ascii_digit()))
    else {
        return String::new();
    };
    match version.find("rc").or_else(|| version.find("beta")) {
        Some(at) => format!("{}.0-{}", &version[..at], &version[at..]),
        None => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;
    use crate::binary::record::Records;

    fn found(text: &str) -> Vec<(String, String)> {
        modules(text).into_iter().map(|it| (it.name, it.version)).collect()
    }

    #[test]
    fn versions_of_the_toolchain() {
        for (text, version) in [
            ("go1.22.1", "1.22.1"),
            ("go1.22.1 X:boringcrypto", "1.22.1"),
            ("go1.21rc2", "1.21.0-rc2"),
            ("go1.21beta1", "1.21.0-beta1"),
            ("go1.20.5-fips", "1.20.5"),
            ("go1.19.8+x", "1.19.8"),
            ("devel go1.23-abc Sun", ""),
            ("", ""),
        ] {
            assert_eq!(toolchain(text), version, "{text}");
        }
    }

    #[test]
    fn replacements_count() {
        let text = "path\tx/cmd\nmod\tx\tv1.2.3\th1:=\ndep\ta\tv1.0.0\n=>\tb\tv2.0.0\th1:=\ndep\tc\tv1.0.0\n=>\t./c\t(devel)\ndep\td\tv0.1.0\th1:=\nbuild\t-compiler=gc\n";
        let expected = [("x", "v1.2.3"), ("b", "v2.0.0"), ("c", ""), ("d", "v0.1.0")];
        assert_eq!(found(text), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn a_main_module_without_version_has_that_of_its_flags() {
        let text = |flags: &str| {
            format!("mod\tgithub.com/a/b\t(devel)\t\nbuild\t-ldflags={flags}\nbuild\tvcs.revision=0123\n")
        };
        for (flags, version) in [
            ("\"-X main.version=v1.0.0\"", "v1.0.0"),
            ("\"-s -X main.version=1.18.1\"", "v1.18.1"),
            ("-s -w", ""),
            ("\"-X 'main.version=v1.0.0'\"", "v1.0.0"),
        ] {
            assert_eq!(found(&text(flags)), [("github.com/a/b".to_owned(), version.to_owned())], "{flags}");
        }
    }

    #[test]
    fn becomes_packages() {
        let mut records = Records::default();
        records.add(Kind::GoVersion, b"go1.22.1");
        records.add(Kind::GoModules, b"dep\ta\tv1.0.0\n");
        let bytes = records.into_bytes();
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&File { path: b"usr/bin/x", layer: 2, bytes: &bytes }, &mut reading);
        let found: Vec<_> =
            reading.packages().iter().map(|it| (it.name.as_str(), it.version.as_str(), it.layer)).collect();
        assert_eq!(found, [("stdlib", "1.22.1", 2), ("a", "v1.0.0", 2)]);
        assert!(
            reading
                .packages()
                .iter()
                .all(|it| it.evidence == PackageEvidence::BuiltIn && it.location == "usr/bin/x")
        );
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "((mod|dep|=>|build|path)\t[a-z./]{0,3}\t(v1|\\(devel\\))?\n|.{0,5}\n){0,8}") {
            modules(&text);
        }
    }
}
