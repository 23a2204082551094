//! Test data of yet another scanner: what was in real archives' `META-INF`, and lock files whose packages are counted.

use std::fs;

use crate::lockfiles_others::{below, corpus, read, say};
use crate::memory::Memory;
use crate::zip::Zip;

const TESTS: &str = "syft-catalogers/syft/pkg/cataloger";

/// Directory of `META-INF`, name of the archive, and what it is.
const ARCHIVES: &[(&str, &str, &[&str])] = &[
    ("opensaml-core-3.4.6", "opensaml-core-3.4.6.jar", &["org.opensaml:opensaml-core 3.4.6"]),
    ("opensaml-core-3.4.6", "renamed.jar", &["org.opensaml:opensaml-core 3.4.6"]),
    ("jackson-core-2.15.2", "jackson-core-2.15.2.jar", &["com.fasterxml.jackson.core:jackson-core 2.15.2"]),
    (
        "com.fasterxml.jackson.core.jackson-core-2.15.2",
        "com.fasterxml.jackson.core.jackson-core-2.15.2.jar",
        &["com.fasterxml.jackson.core:jackson-core 2.15.2"],
    ),
    (
        "api-all-2.0.0-sources",
        "api-all-2.0.0-sources.jar",
        &["org.apache.directory.api:api-all 2.0.0", "org.apache.directory.api:api-asn1-api 2.0.0"],
    ),
    ("commons-lang3-3.12.0", "commons-lang3-3.12.0.jar", &["org.apache.commons:commons-lang3 3.12.0"]),
    (
        "multiple-matching-2.11.5",
        "multiple-matching-2.11.5.jar",
        &[
            "org.multiple:multiple-matching-1 2.11.5",
            "org.multiple:multiple-matching-2 2.11.5",
            "org.multiple:multiple-matching-3 2.11.5",
        ],
    ),
    (
        "org.multiple-thename",
        "org.multiple-thename.jar",
        &["com.multiple:thename 10.11.12", "org.multiple:thename 10.11.12"],
    ),
    ("micronaut-aop-4.9.11", "micronaut-aop-4.9.11.jar", &["io.micronaut:micronaut-aop 4.9.11"]),
    ("jenkins-plugins/gradle/2.11", "gradle.hpi", &["org.jenkins-ci.plugins:gradle 2.11"]),
];

#[test]
fn knows_the_archives_of_syfts_tests() {
    let Some((_directory, root)) = corpus("syft.tar.zst") else { return };
    let data = root.join(TESTS).join("java/testdata/jar-metadata");
    let mut differences = Vec::new();
    for (directory, name, expected) in ARCHIVES {
        let mut zip = Zip::default();
        for (path, content) in below(&data.join(directory)) {
            zip = zip.deflated(&path, &content);
        }
        let found = read(&mut Memory::default().file(&format!("lib/{name}"), 0, zip.finish()));
        let lines: Vec<String> =
            found.packages.iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        if lines != *expected {
            differences.push(format!("{name}: {lines:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// File, its name in a tree, and how many packages `grep` counts in it.
const COUNTS: &[(&str, &str, usize)] = &[
    ("ruby/testdata/Gemfile.lock", "Gemfile.lock", 52),
    ("ruby/testdata/bundler.gemspec", "specifications/default/bundler-2.1.4.gemspec", 1),
    ("ruby/testdata/formatador.gemspec", "specifications/formatador-1.1.0.gemspec", 1),
    ("php/testdata/composer.lock", "composer.lock", 4),
    ("php/testdata/vendor/composer_1/installed.json", "vendor/composer/installed.json", 2),
    ("php/testdata/vendor/composer_2/installed.json", "vendor/composer/installed.json", 2),
    ("elixir/testdata/mix.lock", "mix.lock", 15),
    ("erlang/testdata/rebar.lock", "rebar.lock", 7),
    ("erlang/testdata/rebar-2.lock", "rebar.lock", 5),
    ("dart/testdata/pubspec_locks/pubspec.lock", "pubspec.lock", 7),
    ("haskell/testdata/stack.yaml.lock", "stack.yaml.lock", 9),
    ("haskell/testdata/cabal.project.freeze", "cabal.project.freeze", 11),
    ("swift/testdata/Podfile.lock", "Podfile.lock", 23),
    ("swift/testdata/Package.resolved", "Package.resolved", 5),
    ("swift/testdata/PackageV3.resolved", "Package.resolved", 2),
    ("r/testdata/installed/base/DESCRIPTION", "usr/lib/R/library/base/DESCRIPTION", 1),
    ("r/testdata/installed/stringr/DESCRIPTION", "usr/lib/R/site-library/stringr/DESCRIPTION", 1),
    ("rust/testdata/Cargo.lock", "Cargo.lock", 14),
    // Twelve, of which three are there from two sources each.
    ("rust/testdata/Cargo.lock-with-git-deps", "Cargo.lock", 9),
    ("cpp/testdata/conan.lock", "conan.lock", 6),
    ("cpp/testdata/conanfile.txt", "conanfile.txt", 6),
    ("java/testdata/gradle/gradle.lockfile", "gradle.lockfile", 4),
    // Of four libraries two are but references to others' files.
    ("dotnet/testdata/deps-with-referenceassembly/MyApp.deps.json", "MyApp.deps.json", 2),
    ("dotnet/testdata/dir-example-1/TestLibrary.deps.json", "TestLibrary.deps.json", 12),
];

#[test]
fn counts_as_many_packages_as_there_are() {
    let Some((_directory, root)) = corpus("syft.tar.zst") else { return };
    let mut differences = Vec::new();
    for (file, name, count) in COUNTS {
        let content = fs::read(root.join(TESTS).join(file)).unwrap();
        let found = read(&mut Memory::default().file(&format!("app/{name}"), 0, content));
        if found.packages.len() != *count || !found.problems.is_empty() {
            differences.push(format!("{file}: {} of {count}, {:?}", found.packages.len(), found.problems));
        }
    }
    say(&format!("{} files of syft's tests", COUNTS.len()));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
