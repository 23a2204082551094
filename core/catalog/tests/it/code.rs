//! Which packages programs and libraries belong to.

use lazaret_catalog::{Catalog, Options, catalog};
use lazaret_model::Limits;
use proptest::prelude::*;

use crate::memory::Memory;

fn read(mut tree: Memory) -> Catalog {
    catalog(&mut tree, &Limits::default(), Options { executables: true, ..Options::default() })
}

/// `path <- names: packages`, a line each.
fn lines(catalog: &Catalog) -> Vec<String> {
    let package = |place: &u32| catalog.packages[*place as usize].name.as_str();
    let line = |file: &lazaret_catalog::CodeFile| {
        let packages: Vec<&str> = file.packages.iter().map(package).collect();
        format!("{} <- {}: {}", file.path, file.names.join(" "), packages.join(" "))
    };
    catalog.code.files.iter().map(line).collect()
}

fn debian() -> Memory {
    let installed = |name: &str| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n")
    };
    let status = ["libssl3", "perl-base", "dash", "tzdata"].map(installed).concat();
    let lists = [
        ("libssl3:amd64", "/usr\n/usr/lib\n/usr/lib/libssl.so.3\n"),
        (
            "perl-base",
            "/usr/bin/perl\n/usr/lib/perl-base/strict.pm\n/usr/share/doc/perl/x.py\n/usr/bin/pod\n",
        ),
        ("dash", "/bin/dash\n"),
        ("tzdata", "/usr/share/zoneinfo/UTC\n"),
    ];
    let tree = Memory::default()
        .link("bin", 0, "usr/bin")
        .file("usr/lib/os-release", 0, "ID=debian\nVERSION_ID=\"12\"\n")
        .file("var/lib/dpkg/status", 0, status)
        .file("usr/lib/libssl.so.3", 0, "\x7fELF")
        .program("usr/bin/perl", 0, "perl", 0o755)
        .program("usr/bin/pod", 0, "#!/usr/bin/perl", 0o755)
        .link("usr/bin/pod2", 0, "/etc/alternatives/pod")
        .link("etc/alternatives/pod", 0, "/bin/pod")
        .program("usr/bin/dash", 0, "dash", 0o755)
        .link("usr/bin/sh", 0, "dash")
        .program("entrypoint.sh", 1, "#!/bin/sh", 0o755)
        .file("usr/share/zoneinfo/UTC", 0, "TZif")
        .file("usr/lib/perl-base/strict.pm", 0, "");
    lists
        .iter()
        .fold(tree, |tree, (name, list)| tree.file(&format!("var/lib/dpkg/info/{name}.list"), 0, *list))
}

#[test]
fn programs_and_libraries_are_those_of_the_packages_that_list_them() {
    let found = read(debian());
    assert_eq!(
        lines(&found),
        [
            "/entrypoint.sh <- : ",
            "/usr/bin/dash <- /usr/bin/sh: dash",
            "/usr/bin/perl <- : perl-base",
            "/usr/bin/pod <- /etc/alternatives/pod /usr/bin/pod2: perl-base",
            "/usr/lib/libssl.so.3 <- : libssl3",
        ]
    );
    let read: Vec<_> = found
        .code
        .read
        .iter()
        .map(|(place, languages)| (&*found.packages[*place as usize].name, languages.join(" ")))
        .collect();
    assert_eq!(read, [("perl-base", "perl".to_owned())], "manuals are not read by programs");
}

#[test]
fn nothing_is_asked_where_nobody_wants_to_know() {
    let found = catalog(&mut debian(), &Limits::default(), Options::default());
    assert_eq!(found.code, lazaret_catalog::Code::default());
}

#[test]
fn extension_modules_belong_to_their_wheel_and_addons_to_the_package_around_them() {
    let site = "usr/lib/python3/site-packages";
    let found = read(
        Memory::default()
            .file(&format!("{site}/pillow-1.dist-info/METADATA"), 0, "Name: pillow\nVersion: 1\n")
            .file(
                &format!("{site}/pillow-1.dist-info/RECORD"),
                0,
                "PIL/_imaging.so,sha256=x,1\nPIL/Image.py,,\n../../../bin/pil,,\n",
            )
            .file(&format!("{site}/PIL/_imaging.so"), 0, "\x7fELF")
            .file(&format!("{site}/PIL/_other.so"), 0, "\x7fELF")
            .program("usr/bin/pil", 0, "#!/usr/bin/python3", 0o755)
            .file("app/node_modules/a/package.json", 0, r#"{"name":"a","version":"1"}"#)
            .file("app/node_modules/a/build/a.node", 0, "\x7fELF")
            .file("app/node_modules/a/node_modules/b/package.json", 0, r#"{"name":"b","version":"1"}"#)
            .file("app/node_modules/a/node_modules/b/b.node", 0, "\x7fELF"),
    );
    assert_eq!(
        lines(&found),
        [
            "/app/node_modules/a/build/a.node <- : a".to_owned(),
            "/app/node_modules/a/node_modules/b/b.node <- : b".to_owned(),
            "/usr/bin/pil <- : pillow".to_owned(),
            format!("/{site}/PIL/_imaging.so <- : pillow"),
            format!("/{site}/PIL/_other.so <- : "),
        ]
    );
}

proptest! {
    /// Whatever the links, lists and records say.
    #[test]
    fn hostile_trees_are_read(
        links in prop::collection::vec(("[ab]{1,2}(/[ab]){0,2}", "/?([ab.]{1,2}/){0,3}[ab]?"), 0..12),
        list in "(/?[ab.]{0,2}(/[ab]{0,2}){0,3}\n){0,8}",
        record in "([.]{0,2}/?[ab]{0,2}(/[ab]{0,2}){0,3},\n){0,8}",
    ) {
        let mut tree = debian()
            .file("var/lib/dpkg/info/dash.list", 0, list)
            .file("a/x-1.dist-info/METADATA", 0, "Name: x\nVersion: 1\n")
            .file("a/x-1.dist-info/RECORD", 0, record)
            .program("a/b/a", 0, "x", 0o755);
        for (path, target) in &links {
            tree = tree.link(path, 0, target);
        }
        let found = read(tree);
        let paths: Vec<&String> = found.code.files.iter().map(|file| &file.path).collect();
        prop_assert!(paths.is_sorted_by(|one, next| one < next));
        for file in &found.code.files {
            prop_assert!(file.packages.iter().all(|place| (*place as usize) < found.packages.len()));
        }
    }
}
