//! One pass, from tree to catalog.

use std::fmt::Write as _;

use lazaret_catalog::{Options, catalog, catalogers};
use lazaret_model::{Ecosystem, Limits, Problem, ProblemKind};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::memory::{Memory, Node};

const STATUS: &str = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nSource: zlib\nVersion: 1:1.2.13-1\n\n\
Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.1-9\n\n\
Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n";

fn image() -> Memory {
    Memory::default()
        .file(
            "etc/apt/sources.list.d/debian.sources",
            0,
            "Types: deb\nSigned-By: /usr/share/keyrings/k.gpg\n",
        )
        .link("etc/os-release", 0, "../usr/lib/os-release")
        .program("usr/bin/tool", 1, "tool", 0o755)
        .program("usr/bin/setuid", 1, "setuid", 0o4511)
        .file("etc/yum.repos.d/base.repo", 0, "[base]\n")
        .file("etc/yum.repos.d/base.repo.rpmsave", 0, "[old]\n")
        .file("etc/dnf/vars/rltype", 0, "x")
        .file("usr/lib/os-release", 0, "ID=debian\nVERSION_ID=\"12\"\n")
        .file("usr/share/keyrings/k.gpg", 0, "key")
        .file("usr/share/keyrings/other.gpg", 0, "other")
        .file("var/lib/dpkg/info/nginx.list", 1, "/.\n")
        .file("var/lib/dpkg/info/zlib1g:amd64.list", 0, "/.\n")
        .file("var/lib/dpkg/status", 2, STATUS)
}

#[test]
fn finds_everything_in_one_pass() {
    let found =
        catalog(&mut image(), &Limits::default(), Options { executables: true, ..Options::default() });
    assert_eq!(found.problems, []);
    assert_eq!(found.distribution.unwrap().key(), "debian:12");
    let packages: Vec<_> = found
        .packages
        .iter()
        .map(|it| (it.name.as_str(), it.version.as_str(), it.source.name.as_str(), it.layer))
        .collect();
    assert_eq!(packages, [("nginx", "1.22.1-9", "nginx", 1), ("zlib1g", "1:1.2.13-1", "zlib", 0)]);
    assert!(
        found
            .packages
            .iter()
            .all(|it| it.ecosystem == Ecosystem::Deb && it.location == "var/lib/dpkg/status")
    );
    let executables: Vec<_> =
        found.executables.iter().map(|it| (it.path.as_str(), it.mode, it.sha256)).collect();
    let digest = |text: &str| <[u8; 32]>::from(Sha256::digest(text));
    assert_eq!(
        executables,
        [("usr/bin/setuid", 0o4511, digest("setuid")), ("usr/bin/tool", 0o755, digest("tool"))]
    );
    let sources: Vec<&str> = found.apt_sources.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(sources, ["etc/apt/sources.list.d/debian.sources", "usr/share/keyrings/k.gpg"]);
    let sources: Vec<&str> = found.yum_sources.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(sources, ["etc/dnf/vars/rltype", "etc/yum.repos.d/base.repo"]);
}

#[test]
fn executables_are_only_looked_at_when_asked_for() {
    let found = catalog(&mut image(), &Limits::default(), Options::default());
    assert!(found.executables.is_empty());
    assert_eq!(found.packages.len(), 2);
}

#[test]
fn a_database_that_is_executable_is_one_too() {
    let mut tree = Memory::default().program("var/lib/dpkg/status", 0, STATUS, 0o755);
    let found = catalog(&mut tree, &Limits::default(), Options { executables: true, ..Options::default() });
    assert_eq!((found.packages.len(), found.executables.len()), (2, 1));
    assert_eq!(found.executables[0].sha256, <[u8; 32]>::from(Sha256::digest(STATUS)));
}

#[test]
fn links_to_databases_are_not_passed_over_in_silence() {
    for (path, target) in [("var/lib/dpkg/status", "/x"), ("var/lib/dpkg", "../../x"), ("var", "x")] {
        let mut tree = Memory::default().file("x/lib/dpkg/status", 0, STATUS).link(path, 0, target);
        let found = catalog(&mut tree, &Limits::default(), Options::default());
        assert_eq!(found.problems.len(), 1, "{path}");
        assert_eq!(found.problems[0].kind, ProblemKind::Unsupported);
    }
    // Nor is what leads to another of the places where databases are looked for, or where there is none.
    let mut harmless = Memory::default()
        .link("var/lock", 0, "/run/lock")
        .link("var/lib/dpkg/info/x.md5sums", 0, "y")
        .link("lib", 0, "usr/lib")
        .link("var", 0, "tmp")
        .link("usr/lib/sysimage/rpm", 0, "../../share/rpm")
        .link("var/lib/rpm", 0, "../../usr/lib/sysimage/rpm");
    assert_eq!(catalog(&mut harmless, &Limits::default(), Options::default()).problems, []);
}

#[test]
fn problems_of_the_tree_are_problems_of_the_catalog() {
    let mut tree = image();
    tree.problems = vec![Problem::new(ProblemKind::Malformed, "layer 1", "not a tar header")];
    assert_eq!(catalog(&mut tree, &Limits::default(), Options::default()).problems.len(), 1);
}

#[test]
fn a_package_of_a_rewritten_database_is_of_the_layer_that_brought_it() {
    let apk = |packages: &[(&str, &str)]| -> String {
        let record =
            |(name, version): &(&str, &str)| format!("P:{name}\nV:{version}\nA:x86_64\nF:bin\nR:{name}\n\n");
        packages.iter().map(record).collect()
    };
    let place = "lib/apk/db/installed";
    let mut tree = Memory::default()
        .file(place, 5, apk(&[("musl", "1.2.5-r1"), ("openssl", "3.3.2-r0"), ("curl", "8.9.1-r0")]))
        .earlier(place, 3, apk(&[("musl", "1.2.5-r1"), ("openssl", "3.3.2-r0"), ("build-deps", "0")]))
        .earlier(place, 0, apk(&[("musl", "1.2.5-r1"), ("openssl", "3.3.1-r0")]));
    let found = catalog(&mut tree, &Limits::default(), Options::default());
    let layers: Vec<_> = found.packages.iter().map(|it| (it.name.as_str(), it.layer)).collect();
    assert_eq!(layers, [("curl", 5), ("musl", 0), ("openssl", 3)]);
    assert_eq!(found.problems, []);
}

#[test]
fn keeps_within_the_limits() {
    let mut tree = Memory::default();
    for number in 0..20 {
        let text = format!("Package: p{number}\nVersion: 1\nDescription: {}\n", "x".repeat(1000));
        tree = tree.file(&format!("var/lib/dpkg/status.d/p{number:02}"), 0, text);
    }
    let limits = Limits { kept_bytes: 5_000, ..Limits::default() };
    let found = catalog(&mut tree, &limits, Options::default());
    assert_eq!(found.packages.len(), 4);
    assert_eq!(found.problems.len(), 16);
    assert!(found.problems.iter().all(|problem| problem.kind == ProblemKind::Limit));
}

/// `CATALOGERS.md` is made from the table; `LAZARET_BLESS=1` makes it anew.
#[test]
fn the_documented_table_is_the_real_one() {
    let mut text = String::from(
        "# What is read\n\nMade from the table in `src/cataloger.rs`: change that, then run the tests with `LAZARET_BLESS=1`.\n\n\
         | cataloger | ecosystem | evidence | reads | files |\n|---|---|---|---|---|\n",
    );
    for it in catalogers() {
        let files: Vec<String> = it.patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
        let (evidence, files) = (it.evidence.name(), files.join(", "));
        writeln!(text, "| {} | {} | {evidence} | {} | {files} |", it.name, it.ecosystem, it.about).unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/CATALOGERS.md");
    if std::env::var_os("LAZARET_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "run this test with LAZARET_BLESS=1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn takes_any_tree(nodes in proptest::collection::vec(
        ("(etc/os-release|etc/apt/sources.list|etc/debian_version|var/lib/dpkg/status|var/lib/dpkg/status\\.d/[a-c]|var/lib/dpkg/info/[a-c]\\.list|[a-d]/[a-d])",
         0..3u8, proptest::collection::vec(any::<u8>(), 0..120), 0..4u32), 0..12)) {
        let build = || {
            let mut tree = Memory::default();
            for (path, kind, bytes, layer) in &nodes {
                let node = match kind {
                    0 => Node::File { content: bytes.clone(), mode: 0o755 },
                    1 => Node::Link(bytes.clone()),
                    _ => Node::Directory,
                };
                tree.add(path.as_bytes(), *layer, node);
            }
            tree
        };
        let options = Options { executables: true, ..Options::default() };
        let one = catalog(&mut build(), &Limits::default(), options);
        prop_assert_eq!(&one, &catalog(&mut build(), &Limits::default(), options));
        prop_assert!(one.packages.is_sorted());
    }
}
