//! Databases that others wrote: test data of another scanner, and this machine's own.

use std::path::PathBuf;
use std::process::Command;

use lazaret_catalog::{Catalog, Options, catalog};
use lazaret_model::Limits;

use crate::memory::Memory;

#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
pub(crate) fn skipped(what: &str) {
    eprintln!("SKIPPED: {what}");
}

fn read(tree: &mut Memory) -> Catalog {
    catalog(tree, &Limits::default(), Options::default())
}

/// Test data of syft's dpkg cataloger, unpacked.
fn syft() -> Option<(tempfile::TempDir, PathBuf)> {
    let data = "syft-catalogers/syft/pkg/cataloger/debian/testdata";
    let directory = unpacked("pkgdb/syft.tar.zst", &[data])?;
    let data = directory.path().join(data);
    Some((directory, data))
}

/// All of a corpus, and where it begins.
pub(crate) fn whole(name: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let directory = unpacked(name, &[])?;
    let root = directory.path().to_owned();
    Some((directory, root))
}

/// Parts of a corpus in a directory of its own; nothing, with a line that says so, where there are no corpora.
pub(crate) fn unpacked(name: &str, parts: &[&str]) -> Option<tempfile::TempDir> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let corpora = std::env::var_os("LAZARET_CORPORA").map_or(beside, PathBuf::from);
    let archive = corpora.join(name);
    if !archive.is_file() {
        skipped(&format!("no corpus at {}; set LAZARET_CORPORA", archive.display()));
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar");
    tar.arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(directory.path()).args(parts);
    assert!(tar.status().unwrap().success());
    Some(directory)
}

#[test]
fn reads_the_databases_of_syfts_tests() {
    let Some((_directory, data)) = syft() else { return };
    for (file, expected, problems) in [
        ("single", &["apt 1.8.2 apt-dev 1.8.2"][..], 0),
        ("installed-size-4KB", &["apt 1.8.2 apt-dev 1.8.2"], 0),
        (
            "deinstall",
            &[
                "linux-image-6.14.0-1012-aws 6.14.0-1012.12~24.04.1 linux-signed-aws-6.14 6.14.0-1012.12~24.04.1",
            ],
            0,
        ),
        ("libpam-runtime", &["libpam-runtime 1.5.2-6+deb12u1 pam 1.5.2-6+deb12u1"], 5),
        ("empty", &[], 0),
        ("corrupt", &[], 0),
        (
            "multiple",
            &[
                "tzdata 2020a-0+deb10u1 tzdata-dev 2020a-0+deb10u1",
                "util-linux 2.33.1-0.1 util-linux 2.33.1-0.1",
            ],
            1,
        ),
        (
            "coreutils-relationships",
            &[
                "coreutils 9.1-1 coreutils 9.1-1",
                "gcc-12-base 12.2.0-14 gcc-12 12.2.0-14",
                "libacl1 2.3.1-3 acl 2.3.1-3",
                "libattr1 1:2.5.1-4 attr 1:2.5.1-4",
                "libc6 2.36-9+deb12u1 glibc 2.36-9+deb12u1",
                "libgcc-s1 12.2.0-14 gcc-12 12.2.0-14",
                "libgmp10 2:6.2.1+dfsg1-1.1 gmp 2:6.2.1+dfsg1-1.1",
                "libpcre2-8-0 10.42-1 pcre2 10.42-1",
                "libselinux1 3.4-1+b6 libselinux 3.4-1",
            ],
            0,
        ),
    ] {
        let text = std::fs::read(data.join("var/lib/dpkg/status.d").join(file)).unwrap();
        let found = read(&mut Memory::default().file(&format!("var/lib/dpkg/status.d/{file}"), 0, text));
        let lines: Vec<String> = found
            .packages
            .iter()
            .map(|it| format!("{} {} {} {}", it.name, it.version, it.source.name, it.source.version))
            .collect();
        assert_eq!(lines, expected, "{file}");
        assert_eq!(found.problems.len(), problems, "{file}: {:?}", found.problems);
    }
}

#[test]
fn reads_an_image_of_syfts_tests() {
    let Some((_directory, data)) = syft() else { return };
    let root = data.join("image-dpkg");
    let mut tree = Memory::default();
    for (path, layer) in
        [("etc/os-release", 0), ("var/lib/dpkg/info/libpam-runtime.md5sums", 1), ("var/lib/dpkg/status", 2)]
    {
        tree = tree.file(path, layer, std::fs::read(root.join(path)).unwrap());
    }
    let found = read(&mut tree);
    assert_eq!(found.packages.len(), 1);
    assert_eq!((found.packages[0].name.as_str(), found.packages[0].layer), ("libpam-runtime", 1));
    assert!(found.distribution.is_some());
}

/// dpkg's own reading of this machine's database.
#[test]
fn agrees_with_dpkg_on_this_machine() {
    let Ok(text) = std::fs::read("/var/lib/dpkg/status") else {
        return skipped("this machine has no dpkg database");
    };
    let format = "${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${source:Version}\\n";
    let output = match Command::new("dpkg-query").args(["-W", "-f", format]).output() {
        Ok(output) if output.status.success() => output,
        _ => return skipped("dpkg-query does not run here"),
    };
    let mut expected: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(state, _)| !matches!(*state, "not-installed" | "config-files"))
        .map(|(_, rest)| rest.to_owned())
        .collect();
    let found = read(&mut Memory::default().file("var/lib/dpkg/status", 0, text));
    let mut lines: Vec<String> = found
        .packages
        .into_iter()
        .map(|it| {
            let architecture = it.architecture.unwrap_or_default();
            format!("{}\t{}\t{architecture}\t{}\t{}", it.name, it.version, it.source.name, it.source.version)
        })
        .collect();
    expected.sort();
    lines.sort();
    assert_eq!(lines, expected);
    assert_eq!(found.problems, []);
}
