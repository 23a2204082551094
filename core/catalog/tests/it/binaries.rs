//! What programs say of themselves: programs of others, this project's own, and this machine's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use lazaret_catalog::{Catalog, Options, catalog};
use lazaret_model::{Ecosystem, Limits, Package, PackageEvidence};
use proptest::prelude::*;

use crate::memory::Memory;

#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
fn skipped(what: &str) {
    eprintln!("SKIPPED: {what}");
}

/// Test data of another scanner's catalogers, unpacked: `syft` or `lockfiles-trivy`.
pub(crate) fn unpack(name: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let corpora = env::var_os("LAZARET_CORPORA").map_or(beside, PathBuf::from);
    let archive = corpora.join("pkgdb").join(name).with_extension("tar.zst");
    if !archive.is_file() {
        skipped(&format!("no corpus at {}; set LAZARET_CORPORA", archive.display()));
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let status = Command::new("tar")
        .arg("--zstd")
        .arg("-xf")
        .arg(&archive)
        .arg("-C")
        .arg(directory.path())
        .status()
        .unwrap();
    assert!(status.success());
    let data = directory.path().to_owned();
    Some((directory, data))
}

fn read(path: &str, content: &[u8], piece: usize) -> Catalog {
    let mut tree = Memory::default().program(path, 3, content, 0o755);
    tree.piece = piece;
    catalog(&mut tree, &Limits::default(), Options::default())
}

fn lines<'p>(packages: impl IntoIterator<Item = &'p Package>) -> BTreeSet<String> {
    packages.into_iter().map(|it| format!("{} {}", it.name, it.version)).collect()
}

/// What trivy's tests expect: names and versions, where Go's standard library has the `v` of modules.
fn expected(case: &serde_json::Value) -> BTreeSet<String> {
    let of = |package: &serde_json::Value| {
        let [name, version] = ["name", "version"].map(|key| package[key].as_str().unwrap().to_owned());
        let version = if name == "stdlib" { version.trim_start_matches('v').to_owned() } else { version };
        format!("{name} {version}")
    };
    case["expected"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn agrees_with_trivys_cases() {
    let Some((_directory, data)) = unpack("lockfiles-trivy") else { return };
    let data = data.join("trivy");
    let mut checked = 0;
    for line in fs::read_to_string(data.join("expected.jsonl")).unwrap().lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        if !matches!(case["parser"].as_str(), Some("golang/binary" | "rust/binary")) || case["error"] == true
        {
            continue;
        }
        let Ok(content) = fs::read(data.join(case["file"].as_str().unwrap())) else { continue };
        let found = read("usr/bin/program", &content, 0);
        let built_in = found.packages.iter().filter(|it| it.evidence == PackageEvidence::BuiltIn);
        assert_eq!(lines(built_in), expected(&case), "{}", case["file"]);
        assert_eq!(found.problems, [], "{}", case["file"]);
        assert!(found.packages.iter().all(|it| it.location == "usr/bin/program" && it.layer == 3));
        checked += 1;
    }
    assert!(checked >= 9, "{checked}");
}

#[test]
fn a_file_that_comes_by_once_says_the_same() {
    let Some((_directory, data)) = unpack("lockfiles-trivy") else { return };
    let parsers = data.join("trivy/pkg/dependency/parser");
    for (file, has_old_build_information) in [
        ("golang/binary/testdata/goexperiment", false),
        ("golang/binary/testdata/main-version-via-ldflags.elf", false),
        ("golang/binary/testdata/semver-main-module-version.macho", false),
        ("golang/binary/testdata/test.elf", true),
        ("golang/binary/testdata/test.exe", true),
        ("rust/binary/testdata/test.elf", false),
        ("rust/binary/testdata/test.exe", false),
        ("rust/binary/testdata/test.macho", false),
    ] {
        let content = fs::read(parsers.join(file)).unwrap();
        let whole = read("bin/x", &content, 0);
        assert!(!whole.packages.is_empty(), "{file}");
        for piece in [1_000, 65_537, content.len()] {
            let passing = read("bin/x", &content, piece);
            if has_old_build_information {
                // It leads to texts that are gone.
                assert_eq!((passing.packages.len(), passing.problems.len()), (0, 1), "{file} {piece}");
            } else {
                assert_eq!(passing, whole, "{file} in pieces of {piece}");
            }
        }
    }
}

/// Programs of this build: `(path, content)`.
fn own_programs() -> Vec<(PathBuf, Vec<u8>)> {
    let this = env::current_exe().unwrap();
    let built = this.parent().and_then(Path::parent).unwrap();
    let named = ["lazaret", "lazaret-agent"].map(|name| built.join(name));
    [this.clone()]
        .into_iter()
        .chain(named)
        .filter_map(|path| Some((path.clone(), fs::read(path).ok()?)))
        .collect()
}

/// Crates and versions that Cargo.lock lists.
fn locked() -> BTreeSet<String> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
    let mut locked = BTreeSet::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(it) = value(line, "name = ") {
            name = it;
        } else if let Some(version) = value(line, "version = ") {
            locked.insert(format!("{name} {version}"));
        }
    }
    locked
}

#[test]
#[expect(clippy::print_stderr, reason = "figures of an oracle")]
fn crates_of_our_own_programs_are_those_that_are_locked() {
    let locked = locked();
    for (path, content) in own_programs() {
        let found = read("bin/x", &content, 0);
        let crates: Vec<&Package> =
            found.packages.iter().filter(|it| it.ecosystem == Ecosystem::Cargo && it.name != "std").collect();
        assert!(crates.iter().all(|it| it.evidence == PackageEvidence::Inferred));
        let named = lines(crates.iter().copied());
        let wrong: Vec<&String> = named.difference(&locked).collect();
        eprintln!(
            "{}: {} crates found of {} locked (which counts what only builds or tests), {} of them wrong",
            path.display(),
            crates.len(),
            locked.len(),
            wrong.len()
        );
        assert!(crates.len() >= 10 && wrong.is_empty(), "{wrong:?}");
        assert!(found.packages.iter().any(|it| it.name == "std"), "the compiler is not known");
        for piece in [4_099, 1 << 20] {
            assert_eq!(read("bin/x", &content, piece), found, "{}", path.display());
        }
    }
}

#[test]
fn what_dpkg_owns_is_its_own() {
    let (path, content) = own_programs().swap_remove(0);
    let status = "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n";
    let mut tree = Memory::default()
        .file("var/lib/dpkg/status", 0, status)
        .file("var/lib/dpkg/info/tool.list", 0, "/.\n/usr\n/usr/bin\n/usr/bin/tool\n")
        .program("usr/bin/other", 0, content.clone(), 0o755)
        .program("usr/bin/tool", 0, content, 0o755);
    let found = catalog(&mut tree, &Limits::default(), Options::default());
    let owner = |location: &str| -> BTreeSet<Option<&str>> {
        found.packages.iter().filter(|it| it.location == location).map(|it| it.owner.as_deref()).collect()
    };
    assert_eq!(owner("usr/bin/tool"), BTreeSet::from([Some("tool")]), "{}", path.display());
    assert_eq!(owner("usr/bin/other"), BTreeSet::from([None]));
}

/// Programs that this machine's distribution installed are of the version that it says.
#[test]
#[expect(clippy::print_stderr, reason = "figures of an oracle")]
fn agrees_with_dpkg_on_programs_of_this_machine() {
    let mut checked = 0;
    for (path, product, package) in [
        ("/usr/bin/bash", "bash", "bash"),
        ("/usr/bin/curl", "curl", "curl"),
        ("/usr/bin/gzip", "gzip", "gzip"),
        ("/usr/bin/mount", "util-linux", "mount"),
        ("/usr/bin/openssl", "openssl", "openssl"),
        ("/usr/bin/perl", "perl", "perl-base"),
        ("/usr/bin/python3.11", "python", "python3.11-minimal"),
        ("/usr/bin/python3.13", "python", "python3.13-minimal"),
        ("/usr/bin/xz", "xz", "xz-utils"),
        ("/usr/bin/zstd", "zstd", "zstd"),
        ("/usr/bin/jq", "jq", "jq"),
        ("/usr/bin/node", "node", "nodejs"),
        ("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "openssl", "libssl3"),
        ("/usr/lib/x86_64-linux-gnu/libz.so.1", "zlib", "zlib1g"),
    ] {
        let Ok(content) = fs::read(path) else { continue };
        let Ok(output) = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output() else {
            return skipped("dpkg-query does not run here");
        };
        let version = String::from_utf8(output.stdout).unwrap();
        if version.is_empty() {
            continue;
        }
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        let found = read(&format!("usr/bin/{name}"), &content, 0);
        let versions: Vec<&str> =
            found.packages.iter().filter(|it| it.name == product).map(|it| it.version.as_str()).collect();
        eprintln!("{path}: {versions:?} in {version}");
        let upstream = version.split_once(':').map_or(version.as_str(), |(_, rest)| rest);
        assert!(
            versions.len() == 1 && upstream.starts_with(versions[0]),
            "{path}: {versions:?}, dpkg says {version}"
        );
        assert_eq!(read(&format!("usr/bin/{name}"), &content, 10_007), found, "{path}");
        checked += 1;
    }
    if checked == 0 {
        skipped("no program of this machine is known");
    }
}

#[test]
fn lying_headers_are_told_and_cost_little() {
    let mut file = vec![0; 8 << 20];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    // A table of 65,535 sections, each the whole file and called by the same name.
    let put = |file: &mut Vec<u8>, at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(&mut file, 40, &4096_u64.to_le_bytes());
    put(&mut file, 58, &[64, 0, 0xff, 0xff, 0, 0]);
    for number in 0..65_535 {
        let at = 4096 + number * 64;
        put(&mut file, at, &64_u32.to_le_bytes());
        put(&mut file, at + 32, &(8_u64 << 20).to_le_bytes());
    }
    put(&mut file, 64, b".rodata\0");
    let begun = std::time::Instant::now();
    let found = read("bin/x", &file, 0);
    assert!(found.packages.is_empty());
    assert!(begun.elapsed().as_secs() < 5);
    // A table that would be larger than the file.
    put(&mut file, 58, &[0xff, 0xff, 0xff, 0xff]);
    assert_eq!(read("bin/x", &file, 0).problems.len(), 1);
    assert_eq!(read("bin/x", b"\x7fELF\x02\x01", 0).problems.len(), 1);
}

const MAGICS: &[&[u8]] = &[b"\x7fELF\x02\x01", b"\x7fELF\x01\x02", b"MZ", b"\xcf\xfa\xed\xfe"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn takes_changed_programs(changes in proptest::collection::vec((0..1_024usize, any::<u8>(), prop::bool::ANY), 1..40), piece in 1_000..300_000usize) {
        let mut content = own_programs().swap_remove(0).1;
        // Programs end with their section table.
        let size = content.len();
        for (place, byte, at_the_end) in changes {
            content[if at_the_end { size - 1 - place * 3 } else { place }] = byte;
        }
        read("bin/python3", &content, 0);
        read("bin/python3", &content, piece);
    }

    #[test]
    fn takes_any_bytes_behind_a_header(magic in prop::sample::select(MAGICS), bytes in proptest::collection::vec(any::<u8>(), 0..2_000), piece in 1..700usize) {
        let content = [magic, &bytes].concat();
        read("bin/node", &content, 0);
        prop_assert_eq!(read("bin/node", &content, piece), read("bin/node", &content, content.len()));
    }
}
