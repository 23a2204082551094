//! Known programs, by the cuts of real ones that another scanner keeps for its tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lazaret_catalog::{Options, catalog};
use lazaret_model::{Ecosystem, Limits};

use crate::binaries::unpack;
use crate::memory::Memory;

/// What stands before the bytes of a cut.
const CUT: &[u8] = b"### byte snippet to follow ###\n";

/// Directories are called after the case; these are the products in them.
const PRODUCTS: &[(&str, &str)] = &[
    ("ffmpeg-shared-libs", "ffmpeg"),
    ("go-version-hint", "go"),
    ("haskell-cabal", "cabal"),
    ("haskell-ghc", "ghc"),
    ("heimdal-krb5", "heimdal"),
    ("istio_pilot-agent", "istio-pilot-agent"),
    ("istio_pilot-discovery", "istio-pilot-discovery"),
    ("java-graal-openjdk", "graalvm"),
    ("java-jdk-openjdk", "openjdk"),
    ("java-jdk-oracle", "oracle-java"),
    ("java-jre-openjdk", "openjdk"),
    ("java-jre-openjdk-arm64-eclipse", "openjdk"),
    ("java-jre-openjdk-eclipse", "openjdk"),
    ("java-jre-oracle", "oracle-java"),
    ("java-jre-oracle-sdk", "oracle-java"),
    ("mysqld", "mysql"),
    ("ndb_mgmd", "mysql-cluster"),
    ("ndbd", "mysql-cluster"),
    ("ndbmtd", "mysql-cluster"),
    ("nginx-openresty", "openresty"),
    ("php-apache", "php"),
    ("postgres", "postgresql"),
    ("pypy-shared-lib", "pypy"),
    ("python-duplicates", "python"),
    ("python-shared-lib", "python"),
    ("python-with-incorrect-match", "python"),
    ("redis-server", "redis"),
    ("rust-libstd", "rust"),
    ("rust-libstd-musl", "rust"),
    ("valkey-server", "valkey"),
    ("wp", "wp-cli"),
];

/// Whether a version is the one that a directory is called after. Directories leave out what follows a `+`, write
/// zeros that the program does not, or the tag of the release instead of what the program says.
fn agrees(found: &str, directory: &str) -> bool {
    const TAGS: &[(&str, &str)] = &[
        ("1.7.0-dev-3", "1.7.0"),
        ("1.15-dev", "1.15"),
        ("1.15w", "1.15"),
        ("1.25w", "1.25"),
        ("26.2.0.0", "26.2"),
    ];
    let same = |wanted: &str| {
        let found = found.replace("+security", "-security");
        found == wanted || found.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('+'))
    };
    same(directory) || TAGS.iter().any(|(tag, version)| *tag == directory && same(version))
}

/// Cuts begin somewhere in a program: what makes it one is put before.
fn file(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let text = path.to_string_lossy();
    let is_text = [".app", ".ini", "VERSION", ".cache", "/elixir", "/wp", ".h", ".a"]
        .iter()
        .any(|end| text.ends_with(end));
    let cut = bytes.windows(CUT.len()).position(|window| window == CUT).map_or(0, |at| at + CUT.len());
    let mut program = Vec::new();
    if !is_text && !bytes[cut..].starts_with(b"\x7fELF") {
        program = if text.contains("darwin") {
            b"\xcf\xfa\xed\xfe".to_vec()
        } else {
            b"\x7fELF\x02\x01\x01".to_vec()
        };
        program.resize(64, 0);
    }
    program.extend_from_slice(&bytes[cut..]);
    program
}

fn files_below(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

fn products(tree: &mut Memory) -> BTreeSet<(String, String)> {
    let found = catalog(tree, &Limits::default(), Options::default());
    let generic = found.packages.into_iter().filter(|it| it.ecosystem == Ecosystem::Generic);
    generic.map(|it| (it.name, it.version)).collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "figures of an oracle")]
fn knows_the_programs_of_syfts_tests() {
    let Some((_directory, data)) = unpack("syft") else { return };
    let data = data.join("binary-classifiers/syft/pkg/cataloger/binary/testdata/classifiers/snippets");
    let mut paths = Vec::new();
    files_below(&data, &mut paths);
    // Files of one case lie beside each other in an image: links, and the text beside a program without version.
    let mut cases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in &paths {
        let inner = path.strip_prefix(&data).unwrap().to_str().unwrap().to_owned();
        let case: Vec<&str> = inner.splitn(4, '/').collect();
        cases.entry(case[..3].join("/")).or_default().push(case[3].to_owned());
    }
    let (mut good, mut misses) = (0, Vec::new());
    for (case, files) in &cases {
        let [name, version, _] = case.split('/').collect::<Vec<_>>()[..] else { unreachable!() };
        let wanted =
            PRODUCTS.iter().find(|(directory, _)| *directory == name).map_or(name, |(_, product)| *product);
        let mut tree = Memory::default();
        for inner in files {
            let path = data.join(case).join(inner);
            match inner.strip_suffix(".symlink") {
                Some(link) => {
                    tree = tree.link(&format!("app/{link}"), 0, fs::read_to_string(path).unwrap().trim())
                }
                None => tree = tree.program(&format!("app/{inner}"), 0, file(&path), 0o755),
            }
        }
        let found = products(&mut tree);
        tree.piece = 13;
        assert_eq!(products(&mut tree), found, "{case} in pieces");
        if found.iter().any(|(product, it)| product == wanted && agrees(it, version)) {
            good += files.len();
        } else {
            misses.push(format!("{case} ({} files): {found:?}", files.len()));
        }
    }
    let all = paths.len();
    eprintln!("classifiers: {good}/{all} files of {} cases; misses: {misses:#?}", cases.len());
    assert!(good * 100 >= all * 95, "{good} of {all}");
}

#[test]
fn takes_nothing_for_a_program_that_is_none() {
    let Some((_directory, data)) = unpack("syft") else { return };
    let data = data.join("binary-classifiers/syft/pkg/cataloger/binary/testdata/classifiers/negative");
    let mut paths = Vec::new();
    files_below(&data, &mut paths);
    assert!(paths.len() >= 8);
    for path in paths {
        for content in [file(&path), fs::read(&path).unwrap()] {
            let name = path.file_name().unwrap().to_str().unwrap();
            let found = products(&mut Memory::default().program(&format!("bin/{name}"), 0, content, 0o755));
            assert!(found.is_empty(), "{}: {found:?}", path.display());
        }
    }
}

#[test]
fn texts_beside_programs_tell_versions() {
    for (path, text, name, version) in [
        (
            "opt/java/release",
            "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_RUNTIME_VERSION=\"17.0.9+9\"\nJAVA_VERSION=\"17.0.9\"\n",
            "openjdk",
            "17.0.9+9",
        ),
        ("opt/java/release", "JAVA_VERSION=\"1.8.0_352\"\n", "openjdk", "1.8.0_352"),
        ("var/www/wp-includes/version.php", "<?php\n$wp_version = '6.4.2';\n", "wordpress", "6.4.2"),
        ("usr/local/go/VERSION", "go1.21.3\ntime 2023-10-09T17:04:35Z\n", "go", "1.21.3"),
    ] {
        let found = products(&mut Memory::default().file(path, 0, text));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [(name.to_owned(), version.to_owned())], "{path}");
    }
    assert!(
        products(&mut Memory::default().file("app/VERSION", 0, "1.2.3\n").file("app/release", 0, "x\n"))
            .is_empty()
    );
}
