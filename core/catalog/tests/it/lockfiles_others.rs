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

/// Cases with another result, what is missing, what is found instead, and why.
const EXCEPTIONS: &[(&str, &str, &[&str], &[&str], &str)] = &[
    (
        "dart/pub",
        "use minimum version",
        &["flutter_test 3.3.0"],
        &["flutter_test 0.0.0"],
        "the file states 0.0.0; the other number is the least that the project asks of its tools",
    ),
    (
        "golang/mod",
        "no replace",
        &["github.com/aquasecurity/go-dep-parser v0.0.0-20211110174639-8257534ffed3"],
        &["github.com/aquasecurity/go-dep-parser v0.0.0-20220406074731-71021a481237"],
        "the same file with an option of that scanner's: replacements count",
    ),
    (
        "golang/mod",
        "go 1.16",
        &[],
        &["gopkg.in/yaml.v3 v3.0.0-20210107192922-496545a6307b"],
        "what others want counts as long as no go.sum says more",
    ),
    (
        "java/jar",
        "sha1 search",
        &["org.springframework:spring-core 5.3.3"],
        &["test:test 2.5.6.SEC03"],
        "an answer of that test's own server",
    ),
    (
        "java/jar",
        "offline",
        &["org.springframework:Spring Framework 2.5.6.SEC03"],
        &["test:test 2.5.6.SEC03"],
        "a title is no artifact; the archive's true name is not in it",
    ),
    (
        "java/jar",
        "artifactId search",
        &["com.example:heuristic 1.0.0-SNAPSHOT"],
        &["heuristic:heuristic 1.0.0-SNAPSHOT"],
        "an answer of that test's own server; nothing in the archive names a group",
    ),
];

#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

pub(crate) fn corpus(name: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let corpora = std::env::var_os("LAZARET_CORPORA").map_or(beside, PathBuf::from);
    let archive = corpora.join("pkgdb").join(name);
    if !archive.is_file() {
        say(&format!("SKIPPED: no corpus at {}", archive.display()));
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
        let name = case.name.unwrap_or_default();
        packages += expected.len();
        same += expected.intersection(&found).count();
        count += 1;
        let exception = EXCEPTIONS.iter().find(|(of, case, ..)| of == parser && *case == name);
        let (missing, instead) =
            exception.map_or((Packages::new(), Packages::new()), |it| (set(it.2), set(it.3)));
        let (lost, new): (Packages, Packages) =
            (expected.difference(&found).cloned().collect(), found.difference(&expected).cloned().collect());
        if lost != missing || new != instead {
            differences.push(format!("{parser}, {name} ({own}): missing {lost:?}, found instead {new:?}"));
        }
    }
    say(&format!("{count} cases: {same} of {packages} packages"));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(count > 60, "{count}");
}

/// Projects of Maven with another result, and why.
const PROJECTS: &[(&str, &[&str], &[&str], &str)] = &[(
    "offline mode",
    &[],
    &["com.example:child "],
    "the project itself, whose version only the absent parent states",
)];

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
        let name = case.name.as_deref().unwrap_or_default();
        packages += expected.len();
        same += expected.intersection(&found).count();
        count += 1;
        let exception = PROJECTS.iter().find(|(case, ..)| *case == name);
        let (missing, instead) =
            exception.map_or((Packages::new(), Packages::new()), |it| (set(it.1), set(it.2)));
        let (lost, new): (Packages, Packages) =
            (expected.difference(&found).cloned().collect(), found.difference(&expected).cloned().collect());
        if lost != missing || new != instead {
            differences.push(format!("{name} ({path}): missing {lost:?}, found instead {new:?}"));
        }
    }
    say(&format!("{count} projects: {same} of {packages} packages"));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(count > 40, "{count}");
}
