//! Another scanner's test data: files of all languages but JavaScript and Python, and what that scanner finds in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lazaret_catalog::{Catalog, Options, catalog};
use lazaret_model::{Ecosystem, Limits};
use serde::Deserialize;

use crate::memory::Memory;

#[derive(Deserialize)]
struct Case {
    parser: String,
    #[serde(rename = "case")]
    name: Option<String>,
    file: String,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    name: String,
    #[serde(default)]
    version: String,
}

type Packages = BTreeSet<(String, String)>;

/// Each parser's ecosystem, and the name that its files have in real trees (none: the name that they have).
const PARSERS: &[(&str, Ecosystem, Option<&str>)] = &[
    ("c/conan", Ecosystem::Conan, Some("conan.lock")),
    ("dart/pub", Ecosystem::Pub, Some("pubspec.lock")),
    ("dotnet/core_deps", Ecosystem::Nuget, None),
    ("golang/mod", Ecosystem::Go, Some("go.mod")),
    ("golang/sum", Ecosystem::Go, Some("go.sum")),
    ("gradle/lockfile", Ecosystem::Maven, Some("gradle.lockfile")),
    ("hex/mix", Ecosystem::Hex, Some("mix.lock")),
    ("java/jar", Ecosystem::Maven, None),
    ("julia/manifest", Ecosystem::Julia, Some("Manifest.toml")),
    ("nuget/config", Ecosystem::Nuget, Some("packages.config")),
    ("nuget/lock", Ecosystem::Nuget, Some("packages.lock.json")),
    ("nuget/packagesprops", Ecosystem::Nuget, Some("Directory.Packages.props")),
    ("php/composer", Ecosystem::Composer, Some("composer.lock")),
    ("ruby/bundler", Ecosystem::Gem, Some("Gemfile.lock")),
    ("ruby/gemspec", Ecosystem::Gem, Some("specifications/x.gemspec")),
    ("rust/cargo", Ecosystem::Cargo, Some("Cargo.lock")),
    ("sbt/lockfile", Ecosystem::Maven, Some("build.sbt.lock")),
    ("swift/cocoapods", Ecosystem::CocoaPods, Some("Podfile.lock")),
    ("swift/swift", Ecosystem::Swift, Some("Package.resolved")),
];

/// A case with another result, and why.
struct Exception {
    parser: &'static str,
    case: &'static str,
    missing: &'static [&'static str],
    instead: &'static [&'static str],
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        parser: "dart/pub",
        case: "use minimum version",
        missing: &["flutter_test 3.3.0"],
        instead: &["flutter_test 0.0.0"],
        reason: "the file states 0.0.0; the other number is the least that the project asks of its tools",
    },
    Exception {
        parser: "golang/mod",
        case: "no replace",
        missing: &["github.com/aquasecurity/go-dep-parser v0.0.0-20211110174639-8257534ffed3"],
        instead: &["github.com/aquasecurity/go-dep-parser v0.0.0-20220406074731-71021a481237"],
        reason: "the same file with an option of that scanner's: replacements count",
    },
    Exception {
        parser: "golang/mod",
        case: "go 1.16",
        missing: &[],
        instead: &["gopkg.in/yaml.v3 v3.0.0-20210107192922-496545a6307b"],
        reason: "what others want counts as long as no go.sum says more",
    },
    Exception {
        parser: "java/jar",
        case: "sha1 search",
        missing: &["org.springframework:spring-core 5.3.3"],
        instead: &["test:test 2.5.6.SEC03"],
        reason: "an answer of that test's own server",
    },
    Exception {
        parser: "java/jar",
        case: "offline",
        missing: &["org.springframework:Spring Framework 2.5.6.SEC03"],
        instead: &["test:test 2.5.6.SEC03"],
        reason: "a title is no artifact; the archive's true name is not in it",
    },
    Exception {
        parser: "java/jar",
        case: "artifactId search",
        missing: &["com.example:heuristic 1.0.0-SNAPSHOT"],
        instead: &["heuristic:heuristic 1.0.0-SNAPSHOT"],
        reason: "an answer of that test's own server; nothing in the archive names a group",
    },
    Exception {
        parser: "java/pom",
        case: "offline mode",
        missing: &[],
        instead: &["com.example:child "],
        reason: "the project itself, whose version only the absent parent states",
    },
];

/// What differs from the exceptions, as a line.
fn difference(case: &Case, expected: &Packages, found: &Packages) -> Option<String> {
    let name = case.name.as_deref().unwrap_or_default();
    let exception = EXCEPTIONS.iter().find(|it| it.parser == case.parser && it.case == name);
    let (missing, instead) =
        exception.map_or((Packages::new(), Packages::new()), |it| (set(it.missing), set(it.instead)));
    let lost: Packages = expected.difference(found).cloned().collect();
    let new: Packages = found.difference(expected).cloned().collect();
    let why = exception.map_or("no exception", |it| it.reason);
    (lost != missing || new != instead)
        .then(|| format!("{name} ({}): missing {lost:?}, found instead {new:?}; {why}", case.file))
}

#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

pub(crate) fn corpus(name: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let corpora = std::env::var_os("LAZARET_CORPORA").map_or(beside, PathBuf::from);
    let archive = corpora.join("pkgdb").join(name);
    if !archive.is_file() {
        say(&format!("SKIPPED: no corpus at {}; set LAZARET_CORPORA", archive.display()));
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let unpack =
        Command::new("tar").arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(directory.path()).status();
    assert!(unpack.unwrap().success());
    let root = directory.path().to_owned();
    Some((directory, root))
}

fn cases(root: &Path) -> Vec<Case> {
    let text = fs::read_to_string(root.join("expected.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn expected(case: &Case) -> Packages {
    // That scanner's word for nothing.
    let version = |it: &Expected| if it.version == "unknown" { String::new() } else { it.version.clone() };
    case.expected.iter().map(|it| (it.name.clone(), version(it))).collect()
}

pub(crate) fn read(tree: &mut Memory) -> Catalog {
    catalog(tree, &Limits::default(), Options { declared: true, ..Options::default() })
}

fn set(lines: &[&str]) -> Packages {
    lines
        .iter()
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

#[test]
fn agrees_with_trivys_tests() {
    let Some((_directory, root)) = corpus("lockfiles-trivy.tar.zst") else { return };
    let root = root.join("trivy");
    let (mut packages, mut same, mut count, mut differences) = (0, 0, 0, Vec::new());
    for case in cases(&root) {
        let Some((parser, ecosystem, name)) = PARSERS.iter().find(|(parser, ..)| *parser == case.parser)
        else {
            continue;
        };
        let path = root.join(&case.file);
        let own = path.file_name().unwrap().to_str().unwrap();
        let mut tree =
            Memory::default().file(&format!("app/{}", name.unwrap_or(own)), 0, fs::read(&path).unwrap());
        let mut expected = expected(&case);
        if *parser == "golang/sum" {
            // Sums count where the project is older than 1.17.
            tree = tree.file("app/go.mod", 0, "module m\n\ngo 1.16\n");
            expected.insert(("m".to_owned(), String::new()));
        }
        let found = read(&mut tree);
        let found: Packages = found
            .packages
            .into_iter()
            .filter(|it| it.ecosystem == *ecosystem)
            .map(|it| (it.name, it.version))
            .collect();
        packages += expected.len();
        same += expected.intersection(&found).count();
        count += 1;
        differences.extend(difference(&case, &expected, &found));
    }
    say(&format!("{count} cases: {same} of {packages} packages"));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(count > 60, "{count}");
}

/// All files below a directory, by their path from there.
pub(crate) fn below(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            files.push((
                path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned(),
                fs::read(&path).unwrap(),
            ));
        }
    }
    files
}

/// The whole project of each case and that test's repository, as they lie in a developer's home.
#[test]
fn agrees_with_trivys_projects() {
    let Some((_directory, root)) = corpus("lockfiles-trivy.tar.zst") else { return };
    let root = root.join("trivy");
    let data = root.join("pkg/dependency/parser/java/pom/testdata");
    let repository = below(&data.join("repository"));
    let (mut packages, mut same, mut count, mut differences) = (0, 0, 0, Vec::new());
    for case in cases(&root).into_iter().filter(|case| case.parser == "java/pom") {
        let (_, path) = case.file.split_once("testdata/").unwrap();
        let mut tree = Memory::default();
        for (path, content) in &repository {
            tree = tree.file(&format!("home/.m2/repository/{path}"), 0, content.clone());
        }
        let project = path.split('/').next().unwrap();
        for (path, content) in below(&data.join(project)) {
            tree = tree.file(&format!("app/{project}/{path}"), 0, content);
        }
        let own = format!("app/{path}");
        let within = own.strip_suffix("pom.xml").unwrap();
        // Where that scanner follows modules, all below count; else other projects may lie there.
        let modules = project.contains("module");
        let is_meant = |location: &str| location == own || (modules && location.starts_with(within));
        let all = read(&mut tree).packages.into_iter().filter(|it| is_meant(&it.location));
        let found: Packages = all.map(|it| (it.name, it.version)).collect();
        let expected = expected(&case);
        packages += expected.len();
        same += expected.intersection(&found).count();
        count += 1;
        differences.extend(difference(&case, &expected, &found));
    }
    say(&format!("{count} projects: {same} of {packages} packages"));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(count > 40, "{count}");
}
