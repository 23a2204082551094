//! Databases of the smaller package managers, from syft's test data.

use std::path::{Path, PathBuf};

use lazaret_catalog::{Catalog, Options, catalog};
use lazaret_model::{Limits, Package};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::corpora::unpacked;
use crate::memory::{Memory, Node};

/// The directories of its catalogers.
fn syft() -> Option<(tempfile::TempDir, PathBuf)> {
    let root = "syft-catalogers/syft/pkg/cataloger";
    let parts = ["alpine", "arch", "bitnami", "debian", "gentoo", "nix"]
        .map(|part| format!("{root}/{part}/testdata"));
    let directory = unpacked("pkgdb/syft.tar.zst", &parts.each_ref().map(String::as_str))?;
    let root = directory.path().join(root);
    Some((directory, root))
}

/// The tree below a directory.
fn tree(root: &Path) -> Memory {
    fn add(tree: &mut Memory, root: &Path, directory: &Path) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().as_bytes().to_vec();
            if path.is_dir() {
                tree.add(&name, 0, Node::Directory);
                add(tree, root, &path);
            } else {
                let content = std::fs::read(&path).unwrap();
                tree.add(&name, 0, Node::File { content, mode: 0o644 });
            }
        }
    }
    let mut tree = Memory::default();
    add(&mut tree, root, root);
    tree
}

fn read(mut tree: Memory) -> Catalog {
    catalog(&mut tree, &Limits::default(), Options::default())
}

fn lines(found: &Catalog) -> Vec<String> {
    let line = |it: &Package| {
        let architecture = it.architecture.as_deref().unwrap_or("-");
        format!("{} {} {architecture} {} [{}]", it.name, it.version, it.source.name, it.licences.join(", "))
    };
    found.packages.iter().map(line).collect()
}

#[test]
fn reads_databases_of_apk() {
    let Some((_directory, root)) = syft() else { return };
    let data = root.join("alpine/testdata");
    for (file, expected, problems) in [
        ("single", &["musl-utils 1.1.24-r2 x86_64 musl [MIT BSD GPL2+]"][..], 0),
        ("extra-file-attributes", &["openjdk8-jre 8.212.04-r0 x86_64 openjdk8 [custom]"], 0),
        (
            "empty-deps-and-provides",
            &["alpine-baselayout-data 3.4.0-r0 x86_64 alpine-baselayout [GPL-2.0-only]"],
            0,
        ),
        ("base", &["alpine-baselayout 3.2.0-r6 x86_64 alpine-baselayout [GPL-2.0-only]"], 0),
        (
            "corrupt/lib/apk/db/installed",
            &["alpine-baselayout-data 3.2.0-r22 x86_64 alpine-baselayout []"],
            1,
        ),
    ] {
        let text = std::fs::read(data.join(file)).unwrap();
        let found = read(Memory::default().file("lib/apk/db/installed", 0, text));
        assert_eq!(
            (lines(&found), found.problems.len()),
            (expected.iter().map(|it| (*it).to_owned()).collect(), problems),
            "{file}"
        );
    }
    for directory in ["multiple-1", "multiple-2"] {
        let found = read(tree(&data.join(directory)));
        let text = std::fs::read_to_string(data.join(directory).join("lib/apk/db/installed")).unwrap();
        let names = text.lines().filter(|line| line.starts_with("P:")).count();
        assert!(names > 1);
        assert_eq!((found.packages.len(), found.problems), (names, vec![]), "{directory}");
    }
}

#[test]
fn reads_a_database_of_pacman() {
    let Some((_directory, root)) = syft() else { return };
    let found = read(tree(&root.join("arch/testdata/installed")));
    assert_eq!(
        lines(&found),
        [
            "emacs 29.3-3 x86_64 emacs [GPL3]",
            "fuzzy 1.2-3 - fuzzy []",
            "gmp 6.2.1-2 x86_64 gmp [GPL, LGPL3]",
            "madeup 20.30-4 - madeup []",
            "tree-sitter 0.22.6-1 x86_64 tree-sitter [MIT]",
        ]
    );
    // The one whose names of fields are damaged.
    assert_eq!(found.problems.len(), 1);
    assert!(found.problems[0].subject.contains("corrupt"));
}

#[test]
fn reads_databases_of_portage_and_opkg() {
    let Some((_directory, root)) = syft() else { return };
    let found = read(tree(&root.join("gentoo/testdata/layout")));
    let expected =
        "app-containers/skopeo 1.5.1 - app-containers/skopeo [Apache-2.0 BSD BSD-2 CC-BY-SA-4.0 ISC MIT]";
    assert_eq!((lines(&found), found.problems), (vec![expected.to_owned()], vec![]));

    let status = std::fs::read(root.join("debian/testdata/var/lib/opkg/status")).unwrap();
    let found = read(Memory::default().file("var/lib/opkg/status", 0, status));
    assert_eq!(
        lines(&found),
        [
            "busybox 1.36.1-r3 x86_64 busybox [GPL-2.0-only]",
            "dropbear 2024.85-r0 x86_64 dropbear [MIT]",
            "kernel-modules 6.6.0-r0 x86_64 kernel-modules [GPL-2.0 BSD-3-Clause]",
        ]
    );
}

#[test]
fn reads_licences_of_debian() {
    let Some((_directory, root)) = syft() else { return };
    let found = read(tree(&root.join("debian/testdata/image-distroless-deb")));
    assert_eq!(lines(&found), ["libsqlite3-0 3.34.1-3 arm64 sqlite3 [GPL-2+, public-domain]"]);
    let status = "Package: x\nStatus: install ok installed\nVersion: 1\n";
    for (file, expected) in [
        ("libc6", &["GPL-2", "LGPL-2.1"][..]),
        ("libaudit-common", &["GPL-2", "LGPL-2.1"]),
        (
            "liblzma5",
            &[
                "Autoconf",
                "GPL-2",
                "GPL-2+",
                "LGPL-2.1+",
                "PD",
                "PD-debian",
                "config-h",
                "noderivs",
                "none",
                "permissive-fsf",
                "permissive-nowarranty",
                "probably-PD",
            ],
        ),
    ] {
        let copyright = std::fs::read(root.join("debian/testdata/copyright").join(file)).unwrap();
        let tree = Memory::default().file("usr/share/doc/x/copyright", 0, copyright).file(
            "var/lib/dpkg/status",
            0,
            status,
        );
        assert_eq!(read(tree).packages[0].licences, expected, "{file}");
    }
}

#[test]
fn reads_the_store_of_nix() {
    let Some((_directory, root)) = syft() else { return };
    let found = read(tree(&root.join("nix/testdata/fixture-1")));
    assert_eq!(lines(&found), ["glibc 2.34-210 - glibc []"]);
}

#[test]
fn reads_documents_of_bitnami() {
    let Some((_directory, root)) = syft() else { return };
    let data = root.join("bitnami/testdata");
    let found = read(tree(&data.join("json")));
    assert_eq!((found.packages.len(), found.problems.len()), (16, 0), "{:?}", lines(&found));
    assert!(lines(&found).contains(&"postgresql 17.2.0-8 arm64 postgresql [PostgreSQL]".to_owned()));
    for (case, expected, problems) in [
        ("no-rel", "redis 7.4.0-0", 0),
        ("mix", "render-template 1.0.7-4", 0),
        ("tag-value", "redis 7.4.1-0", 0),
        ("invalid", "", 1),
    ] {
        let found = read(tree(&data.join(case)));
        let names: Vec<String> =
            found.packages.iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        assert_eq!((names.join(" "), found.problems.len()), (expected.to_owned(), problems), "{case}");
    }
}

#[test]
fn every_database_names_owners() {
    const DOCUMENT: &str =
        "PackageName: x\nPackageVersion: 1\nExternalRef: PACKAGE-MANAGER purl pkg:bitnami/x@1\n";
    let status = "Package: owner\nStatus: install ok installed\nVersion: 1\n";
    let path = "opt/bitnami/x/.spdx-x.spdx";
    let slash = format!("/opt\n/opt/bitnami\n/opt/bitnami/x\n/{path}\n");
    for (database, list) in [
        (("var/lib/dpkg/status", status), ("var/lib/dpkg/info/owner:amd64.list", slash.clone())),
        (
            ("var/lib/dpkg/status.d/o", status),
            ("var/lib/dpkg/status.d/o.md5sums", format!("0123456789abcdef  {path}\n")),
        ),
        (("usr/lib/opkg/status", status), ("usr/lib/opkg/info/owner.list", slash)),
        (
            ("etc/none", ""),
            ("usr/lib/apk/db/installed", "P:owner\nV:1\nF:opt/bitnami/x\nR:.spdx-x.spdx\n".to_owned()),
        ),
        (
            ("var/lib/pacman/local/owner-1-1/desc", "%NAME%\nowner\n\n%VERSION%\n1-1\n"),
            ("var/lib/pacman/local/owner-1-1/files", format!("%FILES%\nopt/\n{path}\n")),
        ),
        (("etc/none", ""), ("var/db/pkg/category/owner-1/CONTENTS", format!("dir /opt\nobj /{path} 0 0\n"))),
    ] {
        let tree =
            Memory::default().file(path, 0, DOCUMENT).file(database.0, 0, database.1).file(list.0, 0, list.1);
        let found = read(tree);
        assert_eq!((found.packages.len(), &found.problems[..]), (2, &[][..]), "{}", list.0);
        let owners: Vec<&str> = found.packages.iter().filter_map(|it| it.owner.as_deref()).collect();
        let expected = if list.0.starts_with("var/db/pkg") { "category/owner" } else { "owner" };
        assert_eq!(owners, [expected], "{}", list.0);
    }
}

/// Databases of each kind with bytes changed.
#[test]
fn takes_damaged_databases() {
    let Some((_directory, root)) = syft() else { return };
    let real = |path: &str| std::fs::read(root.join(path)).unwrap();
    let databases = [
        ("lib/apk/db/installed", real("alpine/testdata/multiple-1/lib/apk/db/installed")),
        (
            "var/lib/pacman/local/gmp-6.2.1-2/desc",
            real("arch/testdata/installed/var/lib/pacman/local/gmp-6.2.1-2/desc"),
        ),
        (
            "var/lib/pacman/local/gmp-6.2.1-2/files",
            real("arch/testdata/installed/var/lib/pacman/local/gmp-6.2.1-2/files"),
        ),
        (
            "var/db/pkg/a/skopeo-1.5.1/CONTENTS",
            real("gentoo/testdata/layout/var/db/pkg/app-containers/skopeo-1.5.1/CONTENTS"),
        ),
        ("var/lib/opkg/status", real("debian/testdata/var/lib/opkg/status")),
        ("var/lib/dpkg/status.d/x", real("debian/testdata/var/lib/dpkg/status.d/coreutils-relationships")),
        ("usr/share/doc/x/copyright", real("debian/testdata/copyright/liblzma5")),
        (
            "opt/bitnami/x/.spdx-x.spdx",
            real("bitnami/testdata/json/opt/bitnami/postgresql/.spdx-postgresql.spdx"),
        ),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30);
    let strategy = (changes, any::<prop::sample::Index>());
    TestRunner::new(Config::with_cases(100))
        .run(&strategy, |(changes, length)| {
            let mut tree = Memory::default();
            for (path, database) in &databases {
                let mut database = database.clone();
                for (place, byte) in &changes {
                    let place = place.index(database.len());
                    database[place] = *byte;
                }
                database.truncate(length.index(database.len()).max(database.len() / 2));
                tree = tree.file(path, 0, database);
            }
            prop_assert!(read(tree).packages.len() < 200);
            Ok(())
        })
        .unwrap();
}
